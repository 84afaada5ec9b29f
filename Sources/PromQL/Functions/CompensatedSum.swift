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
