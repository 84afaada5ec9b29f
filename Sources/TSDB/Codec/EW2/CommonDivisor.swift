// SPDX-License-Identifier: Apache-2.0
//
// Many columns only take every g-th integer: page and sector sizes, steps of a converter, floats of 32 bits promoted
// to 64. Dividing by g, once a remainder common to all is gone, is exact and saves log2 g bits a value.

/// v = quotient × divisor + remainder.
struct CommonDivisor: Equatable {
    var divisor: Int64
    /// 0..<divisor.
    var remainder: Int64

    /// The greatest divisor of all differences, nil when that is 1, or when a difference leaves 64 bits.
    static func ofDifferences(_ values: [Int64]) -> CommonDivisor? {
        guard values.count > 1 else { return nil }
        let first = values[0]
        var divisor: UInt64 = 0
        var least = first
        for index in 1..<values.count {
            let (difference, overflow) = values[index].subtractingReportingOverflow(first)
            guard !overflow else { return nil }
            least = min(least, values[index])
            divisor = greatest(divisor, difference.magnitude)
            if divisor == 1 { return nil }
        }
        guard let divisor = Int64(exactly: divisor), divisor > 1 else { return nil }
        let remainder = first % divisor
        let nonNegative = remainder < 0 ? remainder + divisor : remainder
        guard !least.subtractingReportingOverflow(nonNegative).overflow else { return nil }
        return CommonDivisor(divisor: divisor, remainder: nonNegative)
    }

    /// The power of two that divides all, nil when that is 1.
    static func ofTrailingZeros(_ values: [Int64]) -> CommonDivisor? {
        var union: Int64 = 0
        for index in values.indices { union |= values[index] }
        let zeros = union.trailingZeroBitCount
        guard (1..<62).contains(zeros) else { return nil }
        return CommonDivisor(divisor: 1 << Int64(zeros), remainder: 0)
    }

    private static func greatest(_ one: UInt64, _ other: UInt64) -> UInt64 {
        var (divisor, rest) = (one, other)
        while rest != 0 { (divisor, rest) = (rest, divisor % rest) }
        return divisor
    }

    /// Replaces every value by its quotient.
    func divide(_ values: inout MutableSpan<Int64>) {
        if divisor & (divisor - 1) == 0 {
            let shift = Int64(divisor.trailingZeroBitCount)
            for index in values.indices { values[index] = (values[index] - remainder) >> shift }
        } else {
            for index in values.indices { values[index] = (values[index] - remainder) / divisor }
        }
    }

    /// Replaces every quotient by its value; wraps on damaged input.
    func multiply(_ values: inout MutableSpan<Int64>) {
        for index in values.indices { values[index] = values[index] &* divisor &+ remainder }
    }
}
