// SPDX-License-Identifier: Apache-2.0
//
// A classic histogram's cumulative buckets as a native histogram with custom bounds (schema -53). What does not add up is no
// histogram: counts that fall, are below zero or differ from the last bucket's. Of two buckets with one bound the first
// counts. Source: Prometheus util/convertnhcb.

internal import Samples

/// Collects the parts of a classic histogram.
struct ClassicBuckets: Sendable {
    private var buckets: [(bound: Double, count: Double)] = []
    private var isSorted = true
    /// All observations; nil when that is said by the last bucket only.
    var count: Double?
    /// The sum of the observed values.
    var sum = 0.0

    /// Adds a bucket with its upper bound.
    mutating func set(_ bound: Double, _ count: Double) {
        if let last = buckets.last, !(last.bound < bound) { isSorted = false }
        buckets.append((bound, count))
    }

    /// Empties it and keeps its memory.
    mutating func removeAll() {
        buckets.removeAll(keepingCapacity: true)
        (isSorted, count, sum) = (true, nil, 0)
    }

    /// The histogram; nil when the parts are no histogram.
    consuming func histogram() -> NativeHistogram? {
        guard !buckets.contains(where: { $0.bound.isNaN }), arrange(), let all = count ?? buckets.last?.count
        else { return nil }
        if buckets.last?.bound != .infinity { buckets.append((.infinity, all)) }
        var before = 0.0
        for bucket in buckets {
            guard bucket.count >= before else { return nil }
            before = bucket.count
        }
        guard all == before else { return nil }
        let bounds = buckets.dropLast().map(\.bound)
        let counts = buckets.compactMap { UInt64(exactly: $0.count) }
        let histogram =
            counts.count == buckets.count ? whole(counts, bounds) : floating(bounds, all)
        do {
            try histogram.validate()
        } catch {
            return nil
        }
        return histogram
    }

    /// Sorts the buckets and drops repeated ones; false when there is nothing to make a histogram of.
    private mutating func arrange() -> Bool {
        if !isSorted {
            let ordered = buckets.enumerated().sorted {
                ($0.element.bound, $0.offset) < ($1.element.bound, $1.offset)
            }
            buckets.removeAll(keepingCapacity: true)
            for (_, bucket) in ordered where buckets.last?.bound != bucket.bound { buckets.append(bucket) }
            isSorted = true
        }
        return count != nil || !buckets.isEmpty
    }

    private func whole(_ counts: [UInt64], _ bounds: [Double]) -> NativeHistogram {
        var before: UInt64 = 0
        var positive: [HistogramBucket] = []
        for (index, count) in counts.enumerated() {
            // The counts do not fall.
            positive.append(HistogramBucket(index: Int32(clamping: index), rawCount: count - before))
            before = count
        }
        return NativeHistogram(
            schema: NativeHistogram.customSchema,
            count: before,
            sum: sum,
            positive: positive,
            customBounds: bounds
        )
    }

    private func floating(_ bounds: [Double], _ all: Double) -> NativeHistogram {
        var before = 0.0
        var positive: [HistogramBucket] = []
        for (index, bucket) in buckets.enumerated() {
            positive.append(HistogramBucket(index: Int32(clamping: index), count: bucket.count - before))
            before = bucket.count
        }
        return NativeHistogram(
            schema: NativeHistogram.customSchema,
            floatCount: all,
            sum: sum,
            positive: positive,
            customBounds: bounds
        )
    }
}
