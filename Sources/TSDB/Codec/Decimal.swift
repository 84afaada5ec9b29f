// SPDX-License-Identifier: Apache-2.0
//
// Most measured values were printed as short decimals: a double parsed from "m / 10^e" with |m| < 2^53 is given
// back exactly by that division, because both operands are exact and IEEE division rounds once, as parsing did.

/// Doubles as integers over a power of ten.
enum Decimal {
    /// Powers of ten that are exact doubles and worth trying.
    static let exponentLimit = 15

    private static let powers: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    ]
    private static let mantissaLimit = 9_007_199_254_740_992.0  // 2^53

    /// `m` with `m / 10^exponent` equal to the value bit for bit, nil when there is none.
    @inline(__always)
    static func mantissa(_ value: Double, exponent: Int) -> Int64? {
        let scaled = (value * powers[exponent]).rounded()
        // False for NaN and the infinities too, so the conversion cannot trap.
        guard abs(scaled) < mantissaLimit else { return nil }
        let mantissa = Int64(scaled)
        return Double(mantissa) / powers[exponent] == value && (mantissa != 0 || value.sign == .plus)
            ? mantissa : nil
    }

    /// The value of a mantissa.
    @inline(__always)
    static func value(_ mantissa: Int64, exponent: Int) -> Double {
        Double(mantissa) / powers[exponent]
    }

    /// The smallest exponent of at least `start` under which the value is a decimal, nil when there is none.
    static func exponent(_ value: Double, from start: Int) -> Int? {
        guard value.isFinite, start <= exponentLimit else { return nil }
        for exponent in start...exponentLimit where mantissa(value, exponent: exponent) != nil {
            return exponent
        }
        return nil
    }
}
