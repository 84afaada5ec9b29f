// SPDX-License-Identifier: Apache-2.0
//
// The codecs of the head, cheap and without buffers: one value throughout, integers over a power of ten. Segments have
// EW2 instead (EW2/). A block names its codec in its first byte after the states (docs/formats/block.md), so files of
// before stay readable.

internal import Bytes

/// The codecs by their identifiers, without buffers to keep: for single blocks.
enum BlockCodecs {
    /// Appends identifier and payload of the first codec that takes the values.
    static func append(_ values: [Double], effort: CodingEffort, to out: inout [UInt8]) {
        var encoder = BlockEncoder()
        encoder.append(values, effort: effort, to: &out)
    }

    /// Fills the span from a block.
    static func read(
        _ reader: inout ByteReader,
        into values: inout MutableSpan<Double>
    ) throws(CorruptionError) {
        var decoder = BlockDecoder()
        try decoder.read(&reader, into: &values)
    }
}

/// One value, bit for bit the same everywhere.
enum ConstantCodec {
    static let identifier: UInt8 = 0

    /// Appends the value, or returns false and appends nothing when there are several.
    static func append(_ values: Span<Double>, to out: inout [UInt8]) -> Bool {
        guard !values.isEmpty else { return true }
        let first = values[0]
        for index in values.indices where values[index].bitPattern != first.bitPattern { return false }
        if let mantissa = Decimal.mantissa(first, exponent: 0) {
            out.append(0)
            out.append(zigzag: mantissa)
        } else {
            out.append(1)
            out.append(double: first)
        }
        return true
    }

    static func read(
        _ reader: inout ByteReader,
        into values: inout MutableSpan<Double>
    ) throws(CorruptionError) {
        guard !values.isEmpty else { return }
        let place = reader.offset
        let value: Double
        switch try reader.byte() {
        case 0: value = Double(try reader.zigzag())
        case 1: value = try reader.double()
        default: throw CorruptionError("a form of constant", at: place)
        }
        for index in values.indices { values[index] = value }
    }
}

/// Integers over one power of ten for the whole block.
enum DecimalCodec {
    static let identifier: UInt8 = 1

    /// Appends the integers, or returns false and appends nothing when a value is no such decimal.
    static func append(_ values: Span<Double>, to out: inout [UInt8]) -> Bool {
        var exponent = 0
        for index in values.indices where Decimal.mantissa(values[index], exponent: exponent) == nil {
            guard let larger = Decimal.exponent(values[index], from: exponent + 1) else { return false }
            exponent = larger
        }
        var mantissas: [Int64] = []
        mantissas.reserveCapacity(values.count)
        for index in values.indices {
            // A larger exponent can push an earlier value past 2^53.
            guard let mantissa = Decimal.mantissa(values[index], exponent: exponent) else { return false }
            mantissas.append(mantissa)
        }
        out.append(UInt8(exponent))
        IntegerColumn.append(mantissas, effort: .head, to: &out)
        return true
    }

    static func read(
        _ reader: inout ByteReader,
        using decoder: inout IntegerBlockDecoder,
        _ mantissas: inout [Int64],
        into values: inout MutableSpan<Double>
    ) throws(CorruptionError) {
        let place = reader.offset
        let exponent = Int(try reader.byte())
        guard exponent <= Decimal.exponentLimit else {
            throw CorruptionError("a decimal exponent of at most \(Decimal.exponentLimit)", at: place)
        }
        guard values.count <= IntegerColumn.countLimit else {
            throw CorruptionError("at most \(IntegerColumn.countLimit) values", at: place)
        }
        if mantissas.count < values.count {
            mantissas.append(contentsOf: repeatElement(0, count: values.count - mantissas.count))
        }
        var all = mantissas.mutableSpan
        var integers = all._mutatingExtracting(0..<values.count)
        try IntegerColumn.read(from: &reader, using: &decoder, into: &integers)
        for index in values.indices { values[index] = Decimal.value(integers[index], exponent: exponent) }
    }
}
