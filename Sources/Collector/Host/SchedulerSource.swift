// SPDX-License-Identifier: Apache-2.0
//
// How long tasks ran and waited on each CPU (kernel, Documentation/scheduler/sched-stats.rst): of a line `cpuN`, the
// seventh to ninth number.

internal import Samples

/// node_schedstat_*.
struct SchedulerSource: HostSource {
    private static let running = Family(
        "node_schedstat_running_seconds_total",
        .counter,
        "Time tasks ran on the CPU.",
        labels: ["cpu"],
        class: .detailedPerformance
    )
    private static let waiting = Family(
        "node_schedstat_waiting_seconds_total",
        .counter,
        "Time tasks waited for the CPU.",
        labels: ["cpu"],
        class: .detailedPerformance
    )
    private static let slices = Family(
        "node_schedstat_timeslices_total",
        .counter,
        "Times a task was given the CPU.",
        labels: ["cpu"],
        class: .detailedPerformance
    )

    private let file = KernelFile(proc: "/schedstat")

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        try kernel.loadOptional(file)
        var text = kernel.scanner
        while let line = text.nextLine() {
            var fields = line
            guard let cpu = fields.nextField()?.after("cpu"), KernelNumber.unsigned(cpu) != nil else {
                continue
            }
            for _ in 0..<6 { _ = fields.nextField() }
            guard let ran = fields.nextUnsigned(), let waited = fields.nextUnsigned(),
                let slices = fields.nextUnsigned()
            else { throw .malformed(file.path(in: kernel.roots)) }
            pass.add(SchedulerSource.running, Double(ran) / 1e9, cpu)
            pass.add(SchedulerSource.waiting, Double(waited) / 1e9, cpu)
            pass.add(SchedulerSource.slices, Double(slices), cpu)
        }
    }
}
