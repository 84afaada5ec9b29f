// SPDX-License-Identifier: Apache-2.0
//
// What stays of a window of samples when the samples go: enough to answer counts, sums, averages, extremes and the
// change of gauges and counters as if the samples were there. Summaries of neighbouring windows join into the
// summary of both, so a coarser one is never less exact than a finer one.

/// A run of samples of one series without the samples.
public struct SampleSummary: Sendable {
    /// How many samples there were, NaN included, stale markers not.
    public var count: Int
    /// The time of the first one.
    public var firstTime: Int64
    /// The time of the last one.
    public var lastTime: Int64
    /// The first value.
    public var first: Double
    /// The last value.
    public var last: Double
    /// The smallest value; NaN only when there was nothing else.
    public var min: Double
    /// The largest value; NaN only when there was nothing else.
    public var max: Double
    /// The values before each fall, added up: what a counter had reached whenever it began again.
    public var fallen: Double
    /// The sum, see `sum` for the value.
    @usableFromInline var total: Double
    /// What rounding lost of `total` (Neumaier 1974, as Prometheus adds).
    @usableFromInline var compensation: Double

    /// The summary of one sample.
    @inlinable
    public init(time: Int64, value: Double) {
        count = 1
        (firstTime, lastTime) = (time, time)
        (first, last, min, max, total) = (value, value, value, value, value)
        (fallen, compensation) = (0, 0)
    }

    /// The sum of all values.
    @inlinable
    public var sum: Double {
        get { total.isInfinite ? total : total + compensation }
        set { (total, compensation) = (newValue, 0) }
    }

    /// The average of all values.
    @inlinable
    public var average: Double {
        let count = Double(count)
        return total.isFinite ? total / count + compensation / count : total / count
    }

    /// How far a counter came from the first sample to the last.
    @inlinable
    public var increase: Double { last - first + fallen }

    /// How far a counter came from the sample before the window to the last one in it; a first value below that
    /// sample counts from zero.
    @inlinable
    public func increase(after previous: Double) -> Double {
        increase + (first < previous ? first : first - previous)
    }

    /// Adds the sample that follows.
    @inlinable
    public mutating func add(time: Int64, value: Double) {
        count += 1
        lastTime = time
        if value < last { fallen += last }
        last = value
        if value < min || min.isNaN { min = value }
        if value > max || max.isNaN { max = value }
        addToSum(value)
    }

    /// Joins the summary of what follows in time.
    @inlinable
    public mutating func append(_ next: SampleSummary) {
        count += next.count
        lastTime = next.lastTime
        if next.first < last { fallen += last }
        fallen += next.fallen
        last = next.last
        if next.min < min || min.isNaN { min = next.min }
        if next.max > max || max.isNaN { max = next.max }
        addToSum(next.total)
        compensation += next.compensation
        if total.isInfinite { compensation = 0 }
    }

    @inlinable
    mutating func addToSum(_ value: Double) {
        let next = total + value
        if next.isInfinite {
            compensation = 0
        } else if abs(total) >= abs(value) {
            compensation += (total - next) + value
        } else {
            compensation += (value - next) + total
        }
        total = next
    }
}

/// A row of a coarse stretch: one window of one series.
public struct CoarseRow: Sendable {
    /// The last millisecond of the window; the window is open on the left.
    public var end: Int64
    /// The samples in the window, nil when there were none.
    public var summary: SampleSummary?
    /// Whether the series ended within the window, after the samples.
    public var isEnded: Bool

    /// Creates a row.
    @inlinable
    public init(end: Int64, summary: SampleSummary?, isEnded: Bool) {
        self.end = end
        self.summary = summary
        self.isEnded = isEnded
    }
}

/// A stretch of time in which a store has rows instead of samples.
///
/// Windows end at multiples of the resolution, and so does the stretch; the resolution of an older stretch is a multiple
/// of that of the one after it.
public struct CoarseStretch: Sendable, Equatable {
    /// The last millisecond before it.
    public let after: Int64
    /// Its last millisecond.
    public let through: Int64
    /// The length of the windows in milliseconds.
    public let resolution: Int64

    /// Creates a stretch.
    public init(after: Int64, through: Int64, resolution: Int64) {
        self.after = after
        self.through = through
        self.resolution = resolution
    }
}
