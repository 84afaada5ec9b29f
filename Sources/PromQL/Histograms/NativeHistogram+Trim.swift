// SPDX-License-Identifier: Apache-2.0
//
// `h </ x` keeps the observations up to x, `h >/ x` those from x on. Where x cuts a bucket, its observations are taken
// to be spread evenly: over the logarithm in an exponential bucket, linearly in a custom one and in the zero bucket.
// How they are spread in a bucket without end is not known; mostly it goes whole. Count and sum are made anew from the
// buckets, each with its mean, but only when something was cut.
//
// Source: Prometheus `model/histogram`, the rules of FloatHistogram's trimming.

internal import Glibc
internal import Samples

extension NativeHistogram {
    /// The observations on one side of a value.
    func trimmed(at cut: Double, keepsLower: Bool) -> NativeHistogram {
        var trimming = Trimming(cut: cut, keepsLower: keepsLower, isLinear: hasCustomBounds)
        let kept = trimming.side(positive, of: self, isNegative: false)
        let keptNegative = trimming.side(negative, of: self, isNegative: true)
        var result = floating()
        if zeroCount > 0 {
            var (lower, upper) = (-zeroThreshold, zeroThreshold)
            if !positive.isEmpty, negative.isEmpty { lower = 0 }
            if positive.isEmpty, !negative.isEmpty { upper = 0 }
            let count = trimming.zeroBucket(lower, upper, zeroCount)
            result.rawZeroCount = count.bitPattern
        }
        guard trimming.hasCut else { return self }
        return NativeHistogram(
            schema: schema,
            floatCount: trimming.count,
            sum: trimming.sum,
            zeroThreshold: zeroThreshold,
            floatZeroCount: result.zeroCount,
            positive: kept,
            negative: keptNegative,
            customBounds: customBounds,
            counterReset: counterReset
        )
    }
}

/// One pass over the buckets of a histogram.
private struct Trimming {
    let cut: Double
    let keepsLower: Bool
    let isLinear: Bool
    private(set) var count = 0.0
    private(set) var sum = 0.0
    /// Whether any bucket lost something.
    private(set) var hasCut = false

    init(cut: Double, keepsLower: Bool, isLinear: Bool) {
        self.cut = cut
        self.keepsLower = keepsLower
        self.isLinear = isLinear
    }

    private mutating func keep(_ kept: Double, of whole: Double, at mean: Double) {
        if kept != whole { hasCut = true }
        count += kept
        sum += mean * kept
    }

    mutating func side(
        _ buckets: [HistogramBucket],
        of histogram: NativeHistogram,
        isNegative: Bool
    ) -> [HistogramBucket] {
        buckets.map { bucket in
            let whole = histogram.count(of: bucket.rawCount)
            let (lower, upper) = histogram.ends(of: bucket, isNegative: isNegative)
            var kept = 0.0
            if keepsLower ? upper <= cut : lower >= cut {
                kept = whole
                keep(kept, of: whole, at: mean(lower, upper, isNegative))
            } else if keepsLower ? lower < cut : upper > cut {
                let part = split(lower, upper, whole, isNegative)
                kept = part.count
                keep(kept, of: whole, at: part.mean)
            } else {
                hasCut = true
            }
            return HistogramBucket(index: bucket.index, count: kept)
        }
    }

    mutating func zeroBucket(_ lower: Double, _ upper: Double, _ whole: Double) -> Double {
        var kept = whole
        var mean = (lower + upper) / 2
        if cut <= lower {
            if keepsLower { (kept, mean) = (0, 0) }
        } else if cut >= upper {
            if !keepsLower { (kept, mean) = (0, 0) }
        } else if keepsLower {
            kept = whole * ((cut - lower) / (upper - lower))
            mean = (lower + cut) / 2
        } else {
            kept = whole * ((upper - cut) / (upper - lower))
            mean = (cut + upper) / 2
        }
        keep(kept, of: whole, at: mean)
        return kept
    }

    /// What is kept of a bucket that the value cuts, and its mean.
    private func split(
        _ lower: Double,
        _ upper: Double,
        _ whole: Double,
        _ isNegative: Bool
    ) -> (count: Double, mean: Double) {
        if lower == -.infinity { return splitLowest(upper, whole) }
        // What lies above the highest bound is kept whole when everything below the value goes.
        if upper == .infinity {
            return !keepsLower && cut >= lower ? (whole, cut) : (0, lower)
        }
        let below = whole * share(lower, upper, isNegative)
        return keepsLower
            ? (below, mean(lower, cut, isNegative)) : (whole - below, mean(cut, upper, isNegative))
    }

    /// The bucket without lower end counts from 0 when its upper bound is above.
    private func splitLowest(_ upper: Double, _ whole: Double) -> (count: Double, mean: Double) {
        let isBounded = upper != .infinity
        if keepsLower {
            if cut > 0, upper > 0, isBounded { return (whole * cut / upper, cut / 2) }
            if upper <= 0 { return (whole, cut) }
        } else if cut >= 0, upper > cut, isBounded {
            return (whole * (1 - cut / upper), (cut + upper) / 2)
        }
        return (0, isBounded ? upper : 0)
    }

    /// The part of a bucket below the value.
    private func share(_ lower: Double, _ upper: Double, _ isNegative: Bool) -> Double {
        if isLinear { return (cut - lower) / (upper - lower) }
        let (low, high, place) = (log2(abs(lower)), log2(abs(upper)), log2(abs(cut)))
        return isNegative ? 1 - (place - high) / (low - high) : (place - low) / (high - low)
    }

    private func mean(_ lower: Double, _ upper: Double, _ isNegative: Bool) -> Double {
        if lower.isInfinite {
            if upper.isInfinite { return 0 }
            return upper > 0 ? upper / 2 : upper
        }
        if upper.isInfinite { return lower }
        if isLinear { return (lower + upper) / 2 }
        let middle = abs(lower * upper).squareRoot()
        return isNegative ? -middle : middle
    }
}

extension NativeHistogram {
    /// The bounds of a bucket, even where it reaches into the zero bucket.
    func ends(of bucket: HistogramBucket, isNegative: Bool) -> (lower: Double, upper: Double) {
        if hasCustomBounds {
            let place = Int(bucket.index)
            return (
                customBounds.indices.contains(place - 1) ? customBounds[place - 1] : -.infinity,
                customBounds.indices.contains(place) ? customBounds[place] : .infinity
            )
        }
        let far = HistogramBounds.bound(bucket.index, schema: schema)
        let near = HistogramBounds.bound(bucket.index &- 1, schema: schema)
        return isNegative ? (-far, -near) : (near, far)
    }
}
