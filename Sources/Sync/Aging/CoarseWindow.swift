// SPDX-License-Identifier: Apache-2.0
//
// What is shipped of a window whose samples have left the ring and of which the store still has a row. Gauges become one
// value at the window's end, as the filters make them. Counters keep their increase: a row knows its first and last
// sample and what the counter had reached whenever it fell, but not when. With p, the last value of the row before:
//
//     no fall, and first ≥ p      the last sample alone; its difference to p is the increase
//     otherwise                   x − 2 ms before the last sample, 0 − 1 ms before it, the last sample
//
// where x is `fallen`, and p more when the first value fell below p: from p to x and from 0 to the last value is just
// what the counter gained. Where there is no row before, the first sample is shipped as well and stands for p.

internal import Config
internal import Samples

/// How rows become samples.
struct CoarseWindow: Sendable, Equatable {
    /// What is made of a row.
    enum Value: Sendable, Hashable {
        /// One value at the window's end; quantiles cannot be had from rows.
        case operation(SyncOperation)
        /// The samples that keep a counter's increase.
        case counter
    }

    let value: Value
    /// The windows that are shipped; the rows' are as long or divide them.
    let windows: WindowGrid

    /// Samples of some windows, and what could not be said.
    struct Output: Sendable, Equatable {
        var samples = SampleColumns()
        /// Windows that had samples of which nothing could be shipped, or not all.
        var lost = 0
    }

    /// What comes of the windows that end after `start`.
    ///
    /// - Parameters:
    ///   - rows: in time order, from the window before the first one on.
    ///   - start: the end of the window before the first one.
    /// - Returns: the samples in time order.
    func apply(_ rows: [CoarseRow], after start: Int64) -> Output {
        var output = Output()
        var before: Joined?
        windows.forEachWindow(at: rows.map(\.end)) { end, indices, _ in
            var joined = Joined(end: end)
            for row in rows[indices] { joined.append(row) }
            // Only the window just before is looked at, as with samples.
            let isNext =
                before.map { $0.end.addingReportingOverflow(windows.length) == (end, false) } ?? false
            let previous = isNext ? before : nil
            before = joined
            guard end > start else { return }
            if let summary = joined.summary { append(summary, end, previous?.summary, to: &output) }
            // A series that had ended before is not ended again.
            let wasEnded = joined.summary == nil && previous?.isEnded == true
            if joined.isEnded, !wasEnded { output.samples.append(end + markerDelay, StaleMarker.value) }
        }
        return output
    }

    /// Milliseconds from a window's end to the marker of a series that ended in it.
    ///
    /// A counter's last sample lies before the marker it had, so before the end; the value of a gauge is at the end.
    private var markerDelay: Int64 { value == .counter ? 0 : 1 }

    /// The rows of one window as one.
    private struct Joined {
        let end: Int64
        var summary: SampleSummary?
        var isEnded = false

        init(end: Int64) { self.end = end }

        mutating func append(_ row: CoarseRow) {
            if let next = row.summary {
                if summary == nil { summary = next } else { summary?.append(next) }
            }
            // A row without samples leaves an end of the one before it as it is.
            if row.summary != nil || row.isEnded { isEnded = row.isEnded }
        }
    }

    private func append(
        _ summary: SampleSummary,
        _ end: Int64,
        _ previous: SampleSummary?,
        to output: inout Output
    ) {
        switch value {
        case .counter: appendCounter(summary, previous?.last, after: end - windows.length, to: &output)
        case .operation(let operation):
            if let value = value(operation, summary, previous?.last) {
                output.samples.append(end, value)
            } else if case .quantile = operation {
                output.lost += 1
            }
        }
    }

    private func value(_ operation: SyncOperation, _ summary: SampleSummary, _ previous: Double?) -> Double? {
        let seconds = Double(windows.length) / 1000
        switch operation {
        case .average: return summary.average
        case .sum: return summary.sum
        case .min: return summary.min
        case .max: return summary.max
        case .count: return Double(summary.count)
        case .last: return summary.last
        case .rate:
            if let previous { return summary.increase(after: previous) / seconds }
            return summary.count > 1 ? summary.increase / seconds : nil
        case .quantile: return nil
        }
    }

    private func appendCounter(
        _ summary: SampleSummary,
        _ previous: Double?,
        after start: Int64,
        to output: inout Output
    ) {
        var newest = start
        var base = summary.first
        var firstFell = false
        if let previous {
            firstFell = summary.first < previous
            base = previous
        } else if summary.count > 1 {
            output.samples.append(summary.firstTime, summary.first)
            newest = summary.firstTime
        }
        // Values before a fall are above what they fall to, so a fall leaves something here.
        if firstFell || summary.fallen > 0 {
            let top = firstFell ? base + summary.fallen : summary.fallen
            if summary.lastTime - 2 > newest {
                output.samples.append(summary.lastTime - 2, top)
                output.samples.append(summary.lastTime - 1, 0)
            } else {
                output.lost += 1
            }
        }
        output.samples.append(summary.lastTime, summary.last)
    }
}
