// SPDX-License-Identifier: Apache-2.0
//
// What the CPUs are: model, flags and bugs from /proc/cpuinfo (proc(5)), and which are kept from the scheduler. The file
// is long and hardly changes, so it is read now and then.

internal import Config
internal import Samples

/// node_cpu_info, node_cpu_flag_info, node_cpu_bug_info, node_cpu_isolated.
struct CPUInfo {
    /// The labels after package, core and cpu come from these lines.
    private static let lines = [
        "physical id", "core id", "processor", "vendor_id", "cpu family", "model", "model name", "microcode",
        "stepping", "cache size",
    ]
    /// More CPUs than Linux supports, and more flags than one has.
    private static let cpuLimit = 8192
    private static let wordLimit = 512

    private let wantsInfo: Bool
    private let flags: HostPattern
    private let bugs: HostPattern
    private var rescan = Rescan()
    private var cpus: [[String]] = []
    private var flagWords: [String] = []
    private var bugWords: [String] = []
    private var isolated: [String] = []

    init(_ settings: HostCollectorSettings) {
        flags = settings[pattern: .flagsInclude]
        bugs = settings[pattern: .bugsInclude]
        wantsInfo = settings[switch: .info] || !flags.isNone || !bugs.isNone
    }

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) {
        if rescan.isDue() {
            isolated = CPUInfo.list(kernel.text(kernel.roots.sys + "/devices/system/cpu/isolated"))
            if wantsInfo { read(&kernel) }
        }
        for cpu in isolated { pass.add(CPUInfo.isolated, 1, cpu) }
        for labels in cpus { pass.add(CPUInfo.info, 1, labels: labels) }
        for word in flagWords { pass.add(CPUInfo.flag, 1, word) }
        for word in bugWords { pass.add(CPUInfo.bug, 1, word) }
    }

    private mutating func read(_ kernel: inout KernelText) {
        cpus = []
        flagWords = []
        bugWords = []
        guard kernel.tryLoad(kernel.roots.proc + "/cpuinfo") else { return }
        var text = kernel.scanner
        var values = [String](repeating: "", count: CPUInfo.lines.count)
        var isOpen = false
        while var line = text.nextLine() {
            guard let key = line.take(until: UInt8(ascii: ":")).map({ TextScanner.trim($0) }) else {
                if isOpen { close(&values, &isOpen) }
                continue
            }
            let name = String(decoding: key, as: UTF8.self)
            let value = String(decoding: line.trimmed, as: UTF8.self)
            if name == "processor", isOpen { close(&values, &isOpen) }
            if let index = CPUInfo.lines.firstIndex(of: name) {
                values[index] = value
                isOpen = true
            } else if cpus.isEmpty, name == "flags" || name == "Features" {
                flagWords = CPUInfo.words(value, flags)
            } else if cpus.isEmpty, name == "bugs" {
                bugWords = CPUInfo.words(value, bugs)
            }
        }
        if isOpen { close(&values, &isOpen) }
    }

    private mutating func close(_ values: inout [String], _ isOpen: inout Bool) {
        if cpus.count < CPUInfo.cpuLimit { cpus.append(values) }
        values = [String](repeating: "", count: CPUInfo.lines.count)
        isOpen = false
    }

    private static func words(_ text: String, _ wanted: HostPattern) -> [String] {
        text.split(separator: " ").prefix(wordLimit).map(String.init).filter { wanted.matches($0) }
    }

    /// The numbers of a list as the kernel writes it, `1-3,5`; empty for anything else.
    static func list(_ text: String) -> [String] {
        var numbers: [String] = []
        for part in text.split(separator: ",") {
            let ends = part.split(separator: "-", maxSplits: 1)
            guard let first = ends.first.flatMap({ Int($0) }), let last = ends.last.flatMap({ Int($0) }),
                first >= 0, first <= last, last < cpuLimit
            else { return [] }
            numbers += (first...last).map { "\($0)" }
        }
        return numbers.count <= cpuLimit ? numbers : []
    }

    private static let info = Family(
        "node_cpu_info",
        .gauge,
        "What the CPU is; always 1.",
        labels: [
            "package", "core", "cpu", "vendor", "family", "model", "model_name", "microcode", "stepping",
            "cachesize",
        ],
        class: .detailedPerformance
    )
    private static let flag = Family(
        "node_cpu_flag_info",
        .gauge,
        "What the first CPU can do; always 1.",
        labels: ["flag"],
        class: .debug
    )
    private static let bug = Family(
        "node_cpu_bug_info",
        .gauge,
        "What is wrong with the first CPU; always 1.",
        labels: ["bug"],
        class: .debug
    )
    private static let isolated = Family(
        "node_cpu_isolated",
        .gauge,
        "CPUs kept from the scheduler; always 1.",
        labels: ["cpu"],
        class: .detailedPerformance
    )
}
