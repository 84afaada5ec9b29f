// SPDX-License-Identifier: Apache-2.0
//
// The seams between the stages, crossed per batch and never per sample:
//
//     sources ──SampleSink──▶ TSDB ──SeriesSource──▶ PromQL
//                                  ──SampleLog─────▶ Sync
//
// Only Daemon/Wiring.swift knows who stands behind one.

// MARK: - Writing

/// A series within this process: dense, handed out by the store, valid until it is released.
public struct SeriesID: Sendable, Hashable, Comparable {
    /// The number, from 0.
    public let rawValue: UInt32

    /// Wraps a number the store handed out.
    @inlinable
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// Order as the type documents it.
    @inlinable
    public static func < (left: SeriesID, right: SeriesID) -> Bool { left.rawValue < right.rawValue }
}

/// The series that arrive together with one timestamp (one scrape target, one Modbus unit, one host pass).
public struct GroupID: Sendable, Hashable {
    /// The number, from 0.
    public let rawValue: UInt32

    /// Wraps a number the store handed out.
    @inlinable
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }
}

/// One pass of one source: one timestamp, many values.
public struct SampleBatch: Sendable {
    /// The group all series of the batch belong to.
    public var group: GroupID
    /// The one time of all values.
    public var timestamp: Timestamp
    /// The series present in this pass, each at most once, in any order.
    public var series: [SeriesID]
    /// Their values; same length as `series`.
    ///
    /// `StaleMarker.value` ends a series.
    public var values: [Double]
    /// Whether samples older than the out-of-order window are stored too, as far as the ring still covers their time.
    ///
    /// For receivers of backfill; costs nothing when the samples are not old.
    public var acceptsOld = false
    /// Series whose value in this pass is a histogram, each at most once and none that is in `series`.
    public var histograms: [HistogramSample] = []
    /// Since when counters of this pass count, for those whose source says so; each at most once.
    public var starts: [StartSample] = []

    /// Creates a batch without values.
    public init(group: GroupID, timestamp: Timestamp, capacity: Int = 0) {
        self.group = group
        self.timestamp = timestamp
        series = []
        values = []
        series.reserveCapacity(capacity)
        values.reserveCapacity(capacity)
    }

    /// Adds one value.
    @inlinable
    public mutating func append(_ id: SeriesID, _ value: Double) {
        series.append(id)
        values.append(value)
    }

    /// Adds one histogram.
    public mutating func append(_ id: SeriesID, _ histogram: NativeHistogram) {
        histograms.append(HistogramSample(id, histogram))
    }

    /// Says since when the counter behind a sample of this batch counts.
    public mutating func append(_ id: SeriesID, start: Timestamp) {
        starts.append(StartSample(id, start))
    }

    /// Values and histograms of the batch.
    public var count: Int { series.count + histograms.count }
}

/// What became of a batch.
public struct AppendResult: Sendable, Equatable {
    /// Samples stored; a histogram is one.
    public var appended: Int
    /// Samples not newer than what their series has and further behind the group's newest row than the store takes.
    public var outOfOrder: Int
    /// Samples with a time the series already has, with another value.
    public var duplicate: Int
    /// Histograms with more buckets than the store keeps at any resolution, or for whose parts
    /// `storage.max_series` leaves no room.
    public var refused: Int
    /// Samples that a rule of their source rejected; no store says this.
    public var invalid: Int

    /// Creates a result.
    public init(
        appended: Int = 0,
        outOfOrder: Int = 0,
        duplicate: Int = 0,
        refused: Int = 0,
        invalid: Int = 0
    ) {
        self.appended = appended
        self.outOfOrder = outOfOrder
        self.duplicate = duplicate
        self.refused = refused
        self.invalid = invalid
    }
}

/// Why the store did not take something.
public enum SinkError: Error, Sendable, Equatable, CustomStringConvertible {
    /// `storage.max_series` is reached; existing series are unaffected.
    case seriesLimit(Int)
    /// The labels have the one name that the store keeps for itself (`PartLabel.name`).
    case reservedLabel
    /// The store is shutting down.
    case closed
    /// The log could not be written and the memory bound for unlogged rows is reached.
    case unavailable(String)

    /// The value as text for messages.
    public var description: String {
        switch self {
        case .seriesLimit(let limit): "storage.max_series (\(limit)) is reached"
        case .reservedLabel: "a label name is reserved: \(Labels.quoted(PartLabel.name))"
        case .closed: "the store is shutting down"
        case .unavailable(let reason): reason
        }
    }
}

/// Where samples are stored.
///
/// Offered by TSDB, used by the collectors, rules and receivers.
public protocol SampleSink: Sendable {
    /// The group with this identity (for example `{instance="plc", job="modbus"}`), created when new.
    ///
    /// Each call is a use, to be given back with `release`.
    func group(_ identity: Labels) throws(SinkError) -> GroupID

    /// The series with these labels in the group, created when new.
    ///
    /// Each call is a use, to be given back with `release` unless the group is. Cost: one hash lookup; cache the result.
    func series(_ labels: Labels, in group: GroupID) throws(SinkError) -> SeriesID

    /// Stores one batch.
    ///
    /// On return it is in the log file (survives a process kill).
    func append(_ batch: SampleBatch) throws(SinkError) -> AppendResult

    /// Stores exemplars; on return they are in the log file.
    ///
    /// An exemplar equal to one of the newest of its series is dropped silently, another one that is older counts as out of
    /// order; all count as refused where none are kept.
    func append(exemplars: [ExemplarSample]) throws(SinkError) -> AppendResult

    /// Remembers what a source said of its families; the newest wins.
    func describe(_ metadata: [MetricMetadata])

    /// Gives a use of a group back; with the last one the group and its series go, once what they have is in segments.
    ///
    /// Whoever gave back what it asked for must not use the group or its series again, but ask anew. What is not given
    /// back stays in memory until the process ends.
    func release(_ group: GroupID)

    /// Gives a use of each series back; without one a series goes, once what it has is in segments.
    func release(_ series: [SeriesID])
}

extension SampleSink {
    /// Keeps the group, for a sink that forgets nothing.
    public func release(_ group: GroupID) {}

    /// Keeps the series, for a sink that forgets nothing.
    public func release(_ series: [SeriesID]) {}
}

extension SampleSink {
    /// Drops exemplars, for a sink that keeps none.
    public func append(exemplars: [ExemplarSample]) throws(SinkError) -> AppendResult {
        AppendResult(refused: exemplars.count)
    }
}

// MARK: - Reading

/// Why the store could not answer.
public enum SourceError: Error, Sendable, Equatable {
    /// A block failed its checksum or could not be read.
    ///
    /// Thrown at the end of a read: what could be read has been appended, and the next series are unaffected.
    case unreadable(String)
}

/// The series a selector found, in label order, with a way to read each.
public protocol SeriesSelection: Sendable {
    /// The number of series.
    var count: Int { get }
    /// The labels of series `index`.
    ///
    /// Ascending over the index.
    func labels(_ index: Int) -> Labels
    /// Appends the samples of series `index` with `from ≤ time ≤ through` to the caller's columns, in time order,
    /// stale markers included.
    func read(
        _ index: Int,
        from: Timestamp,
        through: Timestamp,
        into columns: inout SampleColumns
    ) throws(SourceError)
    /// Reads several neighbouring series as `read(_:from:through:into:)` does each, with less work than one by one.
    ///
    /// `columns` has one element for each of them. Throws at the end the first error of any.
    func read(
        _ indices: Range<Int>,
        from: Timestamp,
        through: Timestamp,
        into columns: inout [SampleColumns]
    ) throws(SourceError)
    /// The same for who needs of each series only the newest sample of the range; there may be more.
    func readNewest(
        _ indices: Range<Int>,
        from: Timestamp,
        through: Timestamp,
        into columns: inout [SampleColumns]
    ) throws(SourceError)
    /// What the numbers of series `index` with `from ≤ time ≤ through` come to, in pieces of neighbouring samples, stale
    /// markers left out; nil when the source would have to look at each sample anyway.
    ///
    /// Throws when something could not be read.
    func readJoined(
        _ index: Int,
        from: Timestamp,
        through: Timestamp
    ) throws(SourceError) -> [SampleSummary]?
    /// Whether series `index` may have histograms or start timestamps; mostly none has, and they need not be read then.
    func hasParts(_ index: Int) -> Bool
    /// Appends the histograms of series `index` with `from ≤ time ≤ through` to the caller's columns, in time order,
    /// stale markers included.
    func readHistograms(
        _ index: Int,
        from: Timestamp,
        through: Timestamp,
        into columns: inout HistogramColumns
    ) throws(SourceError)
    /// Appends the start timestamps of those samples in the range that have one, in time order.
    func readStartTimestamps(
        _ index: Int,
        from: Timestamp,
        through: Timestamp,
        into columns: inout StartColumns
    ) throws(SourceError)
    /// The stretches of the selected range that hold rows instead of samples, oldest first; samples follow the last.
    ///
    /// In such a stretch `read` gives of each row the last sample, at its own time, and a stale marker at the window's
    /// end when the series had ended.
    var coarse: [CoarseStretch] { get }
    /// Appends the rows of series `index` whose windows end within `from ≤ end ≤ through`, in time order.
    func readRows(
        _ index: Int,
        from: Timestamp,
        through: Timestamp,
        into rows: inout [CoarseRow]
    ) throws(SourceError)
}

extension SeriesSelection {
    /// Reads one by one.
    public func read(
        _ indices: Range<Int>,
        from: Timestamp,
        through: Timestamp,
        into columns: inout [SampleColumns]
    ) throws(SourceError) {
        var failure: SourceError?
        for (place, index) in indices.enumerated() {
            do throws(SourceError) {
                try read(index, from: from, through: through, into: &columns[place])
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
    }

    /// Reads all.
    public func readNewest(
        _ indices: Range<Int>,
        from: Timestamp,
        through: Timestamp,
        into columns: inout [SampleColumns]
    ) throws(SourceError) {
        try read(indices, from: from, through: through, into: &columns)
    }

    /// Nil, for a source that keeps no aggregates.
    public func readJoined(
        _ index: Int,
        from: Timestamp,
        through: Timestamp
    ) throws(SourceError) -> [SampleSummary]? { nil }

    /// Always, for a source that does not know.
    public func hasParts(_ index: Int) -> Bool { true }

    /// Appends nothing, for a source without histograms.
    public func readHistograms(
        _ index: Int,
        from: Timestamp,
        through: Timestamp,
        into columns: inout HistogramColumns
    ) throws(SourceError) {}

    /// Appends nothing, for a source without start timestamps.
    public func readStartTimestamps(
        _ index: Int,
        from: Timestamp,
        through: Timestamp,
        into columns: inout StartColumns
    ) throws(SourceError) {}

    /// None, for a source that keeps all it has as samples.
    public var coarse: [CoarseStretch] { [] }

    /// Appends nothing, for a source without coarse stretches.
    public func readRows(
        _ index: Int,
        from: Timestamp,
        through: Timestamp,
        into rows: inout [CoarseRow]
    ) throws(SourceError) {}
}

/// Where queries read.
///
/// Offered by TSDB, used by PromQL and the HTTP API.
public protocol SeriesSource: Sendable {
    /// The series satisfying all matchers that may have samples in the range (both ends included).
    func select(
        _ matchers: [LabelMatcher],
        from: Timestamp,
        through: Timestamp
    ) throws(SourceError) -> any SeriesSelection
    /// The same series in any order, for who does not need them sorted.
    func selectUnordered(
        _ matchers: [LabelMatcher],
        from: Timestamp,
        through: Timestamp
    ) throws(SourceError) -> any SeriesSelection
    /// The number of series that satisfy all matchers, whatever their times, where it is small and known without a wait;
    /// nil otherwise.
    func fewSeries(_ matchers: [LabelMatcher]) -> Int?
    /// Sorted label names of the series that satisfy all matchers (none: of all series).
    func labelNames(
        _ matchers: [LabelMatcher],
        from: Timestamp,
        through: Timestamp
    ) throws(SourceError) -> [String]
    /// Sorted values of one label over those series.
    func labelValues(
        _ name: String,
        _ matchers: [LabelMatcher],
        from: Timestamp,
        through: Timestamp
    ) throws(SourceError)
        -> [String]
    /// What sources said of their families, by family name.
    func metadata() -> [String: MetricMetadata]
}

extension SeriesSource {
    /// Sorted, for a source that has them so.
    public func selectUnordered(
        _ matchers: [LabelMatcher],
        from: Timestamp,
        through: Timestamp
    ) throws(SourceError) -> any SeriesSelection {
        try select(matchers, from: from, through: through)
    }

    /// Unknown, for a source that would have to look for them.
    public func fewSeries(_ matchers: [LabelMatcher]) -> Int? { nil }
}

// MARK: - Shipping

/// A place in commit order: every stored row has one, and late rows get a later one than what they followed.
public struct LogPosition: Sendable, Hashable, Comparable {
    /// The number of rows committed before this place since the store was created.
    public let sequence: UInt64

    /// Wraps a sequence number.
    @inlinable
    public init(sequence: UInt64) {
        self.sequence = sequence
    }

    /// Order as the type documents it.
    @inlinable
    public static func < (left: LogPosition, right: LogPosition) -> Bool { left.sequence < right.sequence }
}

/// A stretch of commit order, laid out by series.
public struct LogChunk: Sendable {
    /// One series' samples within the stretch, in time order.
    public struct Series: Sendable {
        /// The series' labels.
        public let labels: Labels
        /// Its samples, stale markers included.
        public let samples: SampleColumns
        /// Its histograms, stale markers included.
        public let histograms: HistogramColumns
        /// Since when the counter counts, for the samples whose source said so.
        public let starts: StartColumns

        /// Creates the entry of one series.
        public init(
            labels: Labels,
            samples: SampleColumns,
            histograms: HistogramColumns = HistogramColumns(),
            starts: StartColumns = StartColumns()
        ) {
            self.labels = labels
            self.samples = samples
            self.histograms = histograms
            self.starts = starts
        }
    }

    /// The samples, each series once.
    public var series: [Series]
    /// Where to read on; equal to the start when there was nothing.
    public var next: LogPosition
    /// Rows asked for that had already left the ring.
    public var lostRows: UInt64

    /// Creates a chunk.
    public init(series: [Series], next: LogPosition, lostRows: UInt64) {
        self.series = series
        self.next = next
        self.lostRows = lostRows
    }
}

/// The store seen as an outbox.
///
/// Offered by TSDB, used by Sync.
public protocol SampleLog: Sendable {
    /// The oldest position still readable.
    var oldest: LogPosition { get }
    /// The position the next row will get.
    var end: LogPosition { get }
    /// The time of the oldest sample at or after a position, nil when there is none.
    func timestamp(at position: LogPosition) -> Timestamp?
    /// Reads whole rows from a position on until about `sampleLimit` samples are gathered (at least one row).
    ///
    /// A histogram counts as one sample for each number it is stored as: count, sum and every populated bucket.
    ///
    /// Deterministic: the same position and limit give the same chunk as long as the rows are in the ring.
    func read(from position: LogPosition, sampleLimit: Int) throws(SourceError) -> LogChunk

    /// The position up to which rows may be shipped: those from there on could still be lost in a power cut and their
    /// numbers be given to others, or their times are provisional.
    var readableEnd: LogPosition { get }
    /// Whole rows from a position on, as far as the limits and the readable end allow.
    func span(
        from position: LogPosition,
        _ limits: SpanLimits,
        where wanted: (Labels) -> Bool
    ) throws(SourceError) -> any LogSpan
    /// The rows of some positions, within a time when one is given.
    ///
    /// Deterministic: the same positions, times and series give the same samples as long as the rows are in the ring.
    func span(
        _ positions: Range<UInt64>,
        times: ClosedRange<Int64>?,
        where wanted: (Labels) -> Bool
    ) throws(SourceError) -> any LogSpan
    /// The samples of a time in rows before a position, of series that satisfy all matchers.
    func span(
        times: ClosedRange<Int64>,
        before position: LogPosition,
        _ matchers: [LabelMatcher],
        where wanted: (Labels) -> Bool
    ) throws(SourceError) -> any LogSpan
}
