// SPDX-License-Identifier: Apache-2.0
//
// What /proc/stat says beside CPU times: boot time, interrupts, context switches, processes.

internal import Config
internal import Samples

/// node_boot_time_seconds, node_context_switches_total, node_forks_total, node_intr_total, node_procs_*.
struct StatSource: HostSource {
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

    /// The kinds of softirq in the order of the line `softirq total hi timer …` (kernel, include/linux/interrupt.h).
    private static let vectors = [
        "hi", "timer", "net_tx", "net_rx", "block", "block_iopoll", "tasklet", "sched", "hrtimer", "rcu",
    ]
    private static let softirqs = Family(
        "node_softirqs_total",
        .counter,
        "Deferred interrupt work done, by kind.",
        labels: ["vector"],
        class: .debug
    )

    private let countsSoftirqs: Bool
    private let file = KernelFile(proc: "/stat")

    init(_ settings: HostCollectorSettings = HostCollectorSettings(.stat)) {
        countsSoftirqs = settings[switch: .softirq]
    }

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        try kernel.load(file)
        var text = kernel.scanner
        var found = 0
        while let line = text.nextLine() {
            var fields = line
            guard let key = fields.nextField(), key.after("cpu") == nil else { continue }
            if countsSoftirqs, key.spells("softirq") {
                _ = fields.nextField()
                for vector in StatSource.vectors {
                    guard let value = fields.nextUnsigned() else { break }
                    pass.add(StatSource.softirqs, Double(value), vector)
                }
            }
            guard let entry = StatSource.families.first(where: { key.spells($0.key) }),
                let value = fields.nextUnsigned()
            else { continue }
            pass.add(entry.family, Double(value))
            found += 1
        }
        guard found > 0 else { throw .malformed(file.path(in: kernel.roots)) }
    }
}
