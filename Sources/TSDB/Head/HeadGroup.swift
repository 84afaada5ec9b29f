// SPDX-License-Identifier: Apache-2.0
//
// One group in memory: the window that grows, the windows on their way into a segment, and the coder of its rows.

internal import Bytes
internal import Samples

/// The state of one group.
struct HeadGroup: Sendable {
    let identity: Labels
    var window: HeadWindow
    /// Oldest first.
    var frozen: [HeadWindow] = []
    /// Time of the newest row that came in order.
    var newest = Int64.min
    var coder = RowCoder()
    /// Grows with everything that could change whether a late value is a duplicate.
    var version: UInt64 = 0

    init(identity: Labels, stream: UInt64) {
        self.identity = identity
        window = HeadWindow(stream: stream, firstPage: .max)
    }

    /// Adds a row that is newer than all before.
    mutating func append(
        _ row: borrowing RowScratch,
        timestamp: Int64,
        sequence: UInt64,
        cells: inout ColumnCells
    ) {
        for word in row.present.indices {
            var rest = row.present[word]
            while rest != 0 {
                let column = word << 6 | rest.trailingZeroBitCount
                window.set(column, row.bits[column])
                rest &= rest &- 1
            }
        }
        window.endRow(timestamp: timestamp, sequence: sequence, count: row.count, cells: &cells)
        newest = max(newest, timestamp)
        version += 1
    }

    mutating func append(late row: LateRow) {
        window.append(late: row)
        newest = max(newest, row.timestamp)
        version += 1
    }

    /// The first log page any of the group's windows needs; `.max` when there is none.
    var firstPage: UInt64 {
        frozen.reduce(window.firstPage) { min($0, $1.firstPage) }
    }

    /// Whether the open window should become a segment; `bytes` is what a window may have.
    func isDue(bytes: Int) -> Bool { hasReached(numerator: 1, denominator: 1, bytes: bytes) }
    /// Whether it will be before long.
    func isNearlyDue(bytes: Int) -> Bool { hasReached(numerator: 3, denominator: 4, bytes: bytes) }

    private func hasReached(numerator: Int, denominator: Int, bytes: Int) -> Bool {
        guard !window.isEmpty else { return false }
        let (span, overflow) = window.maxTime.subtractingReportingOverflow(window.minTime)
        return overflow || window.rows >= WindowLimit.rows * numerator / denominator
            || window.late.count >= WindowLimit.lateRows * numerator / denominator
            || window.codedBytes >= bytes / denominator * numerator
            || span >= WindowLimit.spanMilliseconds * Int64(numerator) / Int64(denominator)
    }

    /// Puts the open window with the frozen ones and begins a new one.
    mutating func freeze(stream: UInt64) {
        frozen.append(window)
        window = HeadWindow(stream: stream, firstPage: .max)
        coder = RowCoder()
        version += 1
    }
}
