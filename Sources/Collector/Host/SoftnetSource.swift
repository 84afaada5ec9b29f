// SPDX-License-Identifier: Apache-2.0
//
// How each CPU copes with the packets it receives: /proc/net/softnet_stat, one row of hexadecimal columns for each CPU
// (kernel, net/core/net-procfs.c). Older kernels have fewer columns; the CPU's number is in the 13th, else it is the row's.
// node_exporter 1.5 has only the first three families.

internal import Samples

/// node_softnet_*.
struct SoftnetSource: HostSource {
    private static let columns: [(index: Int, family: Family)] = [
        (0, counter("processed_total", "Packets handled.", .standard)),
        (1, counter("dropped_total", "Packets dropped because the queue was full.", .standard)),
        (2, counter("times_squeezed_total", "Times the work was broken off with packets left.", .standard)),
        (8, counter("cpu_collision_total", "Times a send queue was locked by another CPU.")),
        (9, counter("received_rps_total", "Times the CPU was woken to take packets of another.")),
        (10, counter("flow_limit_count_total", "Packets dropped because their flow had too many.")),
        (
            11,
            Family(
                "node_softnet_backlog_len",
                .gauge,
                "Packets waiting.",
                labels: ["cpu"],
                class: .detailedPerformance
            )
        ),
    ]
    /// More CPUs than Linux supports.
    private static let rowLimit = 8192

    private static func counter(
        _ name: String,
        _ help: String,
        _ metricClass: MetricClass = .detailedPerformance
    ) -> Family {
        Family("node_softnet_\(name)", .counter, help, labels: ["cpu"], class: metricClass)
    }

    private let file = KernelFile(proc: "/net/softnet_stat")
    private var names = CPUNames()

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        try kernel.load(file)
        var text = kernel.scanner
        var row: UInt64 = 0
        while row < SoftnetSource.rowLimit, let line = text.nextLine() {
            var fields = line
            var values = [13 of UInt64](repeating: 0)
            var count = 0
            while count < 13, let value = fields.nextField().flatMap({ KernelNumber.hexadecimal($0) }) {
                values[count] = value
                count += 1
            }
            guard count >= 3 else { throw .malformed(file.path(in: kernel.roots)) }
            let cpu = names[count > 12 ? values[12] : row]
            for (index, family) in SoftnetSource.columns where index < count {
                pass.add(family, Double(values[index]), cpu)
            }
            row += 1
        }
    }
}
