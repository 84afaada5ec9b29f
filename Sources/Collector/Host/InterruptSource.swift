// SPDX-License-Identifier: Apache-2.0
//
// Interrupts by CPU and line from /proc/interrupts (proc(5)). Many series, so it is off unless switched on.
//
//                CPU0       CPU1
//       8:          0          3   IO-APIC   8-edge      rtc0       a number: chip, then its line and the devices
//     NMI:          0          0   Non-maskable interrupts           a name: what it means

internal import Config
internal import Samples

/// node_interrupts_total.
struct InterruptSource: HostSource {
    private struct Line {
        let labels: [String]
        let isKept: Bool
    }

    private static let interrupts = Family(
        "node_interrupts_total",
        .counter,
        "Interrupts served, by CPU.",
        labels: ["cpu", "type", "info", "devices"],
        class: .debug
    )
    /// More interrupts than a machine has, and more CPUs than Linux supports; and their product.
    private static let lineLimit = 4096
    private static let cpuLimit = 8192
    private static let seriesLimit = 50_000

    private let settings: HostCollectorSettings
    private let file = KernelFile(proc: "/interrupts")
    private var lines = RowMemo<Line>()
    private var cpus = CPUNames()
    /// The counters of the line under way, one for each CPU.
    private var values: [UInt64] = []

    init(_ settings: HostCollectorSettings = HostCollectorSettings(.interrupts)) {
        self.settings = settings
    }

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        try kernel.load(file)
        var text = kernel.scanner
        guard var header = text.nextLine() else { throw .malformed(file.path(in: kernel.roots)) }
        var width = 0
        while width < InterruptSource.cpuLimit, header.nextField() != nil { width += 1 }
        var row = 0
        var left = InterruptSource.seriesLimit
        while row < InterruptSource.lineLimit, let line = text.nextLine() {
            var fields = line
            guard let type = fields.take(until: UInt8(ascii: ":")).map({ TextScanner.trim($0) }) else {
                continue
            }
            values.removeAll(keepingCapacity: true)
            let counters = fields
            while values.count < width, let value = fields.nextUnsigned() { values.append(value) }
            // ERR and MIS have one number for all CPUs; node_exporter leaves them out.
            guard values.count == width, counters.rest.count > 0 else { continue }
            let known = lines.value(row: row, key: type) { [settings] in
                InterruptSource.line(type, fields, settings)
            }
            row += 1
            guard known.isKept else { continue }
            left -= values.count
            guard left >= 0 else {
                throw .tooMany(file.path(in: kernel.roots), InterruptSource.seriesLimit)
            }
            for (cpu, value) in values.enumerated() where value > 0 || settings[switch: .zeros] {
                let cpu = cpus[UInt64(cpu)]
                pass.add(InterruptSource.interrupts, Double(value)) { labels in
                    labels.append(cpu)
                    for label in known.labels { labels.append(label) }
                }
            }
        }
        lines.end(at: row)
    }

    private static func line(
        _ type: ArraySlice<UInt8>,
        _ rest: TextScanner,
        _ settings: HostCollectorSettings
    ) -> Line {
        let name = String(decoding: type, as: UTF8.self)
        var words: [String] = []
        var fields = rest
        while words.count < 64, let word = fields.nextField() {
            words.append(String(decoding: word, as: UTF8.self))
        }
        let isNumber = KernelNumber.unsigned(type) != nil
        let info = isNumber ? words.first ?? "" : words.joined(separator: " ")
        let devices = isNumber ? words.dropFirst().joined(separator: " ") : ""
        return Line(labels: [name, info, devices], isKept: settings.collects("\(name);\(info);\(devices)"))
    }
}
