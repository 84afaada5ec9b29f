// SPDX-License-Identifier: Apache-2.0
//
// What a query answers.

public import Samples

/// A query's answer with what the engine has to say about it.
public struct QueryOutput: Sendable {
    /// The answer.
    public let value: QueryValue
    /// Annotations that mean the answer may be wrong, each once, without limit.
    ///
    /// Begin with `PromQL warning: ` and end with the place, ` (1:5)`.
    public let warnings: [String]
    /// Annotations worth knowing, each once, without limit.
    public let infos: [String]
    /// What it cost, when that was asked for.
    public let statistics: QueryStatistics?
    /// To be kept as long as the samples of a large answer are; nil for a small one.
    public let memory: QueryMemoryLease?

    /// Creates an answer.
    public init(
        value: QueryValue,
        warnings: [String] = [],
        infos: [String] = [],
        statistics: QueryStatistics? = nil,
        memory: QueryMemoryLease? = nil
    ) {
        self.value = value
        self.memory = memory
        self.warnings = warnings
        self.infos = infos
        self.statistics = statistics
    }
}

extension QueryValue {
    /// The samples of the answer, as against the sample limit.
    var weight: Int {
        switch self {
        case .scalar, .string: 1
        case .vector(let samples): samples.count
        case .matrix(let series):
            series.reduce(0) { sum, one in
                one.histograms.histograms.reduce(sum + one.samples.count) { $0 + $1.weight }
            }
        }
    }
}

/// The four shapes of an answer.
public enum QueryValue: Sendable, Equatable {
    /// One number at the evaluation time.
    case scalar(Timestamp, Double)
    /// A text at the evaluation time.
    case string(Timestamp, String)
    /// One value per series at the evaluation time.
    ///
    /// Sorted only when the query sorts (`sort`, `topk`).
    case vector([VectorSample])
    /// Several samples per series, sorted by labels.
    case matrix([SeriesColumn])
}

/// One value of one series.
public struct VectorSample: Sendable, Equatable {
    /// The series.
    public let labels: Labels
    /// The evaluation time.
    public let timestamp: Timestamp
    /// The value; without meaning when there is a histogram.
    public let value: Double
    /// The value of a native histogram.
    public let histogram: NativeHistogram?

    /// Creates an element.
    public init(labels: Labels, timestamp: Timestamp, value: Double, histogram: NativeHistogram? = nil) {
        self.labels = labels
        self.timestamp = timestamp
        self.value = histogram == nil ? value : 0
        self.histogram = histogram
    }

    /// Equal labels and time, bit-identical values.
    public static func == (left: VectorSample, right: VectorSample) -> Bool {
        left.labels == right.labels && left.timestamp == right.timestamp
            && left.value.bitPattern == right.value.bitPattern && left.histogram == right.histogram
    }
}

/// Samples of one series.
public struct SeriesColumn: Sendable, Equatable {
    /// The series.
    public let labels: Labels
    /// Its samples, in time order.
    public let samples: SampleColumns
    /// Its native histograms, in time order; at other times than the samples.
    public let histograms: HistogramColumns

    /// Creates an entry.
    public init(
        labels: Labels,
        samples: SampleColumns,
        histograms: HistogramColumns = HistogramColumns()
    ) {
        self.labels = labels
        self.samples = samples
        self.histograms = histograms
    }
}
