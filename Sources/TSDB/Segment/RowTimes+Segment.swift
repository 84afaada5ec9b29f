// SPDX-License-Identifier: Apache-2.0
//
// The row times of a window in a segment: timestamps first, which every query wants; commit sequences and counts of
// samples behind them, and only where they do not follow from the window table.

internal import Bytes

extension RowTimes {
    private enum Form {
        /// Sequences are the minimum, minimum + 1, and so on.
        static let consecutive: UInt8 = 1
        /// Every row has a sample of every column.
        static let full: UInt8 = 2
        static let all = consecutive | full
    }

    /// Appends the times of a window's rows.
    func append(_ window: SegmentWindow, using encoder: inout BlockEncoder, to out: inout [UInt8]) {
        var form: UInt8 = 0
        let first = window.minSequence
        if sequences.indices.allSatisfy({ sequences[$0] == first &+ UInt64($0) }) { form |= Form.consecutive }
        if counts.allSatisfy({ $0 == window.columns }) { form |= Form.full }
        out.append(form)
        encoder.append(timestamps, effort: .segment, to: &out)
        if form & Form.consecutive == 0 {
            encoder.append(sequences.map { Int64(bitPattern: $0) }, effort: .segment, to: &out)
        }
        if form & Form.full == 0 { encoder.append(counts.map { Int64($0) }, effort: .segment, to: &out) }
    }

    /// Reads the timestamps alone.
    static func readTimestamps(
        _ window: SegmentWindow,
        _ reader: inout ByteReader,
        using decoder: inout BlockDecoder
    ) throws(CorruptionError) -> [Int64] {
        _ = try readForm(&reader)
        return try decoder.readIntegers(Int(window.rows), from: &reader)
    }

    /// Reads everything.
    static func read(
        _ window: SegmentWindow,
        _ reader: inout ByteReader,
        using decoder: inout BlockDecoder
    ) throws(CorruptionError) -> RowTimes {
        let form = try readForm(&reader)
        let rows = Int(window.rows)
        var times = RowTimes()
        times.timestamps = try decoder.readIntegers(rows, from: &reader)
        if form & Form.consecutive != 0 {
            times.sequences = (0..<rows).map { window.minSequence &+ UInt64($0) }
        } else {
            times.sequences = try decoder.readIntegers(rows, from: &reader).map { UInt64(bitPattern: $0) }
        }
        if form & Form.full != 0 {
            times.counts = [UInt32](repeating: window.columns, count: rows)
        } else {
            times.counts = try decoder.readIntegers(rows, from: &reader).map {
                UInt32(truncatingIfNeeded: $0)
            }
        }
        return times
    }

    private static func readForm(_ reader: inout ByteReader) throws(CorruptionError) -> UInt8 {
        let place = reader.offset
        let form = try reader.byte()
        guard form & ~Form.all == 0 else { throw CorruptionError("a form of row times", at: place) }
        return form
    }
}
