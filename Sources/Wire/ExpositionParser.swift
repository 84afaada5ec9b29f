// SPDX-License-Identifier: Apache-2.0
//
// The text exposition format 0.0.4 on its way in, with Prometheus' UTF-8 syntax (`{"my.metric","a.b"="c"} 1`).
//
// A target says the same names scrape after scrape, so a line is split in two steps. `next()` only finds where the
// series' text ends and reads the value; the text's bytes are the key under which a scraper remembers the series.
// `pairs(of:)` reads name and labels, checks them strictly, and is asked for new series only. A line `next()` lets
// through with a malformed name is therefore refused when it is first seen.
//
// Invariant: every offset is checked against the input, nothing traps on any bytes. Memory is one record per
// HELP, TYPE or UNIT line, and none when the caller does not want metadata.
//
// Source: Prometheus model/textparse (promlex.l, promparse.go).

public import Samples

/// Input that is not an exposition.
public struct ExpositionError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The line, from 1; 0 in a format without lines.
    public let line: Int
    /// What is wrong with it.
    public let reason: String

    /// The value as text for messages.
    public var description: String { line > 0 ? "line \(line): \(reason)" : reason }

    /// An error in a line, 0 where the format has none.
    init(line: Int, reason: String) {
        self.line = line
        self.reason = reason
    }

    /// An error at a place of a text.
    init(at offset: Int, of bytes: [UInt8], _ reason: String) {
        line = bytes[..<min(max(0, offset), bytes.count)].count { $0 == Byte.newline } + 1
        self.reason = reason
    }
}

/// Reads an exposition sample by sample.
public struct ExpositionParser: ScrapeParsing {
    /// One line with a value.
    public typealias Sample = ScrapedSample

    let bytes: [UInt8]
    private var offset = 0
    private var kind = MetricMetadata.Kind.unknown
    private var familyName = 0..<0
    private let collectsMetadata: Bool
    private var lines = MetadataLines()

    /// Begins at the first line.
    ///
    /// - Parameters:
    ///   - bytes: the exposition.
    ///   - collectingMetadata: whether `metadata()` will be asked for.
    public init(_ bytes: [UInt8], collectingMetadata: Bool = true) {
        self.bytes = bytes
        collectsMetadata = collectingMetadata
    }

    /// The next sample, nil at the end.
    ///
    /// - Returns: the sample, with its series' text not yet checked.
    /// - Throws: `ExpositionError` when the line cannot be read; the rest is then not to be trusted.
    public mutating func next() throws(ExpositionError) -> Sample? {
        let bytes = self.bytes
        let span = bytes.span
        var index = offset
        while index < span.count {
            let byte = span[index]
            if byte == Byte.newline || Byte.isBlank(byte) {
                index += 1
            } else if byte == Byte.hash {
                index = try comment(span, from: index + 1)
            } else {
                return try sample(span, from: index)
            }
        }
        offset = index
        return nil
    }

    /// An error at a place of the input.
    private func error(at offset: Int, _ reason: String) -> ExpositionError {
        ExpositionError(at: offset, of: bytes, reason)
    }

    /// What HELP, TYPE and UNIT lines read so far said, one entry per family in order of appearance.
    public func metadata() -> [MetricMetadata] { lines.families(in: bytes, quotes: false) }

    /// The family of the last TYPE line.
    public var family: String { MetadataLines.name(bytes[familyName]) ?? "" }

    // MARK: - Lines

    private mutating func sample(
        _ span: Span<UInt8>,
        from start: Int
    ) throws(ExpositionError) -> Sample {
        var index = Byte.endOfName(span, start)
        var seriesEnd = index
        let brace = Byte.skipBlanks(span, index)
        if brace < span.count, span[brace] == Byte.openBrace {
            guard let end = Byte.endOfBraces(span, brace) else {
                throw error(at: start, "the labels have no closing brace")
            }
            index = end
            seriesEnd = end
        }
        guard seriesEnd > start else { throw error(at: start, "expected a metric name") }
        index = Byte.skipBlanks(span, index)
        guard let value = Number.read(span, &index) else {
            throw error(at: start, "expected a value, got \(excerpt(from: index))")
        }
        index = Byte.skipBlanks(span, index)
        var timestamp: Int64?
        if index < span.count, span[index] != Byte.newline {
            guard let time = Number.readInteger(span, &index) else {
                throw error(at: start, "expected a timestamp in milliseconds, got \(excerpt(from: index))")
            }
            timestamp = time
            index = Byte.skipBlanks(span, index)
            guard index >= span.count || span[index] == Byte.newline else {
                throw error(at: start, "unexpected \(excerpt(from: index)) after the timestamp")
            }
        }
        offset = min(index + 1, span.count)
        return Sample(series: start..<seriesEnd, value: value, timestamp: timestamp, kind: kind)
    }

    /// Reads what follows `#`; returns the start of the next line.
    private mutating func comment(_ span: Span<UInt8>, from start: Int) throws(ExpositionError) -> Int {
        let keywordStart = Byte.skipBlanks(span, start)
        let end = Byte.endOfLine(span, keywordStart)
        guard keywordStart > start, let keyword = MetadataLines.Keyword(span, keywordStart) else {
            return end
        }
        let nameStart = Byte.skipBlanks(span, keywordStart + 4)
        let nameEnd =
            nameStart < end && span[nameStart] == Byte.quote
            ? Byte.endOfQuotes(span, nameStart) ?? end : Byte.endOfName(span, nameStart)
        guard nameEnd > nameStart, nameEnd <= end else { return end }
        let text = Byte.skipBlanks(span, nameEnd)..<end
        if keyword == .type {
            try readKind(text, at: start)
            familyName = nameStart..<nameEnd
        } else if keyword == .help, !Byte.isUTF8(span, text) {
            throw error(at: start, "the help text is not valid UTF-8")
        }
        if collectsMetadata { lines.append(keyword, name: nameStart..<nameEnd, text: text) }
        return end
    }

    private mutating func readKind(_ range: Range<Int>, at place: Int) throws(ExpositionError) {
        let word = String(decoding: bytes[range], as: UTF8.self)
        let trimmed = word.split(whereSeparator: { $0 == " " || $0 == "\t" }).first.map(String.init) ?? ""
        guard let known = ExpositionParser.kind(named: trimmed) else {
            throw error(at: place, "invalid metric type \(Labels.quoted(trimmed))")
        }
        kind = known
    }

    static func kind(named word: String) -> MetricMetadata.Kind? {
        word == "untyped" ? .unknown : MetricMetadata.Kind(rawValue: word)
    }

    /// The next few characters, for messages.
    private func excerpt(from start: Int) -> String {
        let line = bytes[min(start, bytes.count)...].prefix { $0 != Byte.newline }
        return line.isEmpty
            ? "the end of the line" : Labels.quoted(String(decoding: line.prefix(40), as: UTF8.self))
    }
}
