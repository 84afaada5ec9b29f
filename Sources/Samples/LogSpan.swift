// SPDX-License-Identifier: Apache-2.0
//
// The store as an outbox, read as rectangles: some commit positions, or some time, by series. A span knows which rows
// and series it has and decodes only what is asked of it, so a shipper takes a slice of the series of many rows without
// paying for the rest.

/// How far a span of commit order goes at most.
///
/// It ends with the row that reaches a bound and has at least one row.
public struct SpanLimits: Sendable, Equatable {
    /// Rows of one source (a lane of one group): more are not decoded at once.
    public var rows: Int
    /// Samples in all rows, wanted or not.
    public var samples: Int
    /// The time between the oldest and the newest row; nil without limit.
    public var extent: Duration?

    /// Creates limits.
    public init(rows: Int = 1024, samples: Int, extent: Duration? = nil) {
        self.rows = rows
        self.samples = samples
        self.extent = extent
    }
}

/// A rectangle of commit order and time, laid out by series.
///
/// Short-lived: it keeps what the store was when it was made.
public protocol LogSpan: Sendable {
    /// The commit positions of its rows; the upper bound is where to go on.
    var positions: Range<UInt64> { get }
    /// Rows it has.
    var rows: UInt64 { get }
    /// Rows of its positions that have left the ring or cannot be read; numbers that no row ever had are none.
    var lostRows: UInt64 { get }
    /// The times of its rows, nil when there is none.
    var times: ClosedRange<Int64>? { get }
    /// The number of wanted series that may have samples in it.
    var count: Int { get }
    /// The labels of series `index`.
    ///
    /// Ascending over the index.
    func labels(_ index: Int) -> Labels
    /// The samples that series `index` has at most, without decoding any; a histogram counts as its numbers.
    func samples(_ index: Int) -> Int
    /// Appends the samples of neighbouring series, one entry for each, empty ones too.
    ///
    /// What cannot be read is left out and said at the end.
    func read(_ indices: Range<Int>, into series: inout [LogChunk.Series]) throws(SourceError)
}
