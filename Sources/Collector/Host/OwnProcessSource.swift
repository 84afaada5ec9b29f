// SPDX-License-Identifier: Apache-2.0
//
// edgewatch's own use of the machine, under the names every Prometheus client library has; dashboards for hosts draw them.
// From /proc/self/stat, limits and fd (proc(5)).

internal import Glibc
internal import Samples

/// process_*.
struct OwnProcessSource: HostSource {
    /// The unit of times in /proc/self/stat, as in `CPUSource`.
    private static let ticksPerSecond = 100.0

    private let pageSize = Double(sysconf(Int32(_SC_PAGESIZE)))

    private let boot = KernelFile(proc: "/stat")
    private let status = KernelFile(proc: "/self/stat")
    private let limits = KernelFile(proc: "/self/limits")
    private var files = KernelPlace(proc: "/self/fd")

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        let boot = bootTime(&kernel)
        try addStatus(&kernel, boot: boot, into: &pass)
        if kernel.readEntries(files.path(in: kernel.roots)) == 0 {
            // The directory itself is open while it is read.
            pass.add(Family.processFiles, Double(max(0, OwnProcessSource.entries(kernel.scanner) - 1)))
        }
        try kernel.load(limits)
        var limits = kernel.scanner
        while let line = limits.nextLine() {
            if let rest = line.rest.after("Max open files") {
                OwnProcessSource.limit(rest).map { pass.add(Family.processFileLimit, $0) }
            } else if let rest = line.rest.after("Max address space") {
                OwnProcessSource.limit(rest).map { pass.add(Family.processVirtualLimit, $0) }
            }
        }
    }

    private func addStatus(
        _ kernel: inout KernelText,
        boot: Double?,
        into pass: inout PassBuffer
    ) throws(HostFailure) {
        try kernel.load(status)
        var fields = kernel.scanner
        // The name in parentheses can hold anything, also blanks and parentheses.
        guard let end = fields.rest.lastIndex(of: UInt8(ascii: ")")) else {
            throw .malformed(status.path(in: kernel.roots))
        }
        fields.skip(through: end)
        var values = [22 of UInt64](repeating: 0)
        for index in 0..<22 { values[index] = fields.nextUnsigned() ?? 0 }
        // Counted from the state, which is the third field of the line.
        let ticks = Double(values[11]) + Double(values[12])
        pass.add(Family.processTime, ticks / OwnProcessSource.ticksPerSecond)
        if let boot {
            pass.add(Family.processStart, boot + Double(values[19]) / OwnProcessSource.ticksPerSecond)
        }
        pass.add(Family.processVirtual, Double(values[20]))
        pass.add(Family.processResident, Double(values[21]) * pageSize)
    }

    private func bootTime(_ kernel: inout KernelText) -> Double? {
        guard kernel.tryLoad(boot) else { return nil }
        var text = kernel.scanner
        while let line = text.nextLine() {
            if let rest = line.rest.after("btime ") { return KernelNumber.decimal(TextScanner.trim(rest)) }
        }
        return nil
    }

    /// The first number; no limit is 2⁶⁴ − 1, as client libraries say it.
    private static func limit(_ text: ArraySlice<UInt8>) -> Double? {
        let word = TextScanner.trim(text).prefix { $0 != UInt8(ascii: " ") }
        return word.spells("unlimited") ? Double(UInt64.max) : KernelNumber.decimal(word)
    }

    /// The number of entries in a directory, as `readEntries` reads it.
    private static func entries(_ text: TextScanner) -> Int {
        var text = text
        var count = 0
        while text.skip(count: 8), text.take(until: 0) != nil { count += 1 }
        return count
    }
}

extension Family {
    fileprivate static let processTime = Family(
        "process_cpu_seconds_total",
        .counter,
        "CPU time edgewatch used.",
        class: .health
    )
    fileprivate static let processStart = Family(
        "process_start_time_seconds",
        .gauge,
        "When edgewatch was started, in unixtime.",
        class: .health
    )
    fileprivate static let processVirtual = Family(
        "process_virtual_memory_bytes",
        .gauge,
        "Address space edgewatch uses."
    )
    fileprivate static let processVirtualLimit = Family(
        "process_virtual_memory_max_bytes",
        .gauge,
        "Address space edgewatch may use."
    )
    fileprivate static let processResident = Family(
        "process_resident_memory_bytes",
        .gauge,
        "Memory edgewatch uses.",
        class: .health
    )
    fileprivate static let processFiles = Family("process_open_fds", .gauge, "Files edgewatch has open.")
    fileprivate static let processFileLimit = Family(
        "process_max_fds",
        .gauge,
        "Files edgewatch may have open."
    )
}
