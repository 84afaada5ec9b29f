// SPDX-License-Identifier: Apache-2.0
//
// The unit of values that are whole multiples of something: counts of a converter times its resolution. Euclid's
// algorithm on floating point, with a tolerance, finds about what divides all; the exact factor is then the shortest
// decimal near it, because people type factors, or one of the doubles next to the largest value's quotient.

internal import Glibc

/// Guesses at the factor of a block of multiples.
enum ScaleSearch {
    /// Factors worth trying, best first; none when the values have no common unit.
    static func candidates(_ values: Span<Double>) -> [Double] {
        guard let (unit, largest) = commonUnit(values) else { return [] }
        let multiple = (largest / unit).rounded()
        // More than seven digits of multiples: the tolerance below could no longer tell them apart.
        guard multiple >= 1, multiple <= 1e7 else { return [] }
        let factor = largest / multiple
        guard factor.isNormal else { return [] }
        let exact = [factor, factor.nextUp, factor.nextDown]
        guard let short = shortDecimal(factor, tolerance: factor * (1e-11 / multiple + 4e-16)) else {
            return exact
        }
        return [short] + exact
    }

    /// About the greatest common divisor of the magnitudes of some values, and the largest of them.
    private static func commonUnit(_ values: Span<Double>) -> (unit: Double, largest: Double)? {
        let step = 1 + values.count / 48
        var largest = 0.0
        for index in stride(from: 0, to: values.count, by: step) {
            let magnitude = values[index].magnitude
            guard magnitude < 1e300 else { return nil }
            largest = max(largest, magnitude)
        }
        guard largest > 0 else { return nil }
        let tolerance = largest * 1e-12
        var unit = 0.0
        for index in stride(from: 0, to: values.count, by: step) {
            let magnitude = values[index].magnitude
            guard magnitude > tolerance else { continue }
            unit = unit == 0 ? magnitude : divisor(max(magnitude, unit), min(magnitude, unit), tolerance * 64)
            guard unit >= largest * 1e-7 else { return nil }
        }
        return unit > 0 ? (unit, largest) : nil
    }

    private static func divisor(_ larger: Double, _ smaller: Double, _ tolerance: Double) -> Double {
        var (one, other) = (larger, smaller)
        while other > tolerance {
            (one, other) = (other, (one - (one / other).rounded() * other).magnitude)
        }
        return one
    }

    /// The decimal with the fewest digits within the tolerance.
    private static func shortDecimal(_ value: Double, tolerance: Double) -> Double? {
        // Powers of ten are exact to 10^22; with them and at most 15 digits the quotient is the nearest double.
        let magnitude = Int(log10(value).rounded(.down))
        for digits in 1...15 {
            let exponent = digits - 1 - magnitude
            guard (-22...22).contains(exponent) else { continue }
            let power = pow(10, Double(exponent.magnitude))
            let digitsOnly = exponent >= 0 ? (value * power).rounded() : (value / power).rounded()
            let candidate = exponent >= 0 ? digitsOnly / power : digitsOnly * power
            if (candidate - value).magnitude < tolerance { return candidate }
        }
        return nil
    }
}
