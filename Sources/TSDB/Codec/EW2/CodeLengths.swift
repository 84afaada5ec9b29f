// SPDX-License-Identifier: Apache-2.0
//
// The lengths of a canonical code as bits: which symbols have a code, and how long it is. Symbols come in ascending
// order and their lengths change little from one to the next, so a step is written instead of a length. A complete
// code ends the list by itself: when its codes cover every string of bits, no further symbol can follow.

internal import Bytes

/// The header form of a canonical code; docs/formats/block.md draws it under "Code lengths".
enum CodeLengths {
    /// What comes next in the list, with the bits that say so, first bit lowest.
    private enum Step {
        static let same = Prefix(bits: 0b00, width: 2)
        static let longer = Prefix(bits: 0b10, width: 2)
        static let shorter = Prefix(bits: 0b001, width: 3)
        static let gap = Prefix(bits: 0b101, width: 3)
        static let twoLonger = Prefix(bits: 0b0011, width: 4)
        static let twoShorter = Prefix(bits: 0b1011, width: 4)
        /// Four bits with the length follow.
        static let explicit = Prefix(bits: 0b111, width: 3)
    }

    private struct Prefix {
        let bits: UInt64
        let width: Int
    }

    /// About the bits of a code of so many symbols with so many missing between them.
    static func estimate(symbols: Int, missing: Int) -> Int { 3 * symbols + 2 * missing + 5 }

    /// Appends the lengths of ascending symbols; the first is counted from `origin`.
    static func append(
        _ symbols: [UInt16],
        _ lengths: [UInt8],
        origin: Int,
        _ writer: inout BitWriter,
        to out: inout [UInt8]
    ) {
        guard let first = symbols.first else { return }
        appendGamma(Int(first) - origin + 1, &writer, to: &out)
        writer.write(UInt64(lengths[0]), 4, to: &out)
        for index in symbols.indices.dropFirst() {
            let missing = Int(symbols[index]) - Int(symbols[index - 1]) - 1
            if missing > 0 {
                append(Step.gap, &writer, to: &out)
                appendGamma(missing, &writer, to: &out)
            }
            switch Int(lengths[index]) - Int(lengths[index - 1]) {
            case 0: append(Step.same, &writer, to: &out)
            case 1: append(Step.longer, &writer, to: &out)
            case -1: append(Step.shorter, &writer, to: &out)
            case 2: append(Step.twoLonger, &writer, to: &out)
            case -2: append(Step.twoShorter, &writer, to: &out)
            default:
                append(Step.explicit, &writer, to: &out)
                writer.write(UInt64(lengths[index]), 4, to: &out)
            }
        }
    }

    /// Reads what `append` wrote into the arrays; symbols stay below `limit`.
    static func read(
        origin: Int,
        limit: Int,
        _ cursor: inout BitCursor,
        in bytes: borrowing RawSpan,
        into symbols: inout [UInt16],
        _ lengths: inout [UInt8]
    ) throws(CorruptionError) {
        symbols.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        var symbol = origin + readGamma(&cursor, in: bytes) - 1
        var length = Int(cursor.read(4, in: bytes))
        // How many of the 2^longest strings of bits have no code yet.
        var free = 1 << CanonicalHuffman.longest
        while true {
            guard symbol < limit, 0...CanonicalHuffman.longest ~= length else {
                throw CorruptionError(
                    "a symbol below \(limit) with a code of 0 to 11 bits",
                    at: cursor.nextByte
                )
            }
            symbols.append(UInt16(symbol))
            lengths.append(UInt8(length))
            free -= 1 << (CanonicalHuffman.longest - length)
            guard free > 0 else { break }
            symbol += 1
            length = readStep(&cursor, in: bytes, length, &symbol)
        }
        guard free == 0 else { throw CorruptionError("a complete code", at: cursor.nextByte) }
        try cursor.check(bytes)
    }

    /// The next length; moves the symbol over a gap.
    private static func readStep(
        _ cursor: inout BitCursor,
        in bytes: borrowing RawSpan,
        _ length: Int,
        _ symbol: inout Int
    ) -> Int {
        while true {
            let bits = bytes.bits(at: cursor.position)
            switch bits & 3 {
            case 0b00:
                cursor.position += 2
                return length
            case 0b10:
                cursor.position += 2
                return length + 1
            case 0b01:
                cursor.position += 3
                guard bits & 4 != 0 else { return length - 1 }
                symbol += readGamma(&cursor, in: bytes)
                // A gap follows no gap, but a damaged list may say so; the symbol's limit ends it.
                guard symbol < HDRTokens.symbolLimit else { return length }
            default:
                if bits & 4 != 0 {
                    cursor.position += 3
                    return Int(cursor.read(4, in: bytes))
                }
                cursor.position += 4
                return bits & 8 == 0 ? length + 2 : length - 2
            }
        }
    }

    private static func append(_ prefix: Prefix, _ writer: inout BitWriter, to out: inout [UInt8]) {
        writer.write(prefix.bits, prefix.width, to: &out)
    }

    /// Elias' gamma code of a number of at least one: as many ones as it has bits below the leading one, a zero,
    /// and those bits.
    private static func appendGamma(_ number: Int, _ writer: inout BitWriter, to out: inout [UInt8]) {
        let width = 63 - UInt64(number).leadingZeroBitCount
        writer.write((1 << UInt64(width)) - 1, width + 1, to: &out)
        writer.write(UInt64(number) & ((1 << UInt64(width)) - 1), width, to: &out)
    }

    private static func readGamma(_ cursor: inout BitCursor, in bytes: borrowing RawSpan) -> Int {
        let ones = (~bytes.bits(at: cursor.position)).trailingZeroBitCount
        // Symbols have eleven bits; a longer number is damage and becomes too large a symbol.
        let width = min(ones, 12)
        cursor.position += width + 1
        return 1 << width | Int(cursor.read(width, in: bytes))
    }
}
