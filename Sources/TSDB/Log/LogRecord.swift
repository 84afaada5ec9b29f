// SPDX-License-Identifier: Apache-2.0
//
// What the log says: the series of a window, its rows, gaps in commit order, and an orderly end
// (docs/formats/log.md). Rows name columns by number, columns name series by labels, so the log needs no other file.

internal import Bytes
internal import Samples

/// A record of the log.
enum LogRecord {
    /// The first byte of a record.
    enum Kind: UInt8 {
        case columns = 1
        case row = 2
        case closed = 3
        case gap = 4
        case codedRow = 5
        case codedKeyRow = 6
        case provisional = 16
        case shift = 17
        case exemplars = 18
        case givenUp = 19

        /// Whether the record takes a number in commit order.
        var isRow: Bool { self == .row || self == .codedRow || self == .codedKeyRow }
    }

    /// Whether a record that begins with this byte takes a number in commit order.
    static func isRow(_ first: UInt8?) -> Bool {
        first.flatMap { Kind(rawValue: $0) }?.isRow ?? false
    }

    private static let plainLimit = 256
    private static let bodyLimit = 64 << 20

    /// Columns of a window: all from the first on, with the group's identity, or those added later.
    struct Columns: Sendable, Equatable {
        var stream: UInt64
        var first: Int
        /// Only when `first` is 0.
        var identity: Labels
        var labels: [Labels]
    }

    static func columns(_ record: Columns) -> [UInt8] {
        var body: [UInt8] = []
        if record.first == 0 { body.append(prefixed: record.identity.bytes) }
        for labels in record.labels { body.append(prefixed: labels.bytes) }
        let frame = body.count > plainLimit ? Zstd.compress(body) : nil
        var out: [UInt8] = [Kind.columns.rawValue, frame == nil ? 0 : 1]
        out.append(varint: record.stream)
        out.append(varint: UInt64(record.first))
        out.append(varint: UInt64(record.labels.count))
        out += frame ?? body
        return out
    }

    /// Reads what follows the kind.
    ///
    /// - Returns: nil for a window that `isNeeded` does not want; its columns are not looked at.
    static func readColumns(
        _ reader: inout ByteReader,
        where isNeeded: (_ stream: UInt64) -> Bool = { _ in true }
    ) throws(CorruptionError) -> Columns? {
        let form = try reader.byte()
        let stream = try reader.number()
        guard isNeeded(stream) else { return nil }
        let first = try reader.count(limit: RowCoder.columnLimit)
        let count = try reader.count(limit: RowCoder.columnLimit)
        let rest = try reader.take(reader.remaining)
        var body = ByteReader(form == 0 ? Array(rest) : try Zstd.decompress(rest, limit: bodyLimit))
        let identity = first == 0 ? try readLabels(&body) : Labels()
        var labels: [Labels] = []
        for _ in 0..<count { labels.append(try readLabels(&body)) }
        return Columns(stream: stream, first: first, identity: identity, labels: labels)
    }

    /// The head of a row record; the coder, which knows whether it is a key row, appends the rest.
    static func beginRow(_ stream: UInt64, isKey: Bool, into out: inout [UInt8]) {
        out.removeAll(keepingCapacity: true)
        out.append(isKey ? Kind.codedKeyRow.rawValue : Kind.codedRow.rawValue)
        out.append(varint: stream)
    }

    /// A late row, whole: it does not touch the state of its window's coder.
    static func lateRow(_ row: LateRow, stream: UInt64) -> [UInt8] {
        var out: [UInt8] = [Kind.row.rawValue]
        out.append(varint: stream)
        out.append(RowFlag.late)
        out.append(zigzag: row.timestamp)
        out.append(varint: UInt64(row.columns.count))
        for (column, bits) in zip(row.columns, row.bits) {
            out.append(varint: UInt64(column))
            XORBytes.append(bits, to: &out)
        }
        return out
    }

    /// Reads what follows the flags of a late row.
    static func readLateRow(
        _ reader: inout ByteReader,
        sequence: UInt64
    ) throws(CorruptionError) -> LateRow {
        let timestamp = try reader.zigzag()
        let count = try reader.count(limit: RowCoder.columnLimit)
        var columns: [UInt32] = []
        var bits: [UInt64] = []
        for _ in 0..<count {
            columns.append(UInt32(try reader.count(limit: RowCoder.columnLimit)))
            bits.append(try XORBytes.read(&reader))
        }
        return LateRow(timestamp: timestamp, sequence: sequence, columns: columns, bits: bits)
    }

    static func closed() -> [UInt8] { [Kind.closed.rawValue] }

    /// Sequence numbers that no row has: `from ..< to`; `mark` tells the process that begins from any other.
    static func gap(_ range: Range<UInt64>, mark: UInt64) -> [UInt8] {
        var out: [UInt8] = [Kind.gap.rawValue]
        out.append(varint: range.lowerBound)
        out.append(varint: range.upperBound)
        out.append(littleEndian: mark)
        return out
    }

    static func readGap(_ reader: inout ByteReader) throws(CorruptionError) -> Range<UInt64> {
        let place = reader.offset
        let lower = try reader.number()
        let upper = try reader.number()
        guard lower <= upper else { throw CorruptionError("a gap that ends after it begins", at: place) }
        return lower..<upper
    }

    /// A window whose rows a clock stamped that was not trusted.
    static func provisional(_ mark: Provisional, stream: UInt64) -> [UInt8] {
        var out: [UInt8] = [Kind.provisional.rawValue]
        out.append(varint: stream)
        out.append(littleEndian: mark.boot)
        out.append(zigzag: mark.origin)
        return out
    }

    static func readProvisional(
        _ reader: inout ByteReader
    ) throws(CorruptionError) -> (stream: UInt64, mark: Provisional) {
        let stream = try reader.number()
        let boot: UInt64 = try reader.integer()
        return (stream, Provisional(boot: boot, origin: try reader.zigzag()))
    }

    /// A provisional window was settled: milliseconds to add to its times.
    static func shift(_ delta: Int64, stream: UInt64) -> [UInt8] {
        var out: [UInt8] = [Kind.shift.rawValue]
        out.append(varint: stream)
        out.append(zigzag: delta)
        return out
    }

    static func readShift(
        _ reader: inout ByteReader
    ) throws(CorruptionError) -> (stream: UInt64, delta: Int64) {
        (try reader.number(), try reader.zigzag())
    }

    /// Windows per record, so that none is larger than some pages.
    private static let givenUpLimit = 4096

    /// Windows whose segments are overwritten, or that were dropped: their rows are not to come back.
    static func givenUp(_ streams: [UInt64]) -> [[UInt8]] {
        let sorted = streams.sorted()
        return stride(from: 0, to: sorted.count, by: givenUpLimit).map { start in
            let part = sorted[start..<min(start + givenUpLimit, sorted.count)]
            var out: [UInt8] = [Kind.givenUp.rawValue]
            out.append(varint: UInt64(part.count))
            var previous: UInt64 = 0
            for stream in part {
                out.append(varint: stream - previous)
                previous = stream
            }
            return out
        }
    }

    static func readGivenUp(_ reader: inout ByteReader) throws(CorruptionError) -> [UInt64] {
        let count = try reader.count(limit: givenUpLimit)
        var streams: [UInt64] = []
        var stream: UInt64 = 0
        for _ in 0..<count {
            let place = reader.offset
            let (sum, overflow) = stream.addingReportingOverflow(try reader.number())
            guard !overflow else { throw CorruptionError("numbers of windows", at: place) }
            stream = sum
            streams.append(stream)
        }
        return streams
    }

    static func readLabels(_ reader: inout ByteReader) throws(CorruptionError) -> Labels {
        let place = reader.offset
        guard let labels = Labels(encoded: Array(try reader.prefixed(limit: reader.remaining))) else {
            throw CorruptionError("encoded labels", at: place)
        }
        return labels
    }
}
