// SPDX-License-Identifier: Apache-2.0
//
// Values of a column as integers, so that neighbours differ by little (docs/formats/log.md, "Map"). A map gives a
// value back bit for bit or does not take it. Which map a column has is the writer's choice and written down; the
// reader only ever goes from integer to value.

/// A way to see doubles as integers: two bits of kind, six of exponent.
struct RowMap: Equatable, Sendable {
    var code: UInt8

    enum Kind {
        /// `m / 10^e`: what was printed as a short decimal.
        static let quotient: UInt8 = 0
        /// `m * 10^-e`: what a driver scaled by 0.1 in binary.
        static let product: UInt8 = 1
        /// `m / 2^e`: converters with binary steps.
        static let binary: UInt8 = 2
        /// The bits in an order that is the values' order; takes everything.
        static let bits: UInt8 = 3
    }

    static let bits = RowMap(kind: Kind.bits, exponent: 0)
    static let decimalLimit = 15

    init(code: UInt8) { self.code = code }
    init(kind: UInt8, exponent: Int) { code = kind << 6 | UInt8(truncatingIfNeeded: exponent & 63) }

    @inline(__always) var kind: UInt8 { code >> 6 }
    @inline(__always) var exponent: Int { Int(code & 63) }
    @inline(__always) var isBits: Bool { kind == Kind.bits }

    private static let powers: InlineArray<16, Double> = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    ]
    private static let inverses: InlineArray<16, Double> = [
        1, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15,
    ]

    /// The value of an integer.
    @inline(__always)
    func value(_ integer: Int64) -> UInt64 {
        switch kind {
        case Kind.quotient:
            let exponent = exponent & 15
            return exponent == 0
                ? Double(integer).bitPattern : (Double(integer) / RowMap.powers[exponent]).bitPattern
        case Kind.product: return (Double(integer) * RowMap.inverses[exponent & 15]).bitPattern
        case Kind.binary: return (Double(integer) * RowMap.power(ofTwo: -exponent)).bitPattern
        default:
            return integer < 0 ? 1 << 63 | (0 &- UInt64(bitPattern: integer)) : UInt64(bitPattern: integer)
        }
    }

    /// The integer of a value, which `value` gives back exactly; nil when there is none.
    @inline(__always)
    func integer(_ bits: UInt64) -> Int64? {
        if isBits {
            // Negative zero, which has no magnitude, becomes the number that is left.
            let magnitude = Int64(bitPattern: bits & ~(1 << 63))
            return bits >> 63 == 0 ? magnitude : magnitude == 0 ? .min : 0 &- magnitude
        }
        let scale =
            kind == Kind.binary ? RowMap.power(ofTwo: exponent) : RowMap.powers[exponent & 15]
        let scaled = Double(bitPattern: bits) * scale
        // False for NaN. Below 2^51 adding 1.5 × 2^52 rounds to the nearest integer and leaves it in the low bits.
        guard abs(scaled) < RowMap.integerLimit else { return nil }
        let integer = Int64(bitPattern: (scaled + RowMap.rounder).bitPattern) &- RowMap.rounderBits
        return value(integer) == bits ? integer : nil
    }

    /// The best map for one value: the one with the smallest exponent of ten, else binary steps; nil for the rest.
    static func find(_ bits: UInt64, from start: Int = 0) -> RowMap? {
        let value = Double(bitPattern: bits)
        guard value.isFinite else { return nil }
        for exponent in min(start, decimalLimit)...decimalLimit {
            let quotient = RowMap(kind: Kind.quotient, exponent: exponent)
            if quotient.integer(bits) != nil {
                // A binary fraction needs as many decimal digits as binary ones; a decimal rarely is one.
                let binary = RowMap(kind: Kind.binary, exponent: exponent)
                return exponent >= 3 && binary.integer(bits) != nil ? binary : quotient
            }
            let product = RowMap(kind: Kind.product, exponent: exponent)
            if exponent > 0, exponent <= 9, product.integer(bits) != nil { return product }
        }
        let binary = RowMap(kind: Kind.binary, exponent: 16)
        return binary.integer(bits) != nil ? binary : nil
    }

    private static let integerLimit = 2_251_799_813_685_248.0  // 2^51
    private static let rounder = 6_755_399_441_055_744.0  // 1.5 × 2^52
    private static let rounderBits: Int64 = 0x4338_0000_0000_0000

    @inline(__always)
    private static func power(ofTwo exponent: Int) -> Double {
        Double(bitPattern: UInt64(1023 + exponent) << 52)
    }
}
