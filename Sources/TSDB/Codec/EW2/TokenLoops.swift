// SPDX-License-Identifier: Apache-2.0
//
// The loops that turn bits into integers: the only unchecked memory access of the codec.
//
// Rule for all of them: `bytes` reaches at least `count × mostBits / 8 + 16` bytes behind the start of every stream
// (TokenStreamDecoder sees to it), and no token is longer than `mostBits`, so position / 8 + 8 stays inside. A table
// has 2^longest entries or more and is looked up with `longest` bits. Values are written at indices below the
// span's count, which the loops' own bounds say.

internal import Bytes

/// Decoding loops over memory whose bounds were established.
enum TokenLoops {
    /// At least 57 bits from a position on.
    @inline(__always)
    private static func load(_ bytes: RawSpan, _ position: Int) -> UInt64 {
        let word = unsafe bytes.unsafeLoadUnaligned(
            fromUncheckedByteOffset: position &>> 3,
            as: UInt64.self
        )
        return UInt64(littleEndian: word) &>> UInt64(truncatingIfNeeded: position & 7)
    }

    /// The value of the token the bits begin with, which moves `shift` behind it.
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
        // Negation as complement plus one when the kind is `negative`.
        let sign = 0 &- Int64(entry.kind)
        return (Int64(bitPattern: magnitude) ^ sign) &- sign
    }

    /// Four streams side by side; no runs, no wide tokens.
    static func four(
        _ bytes: RawSpan,
        _ positions: inout InlineArray<4, Int>,
        _ table: borrowing TokenTable,
        into values: inout MutableSpan<Int64>
    ) {
        let quarter = TokenStream.quarter(1, of: values.count)
        let last = values.count - TokenStream.quarter(3, of: values.count)
        let second = quarter
        let third = TokenStream.quarter(2, of: values.count)
        let fourth = TokenStream.quarter(3, of: values.count)
        let entries = table.entries.span
        let mask: UInt64 = (1 << UInt64(table.longest)) - 1
        var (p0, p1, p2, p3) = (positions[0], positions[1], positions[2], positions[3])
        var index = 0
        if table.mostBits <= 18 {
            // Three tokens fit the 57 bits of a load.
            while index &+ 3 <= last {
                let (b0, b1, b2, b3) = (load(bytes, p0), load(bytes, p1), load(bytes, p2), load(bytes, p3))
                var (s0, s1, s2, s3): (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
                for next in 0..<3 {
                    let at = index &+ next
                    unsafe values[unchecked: at] = step(b0, &s0, entries, mask)
                    unsafe values[unchecked: second &+ at] = step(b1, &s1, entries, mask)
                    unsafe values[unchecked: third &+ at] = step(b2, &s2, entries, mask)
                    unsafe values[unchecked: fourth &+ at] = step(b3, &s3, entries, mask)
                }
                p0 = p0 &+ Int(truncatingIfNeeded: s0)
                p1 = p1 &+ Int(truncatingIfNeeded: s1)
                p2 = p2 &+ Int(truncatingIfNeeded: s2)
                p3 = p3 &+ Int(truncatingIfNeeded: s3)
                index = index &+ 3
            }
        }
        while index < last {
            unsafe values[unchecked: index] = single(bytes, &p0, entries, mask)
            unsafe values[unchecked: second &+ index] = single(bytes, &p1, entries, mask)
            unsafe values[unchecked: third &+ index] = single(bytes, &p2, entries, mask)
            unsafe values[unchecked: fourth &+ index] = single(bytes, &p3, entries, mask)
            index = index &+ 1
        }
        while index < quarter {
            unsafe values[unchecked: index] = single(bytes, &p0, entries, mask)
            if second &+ index < third {
                unsafe values[unchecked: second &+ index] = single(bytes, &p1, entries, mask)
            }
            if third &+ index < fourth {
                unsafe values[unchecked: third &+ index] = single(bytes, &p2, entries, mask)
            }
            index = index &+ 1
        }
        positions = [p0, p1, p2, p3]
    }

    @inline(__always)
    private static func single(
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

    /// One stream, with runs where the table has them.
    static func one(
        _ bytes: RawSpan,
        _ position: inout Int,
        _ table: borrowing TokenTable,
        into values: inout MutableSpan<Int64>
    ) throws(CorruptionError) {
        let count = values.count
        let entries = table.entries.span
        let mask: UInt64 = (1 << UInt64(table.longest)) - 1
        var place = position
        var index = 0
        if !table.shape.hasRuns {
            if table.mostBits <= 18 {
                while index &+ 3 <= count {
                    let bits = load(bytes, place)
                    var shift: UInt64 = 0
                    unsafe values[unchecked: index] = step(bits, &shift, entries, mask)
                    unsafe values[unchecked: index &+ 1] = step(bits, &shift, entries, mask)
                    unsafe values[unchecked: index &+ 2] = step(bits, &shift, entries, mask)
                    place = place &+ Int(truncatingIfNeeded: shift)
                    index = index &+ 3
                }
            }
            while index < count {
                unsafe values[unchecked: index] = single(bytes, &place, entries, mask)
                index = index &+ 1
            }
        }
        while index < count {
            let bits = load(bytes, place)
            let entry = unsafe entries[unchecked: Int(truncatingIfNeeded: bits & mask)]
            let raw = (bits & ((1 << UInt64(entry.total)) - 1)) &>> UInt64(entry.length)
            let magnitude = Int64(bitPattern: UInt64(entry.base) &+ raw)
            place = place &+ Int(entry.total)
            if entry.kind == TokenEntry.run {
                guard magnitude <= count &- index else {
                    throw CorruptionError("a run within \(count - index) values", at: place >> 3)
                }
                for zero in index..<(index &+ Int(magnitude)) { unsafe values[unchecked: zero] = 0 }
                index = index &+ Int(magnitude)
            } else {
                let sign = 0 &- Int64(entry.kind)
                unsafe values[unchecked: index] = (magnitude ^ sign) &- sign
                index = index &+ 1
            }
        }
        position = place
    }

    /// One stream of tokens of any width, checked as it goes.
    static func wide(
        _ bytes: RawSpan,
        _ cursor: inout BitCursor,
        _ table: borrowing TokenTable,
        into values: inout MutableSpan<Int64>
    ) throws(CorruptionError) {
        let mask: UInt64 = (1 << UInt64(table.longest)) - 1
        var index = 0
        while index < values.count {
            let code = Int(truncatingIfNeeded: bytes.bits(at: cursor.position) & mask)
            let entry = table.entries[code]
            cursor.position += Int(entry.length)
            let raw = cursor.read(Int(entry.total - entry.length), in: bytes)
            let magnitude = table.wideBases[code] &+ raw
            if entry.kind == TokenEntry.run {
                guard magnitude <= UInt64(values.count - index) else {
                    throw CorruptionError("a run within \(values.count - index) values", at: cursor.nextByte)
                }
                for zero in index..<(index + Int(magnitude)) { values[zero] = 0 }
                index += Int(magnitude)
            } else {
                let value = Int64(bitPattern: magnitude)
                values[index] = entry.kind == TokenEntry.negative ? 0 &- value : value
                index += 1
            }
        }
    }
}
