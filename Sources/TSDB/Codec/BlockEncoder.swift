// SPDX-License-Identifier: Apache-2.0
//
// The two ends of a block for those who code many: each keeps the buffers of its codecs, so that a block costs no
// allocation once the largest has been seen. One owner at a time; the buffers carry nothing from block to block.

internal import Bytes

/// Codes blocks of values and columns of integers with buffers of its own.
struct BlockEncoder {
    private var doubles = EW2Encoder()
    private var integers = IntegerBlockEncoder()

    /// Appends codec and payload of the values; the reader must know their number.
    mutating func append(_ values: Span<Double>, effort: CodingEffort, to out: inout [UInt8]) {
        let codec = out.count
        out.append(ConstantCodec.identifier)
        if ConstantCodec.append(values, to: &out) { return }
        switch effort {
        case .segment:
            out.removeLast()
            doubles.append(values, using: &integers, to: &out)
        case .head:
            out[codec] = DecimalCodec.identifier
            if DecimalCodec.append(values, to: &out) { return }
            out[codec] = XORCodec.identifier
            XORCodec.append(values, to: &out)
        }
    }

    /// Appends codec and payload of the values; the reader must know their number.
    mutating func append(_ values: [Double], effort: CodingEffort, to out: inout [UInt8]) {
        append(values.span, effort: effort, to: &out)
    }

    /// Appends a column of integers; the reader must know their number.
    mutating func append(_ integers: [Int64], effort: CodingEffort, to out: inout [UInt8]) {
        IntegerColumn.append(integers, effort: effort, using: &self.integers, to: &out)
    }
}

/// Reads what a `BlockEncoder` wrote, with buffers of its own.
struct BlockDecoder {
    private var doubles = EW2Decoder()
    private var integers = IntegerBlockDecoder()
    private var mantissas: [Int64] = []

    /// Fills the span from a block of as many values.
    mutating func read(
        _ reader: inout ByteReader,
        into values: inout MutableSpan<Double>
    ) throws(CorruptionError) {
        let place = reader.offset
        switch try reader.byte() {
        case ConstantCodec.identifier: try ConstantCodec.read(&reader, into: &values)
        case DecimalCodec.identifier:
            try DecimalCodec.read(&reader, using: &integers, &mantissas, into: &values)
        case XORCodec.identifier: try XORCodec.read(&reader, into: &values)
        case let byte where EW2.isCodecByte(byte):
            try doubles.read(&reader, codecByte: byte, using: &integers, into: &values)
        default: throw CorruptionError("a known block codec", at: place)
        }
    }

    /// Reads a column of `count` integers.
    mutating func readIntegers(
        _ count: Int,
        from reader: inout ByteReader
    ) throws(CorruptionError) -> [Int64] {
        try IntegerColumn.read(count, from: &reader, using: &integers)
    }
}
