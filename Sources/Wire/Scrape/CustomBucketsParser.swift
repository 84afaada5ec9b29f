// SPDX-License-Identifier: Apache-2.0
//
// A text format with its classic histograms converted (convert_classic_histograms_to_nhcb): the lines `_bucket`, `_count` and
// `_sum` of one label set of a histogram become one native histogram with custom bounds under the family's name. The
// lines of a histogram stand together; what follows them ends it. Only families with a TYPE line of `histogram` are
// converted. Source: Prometheus model/textparse, nhcbparse.go.
//
// Reading the names of these lines in each scrape is the price; lines of other families pay nothing.

public import Samples

/// Converts the classic histograms that another parser reads.
public struct CustomBucketsParser<Base: ScrapeParsing>: ScrapeParsing {
    /// A line of a classic histogram: whose, and what it says.
    private struct Part {
        enum Role {
            case bucket(Double)
            case count
            case sum
        }

        var labels: Labels
        var role: Role
    }

    private var base: Base
    private let keepsClassic: Bool
    /// The histogram being collected.
    private var labels: Labels?
    private var buckets = ClassicBuckets()
    private var timestamp: Int64?
    private var start: Int64?
    private var collected: [ScrapedExemplar] = []
    /// The sample that ended the last one, still to be given out.
    private var held: ScrapedSample?
    /// The histogram given out last.
    private var key: [UInt8] = []
    private var emitted: (labels: Labels, histogram: NativeHistogram, exemplars: [ScrapedExemplar])?

    /// Wraps a parser before its first sample.
    ///
    /// - Parameters:
    ///   - base: the parser of a text format.
    ///   - keepingClassic: whether the classic lines are given out, too.
    public init(_ base: Base, keepingClassic: Bool) {
        self.base = base
        keepsClassic = keepingClassic
    }

    /// The next sample, nil at the end.
    public mutating func next() throws(ExpositionError) -> ScrapedSample? {
        while true {
            let sample: ScrapedSample
            if let waiting = held {
                sample = waiting
                held = nil
            } else if let read = try base.next() {
                sample = read
            } else {
                return flush()
            }
            let part = sample.kind == .histogram ? try part(sample) : nil
            if labels != nil, part?.labels != labels, let histogram = flush() {
                held = sample
                return histogram
            }
            guard let part else { return sample }
            try collect(part, sample)
            if keepsClassic { return sample }
        }
    }

    /// The bytes a sample's `series` is a range of; no line of text begins as those of a histogram do.
    public func key(of sample: ScrapedSample) -> [UInt8] { sample.isHistogram ? key : base.key(of: sample) }

    /// The name and labels of a line, or of the histogram.
    public func pairs(of sample: ScrapedSample) throws(ExpositionError) -> [(name: String, value: String)] {
        guard sample.isHistogram else { return try base.pairs(of: sample) }
        return emitted?.labels.pairs ?? []
    }

    /// The histogram given out last.
    public func histogram(of sample: ScrapedSample) throws(ExpositionError) -> NativeHistogram {
        guard let emitted else { throw ExpositionError(line: 0, reason: "the sample is no histogram") }
        return emitted.histogram
    }

    /// The exemplars of a line, or those of all lines of a histogram that have a time.
    public func exemplars(of sample: ScrapedSample) throws(ExpositionError) -> [ScrapedExemplar] {
        sample.isHistogram ? emitted?.exemplars ?? [] : try base.exemplars(of: sample)
    }

    /// The family of the last TYPE line.
    public var family: String { base.family }

    /// What was said of families so far.
    public func metadata() -> [MetricMetadata] { base.metadata() }

    /// What a line of a histogram family is of it; nil when its name does not fit the TYPE line.
    private func part(_ sample: ScrapedSample) throws(ExpositionError) -> Part? {
        var pairs = try base.pairs(of: sample)
        let family = base.family
        guard let name = pairs.first?.value, name.hasPrefix(family) else { return nil }
        let role: Part.Role
        switch name.dropFirst(family.count) {
        case "_count": role = .count
        case "_sum": role = .sum
        case "_bucket":
            guard let text = pairs.first(where: { $0.name == "le" })?.value,
                let bound = PromNumber.parse(text), !bound.isNaN
            else { return nil }
            role = .bucket(bound)
        default: return nil
        }
        pairs[0].value = family
        pairs.removeAll { $0.name == "le" }
        return Part(labels: Labels(pairs), role: role)
    }

    private mutating func collect(_ part: Part, _ sample: ScrapedSample) throws(ExpositionError) {
        if labels == nil {
            labels = part.labels
            timestamp = sample.timestamp
            start = sample.start
            collected = []
        }
        switch part.role {
        case .bucket(let bound): buckets.set(bound, sample.value)
        case .count: buckets.count = sample.value
        case .sum: buckets.sum = sample.value
        }
        if sample.hasExemplars {
            collected += try base.exemplars(of: sample).filter { $0.timestamp != nil }
        }
    }

    /// Ends the histogram being collected; nil when there is none or its lines are none.
    private mutating func flush() -> ScrapedSample? {
        guard let labels else { return nil }
        self.labels = nil
        defer { buckets.removeAll() }
        guard let histogram = buckets.histogram() else { return nil }
        emitted = (labels, histogram, collected)
        key.removeAll(keepingCapacity: true)
        key.append(0)
        key += labels.bytes
        return ScrapedSample(
            series: 0..<key.count,
            value: 0,
            timestamp: timestamp,
            kind: .histogram,
            start: start,
            hasExemplars: !collected.isEmpty,
            isHistogram: true
        )
    }
}
