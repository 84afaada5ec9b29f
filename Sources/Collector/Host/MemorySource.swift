// SPDX-License-Identifier: Apache-2.0
//
// Every line of /proc/meminfo as a metric: `Active(anon): 12 kB` is node_memory_Active_anon_bytes 12288.
// The families are made from the file's keys and remembered by line, for the kernel keeps their order.

internal import Samples

/// node_memory_*.
struct MemorySource: HostSource {
    private struct Known {
        let key: [UInt8]
        let family: Family
    }

    /// Twice as many lines as the newest kernel has.
    private static let lineLimit = 128
    /// Keys that say whether the machine runs out of memory.
    private static let health: Set<String> = [
        "MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached", "SwapTotal", "SwapFree",
    ]
    /// Keys ordinary dashboards draw beside them.
    private static let standard: Set<String> = [
        "SReclaimable", "SUnreclaim", "Slab", "Shmem", "Active", "Inactive", "AnonPages", "Mapped", "Dirty",
        "Writeback", "SwapCached", "PageTables", "KernelStack", "Committed_AS", "CommitLimit",
    ]

    private let file = KernelFile(proc: "/meminfo")
    private var lines: [Known] = []

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        try kernel.load(file)
        var text = kernel.scanner
        var row = 0
        while row < MemorySource.lineLimit, let line = text.nextLine() {
            var fields = line
            guard let key = fields.take(until: UInt8(ascii: ":")), !key.isEmpty,
                let value = fields.nextUnsigned()
            else {
                continue
            }
            let unit = fields.nextField()
            // "kB" in this file has always meant KiB; proc(5).
            guard unit == nil || unit?.spells("kB") == true else { continue }
            let family = known(key, row: row, isBytes: unit != nil)
            pass.add(family, unit == nil ? Double(value) : Double(value) * 1024)
            row += 1
        }
        guard row > 0 else { throw .malformed(file.path(in: kernel.roots)) }
    }

    private mutating func known(_ key: ArraySlice<UInt8>, row: Int, isBytes: Bool) -> Family {
        if row < lines.count, lines[row].key.elementsEqual(key) { return lines[row].family }
        let fresh = Known(key: Array(key), family: MemorySource.family(key, isBytes: isBytes))
        lines.removeSubrange(min(row, lines.count)...)
        lines.append(fresh)
        return fresh.family
    }

    /// The family of a key: `X(y)` is X_y, anything a metric name cannot hold is an underscore.
    static func family(_ key: ArraySlice<UInt8>, isBytes: Bool) -> Family {
        var name = "node_memory_"
        for byte in key where byte != UInt8(ascii: ")") {
            let scalar = Unicode.Scalar(byte)
            let isWord = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
            name.unicodeScalars.append(isWord ? scalar : "_")
        }
        let text = String(decoding: key, as: UTF8.self)
        let metricClass: MetricClass =
            health.contains(text) ? .health : standard.contains(text) ? .standard : .detailedPerformance
        return Family(
            isBytes ? name + "_bytes" : name,
            .gauge,
            "\(text) of /proc/meminfo\(isBytes ? " in bytes" : "").",
            class: metricClass
        )
    }
}
