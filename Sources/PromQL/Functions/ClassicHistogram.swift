// SPDX-License-Identifier: Apache-2.0
//
// Quantiles and fractions of a classic histogram: cumulative counts by upper bound.

/// The buckets of one histogram at one step.
struct ClassicHistogram {
    private var buckets: [(bound: Double, count: Double)] = []

    /// What had to be raised so that counts grow with bounds: the lowest and highest such bound and the largest step.
    private(set) var forced: (lowest: Double, highest: Double, difference: Double)?

    mutating func removeAll() {
        buckets.removeAll(keepingCapacity: true)
        forced = nil
    }

    mutating func add(bound: Double, count: Double) {
        buckets.append((bound, count))
    }

    var isEmpty: Bool { buckets.isEmpty }

    /// The φ-quantile, linear within a bucket.
    mutating func quantile(_ phi: Double) -> Double {
        if phi.isNaN { return .nan }
        if phi < 0 { return -.infinity }
        if phi > 1 { return .infinity }
        guard gather() else { return .nan }
        makeMonotonic()
        guard buckets.count >= 2, let total = buckets.last?.count, total != 0 else { return .nan }
        var rank = phi * total
        let last = buckets.count - 1
        let index = buckets[..<last].firstIndex { $0.count >= rank } ?? last
        if index == last { return buckets[last - 1].bound }
        if index == 0, buckets[0].bound <= 0 { return buckets[0].bound }
        var start = 0.0
        var count = buckets[index].count
        if index > 0 {
            start = buckets[index - 1].bound
            count -= buckets[index - 1].count
            rank -= buckets[index - 1].count
        }
        return start + (buckets[index].bound - start) * (rank / count)
    }

    /// The share of observations between two values.
    mutating func fraction(_ lower: Double, _ upper: Double) -> Double {
        guard gather(), let total = buckets.last?.count, total != 0, !lower.isNaN, !upper.isNaN else {
            return .nan
        }
        if lower >= upper { return 0 }
        let high = rank(of: upper, total)
        let low = rank(of: lower, total)
        return (min(high, total) - min(low, total)) / total
    }

    /// The number of observations up to a value, linear within a bucket; one without lower end counts whole.
    private func rank(of value: Double, _ total: Double) -> Double {
        var rank = 0.0
        var start = buckets[0].bound > 0 ? 0 : -Double.infinity
        for bucket in buckets {
            if start >= value { return rank }
            if bucket.bound > value {
                if start == -.infinity { return bucket.count }
                if bucket.bound.isInfinite { return rank }
                return rank + (bucket.count - rank) * (value - start) / (bucket.bound - start)
            }
            rank = bucket.count
            start = bucket.bound
        }
        return total
    }

    /// Sorts the buckets and joins those with equal bounds; false when there is none for +Inf.
    private mutating func gather() -> Bool {
        buckets.sort { $0.bound < $1.bound }
        guard buckets.last?.bound == .infinity else { return false }
        var kept = 0
        for index in buckets.indices.dropFirst() {
            if buckets[index].bound == buckets[kept].bound {
                buckets[kept].count += buckets[index].count
            } else {
                kept += 1
                buckets[kept] = buckets[index]
            }
        }
        buckets.removeSubrange((kept + 1)...)
        return true
    }

    /// Smooths rounding errors and raises counts that fall.
    private mutating func makeMonotonic() {
        var previous = buckets[0].count
        for index in buckets.indices.dropFirst() {
            let current = buckets[index].count
            if current == previous { continue }
            // Relative differences below 1e-12 are rounding, in either direction.
            if Self.isAlmostEqual(previous, current) {
                buckets[index].count = previous
            } else if current < previous {
                let difference = previous - current
                buckets[index].count = previous
                let bound = buckets[index].bound
                let known = forced ?? (bound, bound, 0)
                forced = (
                    min(known.lowest, bound), max(known.highest, bound), max(known.difference, difference)
                )
            } else {
                previous = current
            }
        }
    }

    private static func isAlmostEqual(_ left: Double, _ right: Double) -> Bool {
        let difference = abs(left - right)
        let sum = abs(left) + abs(right)
        if left == 0 || right == 0 || sum < 0x1p-1022 { return difference < 1e-12 * 0x1p-1022 }
        return difference / min(sum, .greatestFiniteMagnitude) < 1e-12
    }
}
