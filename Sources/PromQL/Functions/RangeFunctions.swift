// SPDX-License-Identifier: Apache-2.0
//
// The functions over a window of samples. Each fills a column for one series.

internal import Glibc

extension SampleWindows {
    /// Below this many windows per sample each window is computed from scratch, exactly as Prometheus sums it.
    private static var slidingThreshold: Int64 { 4 }

    /// Computes a function of the numbers for all steps.
    ///
    /// - Parameters:
    ///   - function: one that takes a range vector.
    ///   - parameter: the scalar argument at each step, for those that have one.
    ///   - second: the second scalar argument.
    ///   - column: receives the values.
    borrowing func evaluate(
        _ function: Function,
        parameter: [Double],
        second: [Double] = [],
        into column: inout Column
    ) {
        if !summaries.isEmpty, summarize(function, into: &column) { return }
        switch function {
        case .rate: rate(&column, isCounter: true, perSecond: true)
        case .increase: rate(&column, isCounter: true, perSecond: false)
        case .delta: rate(&column, isCounter: false, perSecond: false)
        case .irate: lastTwo(&column, perSecond: true)
        case .idelta: lastTwo(&column, perSecond: false)
        case .changes: count(&column) { $1 != $0 && !($0.isNaN && $1.isNaN) }
        case .resets: count(&column) { $1 < $0 }
        case .deriv, .predictLinear: line(&column, function, parameter)
        case .sumOverTime: sum(&column)
        case .avgOverTime: average(&column)
        case .minOverTime: sliding(&column, Minimum.self) { $0.value }
        case .maxOverTime: sliding(&column, Maximum.self) { $0.value }
        case .stdvarOverTime: deviation(&column) { $0 }
        case .stddevOverTime: deviation(&column) { $0.squareRoot() }
        case .countOverTime: slide(into: &column) { _, low, high in Double(high - low) }
        case .lastOverTime: slide(into: &column) { _, _, high in values[high - 1] }
        case .firstOverTime: slide(into: &column) { _, low, _ in values[low] }
        case .quantileOverTime: quantile(&column, parameter)
        case .madOverTime: deviationFromMedian(&column)
        case .tsOfFirstOverTime: slide(into: &column) { _, low, _ in Double(timestamps[low]) / 1000 }
        case .tsOfLastOverTime: slide(into: &column) { _, _, high in Double(timestamps[high - 1]) / 1000 }
        case .tsOfMinOverTime: timeOfExtreme(&column) { $0 <= $1 }
        case .tsOfMaxOverTime: timeOfExtreme(&column) { $0 >= $1 }
        case .doubleExponentialSmoothing: smooth(&column, parameter, second)
        default: slide(into: &column) { _, _, _ in 1 }
        }
    }

    // MARK: - Counters

    /// `rate`, `increase` and `delta`: the change over the window, extended to its edges unless samples are missing
    /// there, but not below zero for a counter.
    private borrowing func rate(_ column: inout Column, isCounter: Bool, perSecond: Bool) {
        // Where a counter fell; a window adds the values before the falls inside it.
        var falls: [Int] = []
        if isCounter {
            for index in values.indices.dropFirst() where values[index] < values[index - 1] {
                falls.append(index)
            }
        }
        var firstFall = 0
        let length = Double(windows.length) / 1000
        let line = windows.line
        let numbers = values.span
        let times = timestamps.span
        slide(into: &column) { step, low, high in
            guard high - low >= 2 else { return nil }
            let first = numbers[low]
            var change = numbers[high - 1] - first
            while firstFall < falls.count, falls[firstFall] <= low { firstFall += 1 }
            var fall = firstFall
            while fall < falls.count, falls[fall] < high {
                change += numbers[falls[fall] - 1]
                fall += 1
            }
            let start = line?.start(step) ?? windows.start(step)
            let end = line?.end(step) ?? windows.end(step)
            return Extension(
                toStart: times[low] - start,
                sampled: times[high - 1] - times[low],
                toEnd: end - times[high - 1],
                intervals: high - low - 1
            ).apply(to: change, from: isCounter ? first : nil, per: perSecond ? length : 1)
        }
    }

    /// How far the samples of a window reach, in milliseconds, and what their change means for the whole window.
    private struct Extension {
        let toStart: Int64
        let sampled: Int64
        let toEnd: Int64
        let intervals: Int

        /// The change over the window, given that over its samples, per so many seconds.
        ///
        /// `first` is a counter's first value. The change is multiplied once and last, so that a huge one stays finite.
        @inline(__always)
        func apply(to change: Double, from first: Double?, per length: Double) -> Double {
            // Mostly the samples reach both edges and a counter is far above zero. The margins leave what is close to
            // a limit to the exact way, so that rounding decides as it does in Prometheus.
            let (before, span, after) = (Double(toStart), Double(sampled), Double(toEnd))
            let limit = span * 1.0999
            let isWhole = before * Double(intervals) < limit && after * Double(intervals) < limit
            if isWhole {
                let factor = (span + before + after) / span / length
                guard let first, change > 0, first >= 0 else { return change * factor }
                if before * change < span * first * 0.9999 { return change * factor }
            }
            return exactly(change, first, length)
        }

        /// As Prometheus computes it, in seconds.
        private func exactly(_ change: Double, _ first: Double?, _ length: Double) -> Double {
            var toStart = Double(toStart) / 1000
            var toEnd = Double(toEnd) / 1000
            let sampled = Double(sampled) / 1000
            let gap = sampled / Double(intervals)
            if toStart >= gap * 1.1 { toStart = gap / 2 }
            if let first, change > 0, first >= 0 { toStart = min(toStart, sampled * (first / change)) }
            if toEnd >= gap * 1.1 { toEnd = gap / 2 }
            return change * ((sampled + toStart + toEnd) / sampled / length)
        }
    }

    private borrowing func lastTwo(_ column: inout Column, perSecond: Bool) {
        slide(into: &column) { _, low, high in
            guard high - low >= 2 else { return nil }
            let last = values[high - 1]
            let previous = values[high - 2]
            let milliseconds = timestamps[high - 1] - timestamps[high - 2]
            guard milliseconds != 0 else { return nil }
            guard perSecond else { return last - previous }
            return (last < previous ? last : last - previous) / (Double(milliseconds) / 1000)
        }
    }

    /// The number of neighbours in the window for which `isHit` holds.
    private borrowing func count(_ column: inout Column, _ isHit: (Double, Double) -> Bool) {
        // hits[i]: among the pairs ending at or before sample i.
        var hits = [Int32](repeating: 0, count: values.count)
        for index in values.indices.dropFirst() {
            hits[index] = hits[index - 1] + (isHit(values[index - 1], values[index]) ? 1 : 0)
        }
        slide(into: &column) { _, low, high in Double(hits[high - 1] - hits[low]) }
    }

    // MARK: - Sums

    /// Whether sums of windows may be put together from parts.
    ///
    /// Not where one might overflow: in which order numbers near the largest are added decides what comes out.
    private borrowing func sumsSlide() -> Bool {
        overlap >= Self.slidingThreshold && !values.contains { $0.isFinite && $0.magnitude >= 1e290 }
    }

    private borrowing func sum(_ column: inout Column) {
        var window = SlidingWindow<CompensatedSum>()
        let slides = sumsSlide()
        slide(into: &column) { step, low, high in
            if slides {
                let sum = window.aggregate(self, step, low, high)
                if sum.sum.isFinite { return sum.value }
            }
            if high - low >= CompensatedSum.laneThreshold,
                let sum = CompensatedSum(finite: values.span.extracting(low..<high))
            {
                return sum.value
            }
            var sum = CompensatedSum()
            for index in low..<high { sum.add(values[index]) }
            return sum.value
        }
    }

    private borrowing func average(_ column: inout Column) {
        var window = SlidingWindow<CompensatedSum>()
        let slides = sumsSlide()
        slide(into: &column) { step, low, high in
            if slides {
                let sum = window.aggregate(self, step, low, high)
                let count = Double(high - low)
                if sum.sum.isFinite { return sum.sum / count + sum.compensation / count }
            }
            if high - low >= CompensatedSum.laneThreshold,
                let sum = CompensatedSum(finite: values.span.extracting(low..<high))
            {
                let count = Double(high - low)
                return sum.sum / count + sum.compensation / count
            }
            var mean = RunningMean(values[low])
            for index in (low + 1)..<high { mean.add(values[index]) }
            return mean.value
        }
    }

    private borrowing func deviation(_ column: inout Column, _ finish: (Double) -> Double) {
        var window = SlidingWindow<Deviation>()
        let slides = overlap >= Self.slidingThreshold
        slide(into: &column) { step, low, high in
            if slides {
                let deviation = window.aggregate(self, step, low, high)
                if deviation.isAccurate { return finish(deviation.variance) }
            }
            var mean = CompensatedSum()
            var squares = CompensatedSum()
            for index in low..<high {
                let delta = values[index] - (mean.sum + mean.compensation)
                mean.add(delta / Double(index - low + 1))
                squares.add(delta * (values[index] - (mean.sum + mean.compensation)))
            }
            return finish((squares.sum + squares.compensation) / Double(high - low))
        }
    }

    @inline(__always)
    private borrowing func sliding<Aggregate: WindowAggregate>(
        _ column: inout Column,
        _ type: Aggregate.Type,
        _ finish: (Aggregate) -> Double
    ) {
        guard overlap >= Self.slidingThreshold else {
            return slide(into: &column) { _, low, high in
                var aggregate = Aggregate.of(self, low)
                for index in (low + 1)..<high { aggregate.append(.of(self, index)) }
                return finish(aggregate)
            }
        }
        var window = SlidingWindow<Aggregate>()
        slide(into: &column) { step, low, high in finish(window.aggregate(self, step, low, high)) }
    }

    // MARK: - Lines and quantiles

    private borrowing func line(_ column: inout Column, _ function: Function, _ parameter: [Double]) {
        var window = SlidingWindow<Line>()
        let slides = overlap >= Self.slidingThreshold
        slide(into: &column) { step, low, high in
            guard high - low >= 2 else { return nil }
            let time = function == .deriv ? timestamps[low] : windows.grid.time(step)
            var fit: (slope: Double, value: Double)?
            if slides { fit = window.aggregate(self, step, low, high).accurateFit(at: time) }
            let (slope, value) = fit ?? plainFit(low, high, at: time)
            return function == .deriv ? slope : slope * parameter[step] + value
        }
    }

    /// The least-squares line from sums of the samples, rounded as Prometheus rounds it.
    private borrowing func plainFit(_ low: Int, _ high: Int, at time: Int64) -> (slope: Double, value: Double)
    {
        let first = values[low]
        if (low..<high).allSatisfy({ values[$0] == first }) {
            return first.isInfinite ? (.nan, .nan) : (0, first)
        }
        var (x, y, xy, xx) = (CompensatedSum(), CompensatedSum(), CompensatedSum(), CompensatedSum())
        for index in low..<high {
            let seconds = Double(timestamps[index] &- time) / 1000
            x.add(seconds)
            y.add(values[index])
            xy.add(seconds * values[index])
            xx.add(seconds * seconds)
        }
        let count = Double(high - low)
        let covariance = xy.value - x.value * y.value / count
        let slope = covariance / (xx.value - x.value * x.value / count)
        return (slope, y.value / count - slope * x.value / count)
    }

    /// Windows that overlap share one sorted list; a sample goes in once and out once.
    private borrowing func quantile(_ column: inout Column, _ parameter: [Double]) {
        var sorted: [Double] = []
        var first = 0
        var end = 0
        slide(into: &column) { step, low, high in
            if overlap < Self.slidingThreshold {
                sorted.removeAll(keepingCapacity: true)
                sorted.append(contentsOf: values[low..<high])
                return Quantile.of(unsorted: &sorted, parameter[step])
            }
            if low >= end {
                sorted.removeAll(keepingCapacity: true)
                sorted.append(contentsOf: values[low..<high])
                sorted.sort(by: Quantile.precedes)
            } else {
                for index in first..<low {
                    sorted.remove(at: Quantile.position(of: values[index], in: sorted))
                }
                for index in end..<high {
                    sorted.insert(values[index], at: Quantile.position(of: values[index], in: sorted))
                }
            }
            first = low
            end = high
            return Quantile.of(sorted: sorted, parameter[step])
        }
    }

    /// The median of the distances from the median.
    private borrowing func deviationFromMedian(_ column: inout Column) {
        var sorted: [Double] = []
        slide(into: &column) { _, low, high in
            sorted.removeAll(keepingCapacity: true)
            sorted.append(contentsOf: values[low..<high])
            sorted.sort(by: Quantile.precedes)
            if sorted[0].isNaN { return .nan }
            let median = Quantile.of(sorted: sorted, 0.5)
            for index in sorted.indices { sorted[index] = abs(sorted[index] - median) }
            sorted.sort(by: Quantile.precedes)
            return Quantile.of(sorted: sorted, 0.5)
        }
    }

    /// When the value was smallest or largest, of several times the last.
    private borrowing func timeOfExtreme(_ column: inout Column, _ wins: (Double, Double) -> Bool) {
        slide(into: &column) { _, low, high in
            var best = low
            for index in low..<high where wins(values[index], values[best]) || values[best].isNaN {
                best = index
            }
            return Double(timestamps[best]) / 1000
        }
    }

    /// Holt's linear method: a level and a trend, each moved by its factor toward what the samples show.
    ///
    /// Source: Prometheus `double_exponential_smoothing`; both factors lie between 0 and 1.
    private borrowing func smooth(_ column: inout Column, _ smoothing: [Double], _ trend: [Double]) {
        slide(into: &column) { step, low, high in
            guard high - low >= 2 else { return nil }
            let (levelFactor, trendFactor) = (smoothing[step], trend[step])
            var (previous, level) = (0.0, values[low])
            var slope = values[low + 1] - values[low]
            for index in (low + 1)..<high {
                if index > low + 1 { slope = trendFactor * (level - previous) + (1 - trendFactor) * slope }
                (previous, level) = (
                    level, levelFactor * values[index] + (1 - levelFactor) * (level + slope)
                )
            }
            return level
        }
    }
}
