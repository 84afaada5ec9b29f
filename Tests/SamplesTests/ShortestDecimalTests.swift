// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Samples

@Suite struct ShortestDecimalTests {
    /// The table against long division and multiplication by hand.
    @Test func powersOfTenAreThosePowers() {
        #expect(PowersOfTen.halves.count == 2 * PowersOfTen.exponents.count)
        for exponent in PowersOfTen.exponents where exponent % 5 == 0 {
            let place = 2 * (exponent - PowersOfTen.exponents.lowerBound)
            let (high, low) = (PowersOfTen.halves[place], PowersOfTen.halves[place + 1])
            let shift = ((exponent * 1_741_647) >> 19) - 127
            #expect(high >> 63 == 1)
            // g × 2^shift ≥ 10^exponent > (g - 1) × 2^shift, in whole numbers.
            let power = Whole(1).times(ten: exponent.magnitude)
            let above = Whole(high: high, low: low)
            let below = low == 0 ? Whole(high: high - 1, low: .max) : Whole(high: high, low: low - 1)
            if exponent >= 0 {
                let target = power.shifted(max(0, -shift))
                #expect(!above.shifted(max(0, shift)).precedes(target))
                #expect(below.shifted(max(0, shift)).precedes(target))
            } else {
                let one = Whole(1).shifted(-shift)
                #expect(!above.times(ten: exponent.magnitude).precedes(one))
                #expect(below.times(ten: exponent.magnitude).precedes(one))
            }
        }
    }

    @Test func digitsAreThoseOfTheStandardLibrary() {
        var generator = SplitMix(state: 0x5eed)
        for round in 0..<100_000 {
            let bits = generator.next()
            // Half of them of any size, half of sizes that values have.
            let value =
                round % 2 == 0
                ? Double(bitPattern: bits).magnitude : Double(bits >> 20) / Double(1 << (bits % 40))
            guard value.isFinite, value != 0 else { continue }
            let text = PromNumber.format(value)
            #expect(Double(text) == value, "\(value)")
            #expect(Self.digits(text) == Self.digits(value.description), "\(value)")
        }
    }

    @Test(arguments: [
        (2.2250738585072014e-308, "2.2250738585072014e-308"), (6.95, "6.95"), (0.3, "0.3"), (4.35, "4.35"),
        (9.5e-7, "9.5e-07"), (-0.25, "-0.25"), (1e23, "1e+23"), (8.41e21, "8.41e+21"),
    ])
    func knownTexts(_ value: Double, _ text: String) {
        #expect(PromNumber.format(value) == text)
    }

    private static func digits(_ text: String) -> [UInt8] {
        let mantissa = text.utf8.prefix { $0 != UInt8(ascii: "e") }
        var digits = mantissa.filter { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        digits = Array(digits.drop { $0 == UInt8(ascii: "0") })
        while digits.last == UInt8(ascii: "0") { digits.removeLast() }
        return digits
    }
}

/// A whole number in 32-bit limbs, least significant first.
private struct Whole {
    var limbs: [UInt32]

    init(_ value: UInt32) { limbs = [value] }

    init(high: UInt64, low: UInt64) {
        limbs = [low, low >> 32, high, high >> 32].map { UInt32(truncatingIfNeeded: $0) }
    }

    func times(ten power: UInt) -> Whole {
        var result = self
        for _ in 0..<power {
            var carry: UInt64 = 0
            for place in result.limbs.indices {
                carry += UInt64(result.limbs[place]) * 10
                result.limbs[place] = UInt32(truncatingIfNeeded: carry)
                carry >>= 32
            }
            if carry > 0 { result.limbs.append(UInt32(carry)) }
        }
        return result
    }

    func shifted(_ bits: Int) -> Whole {
        var result = self
        for _ in 0..<(bits % 32) {
            var carry: UInt32 = 0
            for place in result.limbs.indices {
                let next = result.limbs[place] >> 31
                result.limbs[place] = result.limbs[place] << 1 | carry
                carry = next
            }
            if carry > 0 { result.limbs.append(carry) }
        }
        result.limbs = [UInt32](repeating: 0, count: bits / 32) + result.limbs
        return result
    }

    func precedes(_ other: Whole) -> Bool {
        for place in (0..<max(limbs.count, other.limbs.count)).reversed() {
            let mine = place < limbs.count ? limbs[place] : 0
            let theirs = place < other.limbs.count ? other.limbs[place] : 0
            if mine != theirs { return mine < theirs }
        }
        return false
    }
}

/// Sebastiano Vigna's SplitMix64.
private struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}
