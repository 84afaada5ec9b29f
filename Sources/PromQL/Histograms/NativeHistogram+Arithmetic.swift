// SPDX-License-Identifier: Apache-2.0
//
// What operators do to one histogram. In PromQL all counts are doubles: what the source hands over is converted once.

internal import Samples

extension NativeHistogram {
    /// Every count and the sum multiplied; with a negative factor it is no counter any more.
    func scaled(by factor: Double) -> NativeHistogram {
        changed(factor < 0 ? .gauge : counterReset) { $0 * factor }
    }

    /// Every count and the sum divided; by zero the buckets go.
    func divided(by divisor: Double) -> NativeHistogram {
        var result = changed(divisor < 0 ? .gauge : counterReset) { $0 / divisor }
        if divisor == 0 {
            result.positive = []
            result.negative = []
        }
        return result
    }

    private func changed(_ hint: CounterReset, _ change: (Double) -> Double) -> NativeHistogram {
        func buckets(_ buckets: [HistogramBucket]) -> [HistogramBucket] {
            buckets.map { HistogramBucket(index: $0.index, count: change(count(of: $0.rawCount))) }
        }
        return NativeHistogram(
            schema: schema,
            floatCount: change(count),
            sum: change(sum),
            zeroThreshold: zeroThreshold,
            floatZeroCount: change(zeroCount),
            positive: buckets(positive),
            negative: buckets(negative),
            customBounds: customBounds,
            counterReset: hint
        )
    }

    /// The same with another hint.
    func hinting(_ hint: CounterReset) -> NativeHistogram {
        var result = self
        result.counterReset = hint
        return result
    }

    /// Whether two histograms have the same buckets and numbers, whatever they know of resets.
    func isSame(as other: NativeHistogram) -> Bool {
        self == other.hinting(counterReset)
    }

    /// Nothing observed, in the layout of another histogram.
    static func empty(like other: NativeHistogram) -> NativeHistogram {
        NativeHistogram(
            schema: other.schema,
            floatCount: 0,
            sum: 0,
            customBounds: other.customBounds
        )
    }

    /// `{count:3, sum:4.5, [-0.001,0.001]:1, (0.5,1]:2}`, as Prometheus prints histograms.
    var text: String {
        var words = ["count:\(NumberText.general(count))", "sum:\(NumberText.general(sum))"]
        for bucket in buckets {
            let open = bucket.lowerInclusive ? "[" : "("
            let close = bucket.upperInclusive ? "]" : ")"
            let span = "\(NumberText.general(bucket.lower)),\(NumberText.general(bucket.upper))"
            words.append("\(open)\(span)\(close):\(NumberText.general(bucket.count))")
        }
        return "{\(words.joined(separator: ", "))}"
    }

    /// What one histogram counts as against the sample limit: its memory, in samples of 16 bytes.
    var weight: Int { (176 + 8 * (bucketCount + customBounds.count)) / 16 }
}

extension NativeHistogram {
    /// Where a zero bucket ends that covers at least `wanted` and cuts no populated bucket.
    func zeroThreshold(covering wanted: Double) -> Double {
        var threshold = wanted
        var isCutting = true
        while isCutting {
            isCutting = false
            for bucket in positive + negative {
                let far = HistogramBounds.bound(bucket.index, schema: schema)
                let near = HistogramBounds.bound(bucket.index &- 1, schema: schema)
                if near < threshold, far > threshold {
                    threshold = far
                    isCutting = true
                }
            }
        }
        return threshold
    }

    /// The same observations with a larger zero bucket, which takes what its new width covers.
    func withZeroBucket(covering wanted: Double) -> NativeHistogram {
        var result = floating()
        result.zeroThreshold = zeroThreshold(covering: wanted)
        let threshold = result.zeroThreshold
        var total = zeroCount
        let schema = schema
        func isInside(_ bucket: HistogramBucket) -> Bool {
            HistogramBounds.bound(bucket.index &- 1, schema: schema) < threshold
        }
        for bucket in result.positive where isInside(bucket) { total += result.count(of: bucket.rawCount) }
        for bucket in result.negative where isInside(bucket) { total += result.count(of: bucket.rawCount) }
        result.positive.removeAll(where: isInside)
        result.negative.removeAll(where: isInside)
        result.rawZeroCount = total.bitPattern
        return result
    }
}
