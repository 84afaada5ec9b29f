// SPDX-License-Identifier: Apache-2.0
//
// Order statistics of a native histogram. Observations are taken to be spread evenly over the logarithm of an
// exponential bucket, and linearly over a custom bucket and the zero bucket. Observations of NaN are in the count and in
// no bucket; that there are any shows in a sum that is NaN.
//
// Source: Prometheus `promql/quantile.go`.

internal import Glibc
internal import Samples

extension NativeHistogram {
    /// How observations of NaN affect a quantile.
    enum NaNEffect {
        /// There are none.
        case none
        /// The quantile lies among them.
        case result
        /// They count as larger than everything, so it is too high.
        case skew
    }

    /// The φ-quantile.
    func quantile(_ phi: Double) -> (value: Double, effect: NaNEffect) {
        if phi < 0 { return (-.infinity, .none) }
        if phi > 1 { return (.infinity, .none) }
        if count == 0 || phi.isNaN { return (.nan, .none) }
        // From the nearer end, for the sake of rounding; what NaN counts for lies at the upper end.
        let isForward = sum.isNaN || phi < 0.5
        let buckets = buckets
        var rank = isForward ? phi * count : (1 - phi) * count
        var found: BucketRange?
        var total = 0.0
        for place in buckets.indices {
            let bucket = buckets[isForward ? place : buckets.count - 1 - place]
            total += bucket.count
            found = bucket
            if total >= rank { break }
        }
        var effect = NaNEffect.none
        if sum.isNaN {
            if total < rank { return (.nan, .result) }
            if buckets.reduce(0, { $0 + $1.count }) < count { effect = .skew }
        }
        guard let bucket = found else { return (0, effect) }
        var (lower, upper) = narrowed(bucket)
        if hasCustomBounds {
            if lower == -.infinity {
                if upper <= 0 { return (upper, effect) }
                lower = 0
            } else if upper == .infinity {
                return (lower, effect)
            }
        }
        total = min(total, count)
        // Rounding can leave the rank just beyond the last bucket.
        if total < rank { return (upper, effect) }
        rank = isForward ? rank - (total - bucket.count) : total - rank
        let share = rank / bucket.count
        if hasCustomBounds || (lower <= 0 && upper >= 0) { return (lower + (upper - lower) * share, effect) }
        let (low, high) = (log2(abs(lower)), log2(abs(upper)))
        let value = lower > 0 ? exp2(low + (high - low) * share) : -exp2(high + (low - high) * (1 - share))
        return (value, effect)
    }

    /// A bucket's bounds; the zero bucket has only one side when all other observations lie on that side.
    private func narrowed(_ bucket: BucketRange) -> (lower: Double, upper: Double) {
        guard !hasCustomBounds, bucket.lower < 0, bucket.upper > 0 else {
            return (bucket.lower, bucket.upper)
        }
        if negative.isEmpty, !positive.isEmpty { return (0, bucket.upper) }
        if positive.isEmpty, !negative.isEmpty { return (bucket.lower, 0) }
        return (bucket.lower, bucket.upper)
    }

    /// The share of observations between two values, and whether some are NaN and therefore in no share.
    func fraction(_ lower: Double, _ upper: Double) -> (value: Double, excludesNaN: Bool) {
        if count == 0 || lower.isNaN || upper.isNaN { return (.nan, false) }
        let buckets = buckets
        var total = count
        var excludesNaN = false
        if sum.isNaN {
            let inBuckets = buckets.reduce(0) { $0 + $1.count }
            excludesNaN = inBuckets < count
            if excludesNaN { total = inBuckets }
        }
        if lower >= upper { return (0, excludesNaN) }
        let high = min(rank(of: upper, buckets, total), total)
        let low = min(rank(of: lower, buckets, total), total)
        return ((high - low) / count, excludesNaN)
    }

    /// The number of observations up to a value.
    private func rank(of value: Double, _ buckets: [BucketRange], _ total: Double) -> Double {
        var rank = 0.0
        for bucket in buckets {
            var (lower, upper) = narrowed(bucket)
            if hasCustomBounds, lower == -.infinity, upper > 0 { lower = 0 }
            if lower >= value { return rank }
            if upper > value {
                let isZero = lower <= 0 && upper >= 0
                return hasCustomBounds || isZero
                    ? linearRank(of: value, lower, upper, rank, bucket.count)
                    : exponentialRank(of: value, lower, upper, rank, bucket.count)
            }
            rank += bucket.count
        }
        return total
    }

    private func linearRank(
        of value: Double,
        _ lower: Double,
        _ upper: Double,
        _ rank: Double,
        _ count: Double
    ) -> Double {
        // Nothing is known of where observations lie in a bucket without lower end; it counts whole.
        if lower == -.infinity { return count }
        return rank + count * (value - lower) / (upper - lower)
    }

    private func exponentialRank(
        of value: Double,
        _ lower: Double,
        _ upper: Double,
        _ rank: Double,
        _ count: Double
    ) -> Double {
        let (low, high, place) = (log2(abs(lower)), log2(abs(upper)), log2(abs(value)))
        let share = value > 0 ? (place - low) / (high - low) : 1 - (place - high) / (low - high)
        return rank + count * share
    }

    /// The population variance, each bucket's observations taken to lie in its middle.
    var variance: Double {
        let mean = sum / count
        var squares = CompensatedSum()
        for bucket in buckets {
            let middle: Double
            if hasCustomBounds {
                middle = (bucket.upper + bucket.lower) / 2
            } else if bucket.lower <= 0, bucket.upper >= 0 {
                middle = 0
            } else {
                let root = (bucket.upper * bucket.lower).squareRoot()
                middle = bucket.upper < 0 ? -root : root
            }
            let delta = middle - mean
            squares.add(bucket.count * delta * delta)
        }
        return (squares.sum + squares.compensation) / count
    }
}
