// SPDX-License-Identifier: Apache-2.0
//
// Rows of one group that arrive together: the window that grows, the windows on their way into a segment, and the
// coder of its rows. A group whose rows come whole has one lane. One whose rows come in pieces, over several
// connections at different paces, has a lane for each piece, so that each is in order for itself; backfill has lanes
// of its own. In the log and in segments lanes are windows like any others.

internal import Bytes
internal import Samples

/// The state of one lane.
struct Lane: Sendable {
    /// `SeriesHandle.none` while the place is free.
    var group: UInt32
    /// For rows behind what is stored already; series have their column here besides that in their own lane.
    let isOld: Bool
    var window: HeadWindow
    /// Oldest first.
    var frozen: [HeadWindow] = []
    var coder = RowCoder()
    /// Handles that name this lane as theirs.
    var members = 0
    /// Columns of an old lane.
    var columnOf: [SeriesID: UInt32] = [:]
    /// The lane whose series come with this one's in one batch, and how often they have.
    var companion = SeriesHandle.noLane
    var meetings = 0
    /// When rows were last found to have come since the last look.
    private var activity: (rows: UInt64, since: UInt64) = (0, 0)
    private var rowsTaken: UInt64 = 0

    init(group: UInt32, isOld: Bool, stream: UInt64, firstPage: UInt64 = .max) {
        self.group = group
        self.isOld = isOld
        window = HeadWindow(stream: stream, firstPage: firstPage)
    }

    /// Nothing in memory.
    var isEmpty: Bool { window.isEmpty && frozen.isEmpty }

    /// Adds a row not older than those before, whose series have nothing at its time.
    mutating func append(
        _ row: borrowing RowScratch,
        timestamp: Int64,
        sequence: UInt64,
        cells: inout ColumnCells
    ) {
        window.append(row, timestamp: timestamp, sequence: sequence, cells: &cells)
        rowsTaken &+= 1
    }

    mutating func append(late row: LateRow) {
        window.append(late: row)
        rowsTaken &+= 1
    }

    /// The first log page any of the lane's windows needs; `.max` when there is none.
    var firstPage: UInt64 {
        frozen.reduce(window.firstPage) { min($0, $1.firstPage) }
    }

    /// The column of a series in the open window, whether or not the series still writes to it.
    func column(of id: SeriesID) -> Int? {
        isOld ? columnOf[id].map { Int($0) } : window.series.firstIndex(of: id)
    }

    /// Whether the open window should become a segment; `bytes` is what a window may have.
    func isDue(bytes: Int) -> Bool { hasReached(numerator: 1, denominator: 1, bytes: bytes) }
    /// Whether it will be before long, or nothing more will come.
    func isNearlyDue(bytes: Int) -> Bool {
        hasReached(numerator: 3, denominator: 4, bytes: bytes)
            || (!isOld && members == 0 && !window.isEmpty)
    }

    private func hasReached(numerator: Int, denominator: Int, bytes: Int) -> Bool {
        guard !window.isEmpty else { return false }
        if window.rows >= WindowLimit.rows * numerator / denominator
            || window.late.count >= WindowLimit.lateRows * numerator / denominator
            || window.codedBytes >= bytes / denominator * numerator
        {
            return true
        }
        // Backfill may jump from one time to another; its rows say nothing about how long the window is open.
        if isOld { return false }
        let (span, overflow) = window.maxTime.subtractingReportingOverflow(window.minTime)
        return overflow || span >= WindowLimit.spanMilliseconds * Int64(numerator) / Int64(denominator)
    }

    /// Nanoseconds without a row, as far as the looks before this one can tell.
    mutating func idleTime(at now: UInt64) -> UInt64 {
        if activity.rows != rowsTaken || activity.since == 0 { activity = (rowsTaken, now) }
        return now - min(now, activity.since)
    }

    /// Puts the open window with the frozen ones and begins a new one.
    mutating func freeze(stream: UInt64, provisional: Provisional?) {
        frozen.append(window)
        window = HeadWindow(stream: stream, firstPage: .max, provisional: provisional)
        coder = RowCoder()
        columnOf = [:]
    }
}
