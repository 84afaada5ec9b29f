// SPDX-License-Identifier: Apache-2.0
//
// The writing half of ByteReader, as verbs on a byte array.

extension [UInt8] {
    /// Appends a fixed-width little-endian integer.
    @inlinable
    public mutating func append<T: FixedWidthInteger>(littleEndian value: T) {
        var rest = value
        for _ in 0..<MemoryLayout<T>.size {
            append(UInt8(truncatingIfNeeded: rest))
            if MemoryLayout<T>.size > 1 { rest >>= 8 }
        }
    }

    /// Appends a double, bit for bit.
    public mutating func append(double value: Double) {
        append(littleEndian: value.bitPattern)
    }

    /// Appends an unsigned LEB128 varint.
    @inlinable
    public mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }

    /// Appends a zigzag-coded signed varint.
    @inlinable
    public mutating func append(zigzag value: Int64) {
        append(varint: UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    /// Appends a byte string preceded by its varint length.
    public mutating func append(prefixed bytes: some Collection<UInt8>) {
        append(varint: UInt64(bytes.count))
        append(contentsOf: bytes)
    }

    /// Overwrites four bytes at an offset with a little-endian integer; for checksums written last.
    public mutating func overwrite(littleEndian value: UInt32, at offset: Int) {
        for index in 0..<4 { self[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt32(index))) }
    }
}
