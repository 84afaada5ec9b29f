// SPDX-License-Identifier: Apache-2.0
//
// Adding native histograms up, each number with the rounding error it left (`CompensatedSum`). Histograms of different
// resolution are brought to the coarser one, different zero buckets to one that ends at a bucket's bound on both sides,
// different custom bounds to those both have. Exponential and custom buckets do not mix.
//
// Source: Prometheus `model/histogram`, the rules of FloatHistogram's addition.

internal import Samples

/// Exponential buckets met custom ones.
struct MixedSchemas: Error {}

/// A sum of histograms that is still growing.
struct HistogramSum {
    /// What there is to say about an addition besides its result.
    struct Remarks: OptionSet {
        let rawValue: UInt8

        /// One histogram says the counter began anew, the other that it did not.
        static let resetsCollide = Remarks(rawValue: 1)
        /// Custom bounds differed; those that both have were kept.
        static let boundsReconciled = Remarks(rawValue: 2)
    }

    private struct Bucket {
        let index: Int32
        var count: CompensatedSum
    }

    private var schema: Int32
    private var threshold: Double
    private var zero: CompensatedSum
    private var count: CompensatedSum
    private var sum: CompensatedSum
    private var positive: [Bucket]
    private var negative: [Bucket]
    private var bounds: [Double]
    var counterReset: CounterReset

    init(_ histogram: NativeHistogram) {
        schema = histogram.schema
        threshold = histogram.zeroThreshold
        zero = CompensatedSum(histogram.zeroCount)
        count = CompensatedSum(histogram.count)
        sum = CompensatedSum(histogram.sum)
        positive = HistogramSum.buckets(histogram.positive, of: histogram)
        negative = HistogramSum.buckets(histogram.negative, of: histogram)
        bounds = histogram.customBounds
        counterReset = histogram.counterReset
    }

    private static func buckets(_ buckets: [HistogramBucket], of histogram: NativeHistogram) -> [Bucket] {
        buckets.map { Bucket(index: $0.index, count: CompensatedSum(histogram.count(of: $0.rawCount))) }
    }

    // MARK: - Adding

    /// Adds a histogram.
    mutating func add(_ other: NativeHistogram) throws(MixedSchemas) -> Remarks {
        try combine(other, sign: 1)
    }

    /// Takes a histogram away.
    mutating func subtract(_ other: NativeHistogram) throws(MixedSchemas) -> Remarks {
        try combine(other, sign: -1)
    }

    private mutating func combine(_ given: NativeHistogram, sign: Double) throws(MixedSchemas) -> Remarks {
        let isCustom = schema == NativeHistogram.customSchema
        guard isCustom == given.hasCustomBounds else { throw MixedSchemas() }
        var other = given
        var remarks: Remarks = join(given.counterReset) ? .resetsCollide : []
        if isCustom {
            if !CustomBounds.areEqual(bounds, other.customBounds) {
                remarks.insert(.boundsReconciled)
                let shared = CustomBounds.shared(bounds, other.customBounds)
                remap(to: shared)
                other = other.remapped(to: shared)
            }
        } else {
            // A NaN never becomes equal.
            while other.zeroThreshold != threshold, !threshold.isNaN, !other.zeroThreshold.isNaN {
                if threshold > other.zeroThreshold { other = other.withZeroBucket(covering: threshold) }
                if other.zeroThreshold > threshold { widenZeroBucket(to: other.zeroThreshold) }
            }
            if other.schema < schema { reduce(to: other.schema) }
            if other.schema > schema { other = other.reduced(to: schema) }
            zero.add(sign * other.zeroCount)
        }
        count.add(sign * other.count)
        sum.add(sign * other.sum)
        HistogramSum.merge(&positive, HistogramSum.buckets(other.positive, of: other), sign)
        HistogramSum.merge(&negative, HistogramSum.buckets(other.negative, of: other), sign)
        return remarks
    }

    /// The hint of the sum; true when one began anew and the other did not.
    private mutating func join(_ other: CounterReset) -> Bool {
        switch (counterReset, other) {
        case (let mine, let theirs) where mine == theirs: return false
        case (.gauge, _): return false
        case (_, .gauge): counterReset = .gauge
        case (.unknown, _): return false
        case (_, .unknown): counterReset = .unknown
        default:
            counterReset = .unknown
            return true
        }
        return false
    }

    private static func merge(_ mine: inout [Bucket], _ theirs: [Bucket], _ sign: Double) {
        if theirs.isEmpty { return }
        var result: [Bucket] = []
        result.reserveCapacity(max(mine.count, theirs.count))
        var index = 0
        for other in theirs {
            while index < mine.count, mine[index].index < other.index {
                result.append(mine[index])
                index += 1
            }
            var bucket = Bucket(index: other.index, count: CompensatedSum())
            if index < mine.count, mine[index].index == other.index {
                bucket = mine[index]
                index += 1
            }
            bucket.count.add(sign * other.count.sum)
            result.append(bucket)
        }
        result += mine[index...]
        mine = result
    }

    // MARK: - Layout

    private mutating func reduce(to coarser: Int32) {
        let shift = Int64(schema - coarser)
        func reduced(_ buckets: [Bucket]) -> [Bucket] {
            HistogramSum.joined(buckets) { ((Int64($0) - 1) >> shift) + 1 }
        }
        positive = reduced(positive)
        negative = reduced(negative)
        schema = coarser
    }

    private mutating func remap(to shared: [Double]) {
        let bounds = bounds
        positive = HistogramSum.joined(positive) { Int64(CustomBounds.place($0, in: bounds, to: shared)) }
        self.bounds = shared
    }

    /// Buckets with new places, which must ascend as the old ones do.
    private static func joined(_ buckets: [Bucket], _ place: (Int32) -> Int64) -> [Bucket] {
        var result: [Bucket] = []
        for bucket in buckets {
            let index = Int32(truncatingIfNeeded: place(bucket.index))
            if let last = result.last, last.index == index {
                result[result.count - 1].count.merge(bucket.count)
            } else {
                result.append(Bucket(index: index, count: bucket.count))
            }
        }
        return result
    }

    private mutating func widenZeroBucket(to wanted: Double) {
        threshold = value.zeroThreshold(covering: wanted)
        let (schema, threshold) = (schema, threshold)
        func isInside(_ bucket: Bucket) -> Bool {
            HistogramBounds.bound(bucket.index &- 1, schema: schema) < threshold
        }
        for bucket in positive where isInside(bucket) { zero.merge(bucket.count) }
        for bucket in negative where isInside(bucket) { zero.merge(bucket.count) }
        positive.removeAll(where: isInside)
        negative.removeAll(where: isInside)
    }

    // MARK: - Scaling

    /// Multiplies everything.
    mutating func scale(by factor: Double) {
        update { CompensatedSum($0.sum * factor, compensation: $0.compensation * factor) }
    }

    /// Divides everything.
    mutating func divide(by divisor: Double) {
        update { CompensatedSum($0.sum / divisor, compensation: $0.compensation / divisor) }
    }

    private mutating func update(_ change: (CompensatedSum) -> CompensatedSum) {
        zero = change(zero)
        count = change(count)
        sum = change(sum)
        for index in positive.indices { positive[index].count = change(positive[index].count) }
        for index in negative.indices { negative[index].count = change(negative[index].count) }
    }

    /// Whether a number has become infinite.
    var hasOverflow: Bool {
        zero.sum.isInfinite || count.sum.isInfinite || sum.sum.isInfinite
            || positive.contains { $0.count.sum.isInfinite }
            || negative.contains { $0.count.sum.isInfinite }
    }

    /// The sum so far; empty buckets are left out.
    var value: NativeHistogram {
        func finished(_ buckets: [Bucket]) -> [HistogramBucket] {
            buckets.map { HistogramBucket(index: $0.index, count: $0.count.value) }
        }
        return NativeHistogram(
            schema: schema,
            floatCount: count.value,
            sum: sum.value,
            zeroThreshold: threshold,
            floatZeroCount: zero.value,
            positive: finished(positive),
            negative: finished(negative),
            customBounds: bounds,
            counterReset: counterReset
        )
    }
}

extension CompensatedSum {
    /// Adds a sum with its own rounding error.
    fileprivate mutating func merge(_ other: CompensatedSum) {
        add(other.sum)
        compensation += other.compensation
    }
}

/// A mean of histograms that keeps working when the sum overflows; as `RunningMean`.
struct HistogramMean {
    private var count = 1.0
    private var sum: HistogramSum
    private var isIncremental = false

    init(_ first: NativeHistogram) {
        sum = HistogramSum(first)
    }

    mutating func add(_ histogram: NativeHistogram) throws(MixedSchemas) -> HistogramSum.Remarks {
        count += 1
        if !isIncremental {
            var next = sum
            let remarks = try next.add(histogram)
            if !next.hasOverflow {
                sum = next
                return remarks
            }
            isIncremental = true
            sum.divide(by: count - 1)
        }
        sum.scale(by: (count - 1) / count)
        return try sum.add(histogram.divided(by: count))
    }

    var value: NativeHistogram {
        var mean = sum
        if !isIncremental { mean.divide(by: count) }
        return mean.value
    }
}
