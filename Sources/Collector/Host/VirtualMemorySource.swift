// SPDX-License-Identifier: Apache-2.0
//
// The lines of /proc/vmstat that tell of paging, swapping and the out-of-memory killer, or those configured.
// node_exporter gives them without a type, so they are `unknown` here.

internal import Config
internal import Samples

/// node_vmstat_*.
struct VirtualMemorySource: HostSource {
    /// Five times as many lines as the newest kernel has.
    private static let lineLimit = 1024
    private static let meanings = [
        "pgpgin": "KiB read from block devices.", "pgpgout": "KiB written to block devices.",
        "pswpin": "Pages read from swap.", "pswpout": "Pages written to swap.", "pgfault": "Page faults.",
        "pgmajfault": "Page faults that had to read from a device.",
        "oom_kill": "Processes killed because memory ran out.",
    ]

    private let fields: HostPattern
    private let file = KernelFile(proc: "/vmstat")
    private var lines = RowMemo<Family?>()

    init(_ settings: HostCollectorSettings = HostCollectorSettings(.vmstat)) {
        fields = settings[pattern: .fields]
    }

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        try kernel.load(file)
        var text = kernel.scanner
        var row = 0
        while row < VirtualMemorySource.lineLimit, let line = text.nextLine() {
            var parts = line
            guard let key = parts.nextField() else { continue }
            let family = lines.value(row: row, key: key) { [fields] in
                VirtualMemorySource.family(String(decoding: key, as: UTF8.self), fields)
            }
            row += 1
            guard let family, let value = parts.nextUnsigned() else { continue }
            pass.add(family, Double(value))
        }
        lines.end(at: row)
    }

    private static func family(_ key: String, _ fields: HostPattern) -> Family? {
        let name = "node_vmstat_\(key)"
        guard fields.matches(key), Labels.isLegacyMetricName(name) else { return nil }
        return Family(
            name,
            .unknown,
            meanings[key] ?? "\(key) of /proc/vmstat.",
            class: key == "oom_kill" ? .health : .detailedPerformance
        )
    }
}
