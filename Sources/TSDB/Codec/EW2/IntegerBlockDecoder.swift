// SPDX-License-Identifier: Apache-2.0
//
// Reads integer blocks. Whatever the bytes are, the span is filled or an error is thrown: predictions and divisors wrap,
// dictionaries check their places, and the streams below bound themselves.

internal import Bytes

/// Reads integer blocks, with the buffers of streams and dictionaries.
struct IntegerBlockDecoder {
    private var tokens = TokenStreamDecoder()
    private var dictionary: [Int64] = []

    /// Fills the span from a block and returns the block's mark.
    mutating func read(
        _ reader: inout ByteReader,
        into values: inout MutableSpan<Int64>
    ) throws(CorruptionError) -> Bool {
        let place = reader.offset
        guard let head = IntegerBlockHead(byte: try reader.byte()) else {
            throw CorruptionError("a known prediction", at: place)
        }
        guard values.count >= head.kind.lead else {
            throw CorruptionError("a prediction of \(values.count) integers", at: place)
        }
        let divisor = head.hasDivisor ? try IntegerBlockDecoder.divisor(&reader) : nil
        if head.kind == .dictionary {
            try ValueDictionary.read(&reader, into: &dictionary)
            try readStream(&reader, head.coder, into: &values)
            try lookUp(&values, at: place)
        } else {
            var residual = Residual(kind: head.kind, base: try reader.zigzag())
            if head.kind.hasStep { residual.step = try reader.zigzag() }
            var rest = values._mutatingExtracting(head.kind.lead..<values.count)
            try readStream(&reader, head.coder, into: &rest)
            residual.invert(&values)
        }
        divisor?.multiply(&values)
        return head.mark
    }

    private static func divisor(_ reader: inout ByteReader) throws(CorruptionError) -> CommonDivisor {
        let place = reader.offset
        guard let divisor = Int64(exactly: try reader.varint()), divisor > 1,
            let remainder = Int64(exactly: try reader.varint()), remainder < divisor
        else { throw CorruptionError("a divisor above one and a remainder below it", at: place) }
        return CommonDivisor(divisor: divisor, remainder: remainder)
    }

    private mutating func readStream(
        _ reader: inout ByteReader,
        _ coder: ResidualCoder,
        into values: inout MutableSpan<Int64>
    ) throws(CorruptionError) {
        // A copy of the reader shares its bytes; the original then moves by what the stream took.
        var ahead = reader
        let rest = try ahead.take(ahead.remaining)
        let bytes = unsafe rest.span.bytes
        let taken: Int
        switch coder {
        case .signedFrames: taken = try PFOR.read(bytes, at: 0, isSigned: true, into: &values)
        case .frames: taken = try PFOR.read(bytes, at: 0, isSigned: false, into: &values)
        case .tokens(let bits): taken = try tokens.read(bytes, at: 0, mantissaBits: bits, into: &values)
        case .places:
            taken = try tokens.read(bytes, at: 0, mantissaBits: ResidualCoder.placeBits, into: &values)
        }
        _ = try reader.take(taken)
    }

    private func lookUp(_ values: inout MutableSpan<Int64>, at place: Int) throws(CorruptionError) {
        for index in values.indices {
            let entry = values[index]
            guard entry >= 0, entry < dictionary.count else {
                throw CorruptionError("a place among \(dictionary.count) values", at: place)
            }
            values[index] = dictionary[Int(entry)]
        }
    }
}
