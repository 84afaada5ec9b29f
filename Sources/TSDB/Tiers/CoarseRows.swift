// SPDX-License-Identifier: Apache-2.0
//
// Reading rows: the part of a selection that lies before the samples.

internal import Bytes
internal import Platform
internal import Samples
internal import Synchronization

/// The rows a selection may read.
struct CoarseRows: Sendable {
    let plan: CoarsePlan
    /// For each piece of the plan the segments of its tier, by ring sequence.
    let segments: [[TierSegment]]

    /// The part of a range for which samples answer.
    func sampleRange(_ range: TimeRange) -> TimeRange {
        let first = plan.samplesAfter == .min ? .min : plan.samplesAfter + 1
        return TimeRange(
            Timestamp(milliseconds: max(range.from, first)),
            Timestamp(milliseconds: range.through)
        )
    }

    /// Marks the series that may have rows of use for a range.
    ///
    /// Evaluation at a time within a window looks at the windows before it, so those count.
    func markSeries(in range: TimeRange, _ found: inout [Bool]) {
        for (piece, segments) in zip(plan.pieces, segments) {
            let from = range.from.subtractingClamped(2 * piece.resolution)
            guard piece.span.overlaps(from, range.through) else { continue }
            for segment in segments
            where segment.span.overlaps(from, range.through)
                && segment.span.overlaps(piece.span.from + 1, piece.span.through)
            {
                for set in segment.columns {
                    for reference in set.references where Int(reference) < found.count {
                        found[Int(reference)] = true
                    }
                }
            }
        }
    }

    /// Appends the rows of a series whose windows end within `low...high`, in time order, but for those it notes as
    /// left out.
    func read(
        _ reference: SeriesReference,
        _ low: Int64,
        _ high: Int64,
        _ reader: TierReader,
        into rows: inout [CoarseRow],
        _ leftOut: inout LeftOut
    ) {
        for (piece, segments) in zip(plan.pieces, segments) {
            let first = max(low, piece.span.from + 1)
            let last = min(high, piece.span.through)
            guard first <= last else { continue }
            let start = rows.count
            var isOrdered = true
            for segment in segments where segment.span.overlaps(first, last) {
                guard let block = segment.block(of: reference) else { continue }
                let count = rows.count
                do throws(SourceError) {
                    try reader.rows(segment, block, first, last, into: &rows)
                } catch {
                    leftOut.note(error, segment.span.from, segment.span.through)
                }
                if count > start, rows.count > count, rows[count].end <= rows[count - 1].end {
                    isOrdered = false
                }
            }
            if !isOrdered { CoarseRows.order(&rows, from: start) }
        }
    }

    /// Sorts rows by time; of several for one window the last one stays.
    private static func order(_ rows: inout [CoarseRow], from start: Int) {
        let sorted = rows[start...].enumerated().sorted {
            ($0.element.end, $0.offset) < ($1.element.end, $1.offset)
        }
        rows.removeSubrange(start...)
        for (_, row) in sorted {
            if rows.count > start, rows[rows.count - 1].end == row.end { rows.removeLast() }
            rows.append(row)
        }
    }
}

extension Selection {
    var coarse: [CoarseStretch] { stretches }

    func readRows(
        _ index: Int,
        from: Timestamp,
        through: Timestamp,
        into result: inout [CoarseRow]
    ) throws(SourceError) {
        var leftOut = LeftOut()
        readRows(index, TimeRange(from, through), into: &result, &leftOut)
        try leftOut.report()
    }

    private func readRows(
        _ index: Int,
        _ range: TimeRange,
        into result: inout [CoarseRow],
        _ leftOut: inout LeftOut
    ) {
        let wanted = series[index]
        let isKnown = store.head.withLock { $0.labels(of: wanted.reference) == wanted.labels }
        guard isKnown else { return }
        rows.read(wanted.reference, range.from, range.through, store.tierReader, into: &result, &leftOut)
    }

    /// Appends of each row the last sample, and where a series ended, a stale marker at the window's end.
    func readCoarse(
        _ index: Int,
        _ range: TimeRange,
        into columns: inout SampleColumns,
        _ leftOut: inout LeftOut
    ) {
        guard let last = rows.plan.pieces.last, range.from <= last.span.through else { return }
        var found: [CoarseRow] = []
        // The last sample of a window that ends later may be within the range.
        let longest = rows.plan.pieces.reduce(0) { max($0, $1.resolution) }
        let (high, overflow) = range.through.addingReportingOverflow(longest)
        let wider = TimeRange(from: range.from, through: overflow ? .max : high)
        readRows(index, wider, into: &found, &leftOut)
        for row in found {
            if let summary = row.summary, range.contains(summary.lastTime) {
                columns.append(summary.lastTime, summary.last)
            }
            if row.isEnded, range.contains(row.end) { columns.append(row.end, StaleMarker.value) }
        }
    }
}
