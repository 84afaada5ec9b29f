// SPDX-License-Identifier: Apache-2.0
//
// Any double, bit for bit: the bytes that differ from the value before. Segments of before EW2 alternatively have zstd
// over those, or over the values' bytes sorted into planes (first bytes of all, second bytes of all).

internal import Bytes

/// The bits of doubles against their predecessors.
enum XORCodec {
    static let identifier: UInt8 = 2

    private enum Form {
        static let differences: UInt8 = 0
        static let compressedDifferences: UInt8 = 1
        static let compressedPlanes: UInt8 = 2
    }

    static func append(_ values: Span<Double>, to out: inout [UInt8]) {
        out.append(Form.differences)
        var bytes: [UInt8] = []
        var previous: UInt64 = 0
        for index in values.indices {
            XORBytes.append(values[index].bitPattern ^ previous, to: &bytes)
            previous = values[index].bitPattern
        }
        out.append(prefixed: bytes)
    }

    static func read(
        _ reader: inout ByteReader,
        into values: inout MutableSpan<Double>
    ) throws(CorruptionError) {
        let place = reader.offset
        let form = try reader.byte()
        let stored = try reader.prefixed(limit: reader.remaining)
        switch form {
        case Form.differences:
            try readDifferences(Array(stored), into: &values)
        case Form.compressedDifferences:
            try readDifferences(try Zstd.decompress(stored, limit: values.count * 9), into: &values)
        case Form.compressedPlanes:
            let bytes = try Zstd.decompress(stored, limit: values.count * 8)
            let count = values.count
            guard bytes.count == count * 8 else {
                throw CorruptionError("eight planes of \(count)", at: place)
            }
            for index in 0..<count {
                var bits: UInt64 = 0
                for plane in 0..<8 { bits |= UInt64(bytes[plane * count + index]) << UInt64(plane * 8) }
                values[index] = Double(bitPattern: bits)
            }
        default:
            throw CorruptionError("a form of XOR block", at: place)
        }
    }

    private static func readDifferences(
        _ bytes: [UInt8],
        into values: inout MutableSpan<Double>
    ) throws(CorruptionError) {
        var reader = ByteReader(bytes)
        var previous: UInt64 = 0
        for index in values.indices {
            previous ^= try XORBytes.read(&reader)
            values[index] = Double(bitPattern: previous)
        }
    }
}

/// One 64-bit difference as its significant bytes.
enum XORBytes {
    static func append(_ difference: UInt64, to out: inout [UInt8]) {
        guard difference != 0 else {
            out.append(0)
            return
        }
        let leading = difference.leadingZeroBitCount / 8
        let trailing = difference.trailingZeroBitCount / 8
        let count = 8 - leading - trailing
        out.append(UInt8(leading << 4 | count))
        var rest = difference >> UInt64(trailing * 8)
        for _ in 0..<count {
            out.append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }

    static func read(_ reader: inout ByteReader) throws(CorruptionError) -> UInt64 {
        let place = reader.offset
        let control = try reader.byte()
        guard control != 0 else { return 0 }
        let leading = Int(control >> 4)
        let count = Int(control & 15)
        guard count > 0, leading + count <= 8 else {
            throw CorruptionError("a control byte of at most eight bytes", at: place)
        }
        var value: UInt64 = 0
        for (index, byte) in try reader.take(count).enumerated() {
            value |= UInt64(byte) << UInt64(index * 8)
        }
        return value << UInt64((8 - leading - count) * 8)
    }
}
