// SPDX-License-Identifier: Apache-2.0
//
// Histograms and start timestamps in bulk, beside SampleColumns. A series may have floats at some times and histograms at
// others; the two never share a time.

/// Timestamps and histograms of one series, in time order.
public struct HistogramColumns: Sendable, Equatable {
    /// Milliseconds since 1970, strictly increasing.
    public var timestamps: [Int64] = []
    /// The histograms; same length as `timestamps`.
    ///
    /// May hold stale markers.
    public var histograms: [NativeHistogram] = []

    /// Creates empty columns.
    public init() {}

    /// The number of histograms.
    @inlinable public var count: Int { timestamps.count }

    /// Appends one histogram; the caller keeps time order.
    public mutating func append(_ timestamp: Int64, _ histogram: NativeHistogram) {
        timestamps.append(timestamp)
        histograms.append(histogram)
    }

    /// Empties the columns and keeps their memory.
    public mutating func removeAll() {
        timestamps.removeAll(keepingCapacity: true)
        histograms.removeAll(keepingCapacity: true)
    }
}

/// Since when the counters of a series count: for some samples of it, in time order.
public struct StartColumns: Sendable, Equatable {
    /// The samples' times in milliseconds since 1970, strictly increasing.
    public var timestamps: [Int64] = []
    /// Milliseconds since 1970 at which the counting began; same length as `timestamps`.
    public var starts: [Int64] = []

    /// Creates empty columns.
    public init() {}

    /// The number of samples with a start.
    @inlinable public var count: Int { timestamps.count }

    /// Appends one start; the caller keeps time order.
    public mutating func append(_ timestamp: Int64, start: Int64) {
        timestamps.append(timestamp)
        starts.append(start)
    }

    /// Empties the columns and keeps their memory.
    public mutating func removeAll() {
        timestamps.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
    }
}

/// A histogram within a batch.
public struct HistogramSample: Sendable {
    /// The series.
    public let series: SeriesID
    /// Its value.
    public let histogram: NativeHistogram

    /// Creates a sample.
    public init(_ series: SeriesID, _ histogram: NativeHistogram) {
        self.series = series
        self.histogram = histogram
    }
}

/// Since when the counter behind a sample of a batch counts.
public struct StartSample: Sendable {
    /// The series, which has a value or a histogram in the same batch.
    public let series: SeriesID
    /// When counting began.
    public let start: Timestamp

    /// Creates the start of a sample.
    public init(_ series: SeriesID, _ start: Timestamp) {
        self.series = series
        self.start = start
    }
}
