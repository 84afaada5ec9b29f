// SPDX-License-Identifier: Apache-2.0
//
// One series' text, `name{label="value",…}`, read strictly into pairs. The text formats differ little: OpenMetrics has no
// blanks between the parts and no line breaks in values. Names beyond the old alphabet stand in quotes, the metric's
// own one then within the braces (Prometheus' UTF-8 syntax).
//
// Invariant: `index ≤ end ≤ bytes.count`.

internal import Samples

/// Reads one series' text.
struct SeriesText {
    /// Far more than any metric has; names are compared with each other.
    private static let labelLimit = 512

    private let bytes: [UInt8]
    private let start: Int
    private let end: Int
    private let isOpenMetrics: Bool
    private var index: Int

    init(_ bytes: [UInt8], _ range: Range<Int>, isOpenMetrics: Bool) {
        let range = range.clamped(to: 0..<bytes.count)
        self.bytes = bytes
        self.isOpenMetrics = isOpenMetrics
        start = range.lowerBound
        end = range.upperBound
        index = range.lowerBound
    }

    /// The name, as `__name__`, and the labels in the order written.
    mutating func pairs() throws(ExpositionError) -> [(name: String, value: String)] {
        var metricName: String?
        var labels: [(name: String, value: String)] = []
        if current != Byte.openBrace { metricName = try bareName(mayHaveColon: true) }
        skipBlanks()
        if take(Byte.openBrace) { try items(&metricName, &labels) }
        guard index == end else { throw error("unexpected text after the metric's name") }
        guard let metricName, !metricName.isEmpty else { throw error("the metric has no name") }
        return [(Labels.metricNameLabel, metricName)] + labels
    }

    /// The labels of an exemplar: braces without a metric's name.
    mutating func exemplarLabels() throws(ExpositionError) -> [(name: String, value: String)] {
        var metricName: String?
        var labels: [(name: String, value: String)] = []
        guard take(Byte.openBrace) else { throw error("expected the labels of an exemplar") }
        try items(&metricName, &labels)
        guard metricName == nil else { throw error("an exemplar has no name") }
        return labels
    }

    private var current: UInt8? { index < end ? bytes[index] : nil }

    private func error(_ reason: String) -> ExpositionError {
        ExpositionError(at: start, of: bytes, reason)
    }

    private mutating func skipBlanks() {
        guard !isOpenMetrics else { return }
        while let byte = current, Byte.isBlank(byte) { index += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard current == byte else { return false }
        index += 1
        return true
    }

    private mutating func items(
        _ metricName: inout String?,
        _ labels: inout [(name: String, value: String)]
    ) throws(ExpositionError) {
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
        let value = try quoted(mayHaveBreaks: !isOpenMetrics)
        guard !name.isEmpty else { throw error("a label has no name") }
        guard labels.count < SeriesText.labelLimit else {
            throw error("a series may have at most \(SeriesText.labelLimit) labels")
        }
        let isKnown = labels.contains { $0.name.utf8.elementsEqual(name.utf8) }
        guard name != Labels.metricNameLabel, !isKnown else {
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
        return String(decoding: bytes[nameStart..<index], as: UTF8.self)
    }

    private mutating func quoted(mayHaveBreaks: Bool = true) throws(ExpositionError) -> String {
        index += 1
        let textStart = index
        while let byte = current, byte != Byte.quote {
            if byte == Byte.newline, !mayHaveBreaks { throw error("a line break in a label") }
            index += byte == Byte.backslash ? 2 : 1
        }
        guard index < end else { throw error("a string in quotes does not end") }
        guard let text = String(validating: bytes[textStart..<index], as: UTF8.self) else {
            throw error("a label is not valid UTF-8")
        }
        index += 1
        return ExpositionParser.unescaped(text, quotes: true)
    }
}

extension MetricMetadata.Kind {
    /// Writes `le` of histograms and `quantile` of summaries the one way OpenMetrics writes numbers, as Prometheus 3 does,
    /// so that `le="1"` and `le="1.0"` are one series.
    func normaliseBounds(_ pairs: inout [(name: String, value: String)]) {
        let bound: String
        switch self {
        case .histogram: bound = "le"
        case .summary: bound = "quantile"
        default: return
        }
        for index in pairs.indices where pairs[index].name == bound {
            if let number = PromNumber.parse(pairs[index].value) {
                pairs[index].value = CanonicalFloat.format(number)
            }
        }
    }
}
