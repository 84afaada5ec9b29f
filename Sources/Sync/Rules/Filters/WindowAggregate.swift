// SPDX-License-Identifier: Apache-2.0
//
// A window's values as one value at the window's end: what PromQL's `…_over_time(m[W])` says there, with the same
// additions in the same order. Where a series ended, a stale marker follows one millisecond after the window.

internal import Config
internal import Samples

/// One operation over aligned windows.
struct WindowAggregate: Sendable, Equatable {
    let operation: SyncOperation
    let windows: WindowGrid

    /// The values of all windows but those before `start`; the window before is looked at for the first one.
    func apply(_ flow: SampleFlow, after start: Int64) -> SampleFlow {
        var result = SampleFlow()
        result.isDerived = true
        windows.forEachWindow(of: flow) { end, indices, previous in
            guard end > start else { return }
            let values = flow.samples.values[indices].filter { !$0.isStale }
            if !values.isEmpty, let value = value(flow, indices, previous, values) {
                result.samples.append(end, value)
            }
            guard flow.samples.endsStale(indices) else { return }
            // A series that had ended before is not ended again.
            if values.isEmpty, flow.samples.endsStale(previous) { return }
            result.samples.append(end + 1, StaleMarker.value)
        }
        let histograms = HistogramWindow(windows: windows).apply(flow, after: start)
        (result.histograms, result.starts) = (histograms.histograms, histograms.starts)
        return result
    }

    private func value(
        _ flow: SampleFlow,
        _ indices: Range<Int>,
        _ previous: Range<Int>,
        _ values: [Double]
    ) -> Double? {
        switch operation {
        case .count: return Double(values.count)
        case .last: return values[values.count - 1]
        case .quantile(let fraction): return WindowAggregate.quantile(fraction, of: values)
        case .average: return WindowAggregate.average(values)
        case .sum, .min, .max, .rate: break
        }
        var summary = SampleSummary(time: 0, value: values[0])
        for value in values.dropFirst() { summary.add(time: 0, value: value) }
        switch operation {
        case .sum: return summary.sum
        case .min: return summary.min
        case .max: return summary.max
        default: break
        }
        let seconds = Double(windows.length) / 1000
        if let before = flow.samples.values[previous].last(where: { !$0.isStale }) {
            return summary.increase(after: before) / seconds
        }
        // One sample alone says nothing about a rate.
        return values.count > 1 ? summary.increase / seconds : nil
    }

    /// The mean as Prometheus computes it: the compensated sum by the count, and from where the sum would overflow a
    /// mean that is moved by each value.
    static func average(_ values: [Double]) -> Double {
        var (sum, lost) = (values[0], 0.0)
        for (index, value) in values.enumerated().dropFirst() {
            let next = sum + value
            if next.isInfinite { return movedMean(sum, lost, values, from: index) }
            lost += abs(sum) >= abs(value) ? (sum - next) + value : (value - next) + sum
            sum = next
        }
        let count = Double(values.count)
        return sum / count + lost / count
    }

    private static func movedMean(
        _ sum: Double,
        _ lostOfSum: Double,
        _ values: [Double],
        from start: Int
    ) -> Double {
        var mean = sum / Double(start)
        var lost = lostOfSum / Double(start)
        for index in start..<values.count {
            let count = Double(index + 1)
            let weight = (count - 1) / count
            mean *= weight
            lost *= weight
            let part = values[index] / count
            let next = mean + part
            if next.isInfinite {
                lost = 0
            } else if abs(mean) >= abs(part) {
                lost += (mean - next) + part
            } else {
                lost += (part - next) + mean
            }
            mean = next
        }
        return mean + lost
    }

    /// The φ-quantile, linear between neighbours; NaN is smaller than every number.
    static func quantile(_ fraction: Double, of values: [Double]) -> Double {
        if fraction.isNaN { return .nan }
        if fraction < 0 { return -.infinity }
        if fraction > 1 { return .infinity }
        let sorted = values.sorted { $0 < $1 || ($0.isNaN && !$1.isNaN) }
        let rank = fraction * Double(sorted.count - 1)
        let whole = rank.rounded(.down)
        // 0 ≤ rank ≤ count − 1.
        let lower = Int(whole)
        let upper = min(lower + 1, sorted.count - 1)
        return sorted[lower] * (1 - (rank - whole)) + sorted[upper] * (rank - whole)
    }
}

extension SampleColumns {
    /// Whether the last of these samples says that the series ended.
    func endsStale(_ indices: Range<Int>) -> Bool {
        indices.last.map { values[$0].isStale } ?? false
    }
}
