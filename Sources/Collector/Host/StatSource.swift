// SPDX-License-Identifier: Apache-2.0
//
// What /proc/stat says beside CPU times: boot time, interrupts, context switches, processes.

internal import Samples

/// node_boot_time_seconds, node_context_switches_total, node_forks_total, node_intr_total, node_procs_*.
struct StatSource: HostSource {
    static let name = "stat"

    private static let families: [(key: StaticString, family: Family)] = [
        (
            "intr",
            Family("node_intr_total", .counter, "Interrupts served.", class: .detailedPerformance)
        ),
        (
            "ctxt",
            Family(
                "node_context_switches_total",
                .counter,
                "Switches between tasks.",
                class: .detailedPerformance
            )
        ),
        (
            "btime",
            Family("node_boot_time_seconds", .gauge, "When the machine started, in unixtime.", class: .health)
        ),
        ("processes", Family("node_forks_total", .counter, "Processes and threads started.")),
        ("procs_running", Family("node_procs_running", .gauge, "Tasks that are running or could run.")),
        ("procs_blocked", Family("node_procs_blocked", .gauge, "Tasks waiting for input or output.")),
    ]

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        let path = kernel.roots.proc + "/stat"
        try kernel.load(path)
        var text = kernel.scanner
        var found = 0
        while let line = text.nextLine() {
            var fields = line
            guard let key = fields.nextField(), key.after("cpu") == nil,
                let entry = StatSource.families.first(where: { key.spells($0.key) }),
                let value = fields.nextUnsigned()
            else { continue }
            pass.add(entry.family, Double(value))
            found += 1
        }
        guard found > 0 else { throw .malformed(path) }
    }
}
