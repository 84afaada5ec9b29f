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

    /// Reads `count` values back.
    static func read(_ count: Int, from reader: inout ByteReader) throws(CorruptionError) -> [UInt64] {
        var values: [UInt64] = []
        values.reserveCapacity(count)
        while values.count < count {
            let place = reader.offset
            let width = Int(try reader.byte())
            guard width <= 64 else { throw CorruptionError("a bit width of at most 64", at: place) }
            let run = min(runLength, count - values.count)
            let packed = try reader.take((run * width + 7) / 8)
            if width == 0 {
                values.append(contentsOf: repeatElement(0, count: run))
                continue
            }
            var bits = BitReader(packed)
            for _ in 0..<run { values.append(bits.read(width)) }
        }
        return values
    }

    private static func width(_ values: [UInt64], _ start: Int, _ end: Int) -> Int {
        var union: UInt64 = 0
        for index in start..<end { union |= values[index] }
        return 64 - union.leadingZeroBitCount
    }
}

/// Reads bits, least significant first; the caller took exactly the bytes the bits need.
private struct BitReader {
    private let bytes: ArraySlice<UInt8>
    private var next: Int
    private var pending: UInt64 = 0
    private var count = 0

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        next = bytes.startIndex
    }

    mutating func read(_ width: Int) -> UInt64 {
        guard width > 32 else { return get(width) }
        let low = get(32)
        return low | (get(width - 32) << 32)
    }

    private mutating func get(_ width: Int) -> UInt64 {
        while count < width, next < bytes.endIndex {
            pending |= UInt64(bytes[next]) << UInt64(count)
            next += 1
            count += 8
        }
        let value = pending & ((1 << UInt64(width)) - 1)
        pending >>= UInt64(width)
        count -= width
        return value
    }
}
