// SPDX-License-Identifier: Apache-2.0
//
// Reads token streams. A header bounds how many bits a token can have, so the most bits the values can take are known
// before the first is read: when the input has fewer bytes left than that, a padded copy is decoded instead. The
// loops of TokenLoops.swift then need no checks, and afterwards every stream must end where it said it would.

internal import Bytes

/// Decodes token streams, with the buffers for tables and padding.
struct TokenStreamDecoder {
    private var table = TokenTable()
    private var padded: [UInt8] = []

    /// Fills the span from a stream at a byte offset and returns the offset behind it.
    mutating func read(
        _ bytes: RawSpan,
        at offset: Int,
        mantissaBits: Int,
        into values: inout MutableSpan<Int64>
    ) throws(CorruptionError) -> Int {
        var cursor = BitCursor(position: offset * 8)
        try table.read(&cursor, in: bytes, mantissaBits: mantissaBits)
        guard table.isFour else { return try readOne(bytes, &cursor, into: &values) }
        // The loops rely on this many: shorter columns do not have three equal quarters.
        guard !table.shape.hasRuns, values.count >= TokenStream.fourStreamsFrom else {
            throw CorruptionError("one stream for \(values.count) values", at: offset)
        }
        return try readFour(bytes, &cursor, into: &values)
    }

    private mutating func readOne(
        _ bytes: RawSpan,
        _ cursor: inout BitCursor,
        into values: inout MutableSpan<Int64>
    ) throws(CorruptionError) -> Int {
        let start = cursor.position >> 3
        let need = TokenStreamDecoder.need(values.count, table.mostBits)
        if bytes.byteCount - start < need {
            pad(bytes.extracting(start...), need)
            var position = cursor.position - start * 8
            try TokenLoops.one(unsafe padded.span.bytes, &position, table, into: &values)
            cursor.position = position + start * 8
        } else {
            try TokenLoops.one(bytes, &cursor.position, table, into: &values)
        }
        try cursor.check(bytes)
        return cursor.nextByte
    }

    private mutating func readFour(
        _ bytes: RawSpan,
        _ cursor: inout BitCursor,
        into values: inout MutableSpan<Int64>
    ) throws(CorruptionError) -> Int {
        cursor.position = cursor.nextByte * 8
        var starts = InlineArray<4, Int>(repeating: 0)
        var sum = 0
        for index in 1..<4 {
            sum += try length(&cursor, bytes)
            starts[index] = sum
        }
        let start = cursor.nextByte
        guard sum <= bytes.byteCount - start else {
            throw CorruptionError("four streams of \(sum) bytes and more", at: start)
        }
        // The first three quarters are equal, the last may be shorter; what is enough for the last stream's values
        // is enough for all.
        let need = sum + TokenStreamDecoder.need(TokenStream.quarter(1, of: values.count), table.mostBits)
        let isPadded = bytes.byteCount - start < need
        let origin = isPadded ? 0 : start
        var positions = InlineArray<4, Int> { (origin + starts[$0]) * 8 }
        if isPadded {
            pad(bytes.extracting(start...), need)
            TokenLoops.four(unsafe padded.span.bytes, &positions, table, into: &values)
        } else {
            TokenLoops.four(bytes, &positions, table, into: &values)
        }
        for index in 0..<3 where (positions[index] + 7) >> 3 != origin + starts[index + 1] {
            throw CorruptionError("stream \(index) of \(starts[index + 1]) bytes", at: start)
        }
        let end = (positions[3] + 7) >> 3 - origin + start
        guard end <= bytes.byteCount else { throw CorruptionError("\(end) bytes", at: bytes.byteCount) }
        return end
    }

    /// Bytes that `count` tokens cannot leave, with room for the last load of eight bytes.
    private static func need(_ count: Int, _ mostBits: Int) -> Int { count * mostBits / 8 + 16 }

    private mutating func pad(_ bytes: RawSpan, _ need: Int) {
        padded.removeAll(keepingCapacity: true)
        padded.reserveCapacity(need)
        unsafe bytes.withUnsafeBytes { unsafe padded.append(contentsOf: $0) }
        padded.append(contentsOf: repeatElement(0, count: max(0, need - padded.count)))
    }

    /// A varint on a byte boundary, the length of a stream.
    private func length(_ cursor: inout BitCursor, _ bytes: RawSpan) throws(CorruptionError) -> Int {
        var value = 0
        for shift in stride(from: 0, to: 28, by: 7) {
            let byte = Int(cursor.read(8, in: bytes))
            value |= (byte & 0x7f) << shift
            if byte < 0x80 {
                try cursor.check(bytes)
                return value
            }
        }
        throw CorruptionError("the length of a stream", at: cursor.nextByte)
    }
}
