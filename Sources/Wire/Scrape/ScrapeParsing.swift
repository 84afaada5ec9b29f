// SPDX-License-Identifier: Apache-2.0
//
// What a scraper wants of an exposition, whatever its format. `next` is the hot step: it gives the value and the bytes
// that name the series, which a scraper remembers from the scrape before. Everything else is asked for when it is
// needed, and only of the sample `next` gave last: labels for series not seen before, histograms, exemplars.
//
// Scrapers are generic over the parser, so that no call goes through an existential.

public import Samples

/// One sample of an exposition, its series not yet read.
public struct ScrapedSample: Sendable {
    /// The bytes that name the series, within the parser's `key(of:)`: a target names a series with the same bytes in
    /// each scrape, and two series never with the same.
    public let series: Range<Int>
    /// The value; meaningless when `isHistogram`.
    public let value: Double
    /// The explicit time in milliseconds since 1970, if any.
    public let timestamp: Int64?
    /// Since when the counter behind it counts, in milliseconds since 1970, where that is said and was asked for.
    public let start: Int64?
    /// Whether `exemplars(of:)` has something to read.
    public let hasExemplars: Bool
    /// Whether the value is a native histogram, to be had from `histogram(of:)`.
    public let isHistogram: Bool
    /// The type of the family it is in.
    let kind: MetricMetadata.Kind

    init(
        series: Range<Int>,
        value: Double,
        timestamp: Int64?,
        kind: MetricMetadata.Kind,
        start: Int64? = nil,
        hasExemplars: Bool = false,
        isHistogram: Bool = false
    ) {
        self.series = series
        self.value = value
        self.timestamp = timestamp
        self.kind = kind
        self.start = start
        self.hasExemplars = hasExemplars
        self.isHistogram = isHistogram
    }
}

/// An exemplar as the target wrote it.
public struct ScrapedExemplar: Sendable, Equatable {
    /// Its labels, of any length.
    public let labels: Labels
    /// The observed value.
    public let value: Double
    /// When it was observed, in milliseconds since 1970; nil where the target does not say.
    public let timestamp: Int64?
}

/// A parser of one exposition format.
public protocol ScrapeParsing: Sendable {
    /// The next sample, nil at the end.
    ///
    /// - Throws: `ExpositionError` when the exposition is wrong; the rest is then not to be trusted.
    mutating func next() throws(ExpositionError) -> ScrapedSample?

    /// The bytes a sample's `series` is a range of.
    func key(of sample: ScrapedSample) -> [UInt8]

    /// The name (as `__name__`, first) and labels of a sample's series as written, empty values included.
    func pairs(of sample: ScrapedSample) throws(ExpositionError) -> [(name: String, value: String)]

    /// The histogram of a sample that is one, checked.
    func histogram(of sample: ScrapedSample) throws(ExpositionError) -> NativeHistogram

    /// The exemplars of a sample that has some.
    func exemplars(of sample: ScrapedSample) throws(ExpositionError) -> [ScrapedExemplar]

    /// The family the last TYPE line, or what stands for one, was about.
    var family: String { get }

    /// What was said of families so far, one entry each, in order of appearance.
    func metadata() -> [MetricMetadata]
}

extension ScrapeParsing {
    /// No histogram, for formats without.
    public func histogram(of sample: ScrapedSample) throws(ExpositionError) -> NativeHistogram {
        throw ExpositionError(line: 0, reason: "the sample is no histogram")
    }

    /// None, for formats without.
    public func exemplars(of sample: ScrapedSample) throws(ExpositionError) -> [ScrapedExemplar] { [] }
}

/// The formats targets answer in, by their media types.
public enum ExpositionFormat: Sendable {
    case text
    case openMetrics
    case protobuf

    /// The format of a Content-Type header, whatever its parameters; nil when it is none of them.
    public static func of(contentType: String) -> ExpositionFormat? {
        let type = contentType.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }.lowercased()
        return switch type {
        case "text/plain": .text
        case "application/openmetrics-text": .openMetrics
        case "application/vnd.google.protobuf": .protobuf
        default: nil
        }
    }
}
