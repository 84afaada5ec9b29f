// SPDX-License-Identifier: Apache-2.0
//
// Sockets in use, by protocol, from /proc/net/sockstat and sockstat6:
//
//     sockets: used 290
//     TCP: inuse 5 orphan 0 tw 0 alloc 8 mem 1        `mem` counts pages; a metric in bytes is added
//     TCP6: inuse 4

internal import Glibc
internal import Samples

/// node_sockstat_*.
struct SocketStatisticsSource: HostSource {
    private struct Column {
        let name: [UInt8]
        let family: Family
        /// The same in bytes, for a count of pages.
        let bytes: Family?
    }

    /// Protocols in one file, and columns of one; Linux has six and five.
    private static let lineLimit = 64
    private static let columnLimit = 32

    private let pageSize = Double(sysconf(Int32(_SC_PAGESIZE)))
    private let files = [KernelFile(proc: "/net/sockstat"), KernelFile(proc: "/net/sockstat6")]
    private var memos = [RowMemo<[Column]>(), RowMemo<[Column]>()]

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        var found = false
        for index in files.indices {
            // A kernel without IPv6, or without IPv4, has no such file.
            guard kernel.tryLoad(files[index]) else { continue }
            found = true
            var text = kernel.scanner
            var row = 0
            while row < SocketStatisticsSource.lineLimit, let line = text.nextLine() {
                var fields = line
                guard let subject = fields.take(until: UInt8(ascii: ":")) else { continue }
                let columns = memos[index].value(row: row, key: subject) {
                    SocketStatisticsSource.columns(subject, fields)
                }
                row += 1
                add(columns, fields, into: &pass)
            }
            memos[index].end(at: row)
        }
        if !found { throw .absent }
    }

    private func add(_ columns: [Column], _ line: TextScanner, into pass: inout PassBuffer) {
        var fields = line
        for column in columns {
            guard let name = fields.nextField(), let value = fields.nextUnsigned() else { return }
            guard name.elementsEqual(column.name) else { continue }
            pass.add(column.family, Double(value))
            if let bytes = column.bytes { pass.add(bytes, Double(value) * pageSize) }
        }
    }

    private static func columns(_ subject: ArraySlice<UInt8>, _ line: TextScanner) -> [Column] {
        var fields = line
        var columns: [Column] = []
        let title = String(decoding: subject, as: UTF8.self)
        while columns.count < columnLimit, let name = fields.nextField(), fields.nextField() != nil {
            let word = String(decoding: name, as: UTF8.self)
            let metric = "node_sockstat_\(title)_\(word)"
            guard Labels.isLegacyMetricName(metric) else { break }
            let isUsual = ["sockets", "TCP", "TCP6"].contains(title)
            let metricClass: MetricClass = isUsual ? .standard : .detailedPerformance
            columns.append(
                Column(
                    name: Array(name),
                    family: Family(metric, .gauge, "Sockets of \(title): \(word).", class: metricClass),
                    bytes: word == "mem"
                        ? Family(
                            metric + "_bytes",
                            .gauge,
                            "Memory of the sockets of \(title).",
                            class: metricClass
                        ) : nil
                )
            )
        }
        return columns
    }
}
