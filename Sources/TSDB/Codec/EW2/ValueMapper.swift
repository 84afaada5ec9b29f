// SPDX-License-Identifier: Apache-2.0
//
// Finds the mapping of a block: the first under which all but a few values come back bit for bit. The few are
// exceptions, kept as position and bits beside the integers; more than one in 32 would cost more than they save.

/// Doubles to integers, with the buffers for trying.
struct ValueMapper {
    /// What `map` found.
    private(set) var mapping = ValueMapping.raw
    /// One integer for each value; an exception repeats a neighbour's, which costs next to nothing.
    private(set) var integers: [Int64] = []
    /// Where values are that the integers do not give back, ascending.
    private(set) var exceptions: [Int] = []
    /// For `corrected`: how many doubles from the quotient to the value.
    private(set) var corrections: [Int64] = []

    private var otherIntegers: [Int64] = []
    private var otherExceptions: [Int] = []

    /// Integers above this are not exact doubles.
    private static let integerLimit = 9_007_199_254_740_992.0  // 2^53
    /// Corrections beyond this are noise, not rounding.
    private static let correctionLimit: Int64 = 1000

    /// Maps the values; sets all properties.
    mutating func map(_ values: Span<Double>) {
        let most = values.count / 32
        if mapDecimals(values, most: most) { return }
        var union: UInt64 = 0
        for index in values.indices { union |= values[index].bitPattern }
        // Twelve zero bits below: floats of fewer bits, which no decimal describes.
        if union & 0xfff != 0 {
            if mapScaled(values, most: most) || mapCorrected(values) { return }
        }
        mapBits(values, most: most)
    }

    // MARK: - Decimals

    private mutating func mapDecimals(_ values: Span<Double>, most: Int) -> Bool {
        for exponent in 0...ValueMapping.quotientLimit {
            let power = PowersOfTen.positive[exponent]
            if ValueMapper.isLikely(values, { ValueMapper.quotient($0, power) }) {
                if attempt(values, most: most, { ValueMapper.quotient($0, power) }) {
                    mapping = .quotient(exponent)
                    preferProduct(values, exponent)
                    return true
                }
            }
            guard exponent > 0 else { continue }
            let factor = PowersOfTen.negative[exponent]
            if ValueMapper.isLikely(values, { ValueMapper.product($0, power, factor) }),
                attempt(values, most: most, { ValueMapper.product($0, power, factor) })
            {
                mapping = .product(exponent)
                return true
            }
        }
        return false
    }

    /// Products that look like decimals with exceptions are better mapped as products.
    private mutating func preferProduct(_ values: Span<Double>, _ exponent: Int) {
        guard exponent > 0, !exceptions.isEmpty else { return }
        let power = PowersOfTen.positive[exponent]
        let factor = PowersOfTen.negative[exponent]
        swap(&integers, &otherIntegers)
        swap(&exceptions, &otherExceptions)
        if attempt(values, most: otherExceptions.count - 1, { ValueMapper.product($0, power, factor) }) {
            mapping = .product(exponent)
        } else {
            swap(&integers, &otherIntegers)
            swap(&exceptions, &otherExceptions)
        }
    }

    @inline(__always)
    private static func quotient(_ value: Double, _ power: Double) -> Int64? {
        guard let integer = nearest(value * power) else { return nil }
        return (Double(integer) / power).bitPattern == value.bitPattern ? integer : nil
    }

    @inline(__always)
    private static func product(_ value: Double, _ inverse: Double, _ factor: Double) -> Int64? {
        guard let integer = nearest(value * inverse) else { return nil }
        return (Double(integer) * factor).bitPattern == value.bitPattern ? integer : nil
    }

    /// The integer a value is near to, nil from 2^53 on and for what is no number.
    @inline(__always)
    static func nearest(_ value: Double) -> Int64? {
        guard value.magnitude < integerLimit else { return nil }
        // From 2^52 on every double is an integer, and adding a half would round.
        guard value.magnitude < 4_503_599_627_370_496 else { return Int64(value) }
        return Int64(value + (value < 0 ? -0.5 : 0.5))
    }

    // MARK: - Scales

    private mutating func mapScaled(_ values: Span<Double>, most: Int) -> Bool {
        for factor in ScaleSearch.candidates(values) {
            let inverse = 1 / factor
            if ValueMapper.isLikely(values, { ValueMapper.product($0, inverse, factor) }),
                attempt(values, most: most, { ValueMapper.product($0, inverse, factor) })
            {
                mapping = .scale(factor)
                return true
            }
        }
        return false
    }

    // MARK: - Corrected decimals

    private mutating func mapCorrected(_ values: Span<Double>) -> Bool {
        for exponent in 0...ValueMapping.correctedLimit {
            let power = PowersOfTen.positive[exponent]
            var strangers = 0
            for index in stride(from: 0, to: values.count, by: 1 + values.count / 24) where strangers < 2 {
                guard let integer = ValueMapper.nearest(values[index] * power),
                    (-40...40).contains(ValueMapper.correction(values[index], integer, power))
                else {
                    strangers += 1
                    continue
                }
            }
            guard strangers < 2, correct(values, power) else { continue }
            var union: UInt64 = 0
            for integer in integers { union |= integer.magnitude }
            // With so many digits everything is near a decimal, and bits are no longer than the integers.
            guard union < 1 << 46 else { return false }
            mapping = .corrected(exponent)
            return true
        }
        return false
    }

    private mutating func correct(_ values: Span<Double>, _ power: Double) -> Bool {
        corrections.removeAll(keepingCapacity: true)
        let isWhole = attempt(values, most: values.count / 16) { value in
            guard let integer = ValueMapper.nearest(value * power), value.bitPattern != 1 << 63 else {
                return nil
            }
            let correction = ValueMapper.correction(value, integer, power)
            return correction.magnitude <= ValueMapper.correctionLimit ? integer : nil
        }
        guard isWhole else { return false }
        var exception = 0
        for index in values.indices {
            if exception < exceptions.count, exceptions[exception] == index {
                exception += 1
                corrections.append(0)
            } else {
                corrections.append(ValueMapper.correction(values[index], integers[index], power))
            }
        }
        return true
    }

    @inline(__always)
    private static func correction(_ value: Double, _ integer: Int64, _ power: Double) -> Int64 {
        DoubleBits.signed(value) &- DoubleBits.signed(Double(integer) / power)
    }

    // MARK: - Bits

    private mutating func mapBits(_ values: Span<Double>, most: Int) {
        mapping = .signedBits
        let negativeZero: UInt64 = 1 << 63
        if attempt(values, most: most, { $0.bitPattern == negativeZero ? nil : DoubleBits.signed($0) }) {
            return
        }
        mapping = .orderedBits
        _ = attempt(values, most: 0) { DoubleBits.ordered($0) }
    }

    // MARK: - Trying

    /// Whether at most one of some values spread over the block fails.
    @inline(__always)
    private static func isLikely(_ values: Span<Double>, _ map: (Double) -> Int64?) -> Bool {
        var failures = 0
        var index = 0
        while index < values.count {
            if map(values[index]) == nil {
                failures += 1
                if failures > 1 { return false }
            }
            index += 1 + values.count / 16
        }
        return true
    }

    /// Fills integers and exceptions, false when there would be more exceptions than `most`.
    @inline(__always)
    private mutating func attempt(
        _ values: Span<Double>,
        most: Int,
        _ map: (Double) -> Int64?
    ) -> Bool {
        integers.removeAll(keepingCapacity: true)
        integers.reserveCapacity(values.count)
        exceptions.removeAll(keepingCapacity: true)
        var last: Int64 = 0
        for index in values.indices {
            if let integer = map(values[index]) {
                // Exceptions at the start repeat the first integer.
                if exceptions.count == index { for before in 0..<index { integers[before] = integer } }
                last = integer
            } else {
                guard exceptions.count < most else { return false }
                exceptions.append(index)
            }
            integers.append(last)
        }
        return true
    }
}
