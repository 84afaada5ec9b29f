// SPDX-License-Identifier: Apache-2.0
//
// Native histograms in aligned windows, whatever the filter: they are counters, so the last one of a window is kept, and
// those before and at a reset. Whether there was a reset is said by the store's hint; without one everything counts as a
// reset that may be one, which costs a sample and never an increase.

internal import Samples

/// Histograms over aligned windows.
struct HistogramWindow: Sendable, Equatable {
    let windows: WindowGrid

    /// What is kept of all windows but those before `start`; the window before is looked at for the first one.
    func apply(_ flow: SampleFlow, after start: Int64) -> SampleFlow {
        var result = SampleFlow()
        guard flow.histograms.count > 0 else { return result }
        let times = flow.histograms.timestamps
        let histograms = flow.histograms.histograms
        windows.forEachWindow(at: times) { end, indices, previous in
            guard end > start else { return }
            var kept: [Int] = []
            var before = histograms[previous].lastIndex { !$0.isStale }
            var isFirst = true
            for index in indices where !histograms[index].isStale {
                if let earlier = before {
                    if histograms[index].mayHaveReset(after: histograms[earlier]) {
                        if !isFirst { kept.append(earlier) }
                        kept.append(index)
                    }
                } else if histograms[index].counterReset != .gauge {
                    kept.append(index)
                }
                (before, isFirst) = (index, false)
            }
            if !isFirst, let last = before { kept.append(last) }
            let isEnded = indices.last.map { histograms[$0].isStale } ?? false
            let wasEnded = previous.last.map { histograms[$0].isStale } ?? false
            if isEnded, !isFirst || !wasEnded, let last = indices.last { kept.append(last) }
            var newest = -1
            for index in kept where index > newest {
                result.histograms.append(times[index], histograms[index])
                newest = index
            }
        }
        result.takeStarts(of: flow)
        return result
    }
}

extension NativeHistogram {
    /// Whether the counter may have begun anew after another histogram.
    fileprivate func mayHaveReset(after previous: NativeHistogram) -> Bool {
        switch counterReset {
        case .reset: return true
        case .notReset, .gauge: return false
        case .unknown: break
        }
        let isSameLayout =
            schema == previous.schema && isFloat == previous.isFloat
            && zeroThreshold == previous.zeroThreshold && customBounds == previous.customBounds
        guard isSameLayout, count >= previous.count, zeroCount >= previous.zeroCount else { return true }
        return hasFallen(positive, since: previous.positive) || hasFallen(negative, since: previous.negative)
    }

    private func hasFallen(_ buckets: [HistogramBucket], since before: [HistogramBucket]) -> Bool {
        var place = 0
        for bucket in before {
            while place < buckets.count, buckets[place].index < bucket.index { place += 1 }
            guard place < buckets.count, buckets[place].index == bucket.index,
                count(of: buckets[place].rawCount) >= count(of: bucket.rawCount)
            else { return true }
        }
        return false
    }
}
