// SPDX-License-Identifier: Apache-2.0
//
// The body of `/federate`, some series at a time. As Prometheus does it (web/federate.go): every family is untyped, each
// sample has its own time, what has ended is left out, external labels are added where the series has none of that name,
// and `instance=""` where there is none at all, so that a scraper that honours labels does not add its own.

internal import Samples
internal import Wire

/// Writes federated samples.
struct FederationBody: Reply.ChunkSource {
    /// A piece ends with the series that makes it reach this many bytes.
    private static let chunkBytes = 64 << 10

    private let series: MergedSeries
    private let from: Timestamp
    private let through: Timestamp
    private let added: [(name: String, value: String)]
    private let format: FederationFormat
    private var index = 0
    private var isFinished = false
    private var family = FederatedFamily()
    private var samples = SampleColumns()
    private var histograms = HistogramColumns()

    init(
        _ series: MergedSeries,
        range: (from: Timestamp, through: Timestamp),
        externalLabels: Labels,
        format: FederationFormat
    ) {
        self.series = series
        (from, through) = range
        self.format = format
        var added = externalLabels.pairs
        if externalLabels["instance"] == nil { added.append(("instance", "")) }
        self.added = added.sorted { $0.name < $1.name }
    }

    mutating func next() -> [UInt8]? {
        guard !isFinished else { return nil }
        var out: [UInt8] = []
        while index < series.count, out.count < FederationBody.chunkBytes {
            if let sample = newest(index) { family.append(sample, format, to: &out) }
            index += 1
        }
        if index == series.count {
            family.end(format, to: &out)
            if case .openMetrics = format.kind { out.append(contentsOf: "# EOF\n".utf8) }
            isFinished = true
        }
        return out
    }

    /// The newest sample of a series; nil when there is none, it says that the series ended, or the form has no words
    /// for it.
    private mutating func newest(_ index: Int) -> FederatedSample? {
        let (selection, place) = series[index]
        samples.removeAll()
        histograms.removeAll()
        // What could be read counts; the store counts what could not.
        try? selection.read(place, from: from, through: through, into: &samples)
        if selection.hasParts(place) {
            try? selection.readHistograms(place, from: from, through: through, into: &histograms)
        }
        let sampleTime = samples.timestamps.last ?? .min
        var value = FederatedSample.Value.number(samples.values.last ?? .nan)
        var time = sampleTime
        if let histogramTime = histograms.timestamps.last, histogramTime > sampleTime,
            let histogram = histograms.histograms.last
        {
            guard format.kind == .protobuf, !histogram.isStale else { return nil }
            (value, time) = (.histogram(histogram), histogramTime)
        } else {
            guard let last = samples.values.last, !last.isStale else { return nil }
        }
        let all = selection.labels(place)
        guard let name = all.metricName else { return nil }
        var labels = all.pairs.filter { $0.name != Labels.metricNameLabel }
        for label in added where all[label.name] == nil { labels.append(label) }
        return FederatedSample(
            name: format.metricName(name),
            labels: labels.map { (format.labelName($0.name), $0.value) },
            value: value,
            timestamp: Timestamp(milliseconds: time)
        )
    }
}

/// A sample to be sent.
struct FederatedSample {
    enum Value {
        case number(Double)
        case histogram(NativeHistogram)
    }

    let name: String
    let labels: [(name: String, value: String)]
    let value: Value
    let timestamp: Timestamp

    /// What makes a family besides the name: numbers, histograms and gauge histograms have one each.
    var kind: MetricMetadata.Kind {
        switch value {
        case .number: .unknown
        case .histogram(let histogram): histogram.counterReset == .gauge ? .gaugehistogram : .histogram
        }
    }
}

/// The family whose samples are being written.
struct FederatedFamily {
    private var name: String?
    private var kind = MetricMetadata.Kind.unknown
    /// Of protobuf a family is one message, written when it is whole.
    private var message = MetricFamilyMessage()

    /// Writes a sample, beginning its family where it has another name or kind than the one before.
    mutating func append(_ sample: FederatedSample, _ format: FederationFormat, to out: inout [UInt8]) {
        if sample.name != name || sample.kind != kind {
            end(format, to: &out)
            name = sample.name
            kind = sample.kind
            switch format.kind {
            case .text:
                let metadata = MetricMetadata(family: sample.name, kind: .unknown, help: "")
                ExpositionWriter.appendHeader(metadata, to: &out)
            case .openMetrics: OpenMetricsWriter.appendType(sample.name, kind: .unknown, to: &out)
            case .protobuf: message.begin(sample.name, kind: kind)
            }
        }
        switch (format.kind, sample.value) {
        case (.protobuf, .number(let value)):
            message.append(sample.labels, value, at: sample.timestamp)
            if message.isLarge { restart(format, to: &out) }
        case (.protobuf, .histogram(let histogram)):
            message.append(sample.labels, histogram, at: sample.timestamp)
            if message.isLarge { restart(format, to: &out) }
        case (.openMetrics, .number(let value)):
            OpenMetricsWriter.append(sample.name, sample.labels, value, at: sample.timestamp, to: &out)
        case (.text, .number(let value)):
            ExpositionWriter.append(
                ExpositionWriter.Sample(sample.name, sample.labels, value, at: sample.timestamp),
                to: &out
            )
        case (.text, .histogram), (.openMetrics, .histogram): break
        }
    }

    /// Ends the family, if there is one.
    mutating func end(_ format: FederationFormat, to out: inout [UInt8]) {
        guard name != nil else { return }
        if format.kind == .protobuf { message.end(to: &out) }
        name = nil
    }

    /// A family of many series is sent in several messages.
    private mutating func restart(_ format: FederationFormat, to out: inout [UInt8]) {
        guard let name else { return }
        message.end(to: &out)
        message.begin(name, kind: kind)
    }
}
