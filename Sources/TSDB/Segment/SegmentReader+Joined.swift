// SPDX-License-Identifier: Apache-2.0
//
// An average over a day need not look at each sample of the day: what the samples of a series in one bundle come to does
// not change any more once the bundle is written. It is computed from the samples when it is first wanted, with the error
// of every addition, so it says the same as the samples do, and remembered within a bound.

internal import Samples
internal import Synchronization

extension SegmentReader {
    /// What the samples of a series of a bundle within a range come to; nil when there are none.
    ///
    /// `columns` is the caller's to reuse.
    func joined(
        _ stored: SeriesSources.Stored,
        _ range: TimeRange,
        using memo: inout ReadMemo,
        _ columns: inout SampleColumns,
        _ leftOut: inout LeftOut
    ) -> SampleSummary? {
        let bundle = stored.segment.bundles[stored.bundle]
        let bounds = bundle.bounds
        let isWhole =
            bundle.hidden.isEmpty && range.contains(bounds.minTime) && range.contains(bounds.maxTime)
        let part = SegmentCache.Part.joined(bundle: stored.bundle, place: stored.place)
        if isWhole, let known = known(stored.segment, part) { return known.first }
        columns.removeAll()
        samples(
            stored.segment,
            bundle: stored.bundle,
            stored.place,
            range,
            using: &memo,
            into: &columns,
            &leftOut
        )
        let summary = SampleSummary(joining: columns)
        // Of a segment that was overwritten meanwhile something may be missing.
        if isWhole, leftOut.error == nil, !stored.segment.isEvicted.load(ordering: .acquiring) {
            remember(stored.segment, part, summary.map { [$0] } ?? [])
        }
        return summary
    }
}

extension SampleSummary {
    /// Joins samples but for stale markers; nil when there are none.
    init?(joining columns: SampleColumns) {
        var summary: SampleSummary?
        for index in 0..<columns.count where columns.values[index].bitPattern != StaleMarker.bits {
            let (time, value) = (columns.timestamps[index], columns.values[index])
            if summary == nil {
                summary = SampleSummary(time: time, value: value)
            } else {
                summary?.add(time: time, value: value)
            }
        }
        guard let summary else { return nil }
        self = summary
    }
}
