// SPDX-License-Identifier: Apache-2.0
//
// The body of a push to the gateway, taken apart into families with the group's labels put over the metrics' own. What is a
// family of its own and what a part of one is, for the text format, what Go's expfmt makes of it: a name is its own
// family unless it has none and is a part of a summary or histogram.

internal import Samples
internal import Wire

/// What was pushed at once.
struct PushedFamilies: Sendable {
    private(set) var families: [String: PushGateway.Family] = [:]
    /// All series of the families.
    private(set) var series: Set<Labels> = []
    private var bytes = 0

    /// What a series and its value are held to.
    typealias Check = (Labels, PushGateway.Value) throws(PushGateway.Refusal) -> Void

    /// Reads a body.
    init(
        _ body: [UInt8],
        _ format: ExpositionFormat,
        _ key: GroupingKey,
        _ check: Check
    ) throws(PushGateway.Refusal) {
        switch format {
        case .protobuf:
            // Classic series stay beside native ones: whoever reads them does not know that there is more.
            var options = ProtobufScrapeParser.Options()
            options.takesNative = true
            options.keepsClassic = true
            try read(ProtobufScrapeParser(body, options: options), key, check) { $0.parts }
        case .openMetrics: try read(OpenMetricsScrapeParser(body), key, check) { $0.openMetricsParts }
        case .text:
            try read(ExpositionParser(body), key, check) { $0.parts }
            if let fault = PushedTextOrder.fault(in: body) {
                throw .init("text format parsing error in \(fault)")
            }
        }
    }

    private mutating func read(
        _ parser: some ScrapeParsing,
        _ key: GroupingKey,
        _ check: Check,
        parts: (MetricMetadata.Kind) -> [String]
    ) throws(PushGateway.Refusal) {
        var parser = parser
        var samples: [(labels: Labels, value: PushGateway.Value)] = []
        while let sample = try parsed({ () throws(ExpositionError) in try parser.next() }) {
            let pairs = try parsed { () throws(ExpositionError) in try parser.pairs(of: sample) }
            guard sample.timestamp == nil else {
                throw .inconsistent("pushed metrics must not have timestamps")
            }
            let labels = try PushedFamilies.labels(pairs, key)
            guard series.insert(labels).inserted else { throw .repeated(labels) }
            guard series.count <= PushGateway.seriesLimit else {
                throw .init(noRoom: "the gateway holds at most \(PushGateway.seriesLimit) series")
            }
            let value: PushGateway.Value = try parsed { () throws(ExpositionError) in
                sample.isHistogram ? .histogram(try parser.histogram(of: sample)) : .number(sample.value)
            }
            try check(labels, value)
            guard labels.bytes.count <= RemoteWriteRequest.Limits().keyBytes else {
                throw .refused(
                    "the labels of a series have more than \(RemoteWriteRequest.Limits().keyBytes) bytes"
                )
            }
            bytes += PushGateway.bytes(of: labels, value)
            // A path's labels are put on every line of the body.
            guard bytes <= PushGateway.byteLimit else { throw .noBytes }
            samples.append((labels, value))
        }
        let described = Dictionary(parser.metadata().map { ($0.family, $0) }) { first, _ in first }
        for (labels, value) in samples {
            let name = PushedFamilies.family(of: labels.metricName ?? "", described, parts)
            families[name, default: .init(metadata: described[name])].samples.append((labels, value))
        }
        // The gateway has these itself, for every group.
        families["push_time_seconds"] = nil
        families["push_failure_time_seconds"] = nil
    }

    private static func labels(
        _ pairs: [(name: String, value: String)],
        _ key: GroupingKey
    ) throws(PushGateway.Refusal) -> Labels {
        var builder = LabelsBuilder()
        for (name, value) in pairs {
            guard !name.hasPrefix("__") || name == Labels.metricNameLabel else {
                throw .inconsistent("a label has an invalid name: \(name)")
            }
            builder.set(name, value)
        }
        for pair in key.pairs { builder.set(pair.name, pair.value) }
        return builder.labels()
    }

    private func parsed<Result>(
        _ body: () throws(ExpositionError) -> Result
    ) throws(PushGateway.Refusal) -> Result {
        do throws(ExpositionError) {
            return try body()
        } catch {
            throw .init("text format parsing error in \(error)")
        }
    }

    /// The family a name is in: its own if it is described, else the one it is a part of, else its own.
    private static func family(
        of name: String,
        _ described: [String: MetricMetadata],
        _ parts: (MetricMetadata.Kind) -> [String]
    ) -> String {
        guard described[name] == nil, let underscore = name.lastIndex(of: "_") else { return name }
        let base = String(name[..<underscore])
        guard let kind = described[base]?.kind else { return name }
        return parts(kind).contains(String(name[underscore...])) ? base : name
    }
}

extension PushGateway.Refusal {
    /// A series that is there already.
    static func repeated(_ labels: Labels) -> PushGateway.Refusal {
        .inconsistent("\(labels) was collected before with the same name and label values")
    }
}

extension MetricMetadata.Kind {
    /// What follows a family's name in the names of its series.
    var parts: [String] {
        switch self {
        case .histogram, .gaugehistogram: ["_bucket", "_count", "_sum"]
        case .summary: ["_count", "_sum"]
        default: []
        }
    }

    /// The same in OpenMetrics.
    fileprivate var openMetricsParts: [String] {
        switch self {
        case .histogram, .summary: parts + ["_created"]
        case .gaugehistogram: ["_bucket", "_gcount", "_gsum"]
        case .counter: ["_total", "_created"]
        case .info: ["_info"]
        default: []
        }
    }
}
