// SPDX-License-Identifier: Apache-2.0
//
// The two ends of a block for those who code many: each keeps the buffers of its codecs, so that a block costs no
// allocation once the largest has been seen. One owner at a time; the buffers carry nothing from block to block.

internal import Bytes

/// Codes blocks of values and columns of integers with buffers of its own.
struct BlockEncoder {
    /// Appends codec and payload of the values; the reader must know their number.
    mutating func append(_ values: Span<Double>, effort: CodingEffort, to out: inout [UInt8]) {
        BlockCodecs.append(values.indices.map { values[$0] }, effort: effort, to: &out)
    }

    /// Appends codec and payload of the values; the reader must know their number.
    mutating func append(_ values: [Double], effort: CodingEffort, to out: inout [UInt8]) {
        append(values.span, effort: effort, to: &out)
    }

    /// Appends a column of integers; the reader must know their number.
    mutating func append(_ integers: [Int64], effort: CodingEffort, to out: inout [UInt8]) {
        IntegerColumn.append(integers, effort: effort, to: &out)
    }
}

/// Reads what a `BlockEncoder` wrote, with buffers of its own.
struct BlockDecoder {
    /// Fills the span from a block of as many values.
    mutating func read(
        _ reader: inout ByteReader,
        into values: inout MutableSpan<Double>
    ) throws(CorruptionError) {
        try BlockCodecs.read(&reader, into: &values)
    }

    /// Reads a column of `count` integers.
    mutating func readIntegers(
        _ count: Int,
        from reader: inout ByteReader
    ) throws(CorruptionError) -> [Int64] {
        try IntegerColumn.read(count, from: &reader)
    }
}
