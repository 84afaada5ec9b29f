// SPDX-License-Identifier: Apache-2.0
//
// Rows behind the newest of their group: out of order, repeated, or completing a row. Rare, and it must know
// whether the series has a value at that time already, which may take decoding; so that happens outside the lock,
// and the append is repeated when the group changed meanwhile.

internal import Platform
internal import Samples
internal import Synchronization

extension Store {
    /// How often a late append looks again before it trusts what it saw.
    private static let attempts = 4

    func appendLate(_ batch: SampleBatch) throws(SinkError) -> AppendResult {
        let timestamp = batch.timestamp.milliseconds
        let number = Int(batch.group.rawValue)
        var attempt = 0
        while true {
            attempt += 1
            let (version, newest) = head.withLock { head in
                (head.groups[number].version, head.groups[number].newest)
            }
            // A group whose first row came late has no newest row yet.
            if timestamp > newest {
                let outcome = try head.withLock { head throws(SinkError) in
                    try Store.checkOpen(head)
                    return head.append(batch)
                }
                if case .stored(let count, _) = outcome { return AppendResult(appended: count) }
                continue
            }
            let (behind, overflow) = newest.subtractingReportingOverflow(timestamp)
            if overflow || behind > options.outOfOrderWindow.milliseconds {
                guard isFuture(newest), !isFuture(timestamp), timestamp > .min else {
                    return AppendResult(outOfOrder: batch.series.count)
                }
                head.withLock { $0.turnBack(number, version: version, to: timestamp) }
                continue
            }
            var result = AppendResult()
            let samples = newSamples(of: batch, result: &result)
            if samples.isEmpty { return result }
            let isLastAttempt = attempt == Store.attempts
            let isStored = try head.withLock { head throws(SinkError) in
                try Store.checkOpen(head)
                guard isLastAttempt || head.groups[number].version == version else { return false }
                head.append(late: timestamp, samples, in: number)
                return true
            }
            if isStored {
                result.appended = samples.count
                return result
            }
        }
    }

    /// Whether a time is further ahead of the wall clock than clocks of one site differ.
    ///
    /// Rows from the future are what a clock that was wrong leaves behind; they must not keep those of now out.
    private func isFuture(_ time: Int64) -> Bool {
        let (ahead, overflow) = time.subtractingReportingOverflow(clock.wallMilliseconds())
        return !overflow && ahead > Store.clockTolerance
    }

    private static let clockTolerance: Int64 = 60_000

    /// The samples of a batch whose series has nothing at that time; counts those with another value there.
    private func newSamples(
        of batch: SampleBatch,
        result: inout AppendResult
    ) -> [(id: SeriesID, bits: UInt64)] {
        var seen: Set<SeriesID> = []
        var samples: [(id: SeriesID, bits: UInt64)] = []
        var columns = SampleColumns()
        let range = TimeRange(batch.timestamp, batch.timestamp)
        let known = head.withLock { $0.knownSegments(range) }
        let hasParts = index.withLock { $0.links.count > 0 }
        for (id, value) in zip(batch.series, batch.values) where seen.insert(id).inserted {
            columns.removeAll()
            let sources = head.withLock { head in
                head.sources(of: head.handles[id].reference, range, known: known)
            }
            // What cannot be read cannot be compared; the sample is kept.
            try? read(sources, range, into: &columns)
            if let existing = columns.values.first {
                if existing.bitPattern != value.bitPattern { result.duplicate += 1 }
            } else if hasParts, hasHistogram(head.withLock { $0.handles[id].reference }, range, known) {
                result.duplicate += 1
            } else {
                samples.append((id, value.bitPattern))
            }
        }
        return samples
    }
}
