// SPDX-License-Identifier: Apache-2.0
//
// A native histogram: one sample of a distribution, as Prometheus' `model/histogram` defines it. Exponential buckets
// have a schema s of -4…8 and the index i: bucket i covers (2^((i-1)·2^-s), 2^(i·2^-s)], the negative side is its
// mirror image, and the zero bucket covers [-threshold, threshold]. Schema -53 has custom bounds instead: bucket i
// covers (bounds[i-1], bounds[i]], the last one ends at +Inf, and there is neither a negative side nor a zero bucket.
//
// Invariants: buckets ascend by index and none is empty. Prometheus may keep empty buckets inside a span; they mean
// nothing, so they are left out when a histogram is made and two histograms that count the same are equal.

/// What a source or the store knows of the counter since the sample before.
public enum CounterReset: UInt8, Sendable {
    /// Nothing is known.
    case unknown = 0
    /// The counter began anew.
    case reset = 1
    /// It did not.
    case notReset = 2
    /// No counter but a gauge, which may fall.
    case gauge = 3
}

/// A populated bucket.
public struct HistogramBucket: Sendable, Hashable {
    /// The bucket's place within its schema.
    public var index: Int32
    /// Observations: the number itself in an integer histogram, the bits of a double in a float one.
    public var rawCount: UInt64

    /// Creates a bucket.
    @inlinable
    public init(index: Int32, rawCount: UInt64) {
        self.index = index
        self.rawCount = rawCount
    }

    /// Creates a bucket of a float histogram.
    @inlinable
    public init(index: Int32, count: Double) {
        self.init(index: index, rawCount: count.bitPattern)
    }
}

/// One sample of a distribution.
public struct NativeHistogram: Sendable {
    /// The schema of custom bounds.
    public static let customSchema: Int32 = -53
    /// The schemas of exponential buckets.
    public static let exponentialSchemas: ClosedRange<Int32> = -4...8

    /// The resolution: -4…8 exponential, -53 custom bounds.
    public var schema: Int32
    /// What is known of the counter since the sample before.
    public var counterReset: CounterReset
    /// Whether counts are doubles and not whole numbers.
    public let isFloat: Bool
    /// Half the width of the zero bucket.
    public var zeroThreshold: Double
    /// Observations in the zero bucket, as `HistogramBucket.rawCount`.
    public var rawZeroCount: UInt64
    /// All observations, as `HistogramBucket.rawCount`.
    public var rawCount: UInt64
    /// The sum of the observed values; the stale marker when the series ends here.
    public var sum: Double
    /// Populated buckets above zero, ascending by index.
    public var positive: [HistogramBucket]
    /// Populated buckets below zero, ascending by index, which is away from zero.
    public var negative: [HistogramBucket]
    /// Upper bounds without +Inf, ascending; empty unless the schema is -53.
    public var customBounds: [Double]

    /// Creates a histogram with whole counts; empty buckets are left out.
    public init(
        schema: Int32,
        count: UInt64,
        sum: Double,
        zeroThreshold: Double = 0,
        zeroCount: UInt64 = 0,
        positive: [HistogramBucket] = [],
        negative: [HistogramBucket] = [],
        customBounds: [Double] = [],
        counterReset: CounterReset = .unknown
    ) {
        self.schema = schema
        self.counterReset = counterReset
        isFloat = false
        self.zeroThreshold = zeroThreshold
        rawZeroCount = zeroCount
        rawCount = count
        self.sum = sum
        self.positive = positive.populated(isFloat: false)
        self.negative = negative.populated(isFloat: false)
        self.customBounds = customBounds
    }

    /// Creates a histogram with counts that are doubles; empty buckets are left out.
    public init(
        schema: Int32,
        floatCount: Double,
        sum: Double,
        zeroThreshold: Double = 0,
        floatZeroCount: Double = 0,
        positive: [HistogramBucket] = [],
        negative: [HistogramBucket] = [],
        customBounds: [Double] = [],
        counterReset: CounterReset = .unknown
    ) {
        self.schema = schema
        self.counterReset = counterReset
        isFloat = true
        self.zeroThreshold = zeroThreshold
        rawZeroCount = floatZeroCount.bitPattern
        rawCount = floatCount.bitPattern
        self.sum = sum
        self.positive = positive.populated(isFloat: true)
        self.negative = negative.populated(isFloat: true)
        self.customBounds = customBounds
    }

    /// The sample that says "this series ended here".
    public static var staleMarker: NativeHistogram {
        NativeHistogram(schema: 0, count: UInt64(0), sum: StaleMarker.value)
    }

    /// Whether the series ends here.
    public var isStale: Bool { sum.isStale }

    /// Whether the buckets have bounds of their own.
    public var hasCustomBounds: Bool { schema == NativeHistogram.customSchema }

    /// All observations.
    @inlinable public var count: Double { count(of: rawCount) }

    /// Observations in the zero bucket.
    @inlinable public var zeroCount: Double { count(of: rawZeroCount) }

    /// A raw count of this histogram as a number.
    @inlinable
    public func count(of raw: UInt64) -> Double {
        isFloat ? Double(bitPattern: raw) : Double(raw)
    }

    /// The number of populated buckets, without the zero bucket.
    public var bucketCount: Int { positive.count + negative.count }

    /// The same histogram with counts that are doubles; those beyond 2^53 are rounded.
    public func floating() -> NativeHistogram {
        guard !isFloat else { return self }
        func convert(_ buckets: [HistogramBucket]) -> [HistogramBucket] {
            buckets.map { HistogramBucket(index: $0.index, count: Double($0.rawCount)) }
        }
        return NativeHistogram(
            schema: schema,
            floatCount: count,
            sum: sum,
            zeroThreshold: zeroThreshold,
            floatZeroCount: zeroCount,
            positive: convert(positive),
            negative: convert(negative),
            customBounds: customBounds,
            counterReset: counterReset
        )
    }
}

// MARK: - Resolution

extension NativeHistogram {
    /// The same observations in a coarser exponential schema; self when the schema is not coarser.
    ///
    /// O(buckets).
    public func reduced(to coarser: Int32) -> NativeHistogram {
        guard !hasCustomBounds, coarser < schema, NativeHistogram.exponentialSchemas.contains(coarser) else {
            return self
        }
        var result = self
        result.schema = coarser
        result.positive = merged(positive, shift: schema - coarser)
        result.negative = merged(negative, shift: schema - coarser)
        return result
    }

    /// The finest schema in which the histogram has at most this many buckets; self when it has no more, nil when no
    /// schema will do.
    public func reduced(toBuckets limit: Int) -> NativeHistogram? {
        var result = self
        while result.bucketCount > limit {
            guard !hasCustomBounds, result.schema > NativeHistogram.exponentialSchemas.lowerBound else {
                return nil
            }
            result = result.reduced(to: result.schema - 1)
        }
        return result
    }

    func merged(_ buckets: [HistogramBucket], shift: Int32) -> [HistogramBucket] {
        var result: [HistogramBucket] = []
        for bucket in buckets {
            // Bucket i of a schema lies within bucket ⌈i / 2^shift⌉ of the coarser one.
            let index = Int32(truncatingIfNeeded: ((Int64(bucket.index) - 1) >> Int64(shift)) + 1)
            if let last = result.last, last.index == index {
                let raw = last.rawCount
                result[result.count - 1].rawCount =
                    isFloat
                    ? (Double(bitPattern: raw) + Double(bitPattern: bucket.rawCount)).bitPattern
                    : raw &+ bucket.rawCount
            } else {
                result.append(HistogramBucket(index: index, rawCount: bucket.rawCount))
            }
        }
        return result
    }
}

// MARK: - Equality

extension NativeHistogram: Hashable {
    /// Equal fields, doubles compared by their bits.
    public static func == (left: NativeHistogram, right: NativeHistogram) -> Bool {
        left.schema == right.schema && left.isFloat == right.isFloat
            && left.counterReset == right.counterReset && left.hasSameCounts(as: right)
            && left.customBounds.elementsEqual(right.customBounds) { $0.bitPattern == $1.bitPattern }
    }

    private func hasSameCounts(as other: NativeHistogram) -> Bool {
        rawCount == other.rawCount && sum.bitPattern == other.sum.bitPattern
            && rawZeroCount == other.rawZeroCount
            && zeroThreshold.bitPattern == other.zeroThreshold.bitPattern && positive == other.positive
            && negative == other.negative
    }

    /// Hashes what equality compares.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(schema)
        hasher.combine(isFloat)
        hasher.combine(counterReset)
        hasher.combine(rawCount)
        hasher.combine(sum.bitPattern)
        hasher.combine(rawZeroCount)
        hasher.combine(zeroThreshold.bitPattern)
        hasher.combine(positive)
        hasher.combine(negative)
        for bound in customBounds { hasher.combine(bound.bitPattern) }
    }
}

extension [HistogramBucket] {
    /// The buckets that count something; mostly all, and then the same buffer.
    fileprivate func populated(isFloat: Bool) -> [HistogramBucket] {
        func isEmpty(_ bucket: HistogramBucket) -> Bool {
            isFloat ? Double(bitPattern: bucket.rawCount) == 0 : bucket.rawCount == 0
        }
        return contains(where: isEmpty) ? filter { !isEmpty($0) } : self
    }
}
