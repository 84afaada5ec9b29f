// SPDX-License-Identifier: Apache-2.0
//
// Patched frames of reference (Zukowski et al., ICDE 2006) for columns too short to pay for a prefix code: 128 integers
// share a width, and the few that need more keep their upper bits in a list behind.

internal import Bytes

/// Integers in patched frames; docs/formats/block.md draws one.
enum PFOR {
    private static let frame = 128
    private static let patched: UInt8 = 128

    /// Appends the values as they are, or zigzag-coded.
    static func append(_ values: [Int64], isSigned: Bool, to out: inout [UInt8]) {
        var start = 0
        while start < values.count {
            let count = min(frame, values.count - start)
            appendFrame(values[start..<(start + count)], isSigned: isSigned, to: &out)
            start += count
        }
    }

    private static func appendFrame(_ values: ArraySlice<Int64>, isSigned: Bool, to out: inout [UInt8]) {
        var lengths = InlineArray<65, Int>(repeating: 0)
        for value in values { lengths[64 - code(value, isSigned).leadingZeroBitCount] += 1 }
        let (width, patches, widest) = bestWidth(lengths, values.count)
        let patchWidth = widest - width
        out.append(UInt8(width) | (patches > 0 ? patched : 0))
        if patches > 0 {
            out.append(UInt8(patches))
            out.append(UInt8(patchWidth))
        }
        let mask = width == 64 ? UInt64.max : (1 << UInt64(width)) - 1
        var writer = BitWriter()
        for value in values { writer.write(code(value, isSigned) & mask, width, to: &out) }
        if patches > 0 {
            for (index, value) in values.enumerated() where code(value, isSigned) > mask {
                writer.write(UInt64(index), 7, to: &out)
                writer.write(code(value, isSigned) >> UInt64(width), patchWidth, to: &out)
            }
        }
        writer.finish(to: &out)
    }

    /// The width with the fewest bits, how many values are longer, and the longest.
    private static func bestWidth(
        _ lengths: borrowing InlineArray<65, Int>,
        _ count: Int
    ) -> (width: Int, patches: Int, widest: Int) {
        var widest = 64
        while widest > 0, lengths[widest] == 0 { widest -= 1 }
        var best = (width: widest, patches: 0, bits: count * widest)
        var patches = 0
        for width in stride(from: widest - 1, through: 0, by: -1) {
            patches += lengths[width + 1]
            let bits = count * width + patches * (7 + widest - width) + 16
            if bits < best.bits { best = (width, patches, bits) }
        }
        return (best.width, best.patches, widest)
    }

    /// Fills the span from frames at a byte offset and returns the offset behind them.
    static func read(
        _ bytes: RawSpan,
        at offset: Int,
        isSigned: Bool,
        into values: inout MutableSpan<Int64>
    ) throws(CorruptionError) -> Int {
        var cursor = BitCursor(position: offset * 8)
        var start = 0
        while start < values.count {
            let count = min(frame, values.count - start)
            cursor.position = cursor.nextByte * 8
            try readFrame(bytes, &cursor, start..<(start + count), into: &values)
            start += count
        }
        if isSigned {
            for index in values.indices {
                let code = UInt64(bitPattern: values[index])
                values[index] = Int64(bitPattern: code >> 1) ^ (0 &- Int64(bitPattern: code & 1))
            }
        }
        return cursor.nextByte
    }

    private static func readFrame(
        _ bytes: RawSpan,
        _ cursor: inout BitCursor,
        _ range: Range<Int>,
        into values: inout MutableSpan<Int64>
    ) throws(CorruptionError) {
        let place = cursor.nextByte
        let head = UInt8(cursor.read(8, in: bytes))
        let width = Int(head & 127)
        var patches = 0
        var patchWidth = 0
        if head & patched != 0 {
            patches = Int(cursor.read(8, in: bytes))
            patchWidth = Int(cursor.read(8, in: bytes))
        }
        guard width + patchWidth <= 64, patches <= range.count else {
            throw CorruptionError("a frame of at most 64 bits a value", at: place)
        }
        for index in range { values[index] = Int64(bitPattern: cursor.read(width, in: bytes)) }
        for _ in 0..<patches {
            let index = Int(cursor.read(7, in: bytes))
            let upper = cursor.read(patchWidth, in: bytes)
            guard index < range.count else {
                throw CorruptionError("a patch within \(range.count) values", at: cursor.nextByte)
            }
            values[range.lowerBound + index] |= Int64(bitPattern: upper << UInt64(width))
        }
        try cursor.check(bytes)
    }

    @inline(__always)
    private static func code(_ value: Int64, _ isSigned: Bool) -> UInt64 {
        UInt64(bitPattern: isSigned ? (value << 1) ^ (value >> 63) : value)
    }
}
