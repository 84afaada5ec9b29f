// SPDX-License-Identifier: Apache-2.0
//
// Rows in order. Nearly every batch is one row of one lane, newer than all before, and goes straight there; what is
// not is for Head+Divide.swift.

internal import Samples

extension Head {
    /// How a batch went.
    enum Outcome: Sendable {
        case stored(Int, isDue: Bool)
        /// Not one row of one lane, or not newer than all before; nothing is stored.
        case divided
    }

    /// Stores a batch that is one row of one lane, newer than all of the lane and of each series.
    mutating func append(_ batch: borrowing SampleBatch) -> Outcome {
        guard let first = batch.series.first, handles.contains(first) else { return .divided }
        let lane = handles[first].lane
        guard lane != SeriesHandle.noLane, lanes[Int(lane)].group == batch.group.rawValue else {
            return .divided
        }
        let timestamp = batch.timestamp.milliseconds
        makeRoom(in: lane, for: batch.series.count)
        row.begin(columns: lanes[Int(lane)].window.series.count)
        newcomers.removeAll(keepingCapacity: true)
        guard timestamp > lanes[Int(lane)].window.lastTime,
            Head.gather(batch, lane, timestamp, handles.handles, &row, &newcomers)
        else { return .divided }
        for index in newcomers {
            let bits = batch.values[index].bitPattern
            set(batch.series[index], bits, in: lane)
        }
        return .stored(row.count, isDue: commitRow(lane, timestamp))
    }

    /// Puts what has columns into the row, and the others' places in the batch into `newcomers`; false when the batch
    /// is not one row of the lane.
    private static func gather(
        _ batch: borrowing SampleBatch,
        _ lane: UInt32,
        _ timestamp: Int64,
        _ handles: [SeriesHandle],
        _ row: inout RowScratch,
        _ newcomers: inout [Int]
    ) -> Bool {
        let table = handles.span
        let series = batch.series.span
        let values = batch.values.span
        for index in 0..<min(series.count, values.count) {
            let place = Int(series[index].rawValue)
            guard place < table.count, table[place].newest < timestamp,
                table[place].layout == SeriesHandle.none
            else { return false }
            let column = table[place].column
            if column == SeriesHandle.noColumn {
                guard table[place].group == batch.group.rawValue else { return false }
                newcomers.append(index)
            } else {
                guard table[place].lane == lane else { return false }
                row.set(Int(column), values[index].bitPattern)
            }
        }
        return true
    }

    /// Sets a series' value in the row of its lane, to which it comes now if it has no column.
    mutating func set(_ id: SeriesID, _ bits: UInt64, in lane: UInt32) {
        var column = Int(handles[id].column)
        if handles[id].column == SeriesHandle.noColumn {
            column = join(id, lane, base: bits)
            if column >= row.columns { row.grow(to: column + 1) }
        }
        row.set(column, bits)
    }

    /// Logs and stores the row at hand; returns whether the lane should be sealed by whoever appends.
    mutating func commitRow(_ number: UInt32, _ timestamp: Int64) -> Bool {
        let lane = Int(number)
        logColumns(of: lane)
        let isKey = lanes[lane].coder.needsKey
        LogRecord.beginRow(lanes[lane].window.stream, isKey: isKey, into: &record)
        lanes[lane].coder.append(row, timestamp: timestamp, to: &record)
        let sequence = log.nextRow
        log.append(record, isRow: true)
        lanes[lane].append(row, timestamp: timestamp, sequence: sequence, cells: &cells)
        note(timestamp, in: lane)
        return isOverdue(lane)
    }

    /// Logs and stores a row behind others; `cells` are values by column, each column once.
    mutating func commitLate(
        _ number: UInt32,
        _ timestamp: Int64,
        _ cells: inout [(column: UInt32, bits: UInt64)]
    ) -> Bool {
        let lane = Int(number)
        cells.sort { $0.column < $1.column }
        logColumns(of: lane)
        let late = LateRow(
            timestamp: timestamp,
            sequence: log.nextRow,
            columns: cells.map { $0.column },
            bits: cells.map { $0.bits }
        )
        log.append(LogRecord.lateRow(late, stream: lanes[lane].window.stream), isRow: true)
        lanes[lane].append(late: late)
        note(timestamp, in: lane)
        return isOverdue(lane)
    }

    private mutating func note(_ timestamp: Int64, in lane: Int) {
        let group = Int(lanes[lane].group)
        groups[group].version &+= 1
        if !lanes[lane].isOld { groups[group].newest = max(groups[group].newest, timestamp) }
    }

    private func isOverdue(_ lane: Int) -> Bool {
        lanes[lane].window.rows >= WindowLimit.hardRows
            || lanes[lane].window.late.count >= WindowLimit.hardLateRows
    }

    /// Logs new columns; from time to time all of them, so that damage to their first record does not cost the window.
    private mutating func logColumns(of lane: Int) {
        let total = lanes[lane].window.series.count
        if lanes[lane].window.firstPage == .max { lanes[lane].window.firstPage = log.sequence }
        let rows = lanes[lane].window.rows
        let isTimeForAll = rows > 0 && rows % Head.columnsInterval == 0
        let first = isTimeForAll ? 0 : lanes[lane].window.loggedColumns
        guard first < total else { return }
        lanes[lane].window.loggedColumns = total
        log.append(
            LogRecord.columns(
                LogRecord.Columns(
                    stream: lanes[lane].window.stream,
                    first: first,
                    identity: first == 0 ? groups[Int(lanes[lane].group)].identity : Labels(),
                    labels: lanes[lane].window.series[first...].map { labels(of: handles[$0].reference) }
                )
            ),
            isRow: false
        )
        if first == 0 { logProvisional(lane) }
    }

    /// Rows from one full record of a window's columns to the next.
    private static let columnsInterval = 256
}
