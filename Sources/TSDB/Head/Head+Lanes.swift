// SPDX-License-Identifier: Apache-2.0
//
// Lanes come, gain and lose series, and go. A series writes to one lane at a time; columns it leaves behind stay in
// their windows until those are sealed.

internal import Samples

extension Head {
    /// A new lane of a group; nil when the group or the process has as many as it may.
    mutating func makeLane(_ group: Int, isOld: Bool = false) -> UInt32? {
        let existing = groups[group].lanes
        if existing.contains(where: { lanes[Int($0)].isOld == isOld }) {
            let limit = isOld ? HeadGroup.oldLaneLimit : HeadGroup.laneLimit
            guard existing.count(where: { lanes[Int($0)].isOld == isOld }) < limit,
                lanes.count - freeLanes.count - groups.count < limits.lanes
            else { return nil }
        }
        return addLane(Lane(group: UInt32(group), isOld: isOld, stream: takeStream()))
    }

    mutating func addLane(_ lane: Lane) -> UInt32 {
        let number: UInt32
        if let reused = freeLanes.popLast() {
            number = reused
            lanes[Int(number)] = lane
        } else {
            number = UInt32(lanes.count)
            lanes.append(lane)
        }
        lanes[Int(number)].window.provisional = windowMark
        groups[Int(lane.group)].lanes.append(number)
        return number
    }

    /// Gives a series that has no column a place in a lane's open window.
    mutating func join(_ id: SeriesID, _ lane: UInt32, base: UInt64) -> Int {
        let before = handles[id].lane
        if before != lane {
            if before != SeriesHandle.noLane { lanes[Int(before)].members -= 1 }
            lanes[Int(lane)].members += 1
        }
        if handles[id].otherWindows > 0, let column = lanes[Int(lane)].column(of: id) {
            handles[id].otherWindows -= 1
            handles.open(id, lane: lane, column: column)
            return column
        }
        let column = lanes[Int(lane)].window.addColumn(id, base: base)
        handles.open(id, lane: lane, column: column)
        return column
    }

    /// Takes a series out of its lane; its column stays behind.
    mutating func leave(_ id: SeriesID) {
        let handle = handles[id]
        guard handle.column != SeriesHandle.noColumn else { return }
        let newest = lanes[Int(handle.lane)].window.newestTime(of: Int(handle.column))
        handles.leaveColumn(id, newest: newest)
    }

    /// The newest time a series may have a sample at.
    func newestTime(of handle: SeriesHandle) -> Int64 {
        guard handle.column != SeriesHandle.noColumn else { return handle.newest }
        return max(handle.newest, lanes[Int(handle.lane)].window.newestTime(of: Int(handle.column)))
    }

    /// The newest time a series may have a sample or a histogram at.
    func newestTimeWithHistograms(of handle: SeriesHandle) -> Int64 {
        let newest = newestTime(of: handle)
        guard handle.layout != SeriesHandle.none else { return newest }
        return max(newest, newestTime(of: handles[SeriesID(rawValue: handle.layout)]))
    }

    /// Ends a window before it outgrows what a segment can say; while nothing can be sealed that may be needed.
    mutating func makeRoom(in lane: UInt32, for columns: Int) {
        let (rows, late) = (lanes[Int(lane)].window.rows, lanes[Int(lane)].window.late.count)
        let isLarge =
            (rows + late) % WindowLimit.sizeInterval == 0
            && lanes[Int(lane)].window.codedBytes >= limits.windowBytes
        if isLarge || rows >= WindowLimit.mostRows
            || lanes[Int(lane)].window.series.count + columns > WindowLimit.mostColumns
        {
            freeze(Int(lane))
        }
    }

    /// Moves a lane's open window to the frozen ones.
    mutating func freeze(_ lane: Int) {
        guard !lanes[lane].window.isEmpty else { return }
        if !lanes[lane].isOld {
            for (column, id) in lanes[lane].window.series.enumerated()
            where handles[id].lane == UInt32(lane) && handles[id].column == UInt32(column) {
                handles.leaveColumn(id, newest: lanes[lane].window.newestTime(of: column))
            }
        }
        lanes[lane].freeze(stream: takeStream(), provisional: windowMark)
        groups[Int(lanes[lane].group)].version &+= 1
    }

    /// Notes that one batch had rows for several lanes; what keeps coming together is put together.
    mutating func noteMeeting(of numbers: [UInt32]) {
        guard let most = numbers.max(by: { lanes[Int($0)].members < lanes[Int($1)].members }) else { return }
        for number in numbers where number != most {
            let lane = Int(number)
            if lanes[lane].companion != most { (lanes[lane].companion, lanes[lane].meetings) = (most, 0) }
            lanes[lane].meetings += 1
            guard lanes[lane].meetings >= Head.meetingLimit else { continue }
            lanes[lane].companion = SeriesHandle.noLane
            for id in lanes[lane].window.series where handles[id].lane == number {
                leave(id)
                handles[id].lane = most
                lanes[lane].members -= 1
                lanes[Int(most)].members += 1
            }
        }
    }

    /// Batches in which two lanes met before they become one: more than what an unlucky cut of a request makes.
    private static let meetingLimit = 8

    /// Gives the places of lanes back that are empty and were not used for long; `isGone` says which.
    mutating func removeLanes(where isGone: (inout Lane) -> Bool) {
        var gone: Set<UInt32> = []
        for number in lanes.indices
        where lanes[number].group != SeriesHandle.none && lanes[number].isEmpty && isGone(&lanes[number]) {
            gone.insert(UInt32(number))
        }
        guard !gone.isEmpty else { return }
        for number in gone {
            groups[Int(lanes[Int(number)].group)].lanes.removeAll { $0 == number }
            lanes[Int(number)] = Lane(group: SeriesHandle.none, isOld: false, stream: 0)
            freeLanes.append(number)
        }
        for lane in lanes.indices where gone.contains(lanes[lane].companion) {
            lanes[lane].companion = SeriesHandle.noLane
        }
        for place in handles.handles.indices where gone.contains(handles.handles[place].lane) {
            handles.handles[place].lane = SeriesHandle.noLane
        }
    }
}
