// SPDX-License-Identifier: Apache-2.0
//
// Range functions over windows that slide. Where windows overlap much, recomputing each costs window × steps; so a
// window's aggregate is put together from two parts, each kept up to date by adding only
//
//     lo ........ middle ........ hi
//     suffix[lo]  │  front
//
// `suffix[i]` is the aggregate of i..<middle, computed backwards once, for the places only where a later window begins;
// `front` that of middle..<hi, grown as the window does. When lo passes middle, the suffixes are built anew up to hi.
// Each sample is added at most twice, and nothing is ever subtracted, so neither rounding nor an infinity outlives its
// window. (The two-stack queue of Tangwongsan et al., "General Incremental Sliding-Window Aggregation", VLDB 2015.)
//
// What lies between two edges goes into one aggregate before it is joined to others: a stretch of samples is added up
// faster than its samples one by one.

/// An aggregate that two neighbouring stretches of samples can be joined into.
protocol WindowAggregate {
    init(time: Int64, value: Double)
    /// The aggregate of one sample of a series.
    static func of(_ samples: borrowing SampleWindows, _ index: Int) -> Self
    /// The aggregate of neighbouring samples, at least one.
    static func of(_ samples: borrowing SampleWindows, _ places: Range<Int>) -> Self
    /// Joins what follows in time.
    mutating func append(_ next: Self)
}

extension WindowAggregate {
    @inline(__always)
    static func of(_ samples: borrowing SampleWindows, _ index: Int) -> Self {
        Self(time: samples.timestamps[index], value: samples.values[index])
    }

    @inline(__always)
    static func of(_ samples: borrowing SampleWindows, _ places: Range<Int>) -> Self {
        var aggregate = of(samples, places.lowerBound)
        for index in (places.lowerBound + 1)..<places.upperBound { aggregate.append(of(samples, index)) }
        return aggregate
    }
}

/// Aggregates of a window whose ends only move forward.
struct SlidingWindow<Aggregate: WindowAggregate> {
    /// Stored from the last to the first; those before the window at hand are taken away.
    private var suffixes: [(start: Int, aggregate: Aggregate)] = []
    private var middle = 0
    private var front: Aggregate?
    private var frontEnd = 0
    private var starts: [Int] = []

    /// The aggregate of the samples `low..<high` of a step's window, which must not be empty.
    mutating func aggregate(
        _ samples: borrowing SampleWindows,
        _ step: Int,
        _ low: Int,
        _ high: Int
    ) -> Aggregate {
        while let newest = suffixes.last, newest.start < low { suffixes.removeLast() }
        if low >= middle || suffixes.isEmpty { rebuild(samples, step, low, high) }
        if frontEnd < high {
            let next = Aggregate.of(samples, frontEnd..<high)
            if front == nil { front = next } else { front?.append(next) }
            frontEnd = high
        }
        var result = suffixes[suffixes.count - 1].aggregate
        if let front { result.append(front) }
        return result
    }

    /// Suffixes of low..<high for this step and those that follow.
    private mutating func rebuild(
        _ samples: borrowing SampleWindows,
        _ step: Int,
        _ low: Int,
        _ high: Int
    ) {
        starts.removeAll(keepingCapacity: true)
        starts.append(low)
        var next = low
        for step in (step + 1)..<max(step + 1, samples.windows.grid.count) {
            let edge = samples.windows.start(step)
            let before = next
            while next < high, samples.timestamps[next] <= edge { next += 1 }
            if next == high { break }
            if next > before { starts.append(next) }
        }
        suffixes.removeAll(keepingCapacity: true)
        var end = high
        while let start = starts.popLast() {
            var aggregate = Aggregate.of(samples, start..<end)
            if let last = suffixes.last { aggregate.append(last.aggregate) }
            suffixes.append((start, aggregate))
            end = start
        }
        middle = high
        front = nil
        frontEnd = high
    }
}

// MARK: - Aggregates

extension CompensatedSum: WindowAggregate {
    init(time: Int64, value: Double) { self.init(value) }

    static func of(_ samples: borrowing SampleWindows, _ places: Range<Int>) -> CompensatedSum {
        if places.count >= 8, let sum = CompensatedSum(finite: samples.values.span.extracting(places)) {
            return sum
        }
        var sum = CompensatedSum()
        for index in places { sum.add(samples.values[index]) }
        return sum
    }

    mutating func append(_ next: CompensatedSum) {
        add(next.sum)
        compensation += next.compensation
        if sum.isInfinite { compensation = 0 }
    }
}

/// The smallest value; NaN only when there is nothing else.
struct Minimum: WindowAggregate {
    var value: Double

    init(time: Int64, value: Double) { self.value = value }

    mutating func append(_ next: Minimum) {
        if next.value < value || value.isNaN { value = next.value }
    }
}

/// The largest value; NaN only when there is nothing else.
struct Maximum: WindowAggregate {
    var value: Double

    init(time: Int64, value: Double) { self.value = value }

    mutating func append(_ next: Maximum) {
        if next.value > value || value.isNaN { value = next.value }
    }
}

/// Mean and squared deviations, joined by the formula of Chan, Golub and LeVeque (1979).
struct Deviation: WindowAggregate {
    private var count: Double
    private var mean: Double
    private var squares: Double

    init(time: Int64, value: Double) {
        count = 1
        mean = value
        squares = value.isFinite ? 0 : .nan
    }

    mutating func append(_ next: Deviation) {
        let total = count + next.count
        let delta = next.mean - mean
        mean += delta * (next.count / total)
        squares += next.squares + delta * delta * (count * next.count / total)
        count = total
    }

    /// Population variance.
    var variance: Double { squares / count }

    /// Whether Prometheus' own rounding, about the mean's last bit in each deviation, stays below 1e-11 of the variance.
    ///
    /// Where it does not, only its own order of operations gives its digits.
    var isAccurate: Bool { squares == 0 || (squares.isFinite && mean * mean <= variance * 2e9) }
}

/// A least-squares line, kept as means and central moments.
struct Line: WindowAggregate {
    private var count: Double
    /// Milliseconds that `meanTime` counts from.
    private let origin: Int64
    /// Seconds after `origin`.
    private var meanTime: Double
    private var meanValue: Double
    private var timeSquares: Double
    private var products: Double
    private let first: Double
    private var isConstant: Bool

    init(time: Int64, value: Double) {
        count = 1
        origin = time
        meanTime = 0
        meanValue = value
        timeSquares = 0
        // No line goes through an infinity.
        products = value.isFinite ? 0 : .nan
        first = value
        isConstant = true
    }

    mutating func append(_ next: Line) {
        let total = count + next.count
        let timeDelta = Double(next.origin &- origin) / 1000 + next.meanTime - meanTime
        let valueDelta = next.meanValue - meanValue
        let weight = count * next.count / total
        timeSquares += next.timeSquares + timeDelta * timeDelta * weight
        products += next.products + timeDelta * valueDelta * weight
        meanTime += timeDelta * (next.count / total)
        meanValue += valueDelta * (next.count / total)
        isConstant = isConstant && next.isConstant && first == next.first
        count = total
    }

    /// Value per second, and the line's value at a time.
    ///
    /// - Returns: nil where plain sums lose more than about 1e-12 of the slope: Prometheus computes those, and only its own
    ///   order of operations gives its digits then.
    func accurateFit(at time: Int64) -> (slope: Double, value: Double)? {
        if isConstant { return first.isInfinite ? (.nan, .nan) : (0, first) }
        let distance = Double(time &- origin) / 1000 - meanTime
        let isAccurate =
            products.isFinite && count * abs(distance * meanValue) <= 4000 * abs(products)
            && count * distance * distance <= 4000 * timeSquares
        guard isAccurate else { return nil }
        let slope = products / timeSquares
        return (slope, meanValue + slope * distance)
    }
}
