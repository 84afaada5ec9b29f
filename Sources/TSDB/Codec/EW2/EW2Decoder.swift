// SPDX-License-Identifier: Apache-2.0
//
// Reads EW2 blocks; the stages are those of EW2Encoder.swift, backwards.

internal import Bytes

/// What both ends of the codec know of its first byte.
enum EW2 {
    /// The low two bits of the codec byte; the upper six are the mapping.
    static let identifier: UInt8 = 3

    static func codecByte(_ mapping: ValueMapping) -> UInt8 { mapping.code << 2 | identifier }

    static func isCodecByte(_ byte: UInt8) -> Bool { byte & 3 == identifier }
}

/// Reads EW2 blocks, with the buffers of the mapping; integer blocks bring their own.
struct EW2Decoder {
    private var integers: [Int64] = []
    private var corrections: [Int64] = []

    /// Fills the span from the block behind a codec byte.
    mutating func read(
        _ reader: inout ByteReader,
        codecByte: UInt8,
        using blocks: inout IntegerBlockDecoder,
        into values: inout MutableSpan<Double>
    ) throws(CorruptionError) {
        let mapping = try ValueMapping(code: codecByte >> 2, from: &reader)
        if mapping == .raw {
            for index in values.indices { values[index] = try reader.double() }
            return
        }
        let count = values.count
        EW2Decoder.grow(&integers, to: count)
        let hasExceptions = try EW2Decoder.read(&reader, count, &blocks, into: &integers)
        if case .corrected = mapping {
            EW2Decoder.grow(&corrections, to: count)
            _ = try EW2Decoder.read(&reader, count, &blocks, into: &corrections)
        }
        mapping.apply(
            to: integers.span.extracting(first: count),
            corrections: corrections.span,
            into: &values
        )
        if hasExceptions { try readExceptions(&reader, into: &values) }
    }

    private static func read(
        _ reader: inout ByteReader,
        _ count: Int,
        _ blocks: inout IntegerBlockDecoder,
        into column: inout [Int64]
    ) throws(CorruptionError) -> Bool {
        var all = column.mutableSpan
        var span = all._mutatingExtracting(0..<count)
        return try blocks.read(&reader, into: &span)
    }

    private func readExceptions(
        _ reader: inout ByteReader,
        into values: inout MutableSpan<Double>
    ) throws(CorruptionError) {
        let count = try reader.count(limit: values.count)
        var next = 0
        for _ in 0..<count {
            let place = reader.offset
            let gap = try reader.count(limit: values.count)
            guard next + gap < values.count else {
                throw CorruptionError("an exception within \(values.count) values", at: place)
            }
            values[next + gap] = try reader.double()
            next += gap + 1
        }
    }

    private static func grow(_ column: inout [Int64], to count: Int) {
        guard column.count < count else { return }
        column.append(contentsOf: repeatElement(0, count: count - column.count))
    }
}
