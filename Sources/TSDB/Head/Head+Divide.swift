// SPDX-License-Identifier: Apache-2.0
//
// Batches that are not one row of one lane, newer than all before: pieces of rows, series that come late, new series.
// Each sample is judged by what its own series has. Newer than that, it is in order for the series and is stored
// whatever else is in the batch; not newer, it may be there already, which can take decoding to know, so that is left
// to whoever holds no lock (Store+Late.swift).

internal import Samples

/// What decides whether a sample comes too late.
struct LatePolicy: Sendable {
    /// Milliseconds behind the newest row of its group.
    var window: Int64
    /// Whether what is older is taken nevertheless.
    var acceptsOld: Bool
    /// The wall clock.
    var now: Int64

    /// How much clocks of one site may differ.
    private static let clockTolerance: Int64 = 60_000

    /// Whether a time is behind another by more than the window.
    func isOld(_ time: Int64, behind newest: Int64) -> Bool {
        guard time < newest else { return false }
        let (behind, overflow) = newest.subtractingReportingOverflow(time)
        return overflow || behind > window
    }

    /// Whether a time is further ahead of the wall clock than clocks of one site differ.
    private func isFuture(_ time: Int64) -> Bool {
        let (ahead, overflow) = time.subtractingReportingOverflow(now)
        return !overflow && ahead > LatePolicy.clockTolerance
    }

    /// Rows from the future are what a clock that was wrong leaves behind; they must not keep those of now out.
    func isPastWrongClock(_ time: Int64, newest: Int64) -> Bool {
        isOld(time, behind: newest) && isFuture(newest) && !isFuture(time) && time > .min
    }
}

/// What became of a batch, and what is left to decide.
struct Division: Sendable {
    /// A sample at or behind its series' newest.
    struct Sample: Sendable {
        let id: SeriesID
        let bits: UInt64
    }

    var result = AppendResult()
    /// Whoever appends should seal.
    var isDue = false
    /// Samples of which one must know whether the series has one at that time.
    var unsure: [Sample] = []
    /// Whether the batch is so old that only backfill may bring what its series are past.
    var isOld = false
    /// Whether parts of histograms were among what is too old; they are stored or refused together.
    var arePartsRefused = false
    /// The group's version when they were found.
    var version: UInt64 = 0
}

/// The samples of one batch by what is to be done with them; places in the batch.
private struct Sorting {
    /// By lane, each once.
    var inOrder: [(lane: UInt32, places: [Int])] = []
    /// Without a column.
    var newcomers: [Int] = []
    /// Newer than all of their series, older than their lane.
    var lagging: [Int] = []
    /// Not newer than what their series may have.
    var judged: [Int] = []
    /// Parts of histograms, which stay in one row: whoever reads commit order sees them together or not at all.
    var parts: [Int] = []
    var hasJudgedParts = false

    mutating func add(_ place: Int, inOrderOf lane: UInt32) {
        if let known = inOrder.firstIndex(where: { $0.lane == lane }) {
            inOrder[known].places.append(place)
        } else {
            inOrder.append((lane, [place]))
        }
    }
}

extension Head {
    /// Stores what of a batch can be stored without looking for what is there already.
    mutating func divide(_ batch: SampleBatch, _ policy: LatePolicy) -> Division {
        let time = batch.timestamp.milliseconds
        let group = Int(batch.group.rawValue)
        precondition(group < groups.count, "a group this store handed out")
        forgetWrongClock(batch, policy)
        var division = Division()
        division.isOld = policy.isOld(time, behind: groups[group].newest)
        var sorting = sort(batch, &division)
        if division.isOld { refuse(&sorting, batch, policy, &division) }
        var late: [UInt32: [Int]] = [:]
        place(&sorting, batch, late: &late)
        placeParts(&sorting, batch, late: &late, &division)
        let judged = judge(sorting.judged, batch, &division)
        for (lane, places) in sorting.inOrder { appendRow(places, of: batch, in: lane, &division) }
        if sorting.inOrder.count > 1 { noteMeeting(of: sorting.inOrder.map { $0.lane }) }
        for (lane, places) in late.sorted(by: { $0.key < $1.key }) {
            let samples = places.map {
                Division.Sample(id: batch.series[$0], bits: batch.values[$0].bitPattern)
            }
            appendLate(samples, time, in: lane, &division)
        }
        store(judged, time, in: group, &division)
        division.version = groups[group].version
        return division
    }

    /// Stores samples that were found to be new, behind others of their series.
    mutating func store(
        _ samples: [Division.Sample],
        _ time: Int64,
        in group: Int,
        _ division: inout Division
    ) {
        guard !samples.isEmpty else { return }
        if division.isOld {
            storeOld(samples, time, in: group, &division)
            return
        }
        var byLane: [UInt32: [Division.Sample]] = [:]
        for sample in samples { byLane[laneForLate(sample.id, group), default: []].append(sample) }
        for (lane, samples) in byLane.sorted(by: { $0.key < $1.key }) {
            appendLate(samples, time, in: lane, &division)
        }
    }

    // MARK: - Sorting

    private func sort(_ batch: SampleBatch, _ division: inout Division) -> Sorting {
        var sorting = Sorting()
        let time = batch.timestamp.milliseconds
        for place in 0..<min(batch.series.count, batch.values.count) {
            let id = batch.series[place]
            guard handles.contains(id), handles[id].group == batch.group.rawValue else {
                // Of a group that was released; see SampleSink.release.
                division.result.outOfOrder += 1
                continue
            }
            let handle = handles[id]
            let isJudged = time <= newestTimeWithHistograms(of: handle)
            if handle.isPart {
                sorting.parts.append(place)
                sorting.hasJudgedParts = sorting.hasJudgedParts || isJudged
            } else if isJudged {
                sorting.judged.append(place)
            } else if handle.column == SeriesHandle.noColumn {
                sorting.newcomers.append(place)
            } else if lanes[Int(handle.lane)].window.accepts(time) {
                sorting.add(place, inOrderOf: handle.lane)
            } else {
                sorting.lagging.append(place)
            }
        }
        return sorting
    }

    /// Takes out what is too old: what its series is past, and series that have nothing yet.
    private func refuse(
        _ sorting: inout Sorting,
        _ batch: SampleBatch,
        _ policy: LatePolicy,
        _ division: inout Division
    ) {
        if policy.acceptsOld, segmentsReach(batch.timestamp.milliseconds) { return }
        division.result.outOfOrder += sorting.judged.count
        sorting.judged.removeAll()
        let count = sorting.newcomers.count
        sorting.newcomers.removeAll { handles[batch.series[$0]].newest == .min }
        division.result.outOfOrder += count - sorting.newcomers.count
        if sorting.hasJudgedParts || sorting.parts.allSatisfy({ handles[batch.series[$0]].newest == .min }) {
            division.arePartsRefused = !sorting.parts.isEmpty
            division.result.outOfOrder += sorting.parts.count
            sorting.parts.removeAll()
        }
    }

    /// Finds lanes for series that have none or lag behind theirs.
    private mutating func place(_ sorting: inout Sorting, _ batch: SampleBatch, late: inout [UInt32: [Int]]) {
        let time = batch.timestamp.milliseconds
        let reference =
            sorting.lagging.first
            ?? sorting.judged.first { handles[batch.series[$0]].lane != SeriesHandle.noLane }
        let referenceLane = reference.map { handles[batch.series[$0]].lane }
        var moving: [Int] = []
        for place in sorting.lagging {
            if noteLag(batch.series[place], time) {
                moving.append(place)
            } else {
                late[handles[batch.series[place]].lane, default: []].append(place)
            }
        }
        if !moving.isEmpty {
            let sources = Set(moving.map { handles[batch.series[$0]].lane })
            if let lane = laneForMoving(Int(batch.group.rawValue), time, from: sources) {
                for place in moving {
                    leave(batch.series[place])
                    handles[batch.series[place]].lags = 0
                    sorting.add(place, inOrderOf: lane)
                }
            } else {
                for place in moving { late[handles[batch.series[place]].lane, default: []].append(place) }
            }
        }
        guard !sorting.newcomers.isEmpty else { return }
        if let lane = sorting.inOrder.first?.lane {
            for place in sorting.newcomers { sorting.add(place, inOrderOf: lane) }
        } else if let referenceLane {
            late[referenceLane, default: []] += sorting.newcomers
        } else if let lane = home(sorting.newcomers.map { batch.series[$0] }, Int(batch.group.rawValue), time)
        {
            for place in sorting.newcomers { sorting.add(place, inOrderOf: lane) }
        } else {
            for place in sorting.newcomers {
                late[laneForLate(batch.series[place], Int(batch.group.rawValue)), default: []].append(place)
            }
        }
    }

    /// Finds one lane for all parts; the caller of the store knows that none of them is there already.
    private mutating func placeParts(
        _ sorting: inout Sorting,
        _ batch: SampleBatch,
        late: inout [UInt32: [Int]],
        _ division: inout Division
    ) {
        guard !sorting.parts.isEmpty else { return }
        let time = batch.timestamp.milliseconds
        let group = Int(batch.group.rawValue)
        if sorting.hasJudgedParts, division.isOld {
            let samples = sorting.parts.map {
                Division.Sample(id: batch.series[$0], bits: batch.values[$0].bitPattern)
            }
            storeOld(samples, time, in: group, &division)
            return
        }
        let ids = sorting.parts.map { batch.series[$0] }
        let known = ids.first { handles[$0].lane != SeriesHandle.noLane }.map { handles[$0].lane }
        var lane =
            known ?? sorting.inOrder.first?.lane ?? home(ids, group, time) ?? laneForLate(ids[0], group)
        var isInOrder = !sorting.hasJudgedParts && lanes[Int(lane)].window.accepts(time)
        if !isInOrder, !sorting.hasJudgedParts {
            var mayMove = false
            for id in ids where handles[id].column != SeriesHandle.noColumn {
                if noteLag(id, time) { mayMove = true }
            }
            if mayMove, let better = laneForMoving(group, time, from: [lane]) {
                (lane, isInOrder) = (better, true)
            }
        }
        for (place, id) in zip(sorting.parts, ids) {
            if isInOrder {
                if handles[id].lane != lane { leave(id) }
                handles[id].lags = 0
                sorting.add(place, inOrderOf: lane)
            } else {
                late[lane, default: []].append(place)
            }
        }
    }

    /// Counts that a lane was ahead of a series; returns whether the series had better move.
    private mutating func noteLag(_ id: SeriesID, _ time: Int64) -> Bool {
        let handle = handles[id]
        // What came in order since the last time ends the count.
        let inOrder = lanes[Int(handle.lane)].window.newestTime(of: Int(handle.column))
        let lags = inOrder >= handle.newest ? 1 : min(handle.lags + 1, Head.lagLimit)
        handles[id].lags = lags
        return lags >= Head.lagLimit
    }

    /// Times in a row a series may lag behind its lane before it moves: once is chance, three times is a connection
    /// of another pace.
    private static let lagLimit: UInt8 = 3

    // MARK: - Choosing lanes

    /// The lane for series of one batch that have no column; nil when none accepts the time.
    private mutating func home(_ series: [SeriesID], _ group: Int, _ time: Int64) -> UInt32? {
        for id in series {
            let lane = handles[id].lane
            if lane != SeriesHandle.noLane, lanes[Int(lane)].window.accepts(time) { return lane }
        }
        let live = groups[group].lanes.filter { !lanes[Int($0)].isOld }
        if let lane = live.first(where: { lanes[Int($0)].isEmpty && lanes[Int($0)].members == 0 }) {
            return lane
        }
        return makeLane(group) ?? fitting(live, time) ?? endedLane(live)
    }

    private mutating func laneForMoving(_ group: Int, _ time: Int64, from sources: Set<UInt32>) -> UInt32? {
        let live = groups[group].lanes.filter { !lanes[Int($0)].isOld && !sources.contains($0) }
        if let lane = live.first(where: { lanes[Int($0)].isEmpty && lanes[Int($0)].members == 0 }) {
            return lane
        }
        return makeLane(group) ?? fitting(live, time)
    }

    /// Of lanes that accept a time the one with the fewest series.
    private func fitting(_ candidates: [UInt32], _ time: Int64) -> UInt32? {
        candidates.filter { lanes[Int($0)].window.accepts(time) }
            .min { lanes[Int($0)].window.series.count < lanes[Int($1)].window.series.count }
    }

    /// A lane whose window is long enough to be ended for a row that fits none; it accepts any time then.
    private mutating func endedLane(_ candidates: [UInt32]) -> UInt32? {
        let longest = candidates.max { lanes[Int($0)].window.rows < lanes[Int($1)].window.rows }
        guard let longest, lanes[Int(longest)].window.rows >= Head.worthwhileRows else { return nil }
        freeze(Int(longest))
        return longest
    }

    /// Rows of a window that is worth a place in a segment; with fewer, a late row costs less.
    static let worthwhileRows = 128

    /// The lane that keeps a late sample.
    private mutating func laneForLate(_ id: SeriesID, _ group: Int) -> UInt32 {
        if handles[id].lane != SeriesHandle.noLane { return handles[id].lane }
        if let lane = groups[group].lanes.first(where: { !lanes[Int($0)].isOld }) { return lane }
        return makeLane(group) ?? addLane(Lane(group: UInt32(group), isOld: false, stream: takeStream()))
    }

    // MARK: - Storing

    private mutating func appendRow(
        _ places: [Int],
        of batch: SampleBatch,
        in lane: UInt32,
        _ division: inout Division
    ) {
        makeRoom(in: lane, for: places.count)
        row.begin(columns: lanes[Int(lane)].window.series.count)
        for place in places { set(batch.series[place], batch.values[place].bitPattern, in: lane) }
        division.result.appended += row.count
        if commitRow(lane, batch.timestamp.milliseconds) { division.isDue = true }
    }

    private mutating func appendLate(
        _ samples: [Division.Sample],
        _ time: Int64,
        in lane: UInt32,
        _ division: inout Division
    ) {
        makeRoom(in: lane, for: samples.count)
        var cells: [(column: UInt32, bits: UInt64)] = []
        var seen: Set<SeriesID> = []
        for sample in samples where seen.insert(sample.id).inserted {
            if handles[sample.id].lane != lane { leave(sample.id) }
            let isHere = handles[sample.id].column != SeriesHandle.noColumn
            let column = isHere ? Int(handles[sample.id].column) : join(sample.id, lane, base: sample.bits)
            handles[sample.id].newest = max(handles[sample.id].newest, time)
            cells.append((UInt32(column), sample.bits))
        }
        division.result.appended += cells.count
        if commitLate(lane, time, &cells) { division.isDue = true }
    }

    // MARK: - Clocks

    /// Lets series go on before rows that a wrong clock stamped in the future: in a window of their own, because a
    /// window's rows ascend.
    private mutating func forgetWrongClock(_ batch: SampleBatch, _ policy: LatePolicy) {
        let time = batch.timestamp.milliseconds
        let group = Int(batch.group.rawValue)
        guard policy.isPastWrongClock(time, newest: groups[group].newest) else { return }
        for id in batch.series where handles.contains(id) && handles[id].group == batch.group.rawValue {
            guard policy.isPastWrongClock(time, newest: newestTime(of: handles[id])) else { continue }
            if handles[id].column != SeriesHandle.noColumn { freeze(Int(handles[id].lane)) }
            handles[id].newest = time - 1
        }
        for lane in groups[group].lanes
        where policy.isPastWrongClock(time, newest: lanes[Int(lane)].window.lastTime) { freeze(Int(lane)) }
        groups[group].newest = time - 1
        groups[group].wasAhead = true
    }
}
