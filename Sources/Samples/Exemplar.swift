// SPDX-License-Identifier: Apache-2.0
//
// An exemplar points from a sample to a trace or a log line: labels of its own, a value and a time.

/// One exemplar of a series.
public struct Exemplar: Sendable, Equatable {
    /// Labels of the exemplar itself, such as `trace_id`.
    public let labels: Labels
    /// The observed value.
    public let value: Double
    /// When it was observed.
    public let timestamp: Timestamp

    /// The most UTF-8 characters of all names and values together, as OpenMetrics says.
    public static let labelLimit = 128

    /// Creates an exemplar; nil when its labels are longer than `labelLimit`.
    ///
    /// Prometheus' words for that: `label length for exemplar exceeds maximum of 128 UTF-8 characters`.
    public init?(labels: Labels, value: Double, timestamp: Timestamp) {
        // Characters in the sense of Unicode code points; bytes are at least as many.
        if labels.bytes.count > Exemplar.labelLimit {
            let length = labels.pairs.reduce(0) {
                $0 + $1.name.unicodeScalars.count + $1.value.unicodeScalars.count
            }
            guard length <= Exemplar.labelLimit else { return nil }
        }
        self.labels = labels
        self.value = value
        self.timestamp = timestamp
    }

    /// Equal labels and times and bit-identical values.
    public static func == (left: Exemplar, right: Exemplar) -> Bool {
        left.timestamp == right.timestamp && left.value.bitPattern == right.value.bitPattern
            && left.labels == right.labels
    }
}

/// An exemplar on its way into the store.
public struct ExemplarSample: Sendable {
    /// The series it belongs to.
    public let series: SeriesID
    /// The exemplar.
    public let exemplar: Exemplar

    /// Creates an entry.
    public init(_ series: SeriesID, _ exemplar: Exemplar) {
        self.series = series
        self.exemplar = exemplar
    }
}

/// What a query for exemplars found of one series.
public struct SeriesExemplars: Sendable, Equatable {
    /// The series' labels.
    public let labels: Labels
    /// Its exemplars, by time.
    public let exemplars: [Exemplar]

    /// Creates the entry of one series.
    public init(labels: Labels, exemplars: [Exemplar]) {
        self.labels = labels
        self.exemplars = exemplars
    }
}

/// Where exemplars are read.
///
/// Offered by TSDB, used by the HTTP API.
public protocol ExemplarSource: Sendable {
    /// The exemplars within the range, both ends included, of series that satisfy all matchers of at least one set;
    /// series in label order.
    func exemplars(
        _ matcherSets: [[LabelMatcher]],
        from: Timestamp,
        through: Timestamp
    ) throws(SourceError) -> [SeriesExemplars]
}
