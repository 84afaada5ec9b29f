// SPDX-License-Identifier: Apache-2.0
//
// Custom bounds of two histograms brought together. What a bucket between two shared bounds counts is the sum of all
// buckets in between, so keeping the bounds that both have loses resolution and nothing else.

internal import Samples

/// Upper bounds of custom buckets, ascending and without +Inf.
enum CustomBounds {
    /// Whether two histograms have the same buckets.
    static func areEqual(_ left: [Double], _ right: [Double]) -> Bool {
        left == right
    }

    /// The bounds both have.
    static func shared(_ left: [Double], _ right: [Double]) -> [Double] {
        var result: [Double] = []
        var index = 0
        for bound in left {
            while index < right.count, right[index] < bound { index += 1 }
            if index < right.count, right[index] == bound { result.append(bound) }
        }
        return result
    }

    /// Where a bucket goes when only some of the bounds are kept.
    static func place(_ index: Int32, in bounds: [Double], to kept: [Double]) -> Int32 {
        guard bounds.indices.contains(Int(index)) else { return Int32(clamping: kept.count) }
        let upper = bounds[Int(index)]
        return Int32(clamping: kept.firstIndex { $0 >= upper } ?? kept.count)
    }
}

extension NativeHistogram {
    /// The same observations in buckets of which only some bounds are kept.
    func remapped(to kept: [Double]) -> NativeHistogram {
        var result: [HistogramBucket] = []
        for bucket in positive {
            let index = CustomBounds.place(bucket.index, in: customBounds, to: kept)
            let count = count(of: bucket.rawCount)
            if let last = result.last, last.index == index {
                let total = Double(bitPattern: last.rawCount) + count
                result[result.count - 1].rawCount = total.bitPattern
            } else {
                result.append(HistogramBucket(index: index, count: count))
            }
        }
        var histogram = floating()
        histogram.positive = result
        histogram.customBounds = kept
        return histogram
    }
}
