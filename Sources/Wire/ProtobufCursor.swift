// SPDX-License-Identifier: Apache-2.0
//
// Reading protobuf's wire format (https://protobuf.dev/programming-guides/encoding/) from bytes somebody else owns,
// without copying: tags, varints, fixed numbers and the ranges of nested messages. Invariant: `offset ≤ end ≤
// bytes.count`, so that no input makes a read trap. Groups, which proto3 does not have, are refused, so nesting is as
// deep as the caller's code and no deeper.

/// A place in a protobuf message, and where the message ends.
struct ProtobufCursor: ~Escapable {
    /// How a field's content is laid out.
    enum WireType {
        static let varint: UInt64 = 0
        static let fixed64: UInt64 = 1
        static let bytes: UInt64 = 2
        static let fixed32: UInt64 = 5
    }

    let bytes: Span<UInt8>
    private(set) var offset: Int
    private(set) var end: Int

    /// Stands before the first byte of a message.
    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>) {
        self.bytes = bytes
        offset = 0
        end = bytes.count
    }

    /// Whether the message was read to its end.
    var isAtEnd: Bool {
        @inline(__always) get { offset >= end }
    }

    /// The next byte without reading it; nil at the end.
    var next: UInt8? {
        @inline(__always) get { offset < end ? bytes[offset] : nil }
    }

    /// Goes into the nested message that begins here and has this many bytes.
    ///
    /// - Returns: the end of the outer message, for `leave`.
    @inline(__always)
    @_lifetime(self: copy self)
    mutating func enter(_ length: Int) -> Int {
        let outer = end
        end = offset + length
        return outer
    }

    /// Goes on behind the nested message, wherever reading it stopped.
    @inline(__always)
    @_lifetime(self: copy self)
    mutating func leave(_ outer: Int) {
        offset = end
        end = outer
    }

    /// Goes on at an offset within the message.
    @inline(__always)
    @_lifetime(self: copy self)
    mutating func move(to place: Int) {
        offset = min(max(0, place), end)
    }

    /// A field's number and wire type in one, as the format has them.
    @inline(__always)
    @_lifetime(self: copy self)
    mutating func tag() throws(RemoteWriteError) -> UInt64 {
        let start = offset
        let tag = try varint()
        guard tag > 7, tag <= UInt64(UInt32.max) else {
            throw .malformed("a field number", at: start)
        }
        return tag
    }

    /// An unsigned varint of at most ten bytes.
    @inline(__always)
    @_lifetime(self: copy self)
    mutating func varint() throws(RemoteWriteError) -> UInt64 {
        guard offset < end else { throw .malformed("one more byte", at: offset) }
        let first = bytes[offset]
        if first < 0x80 {
            offset += 1
            return UInt64(first)
        }
        return try longVarint()
    }

    @_lifetime(self: copy self)
    private mutating func longVarint() throws(RemoteWriteError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        var place = offset
        while true {
            guard place < end else { throw .malformed("one more byte", at: place) }
            let byte = bytes[place]
            place += 1
            if shift == 63, byte > 1 { throw .malformed("a varint of 64 bits", at: offset) }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 {
                offset = place
                return value
            }
            shift += 7
            if shift > 63 { throw .malformed("a varint of at most ten bytes", at: offset) }
        }
    }

    /// A zigzag-coded number (`sint32`, `sint64`).
    @_lifetime(self: copy self)
    mutating func zigzag() throws(RemoteWriteError) -> Int64 {
        let raw = try varint()
        return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
    }

    /// Eight little-endian bytes.
    @inline(__always)
    @_lifetime(self: copy self)
    mutating func fixed64() throws(RemoteWriteError) -> UInt64 {
        guard end - offset >= 8 else { throw .malformed("8 more bytes", at: offset) }
        // The guard is the bounds check; any bits are an integer.
        let value = unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
        offset += 8
        return UInt64(littleEndian: value)
    }

    /// The length of a string or nested message, all of which is there.
    @inline(__always)
    @_lifetime(self: copy self)
    mutating func length() throws(RemoteWriteError) -> Int {
        let start = offset
        let raw = try varint()
        guard raw <= UInt64(end - offset) else { throw .malformed("\(raw) more bytes", at: start) }
        return Int(raw)
    }

    /// A string or nested message, passed over.
    @inline(__always)
    @_lifetime(self: copy self)
    mutating func range() throws(RemoteWriteError) -> Range<Int> {
        let length = try length()
        defer { offset += length }
        return offset..<(offset + length)
    }

    /// Passes over the content of a field nobody asked for.
    @_lifetime(self: copy self)
    mutating func skip(_ tag: UInt64) throws(RemoteWriteError) {
        switch tag & 7 {
        case WireType.varint: _ = try varint()
        case WireType.fixed64: _ = try fixed64()
        case WireType.bytes: _ = try range()
        case WireType.fixed32:
            guard end - offset >= 4 else { throw .malformed("4 more bytes", at: offset) }
            offset += 4
        default: throw .malformed("a wire type of proto3", at: offset)
        }
    }

    /// Checks that a field has the wire type its number calls for.
    @inline(__always)
    func expect(_ wireType: UInt64, _ tag: UInt64) throws(RemoteWriteError) {
        guard tag & 7 == wireType else {
            throw .malformed("field \(tag >> 3) of wire type \(wireType)", at: offset)
        }
    }

    /// A string of the message; what is not UTF-8 becomes replacement characters.
    func text(_ range: Range<Int>) -> String {
        unsafe bytes.extracting(range).withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    }
}
