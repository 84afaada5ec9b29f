// SPDX-License-Identifier: Apache-2.0
//
// The shortest decimal that reads back as a double, by Schubfach: R. Giulietti, "The Schubfach way to render doubles"
// (2020), in the arrangement of A. Bolz (Drachennest). Three multiplications by a power of ten decide among at most four
// candidates; nothing is allocated.

/// `digits` × 10^`exponent`, the shortest of the numbers that round to a double, of several the nearest.
struct ShortestDecimal {
    /// Does not end with a zero unless it is zero.
    let digits: UInt64
    let exponent: Int

    /// The decimal of a finite positive value.
    init(_ magnitude: Double) {
        let fraction = magnitude.significandBitPattern
        let biased = Int(magnitude.exponentBitPattern)
        let isNormal = biased != 0
        let significand = isNormal ? fraction | 1 << 52 : fraction
        let binary = (isNormal ? biased : 1) - 1075
        // Below a power of two neighbours are half as far as above it.
        let isLowerCloser = fraction == 0 && biased > 1
        let isEven = significand & 1 == 0

        // Four times the value and the ends of the interval that rounds to it; at most 2^55, so nothing here overflows.
        let center = significand << 2
        let lower = center - (isLowerCloser ? 1 : 2)
        let upper = center + 2
        let power = (binary * 1_262_611 - (isLowerCloser ? 524_031 : 0)) >> 22
        let shift = UInt64(binary + Self.floorLog2(tenTo: -power) + 1)
        let factor = 2 * (-power - PowersOfTen.exponents.lowerBound)
        let (high, low) = (PowersOfTen.halves[factor], PowersOfTen.halves[factor + 1])
        let scaledLower = Self.product(high, low, lower << shift) + (isEven ? 0 : 1)
        let scaled = Self.product(high, low, center << shift)
        let scaledUpper = Self.product(high, low, upper << shift) - (isEven ? 0 : 1)

        let whole = scaled >> 2
        if whole >= 10 {
            let tens = whole / 10
            let isDownInside = scaledLower <= 40 * tens
            let isUpInside = 40 * tens + 40 <= scaledUpper
            if isDownInside != isUpInside {
                (digits, exponent) = Self.withoutZeros(tens + (isUpInside ? 1 : 0), power + 1)
                return
            }
        }
        let isDownInside = scaledLower <= 4 * whole
        let isUpInside = 4 * whole + 4 <= scaledUpper
        let roundsUp: Bool
        if isDownInside != isUpInside {
            roundsUp = isUpInside
        } else {
            let middle = 4 * whole + 2
            roundsUp = scaled > middle || (scaled == middle && whole & 1 == 1)
        }
        (digits, exponent) = Self.withoutZeros(whole + (roundsUp ? 1 : 0), power)
    }

    /// ⌊log2(10^exponent)⌋, exact for exponents of doubles.
    private static func floorLog2(tenTo exponent: Int) -> Int { (exponent * 1_741_647) >> 19 }

    /// The upper 64 bits of a product with a power of ten, rounded to odd.
    @inline(__always)
    private static func product(_ high: UInt64, _ low: UInt64, _ number: UInt64) -> UInt64 {
        let below = low.multipliedFullWidth(by: number).high
        let above = high.multipliedFullWidth(by: number)
        let (middle, carries) = above.low.addingReportingOverflow(below)
        // A product of 64 and 128 bits has at most 192: the carry fits.
        return (above.high &+ (carries ? 1 : 0)) | (middle > 1 ? 1 : 0)
    }

    private static func withoutZeros(_ number: UInt64, _ power: Int) -> (UInt64, Int) {
        var (digits, exponent) = (number, power)
        if digits >= 100_000_000, digits % 100_000_000 == 0 {
            digits /= 100_000_000
            exponent += 8
        }
        while true {
            let (rest, last) = digits.quotientAndRemainder(dividingBy: 10)
            guard last == 0, digits != 0 else { return (digits, exponent) }
            digits = rest
            exponent += 1
        }
    }
}
