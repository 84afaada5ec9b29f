// SPDX-License-Identifier: Apache-2.0
//
// Time per CPU and mode from /proc/stat, and how often the firmware throttled a core.
//
// The kernel's idle and iowait counters can step back (proc(5): "the value is not reliable … may decrease"). As in
// node_exporter each counter is held at its maximum, so that `rate` sees no reset; only when idle falls by three
// seconds or more (a CPU was taken out and plugged in again) does the CPU start anew.

internal import Config
internal import Samples

/// node_cpu_*.
struct CPUSource: HostSource {
    /// One CPU's counters in ticks, held at their maxima.
    private struct Times {
        let cpu: UInt64
        /// In the order of /proc/stat: user nice system idle iowait irq softirq steal guest guest_nice.
        var ticks: [10 of UInt64]
    }

    /// The modes in the order of /proc/stat; the first eight are node_cpu_seconds_total's.
    private static let modes = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"]
    private static let idle = 3
    /// The unit of /proc/stat, USER_HZ, is 100 on every architecture Linux runs on today but Alpha and IA-64.
    private static let ticksPerSecond = 100.0
    /// More CPUs than Linux supports (NR_CPUS).
    private static let cpuLimit = 8192

    private let countsGuests: Bool
    private let file = KernelFile(proc: "/stat")
    private var times: [Times] = []
    /// The number of CPUs when the throttle counters were looked up.
    private var knownCPUs = 0
    private var throttles = ThrottleCounters()
    private var info: CPUInfo

    init(_ settings: HostCollectorSettings = HostCollectorSettings(.cpu)) {
        countsGuests = settings[switch: .guest]
        info = CPUInfo(settings)
    }

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        try kernel.load(file)
        var text = kernel.scanner
        var row = 0
        while let line = text.nextLine() {
            var fields = line
            guard let label = fields.nextField()?.after("cpu") else { break }
            guard let cpu = KernelNumber.unsigned(label) else { continue }
            guard row < CPUSource.cpuLimit else { break }
            update(row: row, cpu: cpu, &fields)
            row += 1
            add(times[row - 1], label, into: &pass)
        }
        guard row > 0 else { throw .malformed(file.path(in: kernel.roots)) }
        if times.count > row { times.removeSubrange(row...) }
        if row != knownCPUs {
            throttles = ThrottleCounters(kernel: &kernel)
            knownCPUs = row
        }
        throttles.collect(&kernel, into: &pass)
        info.collect(&kernel, into: &pass)
    }

    /// Takes a line's counters into row `row`, which belongs to that CPU afterwards.
    private mutating func update(row: Int, cpu: UInt64, _ fields: inout TextScanner) {
        var fresh = Times(cpu: cpu, ticks: [10 of UInt64](repeating: 0))
        for index in 0..<10 { fresh.ticks[index] = fields.nextUnsigned() ?? 0 }
        guard row < times.count, times[row].cpu == cpu else {
            // A CPU came or went: rows behind this place belong to others now.
            times.removeSubrange(min(row, times.count)...)
            times.append(fresh)
            return
        }
        let limit = UInt64(3 * CPUSource.ticksPerSecond)
        let old = times[row].ticks[CPUSource.idle]
        let new = fresh.ticks[CPUSource.idle]
        if old > new, old - new >= limit {
            times[row] = fresh
            return
        }
        for index in 0..<10 { times[row].ticks[index] = max(times[row].ticks[index], fresh.ticks[index]) }
    }

    private func add(_ times: Times, _ cpu: ArraySlice<UInt8>, into pass: inout PassBuffer) {
        for (index, mode) in CPUSource.modes.enumerated() {
            pass.add(Family.cpuSeconds, Double(times.ticks[index]) / CPUSource.ticksPerSecond, cpu, mode)
        }
        guard countsGuests else { return }
        pass.add(Family.cpuGuestSeconds, Double(times.ticks[8]) / CPUSource.ticksPerSecond, cpu, "user")
        pass.add(Family.cpuGuestSeconds, Double(times.ticks[9]) / CPUSource.ticksPerSecond, cpu, "nice")
    }
}

/// Which files count thermal throttling; they are looked up again when the number of CPUs changes.
private struct ThrottleCounters {
    private struct Core {
        let package: String
        let core: String
        let path: String
    }

    private var cores: [Core] = []
    private var packages: [(package: String, path: String)] = []

    init() {}

    init(kernel: inout KernelText) {
        let directory = kernel.roots.sys + "/devices/system/cpu"
        for name in KernelText.names(in: directory) {
            guard let digits = Array(name.utf8)[...].after("cpu"), KernelNumber.unsigned(digits) != nil else {
                continue
            }
            let cpu = "\(directory)/\(name)"
            guard let package = number(&kernel, cpu + "/topology/physical_package_id"),
                let core = number(&kernel, cpu + "/topology/core_id")
            else { continue }
            let corePath = cpu + "/thermal_throttle/core_throttle_count"
            if !cores.contains(where: { $0.package == package && $0.core == core }),
                kernel.number(corePath) != nil
            {
                cores.append(Core(package: package, core: core, path: corePath))
            }
            let packagePath = cpu + "/thermal_throttle/package_throttle_count"
            if !packages.contains(where: { $0.package == package }), kernel.number(packagePath) != nil {
                packages.append((package, packagePath))
            }
        }
    }

    func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) {
        for core in cores {
            guard let count = kernel.number(core.path) else { continue }
            pass.add(Family.cpuCoreThrottles, count, core.package, core.core)
        }
        for (package, path) in packages {
            guard let count = kernel.number(path) else { continue }
            pass.add(Family.cpuPackageThrottles, count, package)
        }
    }

    private func number(_ kernel: inout KernelText, _ path: String) -> String? {
        kernel.value(path).flatMap { KernelNumber.unsigned($0) }.map { "\($0)" }
    }
}

extension Family {
    fileprivate static let cpuSeconds = Family(
        "node_cpu_seconds_total",
        .counter,
        "Seconds each CPU spent in each mode.",
        labels: ["cpu", "mode"]
    )
    fileprivate static let cpuGuestSeconds = Family(
        "node_cpu_guest_seconds_total",
        .counter,
        "Seconds each CPU ran virtual machines; contained in the user and nice modes as well.",
        labels: ["cpu", "mode"],
        class: .detailedPerformance
    )
    fileprivate static let cpuCoreThrottles = Family(
        "node_cpu_core_throttles_total",
        .counter,
        "Times the core was slowed down because of its temperature.",
        labels: ["package", "core"]
    )
    fileprivate static let cpuPackageThrottles = Family(
        "node_cpu_package_throttles_total",
        .counter,
        "Times the whole processor was slowed down because of its temperature.",
        labels: ["package"]
    )
}
