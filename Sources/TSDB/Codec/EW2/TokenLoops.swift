// SPDX-License-Identifier: Apache-2.0
//
// The loops that turn bits into integers: the only unchecked memory access of the codec.
//
// Rule for all of them: `bytes` reaches at least `count × mostBits / 8 + 16` bytes behind the start of every stream of
// `count` values (TokenStreamDecoder sees to it), and no token is longer than `mostBits`, so every load of eight bytes
// stays inside. A table has 2^longest entries and is looked up with `longest` bits. Values are written at indices
// below the span's count, which the loops' own bounds say; four streams have at least `TokenStream.fourStreamsFrom`
// values, so that the first three quarters are equally long and the last is not longer.

internal import Bytes

/// Decoding loops over memory whose bounds were established.
enum TokenLoops {
    // MARK: - Tokens

    /// At least 57 bits from a position on.
    @inline(__always)
    private static func load(_ bytes: RawSpan, _ position: Int) -> UInt64 {
        let word = unsafe bytes.unsafeLoadUnaligned(
            fromUncheckedByteOffset: position &>> 3,
            as: UInt64.self
        )
        return UInt64(littleEndian: word) &>> UInt64(truncatingIfNeeded: position & 7)
    }

    /// The value of the narrow token the bits begin with, which moves `shift` behind it.
    @inline(__always)
    private static func step(
        _ bits: UInt64,
        _ shift: inout UInt64,
        _ entries: Span<TokenEntry>,
        _ mask: UInt64
    ) -> Int64 {
        let rest = bits &>> shift
        let entry = unsafe entries[unchecked: Int(truncatingIfNeeded: rest & mask)]
        let total = UInt64(entry.total)
        let token = rest & ((1 &<< total) &- 1)
        let magnitude = UInt64(entry.base) &+ (token &>> UInt64(entry.length))
        shift = shift &+ total
        return signed(magnitude, entry)
    }

    /// One narrow token with a load of its own.
    @inline(__always)
    private static func narrow(
        _ bytes: RawSpan,
        _ position: inout Int,
        _ entries: Span<TokenEntry>,
        _ mask: UInt64
    ) -> Int64 {
        var shift: UInt64 = 0
        let value = step(load(bytes, position), &shift, entries, mask)
        position = position &+ Int(truncatingIfNeeded: shift)
        return value
    }

    /// The entry of a token of any width and its magnitude or length.
    @inline(__always)
    private static func wide(
        _ bytes: RawSpan,
        _ position: inout Int,
        _ entries: Span<TokenEntry>,
        _ bases: Span<UInt64>,
        _ mask: UInt64
    ) -> (entry: TokenEntry, magnitude: UInt64) {
        let code = Int(truncatingIfNeeded: load(bytes, position) & mask)
        let entry = unsafe entries[unchecked: code]
        let start = position &+ Int(entry.length)
        let rawBits = Int(entry.total &- entry.length)
        var raw = load(bytes, start)
        // A load has 57 bits: what is above 56 comes from a second one.
        if rawBits > 56 { raw = raw & 0xffff_ffff | load(bytes, start &+ 32) &<< 32 }
        // No raw bits at all would be a shift by 64, which smart shifts make zero.
        raw &= UInt64.max >> UInt64(64 &- rawBits)
        position = position &+ Int(entry.total)
        return (entry, unsafe bases[unchecked: code] &+ raw)
    }

    /// Negation, as complement plus one, when the entry says so.
    @inline(__always)
    private static func signed(_ magnitude: UInt64, _ entry: TokenEntry) -> Int64 {
        let sign = 0 &- Int64(entry.kind)
        return (Int64(bitPattern: magnitude) ^ sign) &- sign
    }

    // MARK: - Four streams

    /// Where four streams of values lie: their first indices, the longest and the shortest count.
    private struct Quarters {
        let second: Int
        let third: Int
        let fourth: Int
        let longest: Int
        let shortest: Int

        init(_ count: Int) {
            second = TokenStream.quarter(1, of: count)
            third = TokenStream.quarter(2, of: count)
            fourth = TokenStream.quarter(3, of: count)
            longest = second
            shortest = count - fourth
        }
    }

    /// Fills the span from four streams side by side; no runs.
    static func four(
        _ bytes: RawSpan,
        _ positions: inout InlineArray<4, Int>,
        _ table: borrowing TokenTable,
        into values: inout MutableSpan<Int64>
    ) {
        let quarters = Quarters(values.count)
        let mask: UInt64 = (1 << UInt64(table.longest)) - 1
        let entries = table.entries.span
        if table.isWide {
            let bases = table.wideBases.span
            rows(from: 0, quarters, &positions, into: &values) { position in
                let (entry, magnitude) = wide(bytes, &position, entries, bases, mask)
                return signed(magnitude, entry)
            }
        } else {
            var done = 0
            // Three tokens of 18 bits fit the 57 of a load.
            if table.mostBits <= 18 {
                done = triples(bytes, quarters, &positions, entries, mask, into: &values)
            }
            rows(from: done, quarters, &positions, into: &values) { position in
                narrow(bytes, &position, entries, mask)
            }
        }
    }

    /// Rows in threes, one load of each stream for each; returns how many rows were done.
    @inline(__always)
    private static func triples(
        _ bytes: RawSpan,
        _ quarters: Quarters,
        _ positions: inout InlineArray<4, Int>,
        _ entries: Span<TokenEntry>,
        _ mask: UInt64,
        into values: inout MutableSpan<Int64>
    ) -> Int {
        var (p0, p1, p2, p3) = (positions[0], positions[1], positions[2], positions[3])
        var row = 0
        while row &+ 3 <= quarters.shortest {
            let (b0, b1, b2, b3) = (load(bytes, p0), load(bytes, p1), load(bytes, p2), load(bytes, p3))
            var (s0, s1, s2, s3): (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
            for next in row..<(row &+ 3) {
                unsafe values[unchecked: next] = step(b0, &s0, entries, mask)
                unsafe values[unchecked: quarters.second &+ next] = step(b1, &s1, entries, mask)
                unsafe values[unchecked: quarters.third &+ next] = step(b2, &s2, entries, mask)
                unsafe values[unchecked: quarters.fourth &+ next] = step(b3, &s3, entries, mask)
            }
            p0 = p0 &+ Int(truncatingIfNeeded: s0)
            p1 = p1 &+ Int(truncatingIfNeeded: s1)
            p2 = p2 &+ Int(truncatingIfNeeded: s2)
            p3 = p3 &+ Int(truncatingIfNeeded: s3)
            row = row &+ 3
        }
        positions = [p0, p1, p2, p3]
        return row
    }

    /// Rows one by one; the last quarter may end before the others.
    @inline(__always)
    private static func rows(
        from start: Int,
        _ quarters: Quarters,
        _ positions: inout InlineArray<4, Int>,
        into values: inout MutableSpan<Int64>,
        _ token: (inout Int) -> Int64
    ) {
        var (p0, p1, p2, p3) = (positions[0], positions[1], positions[2], positions[3])
        var row = start
        while row < quarters.shortest {
            unsafe values[unchecked: row] = token(&p0)
            unsafe values[unchecked: quarters.second &+ row] = token(&p1)
            unsafe values[unchecked: quarters.third &+ row] = token(&p2)
            unsafe values[unchecked: quarters.fourth &+ row] = token(&p3)
            row = row &+ 1
        }
        while row < quarters.longest {
            unsafe values[unchecked: row] = token(&p0)
            unsafe values[unchecked: quarters.second &+ row] = token(&p1)
            unsafe values[unchecked: quarters.third &+ row] = token(&p2)
            row = row &+ 1
        }
        positions = [p0, p1, p2, p3]
    }

    // MARK: - One stream

    /// Fills the span from one stream, with runs where the table has them.
    static func one(
        _ bytes: RawSpan,
        _ position: inout Int,
        _ table: borrowing TokenTable,
        into values: inout MutableSpan<Int64>
    ) throws(CorruptionError) {
        let mask: UInt64 = (1 << UInt64(table.longest)) - 1
        let entries = table.entries.span
        if table.isWide {
            let bases = table.wideBases.span
            try withRuns(&position, into: &values) { position in
                wide(bytes, &position, entries, bases, mask)
            }
        } else if table.shape.hasRuns {
            try withRuns(&position, into: &values) { position in
                let bits = load(bytes, position)
                let entry = unsafe entries[unchecked: Int(truncatingIfNeeded: bits & mask)]
                let raw = (bits & ((1 &<< UInt64(entry.total)) &- 1)) &>> UInt64(entry.length)
                position = position &+ Int(entry.total)
                return (entry, UInt64(entry.base) &+ raw)
            }
        } else {
            withoutRuns(bytes, &position, entries, mask, table.mostBits, into: &values)
        }
    }

    @inline(__always)
    private static func withoutRuns(
        _ bytes: RawSpan,
        _ position: inout Int,
        _ entries: Span<TokenEntry>,
        _ mask: UInt64,
        _ mostBits: Int,
        into values: inout MutableSpan<Int64>
    ) {
        var place = position
        var index = 0
        if mostBits <= 18 {
            while index &+ 3 <= values.count {
                let bits = load(bytes, place)
                var shift: UInt64 = 0
                for next in index..<(index &+ 3) {
                    unsafe values[unchecked: next] = step(bits, &shift, entries, mask)
                }
                place = place &+ Int(truncatingIfNeeded: shift)
                index = index &+ 3
            }
        }
        while index < values.count {
            unsafe values[unchecked: index] = narrow(bytes, &place, entries, mask)
            index = index &+ 1
        }
        position = place
    }

    @inline(__always)
    private static func withRuns(
        _ position: inout Int,
        into values: inout MutableSpan<Int64>,
        _ token: (inout Int) -> (entry: TokenEntry, magnitude: UInt64)
    ) throws(CorruptionError) {
        var place = position
        var index = 0
        while index < values.count {
            let (entry, magnitude) = token(&place)
            guard entry.kind == TokenEntry.run else {
                unsafe values[unchecked: index] = signed(magnitude, entry)
                index = index &+ 1
                continue
            }
            let left = values.count &- index
            guard magnitude <= UInt64(left) else {
                throw CorruptionError("a run within \(left) values", at: place >> 3)
            }
            let end = index &+ Int(magnitude)
            while index < end {
                unsafe values[unchecked: index] = 0
                index = index &+ 1
            }
        }
        position = place
    }
}
