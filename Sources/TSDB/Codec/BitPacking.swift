// SPDX-License-Identifier: Apache-2.0
//
// Integers in as few bits as their neighbours need: runs of 32 share one width. docs/formats/block.md draws it.
// A run costs one byte and 32 × width bits, least significant bit first, so a jump spoils one run only.

internal import Bytes

/// Bit-packed unsigned integers in runs of 32.
enum BitPacking {
    static let runLength = 32

    /// Bytes that `append` would write.
    static func cost(_ values: [UInt64]) -> Int {
        var total = 0
        var start = 0
        while start < values.count {
            let end = min(start + runLength, values.count)
            total += 1 + ((end - start) * width(values, start, end) + 7) / 8
            start = end
        }
        return total
    }

    /// Appends the values; the reader must know their number.
    static func append(_ values: [UInt64], to out: inout [UInt8]) {
        var start = 0
        while start < values.count {
            let end = min(start + runLength, values.count)
            let width = width(values, start, end)
            out.append(UInt8(width))
            var writer = BitWriter()
            for index in start..<end { writer.write(values[index], width, to: &out) }
            writer.finish(to: &out)
            start = end
        }
    }

    /// Fills the span with values, each times the factor and added to the base; both wrap.
    static func read(
        from reader: inout ByteReader,
        base: Int64,
        factor: UInt64,
        into values: inout MutableSpan<Int64>
    ) throws(CorruptionError) {
        // A copy of the reader shares its bytes; the original then moves by what the runs took.
        var ahead = reader
        let rest = try ahead.take(ahead.remaining)
        let bytes = unsafe rest.span.bytes
        var cursor = BitCursor(position: 0)
        var start = 0
        while start < values.count {
            let end = min(start + runLength, values.count)
            cursor.position = cursor.nextByte * 8
            let width = Int(cursor.read(8, in: bytes))
            guard width <= 64 else {
                throw CorruptionError("a bit width of at most 64", at: reader.offset + cursor.nextByte - 1)
            }
            for index in start..<end {
                values[index] = base &+ Int64(bitPattern: cursor.read(width, in: bytes) &* factor)
            }
            try cursor.check(bytes)
            start = end
        }
        _ = try reader.take(cursor.nextByte)
    }

    private static func width(_ values: [UInt64], _ start: Int, _ end: Int) -> Int {
        var union: UInt64 = 0
        for index in start..<end { union |= values[index] }
        return 64 - union.leadingZeroBitCount
    }
}
