// SPDX-License-Identifier: Apache-2.0
//
// Range functions where the source has summaries of windows instead of some of the samples. Edges lie on the ends of those
// windows, so counts, sums, averages, extremes, first and last values and the change of gauges and counters come out as
// from the samples. Other functions see of each window its last sample.
//
// A range that is not as long as the windows it had to be widened to gives its share of what adds up.

internal import Samples

extension SampleWindows {
    /// Computes a function from summaries; false when they do not tell.
    borrowing func summarize(_ function: Function, into column: inout Column) -> Bool {
        switch function {
        case .rate: change(&column, isCounter: true, perSecond: true)
        case .increase: change(&column, isCounter: true, perSecond: false)
        case .delta: change(&column, isCounter: false, perSecond: false)
        case .sumOverTime: joined(&column) { step, all in all.sum * share(step) }
        case .countOverTime: joined(&column) { step, all in Double(all.count) * share(step) }
        case .avgOverTime: joined(&column) { _, all in all.average }
        case .minOverTime: joined(&column) { _, all in all.min }
        case .maxOverTime: joined(&column) { _, all in all.max }
        case .firstOverTime: slide(into: &column) { _, low, _ in summaries[low].first }
        default: return false
        }
        return true
    }

    /// The part of the widened window that was asked for.
    private borrowing func share(_ step: Int) -> Double {
        let length = windows.end(step).subtractingClamped(windows.start(step))
        return length == windows.length ? 1 : Double(windows.length) / Double(length)
    }

    @inline(__always)
    private borrowing func joined(_ column: inout Column, _ finish: (Int, SampleSummary) -> Double?) {
        var window = SlidingWindow<SampleSummary>()
        slide(into: &column) { step, low, high in finish(step, window.aggregate(self, step, low, high)) }
    }

    /// `rate`, `increase` and `delta`, as over samples.
    private borrowing func change(_ column: inout Column, isCounter: Bool, perSecond: Bool) {
        joined(&column) { step, all in
            guard all.count >= 2 else { return nil }
            let change = isCounter ? all.increase : all.last - all.first
            let (start, end) = (windows.start(step), windows.end(step))
            var toStart = Double(all.firstTime - start) / 1000
            var toEnd = Double(end - all.lastTime) / 1000
            let sampled = Double(all.lastTime - all.firstTime) / 1000
            let gap = sampled / Double(all.count - 1)
            if toStart >= gap * 1.1 { toStart = gap / 2 }
            if isCounter, change > 0, all.first >= 0 {
                toStart = min(toStart, sampled * (all.first / change))
            }
            if toEnd >= gap * 1.1 { toEnd = gap / 2 }
            var factor = (sampled + toStart + toEnd) / sampled
            if perSecond { factor /= Double(end - start) / 1000 }
            return perSecond ? change * factor : change * factor * share(step)
        }
    }
}

extension SampleSummary: WindowAggregate {
    static func of(_ samples: borrowing SampleWindows, _ index: Int) -> SampleSummary {
        samples.summaries[index]
    }
}
