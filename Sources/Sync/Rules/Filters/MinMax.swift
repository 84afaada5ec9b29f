// SPDX-License-Identifier: Apache-2.0
//
// The smallest and the largest sample of a window, as they are and at their times: peaks stay, and a graph of what is
// left covers the same area. NaN counts only where there is nothing else.

internal import Samples

/// Extremes over aligned windows.
struct MinMax: Sendable, Equatable {
    let windows: WindowGrid

    /// What is kept of all windows but those before `start`; the window before is looked at for the first one.
    func apply(_ flow: SampleFlow, after start: Int64) -> SampleFlow {
        var result = SampleFlow()
        result.isDerived = flow.isDerived
        let samples = flow.samples
        windows.forEachWindow(of: flow) { end, indices, previous in
            guard end > start else { return }
            var smallest: Int?
            var largest: Int?
            for index in indices where !samples.values[index].isStale {
                let value = samples.values[index]
                // Of equal ones the first; a number replaces NaN.
                if smallest.map({ value < samples.values[$0] || samples.values[$0].isNaN && !value.isNaN })
                    ?? true
                {
                    smallest = index
                }
                if largest.map({ value > samples.values[$0] || samples.values[$0].isNaN && !value.isNaN })
                    ?? true
                {
                    largest = index
                }
            }
            for index in Set([smallest, largest].compactMap(\.self)).sorted() {
                result.samples.append(samples.timestamps[index], samples.values[index])
            }
            if samples.endsStale(indices), smallest != nil || !samples.endsStale(previous),
                let last = indices.last
            {
                result.samples.append(samples.timestamps[last], samples.values[last])
            }
        }
        result.histograms = HistogramWindow(windows: windows).apply(flow, after: start).histograms
        result.takeStarts(of: flow)
        return result
    }
}
