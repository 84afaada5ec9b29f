// SPDX-License-Identifier: Apache-2.0
//
// The text exposition format 0.0.4 on its way out, as `/metrics` offers it: per family HELP, TYPE, then the samples.
// Names beyond `[a-zA-Z_:][a-zA-Z0-9_:]*` are written quoted inside the braces (Prometheus' UTF-8 syntax).

public import Samples

/// Renders metric families as text.
public enum ExpositionWriter {
    /// The media type of what is written.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// One line of a family.
    public struct Sample: Sendable {
        /// The line's name: the family's, or with `_sum`, `_bucket` and the like.
        public var name: String
        /// Labels in the order written.
        public var labels: [(name: String, value: String)]
        /// The value.
        public var value: Double
        /// An explicit time, rarely.
        public var timestamp: Timestamp?

        /// Creates a line.
        public init(
            _ name: String,
            _ labels: [(name: String, value: String)] = [],
            _ value: Double,
            at timestamp: Timestamp? = nil
        ) {
            self.name = name
            self.labels = labels
            self.value = value
            self.timestamp = timestamp
        }
    }

    /// Appends one family.
    public static func append(
        _ metadata: MetricMetadata,
        _ samples: some Sequence<Sample>,
        to out: inout [UInt8]
    ) {
        appendHeader(metadata, to: &out)
        for sample in samples { append(sample, to: &out) }
    }

    /// Appends the HELP line (when there is help) and the TYPE line of a family.
    public static func appendHeader(_ metadata: MetricMetadata, to out: inout [UInt8]) {
        if !metadata.help.isEmpty {
            out.append(contentsOf: "# HELP ".utf8)
            appendName(metadata.family, to: &out)
            out.append(UInt8(ascii: " "))
            appendEscaped(metadata.help, quotes: false, to: &out)
            out.append(UInt8(ascii: "\n"))
        }
        out.append(contentsOf: "# TYPE ".utf8)
        appendName(metadata.family, to: &out)
        out.append(UInt8(ascii: " "))
        out.append(contentsOf: typeWord(metadata.kind).utf8)
        out.append(UInt8(ascii: "\n"))
    }

    /// Appends one line.
    public static func append(_ sample: Sample, to out: inout [UInt8]) {
        appendSeries(sample.name, sample.labels, to: &out)
        out.append(UInt8(ascii: " "))
        PromNumber.append(sample.value, to: &out)
        if let timestamp = sample.timestamp {
            out.append(UInt8(ascii: " "))
            out.append(contentsOf: String(timestamp.milliseconds).utf8)
        }
        out.append(UInt8(ascii: "\n"))
    }

    /// Appends what stands before the value.
    static func appendSeries(
        _ name: String,
        _ labels: [(name: String, value: String)],
        to out: inout [UInt8]
    ) {
        let isLegacy = Labels.isLegacyMetricName(name)
        if isLegacy { out.append(contentsOf: name.utf8) }
        if !isLegacy || !labels.isEmpty {
            out.append(UInt8(ascii: "{"))
            if !isLegacy { appendQuoted(name, to: &out) }
            var isFirst = isLegacy
            for (name, value) in labels {
                if !isFirst { out.append(UInt8(ascii: ",")) }
                isFirst = false
                if Labels.isLegacyLabelName(name) {
                    out.append(contentsOf: name.utf8)
                } else {
                    appendQuoted(name, to: &out)
                }
                out.append(UInt8(ascii: "="))
                appendQuoted(value, to: &out)
            }
            out.append(UInt8(ascii: "}"))
        }
    }

    /// The TYPE words of 0.0.4, which has fewer kinds than OpenMetrics.
    private static func typeWord(_ kind: MetricMetadata.Kind) -> String {
        switch kind {
        case .counter: "counter"
        case .gauge, .info, .stateset: "gauge"
        case .histogram, .gaugehistogram: "histogram"
        case .summary: "summary"
        case .unknown: "untyped"
        }
    }

    static func appendName(_ name: String, to out: inout [UInt8]) {
        if Labels.isLegacyMetricName(name) {
            out.append(contentsOf: name.utf8)
        } else {
            appendQuoted(name, to: &out)
        }
    }

    private static func appendQuoted(_ text: String, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        appendEscaped(text, quotes: true, to: &out)
        out.append(UInt8(ascii: "\""))
    }

    private static func appendEscaped(_ text: String, quotes: Bool, to out: inout [UInt8]) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): out.append(contentsOf: "\\\\".utf8)
            case UInt8(ascii: "\n"): out.append(contentsOf: "\\n".utf8)
            case UInt8(ascii: "\"") where quotes: out.append(contentsOf: "\\\"".utf8)
            default: out.append(byte)
            }
        }
    }
}
