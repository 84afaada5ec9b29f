// SPDX-License-Identifier: Apache-2.0
//
// The fields of one line of OpenMetrics text. Every index is checked against the line's length.

internal import Samples

/// A place in a line.
struct FieldReader {
    let line: [UInt8]
    private var index: Int

    init(line: [UInt8], at index: Int = 0) {
        self.line = line
        self.index = min(index, line.count)
    }

    var isAtEnd: Bool { index >= line.count }
    var current: UInt8? { index < line.count ? line[index] : nil }
    var column: Int { index + 1 }
    var rest: String { String(decoding: line[index...], as: UTF8.self) }

    /// The next few characters, for messages.
    var excerpt: String {
        isAtEnd
            ? "the end of the line"
            : Labels.quoted(String(decoding: line[index...].prefix(40), as: UTF8.self))
    }

    func error(_ reason: String) -> OpenMetricsError { OpenMetricsError(column: column, reason: reason) }

    private mutating func skipBlanks() { index = Byte.skipBlanks(line.span, index) }

    /// The text that names a series: a name, braces, or both.
    mutating func series() throws(OpenMetricsError) -> [UInt8] {
        let start = index
        index = Byte.endOfName(line.span, index)
        if current == Byte.openBrace {
            guard let end = Byte.endOfBraces(line.span, index) else {
                throw error("the labels have no closing brace")
            }
            index = end
        }
        guard index > start else { throw error("expected a metric name, got \(excerpt)") }
        let text = Array(line[start..<index])
        skipBlanks()
        return text
    }

    /// The labels that such a text stands for.
    static func labels(_ text: [UInt8], column: Int) throws(OpenMetricsError) -> Labels {
        var parser = ExpositionParser(text + Array(" 0\n".utf8), collectingMetadata: false)
        do throws(ExpositionError) {
            guard let sample = try parser.next() else { return Labels() }
            return try parser.labels(of: sample)
        } catch {
            throw OpenMetricsError(column: column, reason: error.reason)
        }
    }

    mutating func familyName() throws(OpenMetricsError) -> String {
        let start = index
        let isQuoted = current == Byte.quote
        let end = isQuoted ? Byte.endOfQuotes(line.span, index) ?? start : Byte.endOfName(line.span, index)
        let range = isQuoted ? (start + 1)..<max(start + 1, end - 1) : start..<end
        guard !range.isEmpty, range.upperBound <= line.count,
            let name = String(validating: line[range], as: UTF8.self)
        else { throw error("expected the name of a family, got \(excerpt)") }
        index = end
        if !isAtEnd { index += 1 }
        return isQuoted ? ExpositionParser.unescaped(name, quotes: true) : name
    }

    mutating func number(_ what: String) throws(OpenMetricsError) -> Double {
        let end = endOfField
        guard let value = PromNumber.parse(line[index..<end]) else {
            throw error("expected \(what), got \(excerpt)")
        }
        index = end
        skipBlanks()
        return value
    }

    /// Seconds, as whole milliseconds.
    mutating func time() throws(OpenMetricsError) -> Timestamp {
        let start = self
        let seconds = try number("a time in seconds")
        guard seconds.isFinite, let milliseconds = Int64(exactly: (seconds * 1000).rounded()) else {
            throw start.error("expected a time in seconds, got \(start.excerpt)")
        }
        return Timestamp(milliseconds: milliseconds)
    }

    mutating func exemplar(default time: Timestamp?) throws(OpenMetricsError) -> Exemplar {
        index += 1
        skipBlanks()
        let start = self
        guard current == Byte.openBrace, let end = Byte.endOfBraces(line.span, index) else {
            throw error("expected the labels of an exemplar, got \(excerpt)")
        }
        let labels = try FieldReader.labels([UInt8(ascii: "x")] + line[index..<end], column: column)
            .dropping([Labels.metricNameLabel])
        index = end
        skipBlanks()
        let value = try number("the value of an exemplar")
        let own = isAtEnd ? time : try self.time()
        guard let own else { throw error("neither the exemplar nor its sample has a time") }
        guard let exemplar = Exemplar(labels: labels, value: value, timestamp: own) else {
            throw start.error(
                "label length for exemplar exceeds maximum of \(Exemplar.labelLimit) UTF-8 characters"
            )
        }
        return exemplar
    }

    private var endOfField: Int {
        line[index...].firstIndex(where: { Byte.isBlank($0) }) ?? line.count
    }
}
