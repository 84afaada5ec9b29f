// SPDX-License-Identifier: Apache-2.0
//
// The decoding table of a token stream: the next 11 bits or fewer name an entry, which says how many bits the token
// has and what its value begins with. Built from a header that may be damaged: a code that is not complete is refused,
// so every entry of the table is set and no entry leads outside.

internal import Bytes

/// A token of at most 56 bits.
struct TokenEntry {
    /// The magnitude without the raw bits, or the length of a run.
    var base: UInt32
    /// Bits of the code.
    var length: UInt8
    /// Bits of code and raw bits.
    var total: UInt8
    /// What the token stands for.
    var kind: UInt8
    private let unused: UInt8 = 0

    static let positive: UInt8 = 0
    static let negative: UInt8 = 1
    static let run: UInt8 = 2

    init(base: UInt64, length: Int, rawBits: Int, kind: UInt8) {
        self.base = UInt32(truncatingIfNeeded: base)
        self.length = UInt8(length)
        total = UInt8(length + rawBits)
        self.kind = kind
    }
}

/// Reads a header and holds what decodes the stream behind it.
struct TokenTable {
    /// The entries, one for each value of the next `longest` bits.
    private(set) var entries: [TokenEntry] = []
    /// Where bases of 32 bits and more are: parallel to the entries, filled only for wide streams.
    private(set) var wideBases: [UInt64] = []
    private(set) var longest = 0
    /// The most bits of a token.
    private(set) var mostBits = 0
    private(set) var isWide = false
    private(set) var shape = TokenShape()
    private(set) var isFour = false

    private var symbols: [UInt16] = []
    private var lengths: [UInt8] = []

    /// Reads the header of a stream with the given mantissa bits.
    mutating func read(
        _ cursor: inout BitCursor,
        in bytes: borrowing RawSpan,
        mantissaBits: Int
    ) throws(CorruptionError) {
        let flags = cursor.read(3, in: bytes)
        shape = TokenShape(isSigned: flags & 1 != 0, hasRuns: flags & 2 != 0, mantissaBits: mantissaBits)
        isFour = flags & 4 != 0
        try CodeLengths.read(
            origin: shape.hasRuns ? 0 : HDRTokens.zero,
            limit: HDRTokens.symbolLimit,
            &cursor,
            in: bytes,
            into: &symbols,
            &lengths
        )
        longest = Int(lengths.max() ?? 0)
        fill()
    }

    private mutating func fill() {
        if entries.isEmpty {
            let entry = TokenEntry(base: 0, length: 0, rawBits: 0, kind: TokenEntry.positive)
            entries = [TokenEntry](repeating: entry, count: 1 << CanonicalHuffman.longest)
        }
        mostBits = 0
        isWide = false
        var next = CanonicalHuffman.firstCodes(lengths)
        for index in symbols.indices {
            let length = Int(lengths[index])
            let token = self.token(Int(symbols[index]), length)
            mostBits = max(mostBits, length + token.rawBits)
            if length + token.rawBits > TokenStream.narrowBits || token.base >= TokenStream.narrowBase {
                isWide = true
            }
            let entry = TokenEntry(
                base: token.base,
                length: length,
                rawBits: token.rawBits,
                kind: token.kind
            )
            let code = Int(CanonicalHuffman.reversed(next[length], length))
            next[length] += 1
            var place = code
            while place < 1 << longest {
                entries[place] = entry
                place += 1 << length
            }
        }
        if isWide { fillWideBases() }
    }

    private mutating func fillWideBases() {
        wideBases.removeAll(keepingCapacity: true)
        wideBases.append(contentsOf: repeatElement(0, count: 1 << longest))
        var next = CanonicalHuffman.firstCodes(lengths)
        for index in symbols.indices {
            let length = Int(lengths[index])
            let base = token(Int(symbols[index]), length).base
            var place = Int(CanonicalHuffman.reversed(next[length], length))
            next[length] += 1
            while place < 1 << longest {
                wideBases[place] = base
                place += 1 << length
            }
        }
    }

    private func token(_ symbol: Int, _ length: Int) -> (base: UInt64, rawBits: Int, kind: UInt8) {
        guard symbol >= HDRTokens.zero else {
            let power = symbol + HDRTokens.shortestPower
            return (1 << UInt64(power), power, TokenEntry.run)
        }
        let bucket = HDRTokens.bucket(ofSymbol: symbol, isSigned: shape.isSigned)
        let isNegative = HDRTokens.isNegative(symbol, isSigned: shape.isSigned)
        // Symbols a damaged header may name go past 64 bits; shifts lose them, as any damage is lost.
        return (
            HDRTokens.base(bucket, shape.mantissaBits),
            min(64, HDRTokens.rawBits(bucket, shape.mantissaBits)),
            isNegative ? TokenEntry.negative : TokenEntry.positive
        )
    }
}
