// SPDX-License-Identifier: Apache-2.0
//
// Doubles as integers that say the same. Sensors send decimals, registers times a factor, counters, or floats of 32
// bits; each has a mapping under which neighbouring values become neighbouring small integers. Both directions use the
// same IEEE operations, each correctly rounded, so "gives the value back" is checked bit for bit when writing and
// holds on every machine when reading.

internal import Bytes

/// How the integers of a block become doubles; the codes are those on disk.
enum ValueMapping: Equatable {
    /// Eight bytes a value, no integers: when nothing else is shorter.
    case raw
    /// The bits of a double without its sign, negative for negative ones; −0 has no integer.
    case signedBits
    /// The bits as an integer that sorts as the doubles do, −0 before 0.
    case orderedBits
    /// m × factor.
    case scale(Double)
    /// m / 10^e, e 0...17: every decimal parsed from text with |m| < 2^53.
    case quotient(Int)
    /// m × 10^-e, e 1...17: what drivers compute who multiply a register by 0.1.
    case product(Int)
    /// m / 10^e and so many representable doubles further, e 0...15: averages and sums of decimals.
    case corrected(Int)

    static let quotientLimit = 17
    static let productLimit = 17
    static let correctedLimit = 15

    private static let firstQuotient = 8
    private static let firstProduct = 25
    private static let firstCorrected = 44

    /// 0...63.
    var code: UInt8 {
        switch self {
        case .raw: 0
        case .signedBits: 1
        case .orderedBits: 2
        case .scale: 3
        case .quotient(let exponent): UInt8(ValueMapping.firstQuotient + exponent)
        case .product(let exponent): UInt8(ValueMapping.firstProduct + exponent)
        case .corrected(let exponent): UInt8(ValueMapping.firstCorrected + exponent)
        }
    }

    /// Reads the parameters of a mapping behind its code.
    init(code: UInt8, from reader: inout ByteReader) throws(CorruptionError) {
        switch Int(code) {
        case 0: self = .raw
        case 1: self = .signedBits
        case 2: self = .orderedBits
        case 3: self = .scale(try reader.double())
        case 8...25: self = .quotient(Int(code) - ValueMapping.firstQuotient)
        case 26...42: self = .product(Int(code) - ValueMapping.firstProduct)
        case 44...59: self = .corrected(Int(code) - ValueMapping.firstCorrected)
        default: throw CorruptionError("a known mapping", at: reader.offset - 1)
        }
    }

    var isBits: Bool { self == .signedBits || self == .orderedBits }
}

/// Bits of doubles as integers.
enum DoubleBits {
    @inline(__always)
    static func signed(_ value: Double) -> Int64 {
        let magnitude = Int64(bitPattern: value.bitPattern & (1 << 63 - 1))
        return value.sign == .minus ? 0 &- magnitude : magnitude
    }

    @inline(__always)
    static func fromSigned(_ integer: Int64) -> Double {
        let sign = UInt64(bitPattern: integer) & (1 << 63)
        return Double(bitPattern: integer.magnitude & (1 << 63 - 1) | sign)
    }

    @inline(__always)
    static func ordered(_ value: Double) -> Int64 {
        let bits = Int64(bitPattern: value.bitPattern)
        return bits ^ (bits >> 63 & .max)
    }

    @inline(__always)
    static func fromOrdered(_ integer: Int64) -> Double {
        Double(bitPattern: UInt64(bitPattern: integer ^ (integer >> 63 & .max)))
    }
}

/// Powers of ten as the mappings use them.
enum PowersOfTen {
    /// 10^0...10^17, all exact.
    static let positive: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
    ]
    /// The doubles nearest to 10^-0...10^-17.
    static let negative: [Double] = [
        1, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15,
        1e-16, 1e-17,
    ]
}
