// SPDX-License-Identifier: Apache-2.0
//
// The second step: the name and labels in a series' text, checked, and the metadata lines.

public import Samples

extension ExpositionParser {
    /// The labels of a sample's series, its name as `__name__` among them.
    ///
    /// - Parameter sample: what `next` returned.
    /// - Returns: the labels; a label with an empty value is left out.
    /// - Throws: `ExpositionError` as `pairs(of:)` does.
    public func labels(of sample: Sample) throws(ExpositionError) -> Labels {
        Labels(try pairs(of: sample))
    }

    /// The name (as `__name__`, first) and labels of a sample's series as written, empty values included.
    ///
    /// `le` of histograms and `quantile` of summaries are rewritten the one way OpenMetrics writes numbers, as
    /// Prometheus 3 does, so that `le="1"` and `le="1.0"` are one series.
    ///
    /// - Parameter sample: what `next` returned.
    /// - Returns: the pairs in the order written.
    /// - Throws: `ExpositionError` when the text is malformed, a name is missing or comes twice, or a value is not
    /// valid UTF-8.
    public func pairs(of sample: Sample) throws(ExpositionError) -> [(name: String, value: String)] {
        var reader = SeriesReader(parser: self, range: sample.series.clamped(to: 0..<bytes.count))
        var pairs = try reader.read()
        let normalised: String? =
            switch sample.kind {
            case .histogram: "le"
            case .summary: "quantile"
            default: nil
            }
        for index in pairs.indices where pairs[index].name == normalised {
            if let number = PromNumber.parse(pairs[index].value) {
                pairs[index].value = CanonicalFloat.format(number)
            }
        }
        return pairs
    }

    /// The bytes of a range, for keeping a series' text.
    public func text(of sample: Sample) -> ArraySlice<UInt8> {
        bytes[sample.series.clamped(to: 0..<bytes.count)]
    }

    /// What HELP, TYPE and UNIT lines read so far said, one entry per family in order of appearance.
    public func metadata() -> [MetricMetadata] {
        var order: [String] = []
        var families: [String: (kind: MetricMetadata.Kind, help: String, unit: String)] = [:]
        for line in metadataLines {
            guard let name = familyName(line.name) else { continue }
            if families[name] == nil { order.append(name) }
            var entry = families[name] ?? (.unknown, "", "")
            let text = String(decoding: bytes[line.text], as: UTF8.self)
            switch line.keyword {
            case .help: entry.help = ExpositionParser.unescaped(text, quotes: false)
            case .type:
                entry.kind = ExpositionParser.kind(named: text.filter { $0 != " " && $0 != "\t" }) ?? .unknown
            case .unit: entry.unit = text
            }
            families[name] = entry
        }
        return order.map { name in
            let entry = families[name] ?? (.unknown, "", "")
            return MetricMetadata(family: name, kind: entry.kind, help: entry.help, unit: entry.unit)
        }
    }

    private func familyName(_ range: Range<Int>) -> String? {
        guard bytes[range].first == Byte.quote else { return String(validating: bytes[range], as: UTF8.self) }
        return String(validating: bytes[range].dropFirst().dropLast(), as: UTF8.self)
            .map { ExpositionParser.unescaped($0, quotes: true) }
    }

    /// Replaces `\\`, `\n` and (in quotes) `\"`; any other backslash stays as it is, as in Prometheus.
    static func unescaped(_ text: String, quotes: Bool) -> String {
        guard text.utf8.contains(Byte.backslash) else { return text }
        var out = ""
        var isEscaped = false
        for scalar in text.unicodeScalars {
            if !isEscaped {
                isEscaped = scalar == "\\"
                if !isEscaped { out.unicodeScalars.append(scalar) }
                continue
            }
            isEscaped = false
            switch scalar {
            case "\\": out += "\\"
            case "n": out += "\n"
            case "\"" where quotes: out += "\""
            default:
                out += "\\"
                out.unicodeScalars.append(scalar)
            }
        }
        return isEscaped ? out + "\\" : out
    }
}

/// Reads one series' text strictly.
private struct SeriesReader {
    let parser: ExpositionParser
    let end: Int
    private var index: Int
    private let start: Int

    init(parser: ExpositionParser, range: Range<Int>) {
        self.parser = parser
        start = range.lowerBound
        end = range.upperBound
        index = range.lowerBound
    }

    private var current: UInt8? { index < end ? parser.bytes[index] : nil }

    private func error(_ reason: String) -> ExpositionError { parser.error(at: start, reason) }

    private mutating func skipBlanks() {
        while let byte = current, Byte.isBlank(byte) { index += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard current == byte else { return false }
        index += 1
        return true
    }

    mutating func read() throws(ExpositionError) -> [(name: String, value: String)] {
        var metricName: String?
        var labels: [(name: String, value: String)] = []
        if current != Byte.openBrace { metricName = try bareName(mayHaveColon: true) }
        skipBlanks()
        if take(Byte.openBrace) {
            skipBlanks()
            while !take(Byte.closeBrace) {
                try item(&metricName, &labels)
                skipBlanks()
                if take(UInt8(ascii: ",")) {
                    skipBlanks()
                } else if current != Byte.closeBrace {
                    throw error("expected a comma or a closing brace after a label")
                }
            }
        }
        guard index == end else { throw error("unexpected text after the metric's name") }
        guard let metricName, !metricName.isEmpty else { throw error("the metric has no name") }
        return [(Labels.metricNameLabel, metricName)] + labels
    }

    /// Either `name="value"` or, for names beyond the old alphabet, the metric's own name in quotes.
    private mutating func item(
        _ metricName: inout String?,
        _ labels: inout [(name: String, value: String)]
    ) throws(ExpositionError) {
        let isQuoted = current == Byte.quote
        let name = isQuoted ? try quoted() : try bareName(mayHaveColon: false)
        skipBlanks()
        guard take(UInt8(ascii: "=")) else {
            guard isQuoted else { throw error("expected = after label name \(Labels.quoted(name))") }
            guard metricName == nil else { throw error("the metric has two names") }
            metricName = name
            return
        }
        skipBlanks()
        guard current == Byte.quote else {
            throw error("the value of label \(Labels.quoted(name)) is not in quotes")
        }
        let value = try quoted()
        guard !name.isEmpty else { throw error("a label has no name") }
        guard name != Labels.metricNameLabel, !labels.contains(where: { $0.name == name }) else {
            throw error("label name \(Labels.quoted(name)) is not unique")
        }
        labels.append((name, value))
    }

    private mutating func bareName(mayHaveColon: Bool) throws(ExpositionError) -> String {
        let nameStart = index
        while let byte = current {
            let isLetter = (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte == UInt8(ascii: "_")
            let isDigit = byte &- UInt8(ascii: "0") < 10 && index > nameStart
            guard isLetter || isDigit || (mayHaveColon && byte == UInt8(ascii: ":")) else { break }
            index += 1
        }
        guard index > nameStart else { throw error("expected a name of letters, digits and underscores") }
        return String(decoding: parser.bytes[nameStart..<index], as: UTF8.self)
    }

    private mutating func quoted() throws(ExpositionError) -> String {
        index += 1
        let textStart = index
        while let byte = current, byte != Byte.quote { index += byte == Byte.backslash ? 2 : 1 }
        guard index < end else { throw error("a string in quotes does not end") }
        guard let text = String(validating: parser.bytes[textStart..<index], as: UTF8.self) else {
            throw error("a label is not valid UTF-8")
        }
        index += 1
        return ExpositionParser.unescaped(text, quotes: true)
    }
}
