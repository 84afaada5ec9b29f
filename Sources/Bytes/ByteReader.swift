// SPDX-License-Identifier: Apache-2.0
//
// Bounds-checked reading of binary input. Nothing here traps on any input: a read beyond the end, an overlong
// varint or a length that does not fit throws `CorruptionError` with the offset.

/// Input that is not what its format says.
public struct CorruptionError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was expected.
    public let expected: String
    /// Byte offset in the input.
    public let offset: Int

    /// Creates an error.
    public init(_ expected: String, at offset: Int) {
        self.expected = expected
        self.offset = offset
    }

    /// The value as text for messages.
    public var description: String { "corrupt input at byte \(offset): expected \(expected)" }
}

/// Reads little-endian integers, varints and byte strings from an array.
public struct ByteReader: Sendable {
    // Callers inline the small reads: an unspecialized generic call per number is thirty times slower.
    @usableFromInline let bytes: [UInt8]
    @usableFromInline let end: Int
    /// Where the next read begins.
    @inlinable public var offset: Int { place }
    @usableFromInline var place: Int

    /// Reads the whole array.
    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
        place = 0
        end = bytes.count
    }

    /// Reads part of an array; the range is clamped to it.
    public init(_ bytes: [UInt8], in range: Range<Int>) {
        self.bytes = bytes
        let clamped = range.clamped(to: 0..<bytes.count)
        place = clamped.lowerBound
        end = clamped.upperBound
    }

    /// Bytes left.
    @inlinable
    public var remaining: Int { end - offset }
    /// Whether everything was read.
    @inlinable
    public var isAtEnd: Bool { offset >= end }

    /// One byte.
    @inlinable
    public mutating func byte() throws(CorruptionError) -> UInt8 {
        guard offset < end else { throw CorruptionError("one more byte", at: offset) }
        defer { place += 1 }
        return bytes[offset]
    }

    /// A fixed-width little-endian integer.
    @inlinable
    @inline(__always)
    public mutating func integer<T: FixedWidthInteger>(_ type: T.Type = T.self) throws(CorruptionError) -> T {
        let width = MemoryLayout<T>.size
        guard remaining >= width else { throw CorruptionError("\(width) more bytes", at: offset) }
        var value: T = 0
        for index in (0..<width).reversed() {
            value = (value << 8) | T(truncatingIfNeeded: bytes[offset + index])
        }
        place += width
        return value
    }

    /// A double, bit for bit.
    @inlinable
    public mutating func double() throws(CorruptionError) -> Double {
        Double(bitPattern: try integer(UInt64.self))
    }

    /// An unsigned LEB128 varint of at most ten bytes.
    @inlinable
    public mutating func varint() throws(CorruptionError) -> UInt64 {
        let start = offset
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = try byte()
            if shift == 63, next > 1 { throw CorruptionError("a varint of 64 bits", at: start) }
            value |= UInt64(next & 0x7f) << shift
            if next < 0x80 { return value }
            shift += 7
            if shift > 63 { throw CorruptionError("a varint of at most ten bytes", at: start) }
        }
    }

    /// A zigzag-coded signed varint.
    @inlinable
    public mutating func zigzag() throws(CorruptionError) -> Int64 {
        let raw = try varint()
        return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
    }

    /// A varint that counts things, at most `limit`.
    public mutating func count(limit: Int) throws(CorruptionError) -> Int {
        let start = offset
        let raw = try varint()
        guard raw <= UInt64(limit) else { throw CorruptionError("a count of at most \(limit)", at: start) }
        return Int(raw)
    }

    /// The next `count` bytes.
    public mutating func take(_ count: Int) throws(CorruptionError) -> ArraySlice<UInt8> {
        guard count >= 0, count <= remaining else { throw CorruptionError("\(count) more bytes", at: offset) }
        defer { place += count }
        return bytes[offset..<(offset + count)]
    }

    /// A byte string preceded by its varint length, at most `limit` long.
    public mutating func prefixed(limit: Int) throws(CorruptionError) -> ArraySlice<UInt8> {
        try take(count(limit: limit))
    }
}
