// SPDX-License-Identifier: Apache-2.0
//
// OpenMetrics 1.0 (and 0.0.1) as scrapes have it, in the two steps of ExpositionParser:
//
//     line      series SP value [SP seconds] [exemplar] LF | "# TYPE " name SP word LF | "# HELP " … | "# UNIT " … | "# EOF" [LF]
//     exemplar  " # " {labels} SP value [SP seconds]
//
// As strict and as lax as Prometheus' parser (model/textparse, openmetricsparse.go, openmetricslex.l): fields are one
// blank apart, there are no other comments and no empty lines, nothing follows `# EOF`, and without it all that was read is
// worth nothing, for it may be half of what was written. Whether families interleave is not looked at, and any sample
// may have an exemplar. `OpenMetricsParser` reads files line by line, for imports.
//
// Invariant: every offset is checked against the input, nothing traps on any bytes.

public import Samples

/// Reads an OpenMetrics exposition sample by sample.
public struct OpenMetricsScrapeParser: ScrapeParsing {
    /// The exemplar of the sample just read.
    struct FoundExemplar: Sendable {
        var labels = 0..<0
        var value = 0.0
        var timestamp: Int64?
    }

    let bytes: [UInt8]
    var offset = 0
    private(set) var kind = MetricMetadata.Kind.unknown
    private(set) var familyName = 0..<0
    private let collectsMetadata: Bool
    private let readsStarts: Bool
    private var lines = MetadataLines()
    private var hasEnded = false
    private var exemplar = FoundExemplar()
    var created = CreatedLines()

    /// Begins at the first line.
    ///
    /// - Parameters:
    ///   - bytes: the exposition.
    ///   - collectingMetadata: whether `metadata()` will be asked for.
    ///   - readingStarts: whether `_created` lines of counters, histograms and summaries are the starts of their samples
    ///     instead of samples.
    public init(_ bytes: [UInt8], collectingMetadata: Bool = true, readingStarts: Bool = false) {
        self.bytes = bytes
        collectsMetadata = collectingMetadata
        readsStarts = readingStarts
    }

    /// The next sample, nil after `# EOF`.
    ///
    /// - Returns: the sample, with its series' text not yet checked.
    /// - Throws: `ExpositionError` when the line cannot be read or the end is missing.
    public mutating func next() throws(ExpositionError) -> ScrapedSample? {
        let bytes = self.bytes
        let span = bytes.span
        while !hasEnded {
            let start = offset
            guard start < span.count else { throw noEnd() }
            if span[start] == Byte.hash {
                try comment(span, start)
                continue
            }
            let sample = try sample(span, start)
            guard readsStarts, hasStarts else { return sample }
            if CreatedLines.isCreated(bytes, sample.series) { continue }
            return withStart(sample)
        }
        return nil
    }

    /// The whole input: a line's series is named by its text.
    public func key(of sample: ScrapedSample) -> [UInt8] { bytes }

    /// The name and labels as written; see `ExpositionParser.pairs(of:)`.
    public func pairs(of sample: ScrapedSample) throws(ExpositionError) -> [(name: String, value: String)] {
        var text = SeriesText(bytes, sample.series, isOpenMetrics: true)
        var pairs = try text.pairs()
        sample.kind.normaliseBounds(&pairs)
        return pairs
    }

    /// The exemplar of the sample read last.
    public func exemplars(of sample: ScrapedSample) throws(ExpositionError) -> [ScrapedExemplar] {
        guard sample.hasExemplars else { return [] }
        var text = SeriesText(bytes, exemplar.labels, isOpenMetrics: true)
        let labels = Labels(try text.exemplarLabels())
        return [ScrapedExemplar(labels: labels, value: exemplar.value, timestamp: exemplar.timestamp)]
    }

    /// What HELP, TYPE and UNIT lines read so far said, one entry per family in order of appearance.
    public func metadata() -> [MetricMetadata] { lines.families(in: bytes, quotes: true) }

    /// The family of the last TYPE line.
    public var family: String { MetadataLines.name(bytes[familyName]) ?? "" }

    // MARK: - Lines with a value

    private mutating func sample(_ span: Span<UInt8>, _ start: Int) throws(ExpositionError) -> ScrapedSample {
        var index = Byte.endOfName(span, start)
        if index < span.count, span[index] == Byte.openBrace {
            guard let end = Byte.endOfBraces(span, index) else {
                throw error(at: start, "the labels have no closing brace")
            }
            index = end
        }
        guard index > start else { throw error(at: start, "expected a metric name") }
        let series = start..<index
        let value = try number(span, &index, "a value after one blank", start)
        var timestamp: Int64?
        if isBlank(span, index), !isExemplar(span, index) { timestamp = try seconds(span, &index, start) }
        let hasExemplar = isExemplar(span, index)
        if hasExemplar { try readExemplar(span, &index, start) }
        guard index < span.count else { throw noEnd() }
        guard span[index] == Byte.newline else {
            throw error(at: start, "unexpected text at the end of the line")
        }
        offset = index + 1
        return ScrapedSample(
            series: series,
            value: value,
            timestamp: timestamp,
            kind: kind,
            hasExemplars: hasExemplar
        )
    }

    private func isBlank(_ span: Span<UInt8>, _ index: Int) -> Bool {
        index < span.count && span[index] == UInt8(ascii: " ")
    }

    /// Whether `" # {"` begins here.
    private func isExemplar(_ span: Span<UInt8>, _ index: Int) -> Bool {
        index + 3 < span.count && span[index] == UInt8(ascii: " ") && span[index + 1] == Byte.hash
            && span[index + 2] == UInt8(ascii: " ") && span[index + 3] == Byte.openBrace
    }

    /// A blank and a number.
    private func number(
        _ span: Span<UInt8>,
        _ index: inout Int,
        _ what: String,
        _ start: Int
    ) throws(ExpositionError) -> Double {
        guard isBlank(span, index) else {
            throw index < span.count ? error(at: start, "expected \(what)") : noEnd()
        }
        index += 1
        guard let value = Number.read(span, &index) else { throw error(at: start, "expected \(what)") }
        return value
    }

    /// A blank and a time in seconds; in milliseconds it is cut off, as Prometheus does.
    private func seconds(
        _ span: Span<UInt8>,
        _ index: inout Int,
        _ start: Int
    ) throws(ExpositionError) -> Int64 {
        let seconds = try number(span, &index, "a timestamp in seconds", start)
        guard let time = CreatedLines.milliseconds(seconds) else {
            throw error(at: start, "invalid timestamp \(PromNumber.format(seconds))")
        }
        return time
    }

    private mutating func readExemplar(
        _ span: Span<UInt8>,
        _ index: inout Int,
        _ start: Int
    ) throws(ExpositionError) {
        let labels = index + 3
        guard let end = Byte.endOfBraces(span, labels) else {
            throw error(at: start, "the labels of the exemplar have no closing brace")
        }
        index = end
        exemplar.labels = labels..<end
        exemplar.value = try number(span, &index, "a value after the exemplar's labels", start)
        exemplar.timestamp = isBlank(span, index) ? try seconds(span, &index, start) : nil
    }

    // MARK: - Comments

    private mutating func comment(_ span: Span<UInt8>, _ start: Int) throws(ExpositionError) {
        guard isBlank(span, start + 1) else { throw error(at: start, "expected one blank after #") }
        if isEnd(span, start + 2) {
            let rest = span.count - (start + 5)
            guard rest == 0 || (rest == 1 && span[start + 5] == Byte.newline) else {
                throw error(at: start, "unexpected data after # EOF")
            }
            hasEnded = true
            return
        }
        guard let keyword = MetadataLines.Keyword(span, start + 2), isBlank(span, start + 6) else {
            throw error(at: start, "expected HELP, TYPE, UNIT or EOF after #")
        }
        let nameStart = start + 7
        let isQuoted = nameStart < span.count && span[nameStart] == Byte.quote
        let nameEnd = isQuoted ? Byte.endOfQuotes(span, nameStart) : endOfLegacyName(span, nameStart)
        guard let nameEnd, nameEnd > nameStart, isBlank(span, nameEnd) else {
            throw error(at: start, "expected the name of a family, a blank and a text")
        }
        let end = Byte.endOfLine(span, nameEnd)
        guard end < span.count else { throw noEnd() }
        try take(keyword, name: nameStart..<nameEnd, text: (nameEnd + 1)..<end, start)
        offset = end + 1
    }

    private func isEnd(_ span: Span<UInt8>, _ start: Int) -> Bool {
        start + 2 < span.count && span[start] == UInt8(ascii: "E") && span[start + 1] == UInt8(ascii: "O")
            && span[start + 2] == UInt8(ascii: "F")
    }

    private func endOfLegacyName(_ span: Span<UInt8>, _ start: Int) -> Int? {
        var index = start
        while index < span.count {
            let byte = span[index]
            let isLetter = (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte == UInt8(ascii: "_")
            let isDigit = byte &- UInt8(ascii: "0") < 10 && index > start
            guard isLetter || isDigit || byte == UInt8(ascii: ":") else { break }
            index += 1
        }
        return index
    }

    private mutating func take(
        _ keyword: MetadataLines.Keyword,
        name: Range<Int>,
        text: Range<Int>,
        _ start: Int
    ) throws(ExpositionError) {
        switch keyword {
        case .type:
            let word = String(decoding: bytes[text], as: UTF8.self)
            guard word != "untyped", let known = ExpositionParser.kind(named: word) else {
                throw error(at: start, "invalid metric type \(Labels.quoted(word))")
            }
            kind = known
            familyName = name
        case .help:
            guard String(validating: bytes[text], as: UTF8.self) != nil else {
                throw error(at: start, "the help text is not valid UTF-8")
            }
        case .unit: try checkUnit(name, text, start)
        }
        if collectsMetadata { lines.append(keyword, name: name, text: text) }
    }

    /// A unit is the last word of the family's name.
    private func checkUnit(_ name: Range<Int>, _ text: Range<Int>, _ start: Int) throws(ExpositionError) {
        let unit = String(decoding: bytes[text], as: UTF8.self)
        let family = MetadataLines.name(bytes[name]) ?? ""
        guard unit.isEmpty || family.utf8.reversed().starts(with: "_\(unit)".utf8.reversed()) else {
            throw error(
                at: start,
                "unit \(Labels.quoted(unit)) not a suffix of metric \(Labels.quoted(family))"
            )
        }
    }

    private func noEnd() -> ExpositionError {
        error(at: bytes.count, "data does not end with # EOF")
    }

    private func error(at offset: Int, _ reason: String) -> ExpositionError {
        ExpositionError(at: offset, of: bytes, reason)
    }
}
