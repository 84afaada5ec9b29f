// SPDX-License-Identifier: Apache-2.0
//
// `_created` lines of OpenMetrics as starts of the samples beside them. The line may come after its samples, so it is
// looked for ahead: up to the next `_created` line, which must be for the same labels, or the family's end. What was
// found is kept, also that there is nothing up to some place, so that all looking ahead together passes over each line
// once. Source: Prometheus model/textparse, openmetricsparse.go (StartTimestamp).

internal import Samples

/// What is known of `_created` lines.
struct CreatedLines: Sendable {
    /// A `_created` line: the family with its labels, and what it says.
    struct Line: Sendable {
        var labels: Labels
        var start: Int64
        /// Where it begins.
        var offset: Int
    }

    /// The newest line that was for a sample's labels.
    var current: Line?
    /// The next line ahead.
    var next: Line?
    /// Between here and there is none.
    var searched = 0

    /// Whether a series' text is that of a `_created` line.
    static func isCreated(_ bytes: [UInt8], _ series: Range<Int>) -> Bool {
        name(bytes, series)?.hasSuffix("_created") ?? false
    }

    /// The metric's name in a series' text; nil when it is malformed.
    private static func name(_ bytes: [UInt8], _ series: Range<Int>) -> Substring? {
        if bytes[series].first != Byte.openBrace {
            return String(decoding: bytes[series].prefix { $0 != Byte.openBrace }, as: UTF8.self)[...]
        }
        var text = SeriesText(bytes, series, isOpenMetrics: true)
        return (try? text.pairs())?.first?.value[...]
    }

    /// Seconds as milliseconds, what is left cut off; nil where they are out of range.
    static func milliseconds(_ seconds: Double) -> Int64? {
        Int64(exactly: (seconds * 1000).rounded(.towardZero))
    }
}

extension OpenMetricsScrapeParser {
    /// Whether the family's type has starts.
    var hasStarts: Bool {
        switch kind {
        case .counter, .histogram, .summary: true
        default: false
        }
    }

    /// The sample with its start, if a line says one.
    mutating func withStart(_ sample: ScrapedSample) -> ScrapedSample {
        guard let labels = familyLabels(sample.series, dropping: "") else { return sample }
        var start: Int64?
        if let current = created.current, current.labels == labels {
            start = current.start
        } else {
            findNext()
            if let next = created.next, next.labels == labels {
                created.current = next
                start = next.start
            }
        }
        return ScrapedSample(
            series: sample.series,
            value: sample.value,
            timestamp: sample.timestamp,
            kind: sample.kind,
            start: start,
            hasExemplars: sample.hasExemplars
        )
    }

    /// Finds the next `_created` line of the family behind what was read.
    private mutating func findNext() {
        if let next = created.next, next.offset >= offset { return }
        created.next = nil
        let bytes = self.bytes
        let span = bytes.span
        var line = max(offset, created.searched)
        while line < span.count, span[line] != Byte.hash {
            var end = Byte.endOfName(span, line)
            if end < span.count, span[end] == Byte.openBrace {
                end = Byte.endOfBraces(span, end) ?? span.count
            }
            let next = min(Byte.endOfLine(span, end) + 1, span.count)
            let found = CreatedLines.isCreated(bytes, line..<end) ? read(span, line..<end) : nil
            line = next
            if let found {
                created.next = found
                break
            }
        }
        created.searched = line
    }

    private func read(_ span: Span<UInt8>, _ series: Range<Int>) -> CreatedLines.Line? {
        var index = series.upperBound + 1
        guard index < span.count, let labels = familyLabels(series, dropping: "_created"),
            let seconds = Number.read(span, &index), let start = CreatedLines.milliseconds(seconds)
        else { return nil }
        return CreatedLines.Line(labels: labels, start: start, offset: series.lowerBound)
    }

    /// The labels but for those of a part of it (`le`, `quantile`), under the family's name.
    private func familyLabels(_ series: Range<Int>, dropping suffix: String) -> Labels? {
        var text = SeriesText(bytes, series, isOpenMetrics: true)
        guard var pairs = try? text.pairs(), let name = pairs.first?.value else { return nil }
        let family = self.family
        // A sample's name is the family's with any suffix; that of the line is the family's with its own.
        guard suffix.isEmpty ? name.hasPrefix(family) : name == family + suffix else { return nil }
        pairs[0].value = family
        if kind != .counter { pairs.removeAll { $0.name == "le" || $0.name == "quantile" } }
        return Labels(pairs)
    }
}
