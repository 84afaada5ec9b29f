// SPDX-License-Identifier: Apache-2.0
//
// What goes from filter to filter: the samples of one series, and the aligned windows they lie in. A window is
// (end − length, end] in milliseconds since 1970, as the store's tiers and PromQL have it.
//
// A filter that makes values of its own puts them at the ends of windows, and where a series ended, a stale marker one
// millisecond later. Such a marker belongs to the window that ends before it.

internal import Samples

/// Samples of one series on their way through filters.
struct SampleFlow: Sendable, Equatable {
    /// Numbers, in time order, stale markers included.
    var samples = SampleColumns()
    /// Native histograms, in time order, stale markers included.
    var histograms = HistogramColumns()
    /// Since when counters count, for those samples whose source said so.
    var starts = StartColumns()
    /// Whether the numbers are values at the ends of windows.
    var isDerived = false

    /// No samples.
    init() {}

    /// What was read of a series.
    init(_ series: LogChunk.Series) {
        (samples, histograms, starts) = (series.samples, series.histograms, series.starts)
    }

    /// Whether there is nothing to ship.
    var isEmpty: Bool { samples.count == 0 && histograms.count == 0 }

    /// The time that decides which window sample `index` is in.
    func place(_ index: Int) -> Int64 {
        let time = samples.timestamps[index]
        return isDerived && samples.values[index].isStale ? time &- 1 : time
    }

    /// Only what lies in the windows from one edge to another.
    func within(after start: Int64, through end: Int64) -> SampleFlow {
        var result = SampleFlow()
        result.isDerived = isDerived
        for index in samples.values.indices where place(index) > start && place(index) <= end {
            result.samples.append(samples.timestamps[index], samples.values[index])
        }
        for index in histograms.histograms.indices
        where histograms.timestamps[index] > start && histograms.timestamps[index] <= end {
            result.histograms.append(histograms.timestamps[index], histograms.histograms[index])
        }
        result.takeStarts(of: self)
        return result
    }

    /// Takes over the starts of those samples that were kept.
    mutating func takeStarts(of other: SampleFlow) {
        guard other.starts.count > 0 else { return }
        var kept: [Int64] = samples.timestamps
        if histograms.count > 0 { kept = (kept + histograms.timestamps).sorted() }
        var place = 0
        for (time, start) in zip(other.starts.timestamps, other.starts.starts) {
            while place < kept.count, kept[place] < time { place += 1 }
            if place < kept.count, kept[place] == time { starts.append(time, start: start) }
        }
    }
}

extension SampleFlow {
    /// The start of each number, `.min` where none is known; nil when none is known at all.
    func startsBySample() -> [Int64]? {
        guard starts.count > 0 else { return nil }
        var result = [Int64](repeating: .min, count: samples.count)
        var place = 0
        for (index, time) in samples.timestamps.enumerated() {
            while place < starts.count, starts.timestamps[place] < time { place += 1 }
            if place < starts.count, starts.timestamps[place] == time { result[index] = starts.starts[place] }
        }
        return result
    }
}

/// Aligned windows of one length.
struct WindowGrid: Sendable, Hashable {
    /// Longer windows than an hour would hold back what they are about for too long; the longest tier ends there, too.
    static let longest: Int64 = 3_600_000

    /// Milliseconds, at least one.
    let length: Int64

    /// The end of the window that a time is in; clamped at the end of time.
    func end(of time: Int64) -> Int64 {
        let rest = time % length
        if rest == 0 { return time }
        let missing = rest > 0 ? length - rest : -rest
        let (end, overflows) = time.addingReportingOverflow(missing)
        return overflows ? .max : end
    }

    /// The last end of a window at or before a time; clamped at the beginning of time.
    func floor(_ time: Int64) -> Int64 {
        let rest = time % length
        if rest == 0 { return time }
        let (floor, overflows) = time.subtractingReportingOverflow(rest > 0 ? rest : length + rest)
        return overflows ? .min : floor
    }

    /// Calls `body` with the end and the samples of each window that has any, in time order.
    ///
    /// `previous` are the samples of the window just before, when it has any.
    func forEachWindow(
        of flow: SampleFlow,
        _ body: (_ end: Int64, _ indices: Range<Int>, _ previous: Range<Int>) -> Void
    ) {
        let places = flow.isDerived ? flow.samples.values.indices.map(flow.place) : flow.samples.timestamps
        forEachWindow(at: places, body)
    }

    /// The same for things at these times, which ascend.
    func forEachWindow(
        at times: [Int64],
        _ body: (_ end: Int64, _ indices: Range<Int>, _ previous: Range<Int>) -> Void
    ) {
        var (start, before) = (0, 0..<0)
        var endBefore: Int64?
        while start < times.count {
            let end = end(of: times[start])
            var next = start + 1
            while next < times.count, times[next] <= end { next += 1 }
            let isNext = endBefore.map { $0.addingReportingOverflow(length) == (end, false) } ?? false
            body(end, start..<next, isNext ? before : 0..<0)
            (before, endBefore, start) = (start..<next, end, next)
        }
    }

    /// The shortest window that windows of all these lengths fit into; nil when it is longer than an hour.
    static func common(_ lengths: [Int64]) -> WindowGrid? {
        var common: Int64 = 1
        for length in lengths {
            guard length > 0, length <= longest else { return nil }
            // Both are at most an hour, so their product is small.
            common = common / divisor(common, length) * length
            guard common <= longest else { return nil }
        }
        return WindowGrid(length: common)
    }

    private static func divisor(_ left: Int64, _ right: Int64) -> Int64 {
        var (large, small) = (left, right)
        while small != 0 { (large, small) = (small, large % small) }
        return large
    }
}
