// SPDX-License-Identifier: Apache-2.0
//
// What recovery does to the head: the same windows and rows as in the process before, without logging them again.

internal import Bytes
internal import Samples

extension Head {
    /// Notes a range of commit order that no row has; the oldest are dropped beyond the limit.
    mutating func addGap(_ gap: Range<UInt64>) {
        guard !gap.isEmpty else { return }
        var merged = gap
        gaps.removeAll { other in
            guard other.lowerBound <= merged.upperBound, merged.lowerBound <= other.upperBound else {
                return false
            }
            merged =
                min(merged.lowerBound, other.lowerBound)..<max(merged.upperBound, other.upperBound)
            return true
        }
        gaps.append(merged)
        gaps.sort { $0.lowerBound < $1.lowerBound }
        // One per unclean start; what is so old has left the ring.
        if gaps.count > Head.gapLimit { gaps.removeFirst() }
    }

    static let gapLimit = 256

    /// Begins a window under the number it had; one still open becomes frozen.
    mutating func beginWindow(of number: Int, stream: UInt64, firstPage: UInt64) {
        discardColumnsWithoutRows(number)
        freeze(number)
        groups[number].window = HeadWindow(stream: stream, firstPage: firstPage)
        groups[number].coder = RowCoder()
    }

    /// Begins a window anew whose columns were logged and whose rows were not; it would hold the log for ever.
    mutating func discardColumnsWithoutRows(_ number: Int) {
        let window = groups[number].window
        guard window.isEmpty, window.firstPage != .max else { return }
        for id in window.series { handles.close(id) }
        groups[number].window = HeadWindow(stream: takeStream(), firstPage: .max)
        groups[number].coder = RowCoder()
        groups[number].version += 1
    }

    /// Adds a column by labels; its base is set by its first value.
    mutating func addRecoveredColumn(_ labels: Labels, in number: Int, _ index: inout SeriesIndex) {
        let id: SeriesID
        if let known = index.reference(labels), let handle = handles.find(known, group: UInt32(number)) {
            id = handle
        } else {
            let reference = index.retain(labels)
            noteLabels(of: reference, in: index)
            id = handles.add(reference, group: UInt32(number), isPart: PartLabel.marks(labels))
        }
        let column = groups[number].window.addColumn(id, base: 0)
        handles.open(id, column: column)
    }

    /// Decodes a row into the group's open window; returns its samples.
    mutating func replay(
        _ reader: inout ByteReader,
        flags: UInt8,
        sequence: UInt64,
        in number: Int
    ) throws(CorruptionError) -> Int {
        let timestamp = try groups[number].coder.read(&reader, flags: flags, into: &row)
        row.drop(from: groups[number].window.series.count)
        // Within the window, not the group: after a clock was set back a window begins before the last one's end.
        guard groups[number].window.accepts(timestamp) else { return 0 }
        if timestamp <= groups[number].newest, timestamp > .min { groups[number].newest = timestamp - 1 }
        if groups[number].window.rows == 0 {
            for column in 0..<row.columns where row.contains(column) {
                groups[number].window.setBase(column, row.bits[column])
            }
        }
        groups[number].append(row, timestamp: timestamp, sequence: sequence, cells: &cells)
        return row.count
    }

    /// Puts a late row back; returns its samples.
    mutating func replay(late: LateRow, in number: Int) -> Int {
        let known = groups[number].window.series.count
        let places = late.columns.indices.filter { late.columns[$0] < known }
        guard !places.isEmpty else { return 0 }
        groups[number].append(
            late: LateRow(
                timestamp: late.timestamp,
                sequence: late.sequence,
                columns: places.map { late.columns[$0] },
                bits: places.map { late.bits[$0] }
            )
        )
        return places.count
    }
}
