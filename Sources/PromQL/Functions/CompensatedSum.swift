// SPDX-License-Identifier: Apache-2.0
//
// Neumaier's variant of Kahan summation ("Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen",
// 1974), as Prometheus uses it: the sum and, apart, what rounding lost.

/// A sum with its rounding error.
struct CompensatedSum {
    var sum: Double
    var compensation: Double

    init(_ value: Double = 0, compensation: Double = 0) {
        sum = value
        self.compensation = compensation
    }

    /// Adds up many values in four sums at once, joined at the end; nil when the sum is not finite.
    ///
    /// The error of each addition is found without a branch (Knuth's two-sum) and is the same as `add` finds.
    init?(finite values: Span<Double>) {
        var sums = SIMD4<Double>.zero
        var errors = SIMD4<Double>.zero
        var index = 0
        while index + 4 <= values.count {
            let next = SIMD4(values[index], values[index + 1], values[index + 2], values[index + 3])
            let totals = sums + next
            let added = totals - sums
            errors += (sums - (totals - added)) + (next - added)
            sums = totals
            index += 4
        }
        self.init(sums[0], compensation: errors[0])
        for lane in 1..<4 {
            add(sums[lane])
            compensation += errors[lane]
        }
        while index < values.count {
            add(values[index])
            index += 1
        }
        // An infinity on the way leaves NaN behind.
        guard sum.isFinite, compensation.isFinite else { return nil }
    }

    /// Fewer values of a window are added up one after the other, as Prometheus does.
    static let laneThreshold = 64

    @inline(__always)
    mutating func add(_ value: Double) {
        let total = sum + value
        if total.isInfinite {
            compensation = 0
        } else if abs(sum) >= abs(value) {
            compensation += (sum - total) + value
        } else {
            compensation += (value - total) + sum
        }
        sum = total
    }

    /// The sum with the correction applied.
    ///
    /// An infinite sum stays as it is: the correction may be NaN then.
    @inline(__always)
    var value: Double { sum.isInfinite ? sum : sum + compensation }
}
