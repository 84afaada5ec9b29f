// SPDX-License-Identifier: Apache-2.0
//
// All of a store, for whoever writes it to a file: which times there are anything of, and of a series everything within
// a stretch of them. Damage costs what it lies in: the rest is handed out, and what is missing is said.
//
// The times are those of segments, memory and rows, never found by searching: between two samples may lie all of time.

public import Samples
internal import Synchronization

/// A stretch of a series that cannot be read.
public struct UnreadablePart: Sendable, Equatable {
    /// Where it lies and what is wrong with it.
    public let reason: String
    /// Milliseconds since 1970 of its first and last row.
    public let from: Int64, through: Int64
}

/// What a store has of a series within a stretch of time.
public struct SeriesContents: Sendable {
    /// Samples, stale markers included.
    public var samples = SampleColumns()
    /// Native histograms, stale markers included.
    public var histograms = HistogramColumns()
    /// Since when counters count.
    public var starts = StartColumns()
    /// What is missing of all this.
    public var unreadable: [UnreadablePart] = []

    /// Nothing.
    public init() {}
}

/// The series that are to be written to a file, in label order.
public struct ExportSelection: Sendable {
    let selection: Selection

    /// The number of series.
    public var count: Int { selection.count }

    /// The labels of a series.
    public func labels(_ index: Int) -> Labels { selection.labels(index) }

    /// Everything of a series within a stretch, both ends included.
    public func contents(_ index: Int, from: Timestamp, through: Timestamp) -> SeriesContents {
        let range = TimeRange(from, through)
        var contents = SeriesContents()
        var leftOut = LeftOut()
        selection.read(index, range, into: &contents.samples, &leftOut)
        if selection.hasParts(index) {
            selection.readHistograms(index, range, into: &contents.histograms, &leftOut)
            selection.readStartTimestamps(index, range, into: &contents.starts, &leftOut)
        }
        contents.unreadable = leftOut.parts
        return contents
    }
}

/// A stretch of time of which there is something.
public struct StoredStretch: Sendable, Equatable {
    /// Milliseconds since 1970 of its first and last possible sample.
    public var from: Int64, through: Int64
    /// Milliseconds that a row stands for, where there are rows of a tier instead of samples.
    public var resolution: Int64?
}

extension Store {
    /// The series satisfying all matchers that may have something in the range.
    public func exported(_ matchers: [LabelMatcher], from: Timestamp, through: Timestamp) -> ExportSelection {
        ExportSelection(selection: selection(matchers, from, through))
    }

    /// The times within a range of which there is something, ascending and apart; and what cannot be read.
    ///
    /// Cost: windows of over a day are decoded as far as their times, nothing else is read.
    public func stretches(
        from: Timestamp,
        through: Timestamp
    ) -> (stretches: [StoredStretch], unreadable: [UnreadablePart]) {
        let range = TimeRange(from, through)
        let rows = coarseRows()
        var result: [StoredStretch] = []
        for (piece, segments) in zip(rows.plan.pieces, rows.segments) {
            var times = StoredTimes(gap: piece.resolution)
            for segment in segments where segment.span.overlaps(piece.span.from + 1, piece.span.through) {
                let low = max(segment.span.from, piece.span.from) + 1
                times.add(low, min(segment.span.through, piece.span.through))
            }
            for (low, high) in times.joined(within: range) {
                result.append(StoredStretch(from: low, through: high, resolution: piece.resolution))
            }
        }
        let (samples, unreadable) = sampleTimes()
        for (low, high) in samples.joined(within: rows.sampleRange(range)) {
            result.append(StoredStretch(from: low, through: high, resolution: nil))
        }
        return (result, unreadable)
    }

    private func sampleTimes() -> (StoredTimes, [UnreadablePart]) {
        var times = StoredTimes(gap: 15 * 60_000)
        var unreadable: [UnreadablePart] = []
        let (segments, windows) = head.withLock { head in
            (head.segments, head.lanes.flatMap { $0.frozen + [$0.window] }.filter { !$0.isEmpty })
        }
        for segment in segments where segment.minTime <= segment.maxTime {
            for (number, bundle) in segment.bundles.enumerated() {
                let (low, high) = (bundle.bounds.minTime, bundle.bounds.maxTime)
                if times.addShort(low, high) { continue }
                do throws(SourceError) {
                    try add(segment, number, to: &times)
                } catch {
                    unreadable.append(UnreadablePart(reason: error.words, from: low, through: high))
                }
            }
        }
        for window in windows where !times.addShort(window.minTime, window.maxTime) {
            if let regular = try? window.regularTimes() {
                for time in regular.timestamps { times.add(time, time) }
            }
            for row in window.late { times.add(row.timestamp, row.timestamp) }
        }
        return (times, unreadable)
    }

    private func add(_ segment: Segment, _ bundle: Int, to times: inout StoredTimes) throws(SourceError) {
        for (number, window) in try reader.windows(segment, bundle: bundle)
        where !times.addShort(window.minTime, window.maxTime) {
            for time in try reader.times(segment, number).timestamps { times.add(time, time) }
        }
    }
}

/// Stretches of time as they are found.
private struct StoredTimes {
    /// What is longer may be mostly empty.
    private static let longest: Int64 = 24 * 3600 * 1000

    /// Stretches no further apart than this are one.
    let gap: Int64
    private var found: [(low: Int64, high: Int64)] = []

    init(gap: Int64) {
        self.gap = gap
    }

    mutating func add(_ low: Int64, _ high: Int64) {
        // Rows come in the order of time, so most belong to the stretch before.
        if let last = found.last, low >= last.low, !isApart(last.high, low) {
            found[found.count - 1].high = max(last.high, high)
        } else if low <= high {
            found.append((low, high))
        }
    }

    /// Adds a stretch unless it is too long to be taken as a whole.
    mutating func addShort(_ low: Int64, _ high: Int64) -> Bool {
        let (length, overflow) = high.subtractingReportingOverflow(low)
        guard !overflow, length <= StoredTimes.longest else { return false }
        add(low, high)
        return true
    }

    private func isApart(_ high: Int64, _ low: Int64) -> Bool {
        guard low > high else { return false }
        let (distance, overflow) = low.subtractingReportingOverflow(high)
        return overflow || distance > gap
    }

    /// The stretches in order, those that touch as one, cut to a range.
    func joined(within range: TimeRange) -> [(low: Int64, high: Int64)] {
        var result: [(low: Int64, high: Int64)] = []
        for next in found.sorted(by: { $0.low < $1.low }) {
            if let last = result.last, !isApart(last.high, next.low) {
                result[result.count - 1].high = max(last.high, next.high)
            } else {
                result.append(next)
            }
        }
        return result.compactMap {
            let (low, high) = (max($0.low, range.from), min($0.high, range.through))
            return low <= high ? (low, high) : nil
        }
    }
}
