// SPDX-License-Identifier: Apache-2.0
//
// Samples → rows: one for each window that has samples or in which the series ended. A row says nothing about what is
// outside its window, so rows can be computed window by window, joined into coarser ones, and a row of today never
// depends on what was kept of yesterday. What a counter did between two windows follows from the last value of one and
// the first of the next.

internal import Samples

/// Rows of one series over a span, in time order.
enum TierRows {
    /// Adds the rows of samples, which are in time order, for windows that end after `span.from` and no later than
    /// `span.through`.
    ///
    /// - Returns: the time of the first sample behind the span, nil when there is none.
    static func append(
        _ samples: SampleColumns,
        _ span: TierSpan,
        resolution: Int64,
        to rows: inout [CoarseRow]
    ) -> Int64? {
        var current = CoarseRow(end: .min, summary: nil, isEnded: false)
        var isOpen = false
        for index in 0..<samples.count {
            let time = samples.timestamps[index]
            guard time > span.from else { continue }
            if time > span.through {
                if isOpen { rows.append(current) }
                return time
            }
            if !isOpen || time > current.end {
                if isOpen { rows.append(current) }
                current = CoarseRow(end: TierGrid.up(time, resolution), summary: nil, isEnded: false)
                isOpen = true
            }
            current.add(time, samples.values[index])
        }
        if isOpen { rows.append(current) }
        return nil
    }
}

extension CoarseRow {
    @inline(__always)
    fileprivate mutating func add(_ time: Int64, _ value: Double) {
        isEnded = value.isStale
        guard !isEnded else { return }
        if summary == nil {
            summary = SampleSummary(time: time, value: value)
        } else {
            summary?.add(time: time, value: value)
        }
    }
}

/// A stretch of time between two window ends, open on the left.
struct TierSpan: Sendable, Equatable {
    var from: Int64
    var through: Int64

    func overlaps(_ low: Int64, _ high: Int64) -> Bool { low <= through && high > from }
}
