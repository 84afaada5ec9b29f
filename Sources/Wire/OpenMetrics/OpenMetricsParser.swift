// SPDX-License-Identifier: Apache-2.0
//
// OpenMetrics text line by line, for files of any size:
//
//     line      series SP value [SP seconds] [SP exemplar] | # TYPE name word | # HELP name text | # UNIT name word | # EOF
//     exemplar  "#" SP {labels} SP value [SP seconds]
//
// `# EOF` is the last line: one that comes after it, or a file that has none, is an error, because the text is then not
// the one that was written. Source: the OpenMetrics 1.0 specification; quoted names are Prometheus' UTF-8 syntax.

public import Samples

/// A line that is not OpenMetrics.
public struct OpenMetricsError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The place in the line, from 1, in bytes.
    public let column: Int
    /// What is wrong there.
    public let reason: String

    /// Place and reason.
    public var description: String { "\(column): \(reason)" }
}

/// A line with a value.
public struct OpenMetricsSample: Sendable {
    /// The series.
    public let labels: Labels
    /// The value.
    public let value: Double
    /// The time, nil where none is said.
    public let timestamp: Timestamp?
    /// The exemplar, nil where there is none; without a time of its own it has the sample's.
    public let exemplar: Exemplar?
    /// The column of the time, for messages about it.
    public let timeColumn: Int
}

/// Reads OpenMetrics text.
public struct OpenMetricsParser: Sendable {
    /// Families beyond this are not described: more than a store remembers.
    private static let familyLimit = 65_536

    /// Whether `# EOF` was read.
    public private(set) var hasEnded = false
    private var families: [String: MetricMetadata] = [:]
    /// The series of the line before: text comes series by series.
    private var previous: (text: [UInt8], labels: Labels) = ([], Labels())

    /// Begins before the first line.
    public init() {}

    /// What the lines so far said of families.
    public var metadata: [MetricMetadata] { Array(families.values) }

    /// Reads a line.
    ///
    /// - Parameter line: its bytes, without the end of the line.
    /// - Returns: its sample; nil when it has none.
    /// - Throws: `OpenMetricsError` with the place of what is wrong.
    public mutating func read(_ line: [UInt8]) throws(OpenMetricsError) -> OpenMetricsSample? {
        guard !hasEnded else { throw OpenMetricsError(column: 1, reason: "a line after # EOF") }
        guard let first = line.first else { return nil }
        if first == Byte.hash {
            try comment(line)
            return nil
        }
        var reader = FieldReader(line: line)
        let labels = try series(&reader)
        let value = try reader.number("a value")
        let timeColumn = reader.column
        var timestamp: Timestamp?
        if !reader.isAtEnd, reader.current != Byte.hash { timestamp = try reader.time() }
        var exemplar: Exemplar?
        if reader.current == Byte.hash { exemplar = try reader.exemplar(default: timestamp) }
        guard reader.isAtEnd else {
            throw reader.error("unexpected \(reader.excerpt) at the end of the line")
        }
        return OpenMetricsSample(
            labels: labels,
            value: value,
            timestamp: timestamp,
            exemplar: exemplar,
            timeColumn: timeColumn
        )
    }

    private mutating func series(_ reader: inout FieldReader) throws(OpenMetricsError) -> Labels {
        let text = try reader.series()
        if text == previous.text { return previous.labels }
        let labels = try FieldReader.labels(text, column: 1)
        previous = (text, labels)
        return labels
    }

    private mutating func comment(_ line: [UInt8]) throws(OpenMetricsError) {
        let text = String(decoding: line, as: UTF8.self)
        if text == "# EOF" {
            hasEnded = true
            return
        }
        let keyword = line.prefix(7)
        let kinds: [String: WritableKeyPath<Description, String>] = [
            "# TYPE ": \.type, "# HELP ": \.help, "# UNIT ": \.unit,
        ]
        // Any other comment says nothing.
        guard let part = kinds[String(decoding: keyword, as: UTF8.self)] else { return }
        var reader = FieldReader(line: line, at: 7)
        let family = try reader.familyName()
        let column = reader.column
        let rest = reader.rest
        var description = Description(families[family])
        description[keyPath: part] =
            part == \.help ? ExpositionParser.unescaped(rest, quotes: true) : rest
        guard let kind = ExpositionParser.kind(named: description.type) else {
            throw OpenMetricsError(
                column: column,
                reason: "invalid metric type \(Labels.quoted(description.type))"
            )
        }
        guard families[family] != nil || families.count < OpenMetricsParser.familyLimit else { return }
        families[family] = MetricMetadata(
            family: family,
            kind: kind,
            help: description.help,
            unit: description.unit
        )
    }

    /// What lines say of a family, in their words.
    private struct Description {
        var type: String
        var help: String
        var unit: String

        init(_ known: MetricMetadata?) {
            type = known?.kind.rawValue ?? "unknown"
            help = known?.help ?? ""
            unit = known?.unit ?? ""
        }
    }
}
