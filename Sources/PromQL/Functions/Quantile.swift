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
        if let extreme = extreme(of: values.count, phi) { return extreme }
        let place = place(of: values.count, phi)
        let upper = min(values.count - 1, place.lower + 1)
        return values[place.lower] * (1 - place.weight) + values[upper] * place.weight
    }

    /// The same of values in any order, which are left in another; O(n) on average.
    static func of(unsorted values: inout [Double], _ phi: Double) -> Double {
        if let extreme = extreme(of: values.count, phi) { return extreme }
        let place = place(of: values.count, phi)
        // NaN before everything.
        var firstNumber = 0
        for index in values.indices where values[index].isNaN {
            values.swapAt(firstNumber, index)
            firstNumber += 1
        }
        if place.lower >= firstNumber {
            var all = values.mutableSpan
            all.select(place.lower, from: firstNumber)
        }
        let lower = values[place.lower]
        guard place.lower + 1 < values.count else { return lower * (1 - place.weight) + lower * place.weight }
        // Everything behind the place is not less: the next in order is the least of it.
        var upper = values[place.lower + 1]
        if place.lower + 1 >= firstNumber {
            for index in (place.lower + 1)..<values.count where values[index] < upper {
                upper = values[index]
            }
        }
        return lower * (1 - place.weight) + upper * place.weight
    }

    private static func extreme(of count: Int, _ phi: Double) -> Double? {
        if count == 0 || phi.isNaN { return .nan }
        if phi < 0 { return -.infinity }
        return phi > 1 ? .infinity : nil
    }

    /// Where a φ from 0 to 1 is among so many values, and the weight of the next one.
    private static func place(of count: Int, _ phi: Double) -> (lower: Int, weight: Double) {
        let rank = phi * Double(count - 1)
        let whole = rank.rounded(.down)
        // 0 ≤ rank ≤ count - 1.
        return (Int(whole), rank - whole)
    }

    /// The warning for a φ outside of 0…1.
    static func warning(_ phi: Double) -> String {
        "quantile value should be between 0 and 1, got \(NumberText.general(phi))"
    }
}

extension MutableSpan<Double> {
    /// Puts the value that belongs at a place there, what is not greater before it, what is not less behind it; none of
    /// the values from `start` on is NaN.
    ///
    /// Hoare's FIND (1961) with the median of three as pivot. Should pivots keep being bad, the rest is sorted, so that no input costs more than O(n log n).
    fileprivate mutating func select(_ place: Int, from start: Int) {
        var (low, high) = (start, count - 1)
        var rounds = 2 * (Int.bitWidth - count.leadingZeroBitCount) + 8
        while low < high {
            rounds -= 1
            if rounds == 0 { return sort(low, high) }
            let pivot = median(self[low], self[(low + high) / 2], self[high])
            var (left, right) = (low, high)
            while left <= right {
                while self[left] < pivot { left += 1 }
                while pivot < self[right] { right -= 1 }
                guard left <= right else { break }
                swapAt(left, right)
                left += 1
                right -= 1
            }
            if place <= right {
                high = right
            } else if place >= left {
                low = left
            } else {
                return
            }
        }
    }

    private func median(_ first: Double, _ second: Double, _ third: Double) -> Double {
        let (low, high) = first < second ? (first, second) : (second, first)
        return third < low ? low : (third < high ? third : high)
    }

    private mutating func sort(_ low: Int, _ high: Int) {
        var sorted: [Double] = []
        for index in low...high { sorted.append(self[index]) }
        sorted.sort()
        for index in sorted.indices { self[low + index] = sorted[index] }
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
