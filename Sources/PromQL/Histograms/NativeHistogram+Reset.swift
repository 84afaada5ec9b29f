// SPDX-License-Identifier: Apache-2.0
//
// Whether a histogram's counter began anew between two samples. Hints decide; without one, whatever could not have
// happened to a counter that went on is a reset: a count that fell, a bucket that lost observations, a resolution that
// became finer.
//
// Source: Prometheus `model/histogram`, the rules of FloatHistogram's reset detection.

internal import Samples

extension NativeHistogram {
    /// Whether the counter began anew after `previous`.
    func isReset(after previous: NativeHistogram) -> Bool {
        switch counterReset {
        case .reset: return true
        case .notReset: return false
        case .unknown, .gauge: break
        }
        if count < previous.count || hasCustomBounds != previous.hasCustomBounds { return true }
        if hasCustomBounds {
            guard CustomBounds.areEqual(customBounds, previous.customBounds) else {
                let shared = CustomBounds.shared(customBounds, previous.customBounds)
                return remapped(to: shared).hasFallen(since: previous.remapped(to: shared))
            }
            return hasFallen(since: previous)
        }
        if schema > previous.schema || zeroThreshold < previous.zeroThreshold { return true }
        let widened = previous.withZeroBucket(covering: zeroThreshold)
        guard widened.zeroThreshold == zeroThreshold else { return true }
        return zeroCount < widened.zeroCount || hasFallen(since: widened.reduced(to: schema))
    }

    /// Whether a bucket counts less than before; both must have the same layout.
    private func hasFallen(since previous: NativeHistogram) -> Bool {
        func hasFallen(_ buckets: [HistogramBucket], since before: [HistogramBucket]) -> Bool {
            var index = 0
            for bucket in before {
                while index < buckets.count, buckets[index].index < bucket.index { index += 1 }
                guard index < buckets.count, buckets[index].index == bucket.index else { return true }
                if count(of: buckets[index].rawCount) < previous.count(of: bucket.rawCount) { return true }
            }
            return false
        }
        return hasFallen(positive, since: previous.positive)
            || hasFallen(negative, since: previous.negative)
    }
}
