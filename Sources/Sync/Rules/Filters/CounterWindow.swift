// SPDX-License-Identifier: Apache-2.0
//
// A counter's samples thinned out so that what it gained stays what it was. Of each window the last sample is kept, and
// of each fall the samples before and at it; between those the counter only rises, so the differences left out add up to
// the difference left in:
//
//     increase over (a·W, b·W], from the last sample before it, is the same over what is kept as over everything
//
// The last sample alone would not do: 10 | 1 … 50 would read as a gain of 40, which was 50. What is kept are the
// samples themselves, at their times.

internal import Samples

/// Counters over aligned windows.
struct CounterWindow: Sendable, Equatable {
    let windows: WindowGrid

    /// What is kept of all windows but those before `start`; the window before is looked at for the first one.
    func apply(_ flow: SampleFlow, after start: Int64) -> SampleFlow {
        var result = SampleFlow()
        result.isDerived = flow.isDerived
        let starts = flow.startsBySample()
        let samples = flow.samples
        windows.forEachWindow(of: flow) { end, indices, previous in
            guard end > start else { return }
            var kept: [Int] = []
            /// The last number looked at; it lies in the window before until the first one of this window was.
            var before = samples.values[previous].lastIndex { !$0.isStale }
            var isFirst = true
            for index in indices where !samples.values[index].isStale {
                if let earlier = before {
                    let value = samples.values[index]
                    let isFall =
                        value < samples.values[earlier]
                        || (starts?[index] ?? .min) > samples.timestamps[earlier]
                    if isFall {
                        // Against the window before its last sample was kept there.
                        if !isFirst { kept.append(earlier) }
                        kept.append(index)
                    }
                } else {
                    kept.append(index)
                }
                (before, isFirst) = (index, false)
            }
            if !isFirst, let last = before { kept.append(last) }
            if samples.endsStale(indices), !isFirst || !samples.endsStale(previous), let last = indices.last {
                kept.append(last)
            }
            var newest = -1
            for index in kept where index > newest {
                result.samples.append(samples.timestamps[index], samples.values[index])
                newest = index
            }
        }
        result.histograms = HistogramWindow(windows: windows).apply(flow, after: start).histograms
        result.takeStarts(of: flow)
        return result
    }
}
