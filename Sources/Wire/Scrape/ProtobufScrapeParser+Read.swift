// SPDX-License-Identifier: Apache-2.0
//
// The second step: labels, histograms and exemplars of the sample just read.

public import Samples

extension ProtobufScrapeParser {
    /// The name with the suffix of its piece, the labels as sent, and the bound of a bucket or quantile.
    public func pairs(of sample: ScrapedSample) throws(ExpositionError) -> [(name: String, value: String)] {
        let suffix =
            switch piece.kind {
            case .value, .quantile, .histogram: ""
            case .count: "_count"
            case .sum: "_sum"
            case .bucket: "_bucket"
            }
        var pairs = [(name: Labels.metricNameLabel, value: family + suffix)]
        pairs += try labels(metric.labels)
        switch piece.kind {
        case .bucket: pairs.append(("le", CanonicalFloat.format(piece.bound)))
        case .quantile: pairs.append(("quantile", CanonicalFloat.format(piece.bound)))
        default: break
        }
        try check(pairs)
        return pairs
    }

    /// The native histogram, or what was made of a classic one; a message whose parts contradict each other is refused.
    public func histogram(of sample: ScrapedSample) throws(ExpositionError) -> NativeHistogram {
        if let converted = metric.converted { return converted }
        do throws(HistogramError) {
            return try NativeHistogram(metric.message)
        } catch {
            throw ExpositionError(line: 0, reason: error.description)
        }
    }

    /// The exemplars of the sample read last; those of a histogram that have no time are left out, as in Prometheus.
    public func exemplars(of sample: ScrapedSample) throws(ExpositionError) -> [ScrapedExemplar] {
        guard sample.hasExemplars else { return [] }
        guard sample.isHistogram else { return [try exemplar(piece.exemplar)] }
        let ofBuckets = metric.converted != nil || metric.exemplars.isEmpty
        let ranges = ofBuckets ? metric.bucketExemplars : metric.exemplars
        var exemplars: [ScrapedExemplar] = []
        for range in ranges {
            let exemplar = try exemplar(range)
            if exemplar.timestamp != nil { exemplars.append(exemplar) }
        }
        return exemplars
    }

    private func check(_ pairs: [(name: String, value: String)]) throws(ExpositionError) {
        var seen: Set<[UInt8]> = []
        for (name, _) in pairs {
            guard !name.isEmpty else { throw ExpositionError(line: 0, reason: "a label has no name") }
            guard seen.insert(Array(name.utf8)).inserted else {
                throw ExpositionError(line: 0, reason: "label name \(Labels.quoted(name)) is not unique")
            }
        }
    }

    private func labels(
        _ messages: [Range<Int>]
    ) throws(ExpositionError) -> [(name: String, value: String)] {
        var pairs: [(name: String, value: String)] = []
        pairs.reserveCapacity(messages.count)
        for message in messages { pairs.append(try label(message)) }
        return pairs
    }

    private func label(_ message: Range<Int>) throws(ExpositionError) -> (name: String, value: String) {
        var name = 0..<0
        var value = 0..<0
        do throws(RemoteWriteError) {
            var cursor = ProtobufCursor(bytes.span)
            cursor.move(to: message.lowerBound)
            _ = cursor.enter(message.count)
            while !cursor.isAtEnd {
                let tag = try cursor.tag()
                switch tag {
                case 1 << 3 | 2: name = try cursor.range()
                case 2 << 3 | 2: value = try cursor.range()
                default: try cursor.skip(tag)
                }
            }
        } catch {
            throw ExpositionError(line: 0, reason: error.description)
        }
        guard let nameText = String(validating: bytes[name], as: UTF8.self),
            let valueText = String(validating: bytes[value], as: UTF8.self)
        else { throw ExpositionError(line: 0, reason: "a label is not valid UTF-8") }
        return (nameText, valueText)
    }

    private func exemplar(_ message: Range<Int>) throws(ExpositionError) -> ScrapedExemplar {
        var messages: [Range<Int>] = []
        var value = 0.0
        var time: Int64?
        do throws(RemoteWriteError) {
            var cursor = ProtobufCursor(bytes.span)
            cursor.move(to: message.lowerBound)
            _ = cursor.enter(message.count)
            while !cursor.isAtEnd {
                let tag = try cursor.tag()
                switch tag {
                case 1 << 3 | 2:
                    let range = try cursor.range()
                    // Labels beyond this make an exemplar too long to be kept anyway.
                    if messages.count <= Exemplar.labelLimit { messages.append(range) }
                case 2 << 3 | 1: value = Double(bitPattern: try cursor.fixed64())
                case 3 << 3 | 2: time = try Metric.time(&cursor)
                default: try cursor.skip(tag)
                }
            }
        } catch {
            throw ExpositionError(line: 0, reason: error.description)
        }
        return ScrapedExemplar(labels: Labels(try labels(messages)), value: value, timestamp: time)
    }
}
