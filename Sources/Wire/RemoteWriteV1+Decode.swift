// SPDX-License-Identifier: Apache-2.0
//
// Reading prometheus.WriteRequest. Fields this format does not name (metadata, exemplars, histograms) are skipped, as
// protobuf asks; every length is checked against the input before anything is allocated.

public import Bytes
public import Samples

extension RemoteWriteV1 {
    /// Decodes one message that was decompressed already.
    ///
    /// Series come in the message's order, samples in the order sent; a series named twice comes twice.
    ///
    /// - Parameters:
    ///   - bytes: the message.
    ///   - limits: what it may hold at most.
    /// - Returns: the series that have samples.
    /// - Throws: `CorruptionError` when the bytes are not such a message or hold more than the limits.
    public static func decode(
        _ bytes: [UInt8],
        limits: Limits = Limits()
    ) throws(CorruptionError) -> [LogChunk.Series] {
        var result: [LogChunk.Series] = []
        var samplesLeft = limits.samples
        var reader = ByteReader(bytes)
        while !reader.isAtEnd {
            let field = try Field(&reader, in: bytes)
            guard field.number == 1, let content = field.content else { continue }
            let series = try timeSeries(bytes, content, labelLimit: limits.labels, samplesLeft: &samplesLeft)
            guard series.samples.count > 0 else { continue }
            guard result.count < limits.series else {
                throw CorruptionError("at most \(limits.series) series", at: content.lowerBound)
            }
            result.append(series)
        }
        return result
    }

    private static func timeSeries(
        _ bytes: [UInt8],
        _ range: Range<Int>,
        labelLimit: Int,
        samplesLeft: inout Int
    ) throws(CorruptionError) -> LogChunk.Series {
        var builder = LabelsBuilder()
        var labelsLeft = labelLimit
        var samples = SampleColumns()
        var reader = ByteReader(bytes, in: range)
        while !reader.isAtEnd {
            let field = try Field(&reader, in: bytes)
            guard let content = field.content else { continue }
            switch field.number {
            case 1:
                guard labelsLeft > 0 else {
                    throw CorruptionError("at most \(labelLimit) labels", at: content.lowerBound)
                }
                labelsLeft -= 1
                let (name, value) = try label(bytes, content)
                guard !name.isEmpty, builder[name] == nil else {
                    throw CorruptionError("label names that are unique and not empty", at: content.lowerBound)
                }
                builder.set(name, value)
            case 2:
                guard samplesLeft > 0 else { throw CorruptionError("fewer samples", at: content.lowerBound) }
                samplesLeft -= 1
                let (timestamp, value) = try sample(bytes, content)
                samples.append(timestamp, value)
            default: break
            }
        }
        return LogChunk.Series(labels: builder.labels(), samples: samples)
    }

    private static func label(
        _ bytes: [UInt8],
        _ range: Range<Int>
    ) throws(CorruptionError) -> (name: String, value: String) {
        var name = ""
        var value = ""
        var reader = ByteReader(bytes, in: range)
        while !reader.isAtEnd {
            let field = try Field(&reader, in: bytes)
            guard let content = field.content, field.number == 1 || field.number == 2 else { continue }
            guard let text = String(validating: bytes[content], as: UTF8.self) else {
                throw CorruptionError("valid UTF-8", at: content.lowerBound)
            }
            if field.number == 1 { name = text } else { value = text }
        }
        return (name, value)
    }

    private static func sample(
        _ bytes: [UInt8],
        _ range: Range<Int>
    ) throws(CorruptionError) -> (timestamp: Int64, value: Double) {
        var timestamp: Int64 = 0
        var value = 0.0
        var reader = ByteReader(bytes, in: range)
        while !reader.isAtEnd {
            let field = try Field(&reader, in: bytes)
            if field.number == 1, field.wireType == 1 { value = Double(bitPattern: field.scalar) }
            if field.number == 2, field.wireType == 0 { timestamp = Int64(bitPattern: field.scalar) }
        }
        return (timestamp, value)
    }

    /// One protobuf field: its number, and either a scalar or the range of its content.
    private struct Field {
        var number: UInt64
        var wireType: UInt64
        var scalar: UInt64 = 0
        var content: Range<Int>?

        init(_ reader: inout ByteReader, in bytes: [UInt8]) throws(CorruptionError) {
            let start = reader.offset
            let tag = try reader.varint()
            number = tag >> 3
            wireType = tag & 7
            guard number > 0 else { throw CorruptionError("a field number", at: start) }
            switch wireType {
            case 0: scalar = try reader.varint()
            case 1: scalar = try reader.integer(UInt64.self)
            case 2:
                let slice = try reader.prefixed(limit: bytes.count)
                content = slice.startIndex..<slice.endIndex
            case 5: scalar = UInt64(try reader.integer(UInt32.self))
            default: throw CorruptionError("a wire type of proto3", at: start)
            }
        }
    }
}
