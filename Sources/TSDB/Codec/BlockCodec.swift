// SPDX-License-Identifier: Apache-2.0
//
// The seam behind which value codings live. A block names its codec in its first byte after the states
// (docs/formats/block.md), so a further codec is one more conformer with an identifier of its own, and files of
// before stay readable.

internal import Bytes

/// One lossless coding of a run of doubles.
protocol BlockCodec {
    /// The byte that names the codec on disk.
    static var identifier: UInt8 { get }
    /// Appends the coding of the values, or returns false and appends nothing when they are not of its kind.
    static func append(_ values: [Double], effort: CodingEffort, to out: inout [UInt8]) -> Bool
    /// Fills the span with the values, as many as the span has places.
    static func read(
        _ reader: inout ByteReader,
        into values: inout MutableSpan<Double>
    ) throws(CorruptionError)
}

/// The codecs by their identifiers.
enum BlockCodecs {
    /// Appends identifier and payload of the first codec that takes the values.
    static func append(_ values: [Double], effort: CodingEffort, to out: inout [UInt8]) {
        let start = out.count
        out.append(ConstantCodec.identifier)
        if ConstantCodec.append(values, effort: effort, to: &out) { return }
        out[start] = DecimalCodec.identifier
        if DecimalCodec.append(values, effort: effort, to: &out) { return }
        out[start] = XORCodec.identifier
        // Takes every double.
        _ = XORCodec.append(values, effort: effort, to: &out)
    }

    /// Fills the span from a block.
    static func read(
        _ reader: inout ByteReader,
        into values: inout MutableSpan<Double>
    ) throws(CorruptionError) {
        let place = reader.offset
        switch try reader.byte() {
        case ConstantCodec.identifier: try ConstantCodec.read(&reader, into: &values)
        case DecimalCodec.identifier: try DecimalCodec.read(&reader, into: &values)
        case XORCodec.identifier: try XORCodec.read(&reader, into: &values)
        default: throw CorruptionError("a known block codec", at: place)
        }
    }
}

/// One value, bit for bit the same everywhere.
enum ConstantCodec: BlockCodec {
    static let identifier: UInt8 = 0

    static func append(_ values: [Double], effort: CodingEffort, to out: inout [UInt8]) -> Bool {
        guard let first = values.first else { return true }
        let bits = first.bitPattern
        guard !values.contains(where: { $0.bitPattern != bits }) else { return false }
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
enum DecimalCodec: BlockCodec {
    static let identifier: UInt8 = 1

    static func append(_ values: [Double], effort: CodingEffort, to out: inout [UInt8]) -> Bool {
        var exponent = 0
        for value in values where Decimal.mantissa(value, exponent: exponent) == nil {
            guard let larger = Decimal.exponent(value, from: exponent + 1) else { return false }
            exponent = larger
        }
        var mantissas: [Int64] = []
        mantissas.reserveCapacity(values.count)
        for value in values {
            // A larger exponent can push an earlier value past 2^53.
            guard let mantissa = Decimal.mantissa(value, exponent: exponent) else { return false }
            mantissas.append(mantissa)
        }
        out.append(UInt8(exponent))
        IntegerColumn.append(mantissas, effort: effort, to: &out)
        return true
    }

    static func read(
        _ reader: inout ByteReader,
        into values: inout MutableSpan<Double>
    ) throws(CorruptionError) {
        let place = reader.offset
        let exponent = Int(try reader.byte())
        guard exponent <= Decimal.exponentLimit else {
            throw CorruptionError("a decimal exponent of at most \(Decimal.exponentLimit)", at: place)
        }
        let mantissas = try IntegerColumn.read(values.count, from: &reader)
        for index in values.indices { values[index] = Decimal.value(mantissas[index], exponent: exponent) }
    }
}
