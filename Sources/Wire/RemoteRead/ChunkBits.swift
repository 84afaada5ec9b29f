// SPDX-License-Identifier: Apache-2.0
//
// The chunks of Prometheus' store (tsdb/chunkenc), in which it streams remote reads: bits from the highest of each byte
// down, behind the number of samples in two bytes. Drawn in Prometheus' tsdb/docs/format/chunks.md.

internal import Bytes

/// Appends bits.
struct ChunkBits {
    private(set) var bytes: [UInt8] = []
    /// Bits of the last byte still free.
    private var free = 0

    /// Starts with the number of samples, which is known beforehand.
    init(count: Int) {
        bytes = [UInt8(truncatingIfNeeded: count >> 8), UInt8(truncatingIfNeeded: count)]
    }

    /// Appends the lowest bits of a value, the highest of them first.
    mutating func append(_ value: UInt64, bits: Int) {
        var left = bits
        while left > 0 {
            if free == 0 {
                bytes.append(0)
                free = 8
            }
            let taken = min(free, left)
            let part = (value >> UInt64(left - taken)) & ((1 << UInt64(taken)) - 1)
            bytes[bytes.count - 1] |= UInt8(truncatingIfNeeded: part << UInt64(free - taken))
            free -= taken
            left -= taken
        }
    }

    /// Appends a whole double.
    mutating func append(_ value: Double) { append(value.bitPattern, bits: 64) }

    /// Appends Go's varint of a signed number, byte by byte.
    mutating func append(goVarint value: Int64) {
        append(goUvarint: UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    /// Appends Go's varint of an unsigned number, byte by byte.
    mutating func append(goUvarint value: UInt64) {
        var coded: [UInt8] = []
        coded.append(varint: value)
        for byte in coded { append(UInt64(byte), bits: 8) }
    }

    // MARK: - Numbers of few bits

    /// Bits behind each prefix of ones and a zero; the last, eight ones, has 64.
    private static let widths = [3, 6, 9, 12, 18, 25, 56]

    /// Appends a signed number of one to 72 bits.
    mutating func append(signed value: Int64) {
        guard value != 0 else { return append(0, bits: 1) }
        let index = ChunkBits.widths.firstIndex { ChunkBits.fits(value, $0) }
        append(UInt64(bitPattern: value), widthIndex: index)
    }

    /// Appends an unsigned number of one to 72 bits.
    mutating func append(unsigned value: UInt64) {
        guard value != 0 else { return append(0, bits: 1) }
        append(value, widthIndex: ChunkBits.widths.firstIndex { value >> UInt64($0) == 0 })
    }

    private mutating func append(_ value: UInt64, widthIndex: Int?) {
        guard let index = widthIndex else {
            append(0xff, bits: 8)
            return append(value, bits: 64)
        }
        append((1 << UInt64(index + 2)) - 2, bits: index + 2)
        append(value, bits: ChunkBits.widths[index])
    }

    /// Whether a number is within -(2^(n-1)-1)...2^(n-1).
    static func fits(_ value: Int64, _ bits: Int) -> Bool {
        let half = Int64(1) << Int64(bits - 1)
        return value > -half && value <= half
    }
}
