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
    /// More than one batch brings; a limit for readers of damaged input.
    static let exemplarLimit = 1 << 20

    static func exemplars(_ exemplars: [LoggedExemplar]) -> [UInt8] {
        var out: [UInt8] = [Kind.exemplars.rawValue]
        out.append(varint: UInt64(exemplars.count))
        var previous = Labels()
        for entry in exemplars {
            // Several of one series come together, so it is said once.
            out.append(prefixed: entry.series == previous ? [] : entry.series.bytes)
            previous = entry.series
            out.append(prefixed: entry.exemplar.labels.bytes)
            out.append(zigzag: entry.exemplar.timestamp.milliseconds)
            out.append(littleEndian: entry.exemplar.value.bitPattern)
        }
        return out
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
            let own = try readLabels(&reader)
            let timestamp = Timestamp(milliseconds: try reader.zigzag())
            let value = Double(bitPattern: try reader.integer(UInt64.self))
            guard let exemplar = Exemplar(labels: own, value: value, timestamp: timestamp) else {
                throw CorruptionError("at most \(Exemplar.labelLimit) characters of labels", at: place)
            }
            result.append(LoggedExemplar(series: series, exemplar: exemplar))
        }
        return result
    }
}
