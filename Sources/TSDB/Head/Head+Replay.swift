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

    /// Begins a window under the number it had, in a lane of its own: several windows of a group may have been open.
    mutating func beginWindow(_ identity: Labels, stream: UInt64, firstPage: UInt64) -> Int {
        let number = group(identity).rawValue
        return Int(addLane(Lane(group: number, isOld: false, stream: stream, firstPage: firstPage)))
    }

    /// Adds a column by labels; its base is set by its first value.
    mutating func addRecoveredColumn(_ labels: Labels, in lane: Int, _ index: inout SeriesIndex) {
        let group = lanes[lane].group
        let id: SeriesID
        let known = index.reference(labels)
        if let known, let handle = handles.find(known, group: group) {
            id = handle
        } else {
            let reference = index.retain(labels)
            noteLabels(of: reference, in: index)
            let newest = known == nil ? Int64.min : groups[Int(group)].sealedNewest
            id = handles.add(reference, group: group, newest: newest, isPart: PartLabel.marks(labels))
            releasedSeries.insert(id)
            linkLayout(id, in: index)
        }
        _ = lanes[lane].window.addColumn(id, base: 0)
        lanes[lane].window.loggedColumns += 1
    }

    /// Decodes a row into the lane's open window; returns its samples.
    mutating func replay(
        _ reader: inout ByteReader,
        flags: UInt8,
        sequence: UInt64,
        in lane: Int
    ) throws(CorruptionError) -> Int {
        let timestamp = try lanes[lane].coder.read(&reader, flags: flags, into: &row)
        row.drop(from: lanes[lane].window.series.count)
        guard lanes[lane].window.accepts(timestamp) else { return 0 }
        if lanes[lane].window.rows == 0 {
            for column in 0..<row.columns where row.contains(column) {
                lanes[lane].window.setBase(column, row.bits[column])
            }
        } else if timestamp == lanes[lane].window.lastTime {
            // A row in parts; a series has its value from one of them, whatever a damaged log says.
            lanes[lane].window.removeStored(from: &row)
        }
        lanes[lane].append(row, timestamp: timestamp, sequence: sequence, cells: &cells)
        return row.count
    }

    /// Puts a late row back; returns its samples.
    mutating func replay(late: LateRow, in lane: Int) -> Int {
        let known = lanes[lane].window.series.count
        let places = late.columns.indices.filter { late.columns[$0] < known }
        guard !places.isEmpty else { return 0 }
        lanes[lane].append(
            late: LateRow(
                timestamp: late.timestamp,
                sequence: late.sequence,
                columns: places.map { late.columns[$0] },
                bits: places.map { late.bits[$0] }
            )
        )
        return places.count
    }

    /// Gives each series the lane in which it has come furthest.
    ///
    /// - Parameter isBroken: whether windows may have holes; then they end here, so that their columns are never
    ///   numbered twice.
    mutating func finishReplay(isBroken: Bool) {
        for lane in lanes.indices {
            discardColumnsWithoutRows(lane)
            let window = lanes[lane].window
            for (column, id) in window.series.enumerated() {
                handles.enterOther(id)
                take(id, lane, column)
            }
            for late in window.late {
                for column in late.columns {
                    let id = window.series[Int(column)]
                    handles[id].newest = max(handles[id].newest, late.timestamp)
                }
            }
            let group = Int(lanes[lane].group)
            if !window.isEmpty { groups[group].newest = max(groups[group].newest, window.maxTime) }
        }
        for place in handles.handles.indices { handles.deactivateUnused(SeriesID(rawValue: UInt32(place))) }
        for lane in lanes.indices {
            if isBroken { freeze(lane) }
            lanes[lane].coder.requireKey()
        }
        removeLanes { $0.members == 0 }
    }

    /// Makes a lane the one of a series when the series has come further there than in that it has.
    private mutating func take(_ id: SeriesID, _ lane: Int, _ column: Int) {
        let time = lanes[lane].window.newestTime(of: column)
        if handles[id].column != SeriesHandle.noColumn {
            let other = lanes[Int(handles[id].lane)].window.newestTime(of: Int(handles[id].column))
            handles[id].newest = max(handles[id].newest, min(time, other))
            guard time > other else { return }
            leave(id)
        }
        handles[id].otherWindows -= 1
        if handles[id].lane != SeriesHandle.noLane { lanes[Int(handles[id].lane)].members -= 1 }
        lanes[lane].members += 1
        handles.open(id, lane: UInt32(lane), column: column)
    }

    /// Begins a window anew whose columns were logged and whose rows were not; it would hold the log for ever.
    private mutating func discardColumnsWithoutRows(_ lane: Int) {
        if lanes[lane].window.isEmpty { discardWindow(lane) }
    }

    /// Begins a window anew; not once series have their columns in it.
    mutating func discardWindow(_ lane: Int) {
        lanes[lane].window = HeadWindow(stream: takeStream(), firstPage: .max)
        lanes[lane].coder = RowCoder()
    }
}
