// SPDX-License-Identifier: Apache-2.0
//
// Order statistics and means, with the rounding and the special values of Prometheus.

/// Quantiles of a set of values.
enum Quantile {
    /// Ascending, NaN before everything.
    static func precedes(_ left: Double, _ right: Double) -> Bool {
        left < right || (left.isNaN && !right.isNaN)
    }

    /// The first place in sorted values that does not precede a value.
    ///
    /// O(log n).
    static func position(of value: Double, in sorted: [Double]) -> Int {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if precedes(sorted[middle], value) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The φ-quantile of sorted values, interpolated between neighbours.
    static func of(sorted values: [Double], _ phi: Double) -> Double {
        if values.isEmpty || phi.isNaN { return .nan }
        if phi < 0 { return -.infinity }
        if phi > 1 { return .infinity }
        let rank = phi * Double(values.count - 1)
        let whole = rank.rounded(.down)
        // 0 ≤ rank ≤ count - 1.
        let lower = Int(whole)
        let upper = min(values.count - 1, lower + 1)
        let weight = rank - whole
        return values[lower] * (1 - weight) + values[upper] * weight
    }

    /// The warning for a φ outside of 0…1.
    static func warning(_ phi: Double) -> String {
        "quantile value should be between 0 and 1, got \(NumberText.general(phi))"
    }
}

/// A mean that keeps working when the sum overflows.
///
/// As Prometheus: the compensated sum divided by the count, until adding would overflow; from there on the mean is
/// moved by each value.
struct RunningMean {
    private var count = 1.0
    private var sum: CompensatedSum
    private var isIncremental = false

    init(_ first: Double) {
        sum = CompensatedSum(first)
    }

    @inline(__always)
    mutating func add(_ value: Double) {
        count += 1
        if !isIncremental {
            var next = sum
            next.add(value)
            if !next.sum.isInfinite {
                sum = next
                return
            }
            isIncremental = true
            sum.sum /= count - 1
            sum.compensation /= count - 1
        }
        let weight = (count - 1) / count
        sum.sum *= weight
        sum.compensation *= weight
        sum.add(value / count)
    }

    var value: Double {
        isIncremental
            ? sum.sum + sum.compensation
            : sum.sum / count + sum.compensation / count
    }
}
