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

internal import Samples

/// Input that is not an exposition.
public struct ExpositionError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The line, from 1.
    public let line: Int
    /// What is wrong with it.
    public let reason: String

    /// The value as text for messages.
    public var description: String { "line \(line): \(reason)" }
}

/// Reads an exposition sample by sample.
public struct ExpositionParser: Sendable {
    /// One line with a value.
    public struct Sample: Sendable {
        /// The bytes naming the series: `name{label="value"}` as the target wrote it.
        public let series: Range<Int>
        /// The value.
        public let value: Double
        /// The explicit time in milliseconds since 1970, if any.
        public let timestamp: Int64?
        /// The type of the last TYPE line above.
        let kind: MetricMetadata.Kind
    }

    /// A HELP, TYPE or UNIT line, as ranges of the input.
    struct MetadataLine: Sendable {
        var keyword: MetadataKeyword
        var name: Range<Int>
        var text: Range<Int>
    }

    /// What a metadata line tells.
    enum MetadataKeyword: Sendable {
        case help
        case type
        case unit
    }

    /// Metadata lines beyond this are not remembered; far more families than any program has.
    static let metadataLimit = 65_536

    let bytes: [UInt8]
    private var offset = 0
    private var kind = MetricMetadata.Kind.unknown
    private let collectsMetadata: Bool
    var metadataLines: [MetadataLine] = []

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
    func error(at offset: Int, _ reason: String) -> ExpositionError {
        let line = bytes[..<min(max(0, offset), bytes.count)].count { $0 == Byte.newline }
        return ExpositionError(line: line + 1, reason: reason)
    }

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
        guard keywordStart > start, let keyword = metadataKeyword(span, keywordStart) else { return end }
        let nameStart = Byte.skipBlanks(span, keywordStart + 4)
        let nameEnd =
            nameStart < end && span[nameStart] == Byte.quote
            ? Byte.endOfQuotes(span, nameStart) ?? end : Byte.endOfName(span, nameStart)
        guard nameEnd > nameStart, nameEnd <= end else { return end }
        let text = Byte.skipBlanks(span, nameEnd)..<end
        if keyword == .type { try readKind(text, at: start) }
        if collectsMetadata, metadataLines.count < ExpositionParser.metadataLimit {
            metadataLines.append(MetadataLine(keyword: keyword, name: nameStart..<nameEnd, text: text))
        }
        return end
    }

    private func metadataKeyword(_ span: Span<UInt8>, _ start: Int) -> MetadataKeyword? {
        guard start + 4 < span.count, Byte.isBlank(span[start + 4]) else { return nil }
        // "HELP", "TYPE", "UNIT" as big-endian words.
        let word =
            UInt32(span[start]) << 24 | UInt32(span[start + 1]) << 16
            | UInt32(span[start + 2]) << 8 | UInt32(span[start + 3])
        switch word {
        case 0x4845_4c50: return .help
        case 0x5459_5045: return .type
        case 0x554e_4954: return .unit
        default: return nil
        }
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
