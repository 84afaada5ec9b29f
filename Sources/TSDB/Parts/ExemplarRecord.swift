// SPDX-License-Identifier: Apache-2.0
//
// Exemplars in the log (docs/formats/log.md, record 18): whole, so that reading them needs no other record.

internal import Bytes
internal import Samples

/// An exemplar with the labels of its series.
struct LoggedExemplar: Sendable, Equatable {
    var series: Labels
    var exemplar: Exemplar
}

extension LogRecord {
    /// Bytes after which a record ends: a large batch is several, between which the log can make room.
    static let exemplarBytes = 16 << 10
    /// More than a record has; a limit for readers of damaged input.
    static let exemplarLimit = exemplarBytes

    /// The records for exemplars, in their order.
    static func exemplars(_ exemplars: some Collection<LoggedExemplar>) -> [[UInt8]] {
        var records: [[UInt8]] = []
        var body: [UInt8] = []
        var count: UInt64 = 0
        var previous = Labels()
        func record() -> [UInt8] {
            var out: [UInt8] = [Kind.exemplars.rawValue]
            out.append(varint: count)
            return out + body
        }
        for entry in exemplars {
            if body.count >= exemplarBytes {
                records.append(record())
                (body, count, previous) = ([], 0, Labels())
            }
            // Several of one series come together, so it is said once.
            body.append(prefixed: entry.series == previous ? [] : entry.series.bytes)
            previous = entry.series
            body.append(prefixed: entry.exemplar.labels.bytes)
            body.append(zigzag: entry.exemplar.timestamp.milliseconds)
            body.append(littleEndian: entry.exemplar.value.bitPattern)
            count += 1
        }
        if count > 0 { records.append(record()) }
        return records
    }

    /// Reads what follows the kind.
    static func readExemplars(_ reader: inout ByteReader) throws(CorruptionError) -> [LoggedExemplar] {
        let count = try reader.count(limit: exemplarLimit)
        var result: [LoggedExemplar] = []
        var series = Labels()
        for _ in 0..<count {
            let place = reader.offset
            let labels = try readLabels(&reader)
            if !labels.isEmpty { series = labels }
            guard !series.isEmpty else { throw CorruptionError("labels of a series", at: place) }
            let own = try readLabels(&reader)
            let timestamp = Timestamp(milliseconds: try reader.zigzag())
            let value = Double(bitPattern: try reader.integer(UInt64.self))
            guard let exemplar = Exemplar(labels: own, value: value, timestamp: timestamp) else {
                throw CorruptionError("at most \(Exemplar.labelLimit) characters of labels", at: place)
            }
            result.append(LoggedExemplar(series: series, exemplar: exemplar))
        }
        guard reader.remaining == 0 else { throw CorruptionError("nothing more", at: reader.offset) }
        return result
    }
}
