// SPDX-License-Identifier: Apache-2.0
//
// Rows behind what is stored: where segments cover time already, whether a series can have a sample at a time, and
// the lanes that take backfill. Backfill mostly runs in order through times nobody has, and must then cost no more
// than rows of now; so what is known without decoding is asked first.

internal import Samples

/// What of time the segments cover, as far as it was asked; worked out anew when the segments change.
struct SegmentCoverage: Sendable {
    /// Of the segments this was worked out from.
    fileprivate var count = -1
    fileprivate var newest: UInt64 = 0
    /// Times no window has, around the one asked for last; empty when a window has that.
    fileprivate var clear: ClosedRange<Int64>?
}

extension Head {
    /// Whether what is as old as this would still be in the ring, had it been stored in time.
    func segmentsReach(_ time: Int64) -> Bool {
        guard let first = segments.first, let last = segments.last else { return true }
        // The files follow one another; the current one may be there twice, with its oldest and its newest.
        let steps = zip(segments, segments.dropFirst()).reduce(0) {
            $0 + ($1.0.fileNumber == $1.1.fileNumber ? 0 : 1)
        }
        let files = steps + (steps > 0 && first.fileNumber == last.fileNumber ? 0 : 1)
        guard files >= limits.ringFiles else { return true }
        return segments.contains { $0.minTime <= time }
    }

    /// Which of the samples at or behind their series' newest are new; the unsure ones go into the division.
    mutating func judge(
        _ places: [Int],
        _ batch: SampleBatch,
        _ division: inout Division
    ) -> [Division.Sample] {
        guard !places.isEmpty else { return [] }
        let time = batch.timestamp.milliseconds
        let isClear = segmentsAreClear(at: time)
        let windows = isClear ? windowsCovering(time, Int(batch.group.rawValue)) : []
        var new: [Division.Sample] = []
        for place in places {
            let sample = Division.Sample(id: batch.series[place], bits: batch.values[place].bitPattern)
            let isAlone = handles[sample.id].layout == SeriesHandle.none && !handles.isShared(sample.id)
            if isClear, isAlone, !mayHold(sample.id, time, windows) {
                new.append(sample)
            } else {
                division.unsure.append(sample)
            }
        }
        return new
    }

    /// Whether no bundle of any segment covers a time.
    private mutating func segmentsAreClear(at time: Int64) -> Bool {
        let newest = segments.last?.ringSequence ?? 0
        let isCurrent = coverage.count == segments.count && coverage.newest == newest
        if isCurrent, let clear = coverage.clear, clear.contains(time) { return true }
        var (low, high) = (Int64.min, Int64.max)
        coverage.count = segments.count
        coverage.newest = newest
        coverage.clear = nil
        for segment in segments {
            for bundle in segment.bundles {
                if bundle.bounds.maxTime < time {
                    low = max(low, bundle.bounds.maxTime + 1)
                } else if bundle.bounds.minTime > time {
                    high = min(high, bundle.bounds.minTime - 1)
                } else {
                    return false
                }
            }
        }
        coverage.clear = low...high
        return true
    }

    /// A window in memory: of a lane, and whether it is one of its frozen ones.
    private typealias Place = (lane: UInt32, frozen: Int?)

    private func windowsCovering(_ time: Int64, _ group: Int) -> [Place] {
        var places: [Place] = []
        for number in groups[group].lanes {
            let lane = lanes[Int(number)]
            for (place, window) in lane.frozen.enumerated()
            where window.minTime <= time && time <= window.maxTime {
                places.append((number, place))
            }
            if lane.window.minTime <= time, time <= lane.window.maxTime { places.append((number, nil)) }
        }
        return places
    }

    /// Whether a series may have a sample at a time in one of the windows, as far as can be told without decoding.
    private func mayHold(_ id: SeriesID, _ time: Int64, _ places: [Place]) -> Bool {
        for (number, frozen) in places {
            if let frozen {
                if lanes[Int(number)].frozen[frozen].series.contains(id) { return true }
                continue
            }
            let handle = handles[id]
            let isOwn = handle.lane == number && handle.column != SeriesHandle.noColumn
            guard let column = isOwn ? Int(handle.column) : lanes[Int(number)].column(of: id) else {
                continue
            }
            let window = lanes[Int(number)].window
            if window.newestTime(of: column) >= time || !window.late.isEmpty { return true }
        }
        return false
    }

    /// Stores backfill: in a lane that is before its time, else as a late row.
    mutating func storeOld(
        _ samples: [Division.Sample],
        _ time: Int64,
        in group: Int,
        _ division: inout Division
    ) {
        let number = laneForOld(samples, time, group)
        let lane = Int(number)
        makeRoom(in: number, for: samples.count)
        let isInOrder = accepts(samples, time, in: lane)
        if isInOrder { row.begin(columns: lanes[lane].window.series.count) }
        var late: [(column: UInt32, bits: UInt64)] = []
        var seen: Set<SeriesID> = []
        for sample in samples {
            let column = oldColumn(sample, lane)
            handles[sample.id].newest = max(handles[sample.id].newest, time)
            if isInOrder {
                if column >= row.columns { row.grow(to: column + 1) }
                row.set(column, sample.bits)
            } else if seen.insert(sample.id).inserted {
                late.append((UInt32(column), sample.bits))
            }
        }
        division.result.appended += isInOrder ? row.count : late.count
        if isInOrder ? commitRow(number, time) : commitLate(number, time, &late) { division.isDue = true }
    }

    private mutating func oldColumn(_ sample: Division.Sample, _ lane: Int) -> Int {
        if let known = lanes[lane].columnOf[sample.id] { return Int(known) }
        let column = lanes[lane].window.addColumn(sample.id, base: sample.bits)
        lanes[lane].columnOf[sample.id] = UInt32(column)
        handles.enterOther(sample.id)
        return column
    }

    /// Whether a lane can take the samples as a row in order.
    private func accepts(_ samples: [Division.Sample], _ time: Int64, in lane: Int) -> Bool {
        let window = lanes[lane].window
        guard window.accepts(time) else { return false }
        guard window.rows > 0, time == window.lastTime else { return true }
        return samples.allSatisfy { sample in
            lanes[lane].columnOf[sample.id].map { window.newestTime(of: Int($0)) < time } ?? true
        }
    }

    /// The lane nearest before the time, a new one, or one whose window is worth ending.
    private mutating func laneForOld(_ samples: [Division.Sample], _ time: Int64, _ group: Int) -> UInt32 {
        let old = groups[group].lanes.filter { lanes[Int($0)].isOld }
        let fitting = old.filter { accepts(samples, time, in: Int($0)) }
            .max { lanes[Int($0)].window.lastTime < lanes[Int($1)].window.lastTime }
        if let lane = fitting ?? makeLane(group, isOld: true) { return lane }
        let longest = old.max { lanes[Int($0)].window.rows < lanes[Int($1)].window.rows }
        guard let longest else {
            return addLane(Lane(group: UInt32(group), isOld: true, stream: takeStream()))
        }
        if lanes[Int(longest)].window.rows >= Head.worthwhileRows { freeze(Int(longest)) }
        return longest
    }
}
