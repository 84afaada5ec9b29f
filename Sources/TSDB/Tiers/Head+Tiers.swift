// SPDX-License-Identifier: Apache-2.0
//
// What the head knows of tiers: which samples are without rows, which series a span has, and where samples end and rows
// begin.

internal import Samples

extension Head {
    /// Calls `body` with the first and last time of each window of samples, in segments and in memory, as far as rows can
    /// be built for them.
    func forEachWindow(_ body: (_ low: Int64, _ high: Int64) -> Void) {
        for segment in segments { segment.forEachWindow(body) }
        func note(_ window: HeadWindow) {
            guard !window.isEmpty, let times = TierGrid.clamp(window.minTime, window.maxTime) else { return }
            body(times.lowerBound, times.upperBound)
        }
        for lane in lanes {
            for window in lane.frozen { note(window) }
            note(lane.window)
        }
    }

    /// The series that may have samples in a span.
    func series(in span: TierSpan) -> [TierSeries] {
        let all = allLabels
        var isFound = [Bool](repeating: false, count: all.count)
        var result: [TierSeries] = []
        func add(_ reference: SeriesReference) {
            let place = Int(reference)
            guard place < isFound.count, !isFound[place] else { return }
            isFound[place] = true
            // The parts of a histogram mean nothing one by one.
            guard all[place].count > 0, !PartLabel.marks(all[place]) else { return }
            result.append(TierSeries(reference: reference, labels: all[place]))
        }
        for segment in segments where span.overlaps(segment.minTime, segment.maxTime) {
            for bundle in segment.bundles
            where span.overlaps(bundle.bounds.minTime, bundle.bounds.maxTime) {
                for reference in bundle.columns.references { add(reference) }
            }
        }
        for lane in lanes {
            for window in lane.frozen + [lane.window]
            where !window.isEmpty && span.overlaps(window.minTime, window.maxTime) {
                for id in window.series { add(handles[id].reference) }
            }
        }
        return result
    }

    /// Notes that samples were given up; a time ahead of the clock was stamped by one that was wrong.
    mutating func giveUp(through time: Int64, _ wall: Int64) {
        guard time <= wall else { return }
        if let known = givenUp, known <= wall { givenUp = max(known, time) } else { givenUp = time }
    }

    /// Has spans built again that got samples after they were built; returns the tiers they are of.
    mutating func noteLate(_ time: Int64, at now: UInt64, _ lengths: [Int64]) -> [Int] {
        guard TierGrid.times.contains(time) else { return [] }
        var behind: [Int] = []
        for number in tiers.indices {
            // Where samples come there is no gap.
            if tiers[number].gaps.contains(time) { tiers[number].gaps = TierCoverage() }
            guard tiers[number].coverage.contains(time) else { continue }
            behind.append(number)
            let end = TierGrid.up(time, lengths[number])
            if tiers[number].late[end] != nil || tiers[number].late.count < TierView.lateLimit {
                tiers[number].late[end] = now
            }
        }
        return behind
    }
}

extension Segment {
    /// Calls `body` with the first and last time of each bundle of windows, as far as rows can be built for them.
    func forEachWindow(_ body: (_ low: Int64, _ high: Int64) -> Void) {
        for bundle in bundles {
            guard let times = TierGrid.clamp(bundle.bounds.minTime, bundle.bounds.maxTime) else { continue }
            body(times.lowerBound, times.upperBound)
        }
    }
}

extension TierSpan {
    func isWithin(_ other: TierSpan) -> Bool { from >= other.from && through <= other.through }
}

extension TierView {
    /// Notes that rows were given up.
    mutating func giveUp(through time: Int64, _ wall: Int64) {
        if let known = givenUp, known <= wall { givenUp = max(known, time) } else { givenUp = time }
    }
}

extension SeriesIndex {
    /// The shared set of series with these labels, in this order, with one use more.
    mutating func adopt(labels: [Labels], _ head: inout Head) -> ColumnSet {
        let references = labels.map { retain($0) }
        for (reference, label) in zip(references, labels) { head.setLabels(label, of: reference) }
        let set = adopt(references)
        // The set has mentions of its own.
        var forgotten: [SeriesReference] = []
        for reference in references { release(reference, &forgotten) }
        return set
    }
}

extension [TierSeries] {
    /// Sets smaller than this are joined with the next: a set costs a few hundred bytes of memory.
    private static var smallestSet: Int { 32 }

    /// In label order, those of one target together, so that series that come and go on one target leave the sets of
    /// the others as they are, and shared.
    func sortedIntoSets() -> [[TierSeries]] {
        var targets: [[UInt8]: [TierSeries]] = [:]
        for series in self { targets[series.labels.target, default: []].append(series) }
        var sets: [[TierSeries]] = []
        var small: [TierSeries] = []
        for (_, series) in targets.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            let sorted = series.sorted { $0.labels < $1.labels }
            if sorted.count >= Self.smallestSet {
                sets.append(sorted)
            } else {
                small += sorted
                if small.count >= Self.smallestSet {
                    sets.append(small)
                    small = []
                }
            }
        }
        if !small.isEmpty { sets.append(small) }
        return sets
    }
}

extension Labels {
    private static let job = Array("job".utf8)
    private static let instance = Array("instance".utf8)

    /// What tells the target of a series from others.
    fileprivate var target: [UInt8] {
        var key: [UInt8] = []
        for name in [Labels.job, Labels.instance] {
            if let range = value(ofNameBytes: name) { key += bytes[range] }
            key.append(0)
        }
        return key
    }
}
