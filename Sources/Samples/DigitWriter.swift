// SPDX-License-Identifier: Apache-2.0
//
// Digits written in place, two at a time: what answers of hundreds of thousands of values spend their time on.

/// Writes numbers over bytes, one behind the other.
struct DigitWriter {
    /// Where the next byte goes.
    var place: Int

    /// Writes one byte.
    @inline(__always)
    mutating func write(byte: UInt8, _ out: inout MutableSpan<UInt8>) {
        out[place] = byte
        place += 1
    }

    /// Writes a text.
    mutating func write(_ text: StaticString, _ out: inout MutableSpan<UInt8>) {
        for byte in text.description.utf8 { write(byte: byte, &out) }
    }

    /// Writes a whole number.
    @inline(__always)
    mutating func write(_ whole: UInt64, _ out: inout MutableSpan<UInt8>) {
        let count = Self.digitCount(whole)
        Self.fill(whole, &out, from: place, through: place + count)
        place += count
    }

    /// Writes a decimal with a point where its value needs one.
    mutating func writePlain(_ decimal: ShortestDecimal, _ out: inout MutableSpan<UInt8>) {
        let count = Self.digitCount(decimal.digits)
        if decimal.exponent >= 0 {
            Self.fill(decimal.digits, &out, from: place, through: place + count)
            place += count
            for _ in 0..<decimal.exponent { write(byte: UInt8(ascii: "0"), &out) }
            return
        }
        let whole = count + decimal.exponent
        if whole <= 0 {
            write(byte: UInt8(ascii: "0"), &out)
            write(byte: UInt8(ascii: "."), &out)
            for _ in 0..<(-whole) { write(byte: UInt8(ascii: "0"), &out) }
            Self.fill(decimal.digits, &out, from: place, through: place + count)
            place += count
            return
        }
        // All digits one place to the right, then those before the point moved back over it.
        Self.fill(decimal.digits, &out, from: place + 1, through: place + 1 + count)
        for index in place..<(place + whole) { out[index] = out[index + 1] }
        out[place + whole] = UInt8(ascii: ".")
        place += count + 1
    }

    /// Writes a decimal as `1.5e-07`.
    mutating func writeScientific(_ decimal: ShortestDecimal, _ out: inout MutableSpan<UInt8>) {
        let count = Self.digitCount(decimal.digits)
        Self.fill(decimal.digits, &out, from: place + 1, through: place + 1 + count)
        out[place] = out[place + 1]
        place += 1
        if count > 1 {
            out[place] = UInt8(ascii: ".")
            place += count
        }
        let exponent = decimal.exponent + count - 1
        write(byte: UInt8(ascii: "e"), &out)
        write(byte: exponent < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"), &out)
        if exponent.magnitude < 10 { write(byte: UInt8(ascii: "0"), &out) }
        write(UInt64(exponent.magnitude), &out)
    }

    /// The number of decimal digits, 1 for zero.
    @inline(__always)
    private static func digitCount(_ number: UInt64) -> Int {
        // 1233 / 4096 is just above log10(2).
        let bits = 64 - (number | 1).leadingZeroBitCount
        let estimate = (bits &* 1233) >> 12
        return estimate + (number >= powers[estimate] ? 1 : 0)
    }

    /// Writes the last digits of a number over `start..<end`, as many as there is room for.
    @inline(__always)
    private static func fill(
        _ number: UInt64,
        _ out: inout MutableSpan<UInt8>,
        from start: Int,
        through end: Int
    ) {
        var rest = number
        var place = end
        while place - start >= 2 {
            let (quotient, pair) = rest.quotientAndRemainder(dividingBy: 100)
            out[place - 1] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: pair % 10)
            out[place - 2] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: pair / 10)
            place -= 2
            rest = quotient
        }
        if place > start { out[start] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10) }
    }

    /// 10^0 up to 10^19; the first stands for "has a digit even when zero".
    private static let powers: [UInt64] = [
        0, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 10_000_000_000,
        100_000_000_000, 1_000_000_000_000, 10_000_000_000_000, 100_000_000_000_000, 1_000_000_000_000_000,
        10_000_000_000_000_000, 100_000_000_000_000_000, 1_000_000_000_000_000_000,
        10_000_000_000_000_000_000,
    ]
}
