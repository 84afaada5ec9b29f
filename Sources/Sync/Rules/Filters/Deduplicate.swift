// SPDX-License-Identifier: Apache-2.0
//
// Values that do not change are sent once a window: its first sample, and each that differs from the sample before it.
// Bits are compared, so nothing that differs is taken for the same. Stale markers stay.

internal import Samples

/// Unchanged values left out of aligned windows.
struct Deduplicate: Sendable, Equatable {
    let windows: WindowGrid

    /// What is kept of all windows but those before `start`.
    func apply(_ flow: SampleFlow, after start: Int64) -> SampleFlow {
        var result = SampleFlow()
        result.isDerived = flow.isDerived
        let samples = flow.samples
        let starts = flow.startsBySample()
        windows.forEachWindow(of: flow) { end, indices, _ in
            guard end > start else { return }
            for index in indices {
                let bits = samples.values[index].bitPattern
                let isFirst = index == indices.lowerBound
                let isRepeated =
                    !isFirst && bits != StaleMarker.bits && bits == samples.values[index - 1].bitPattern
                    // A counter that began anew and reached the same value is another one.
                    && starts?[index] == starts?[index - 1]
                guard !isRepeated else { continue }
                result.samples.append(samples.timestamps[index], samples.values[index])
            }
        }
        let (times, histograms) = (flow.histograms.timestamps, flow.histograms.histograms)
        windows.forEachWindow(at: times) { end, indices, _ in
            guard end > start else { return }
            for index in indices {
                let isFirst = index == indices.lowerBound
                guard isFirst || histograms[index].isStale || histograms[index] != histograms[index - 1]
                else { continue }
                result.histograms.append(times[index], histograms[index])
            }
        }
        result.takeStarts(of: flow)
        return result
    }
}
