// SPDX-License-Identifier: Apache-2.0
//
// What the ring gives up may still be in the log, which waits for its oldest open window. A start knows by the segments
// which windows are sealed; without a word about those whose segments are gone it would take their rows for unsealed,
// seal them again as the newest, and overwrite the really newest with them.
//
// Invariant: before a segment is overwritten or freed, the log on disk names every window of it that a start could
// find there.

internal import Samples
internal import Synchronization

extension Store {
    /// Logs the windows of segments that are about to be overwritten, and makes that durable first.
    ///
    /// Costs nothing unless the ring is so small, or the samples come so fast, that it comes round within the log.
    func noteGivenUp(_ doomed: [Segment]) {
        guard !doomed.isEmpty else { return }
        let page = writer.withLock { $0.syncedTail }
        let first = head.withLock { $0.log.rowBound(ofPage: page) }
        var streams: [UInt64] = []
        for segment in doomed where segment.maxSequence >= first {
            for (number, bundle) in segment.bundles.enumerated() where bundle.bounds.maxSequence >= first {
                // What cannot be read is damaged, and its rows may come back.
                let windows = (try? reader.windows(segment, bundle: number)) ?? []
                for (_, window) in windows where window.maxSequence >= first { streams.append(window.stream) }
            }
        }
        logGivenUp(streams)
        guard !streams.isEmpty else { return }
        flushLog()
        // Failures are counted and logged where they happen.
        try? syncLog()
    }

    /// Logs windows that are in no segment and not wanted back.
    func logGivenUp(_ streams: [UInt64]) {
        guard !streams.isEmpty else { return }
        head.withLock { head in
            for record in LogRecord.givenUp(streams) { head.log.append(record, isRow: false) }
        }
    }
}
