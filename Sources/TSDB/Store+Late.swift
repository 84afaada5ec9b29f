// SPDX-License-Identifier: Apache-2.0
//
// Batches that are not one row in order. The head stores what it can tell to be new; for the rest one must know
// whether the series has a value at that time already, which takes decoding; so that happens outside the lock, and is
// repeated when the group changed meanwhile.

internal import Bytes
internal import Platform
internal import Samples
internal import Synchronization

extension Store {
    /// How often a late append looks again before it trusts what it saw.
    private static let attempts = 4

    /// Stores a batch of which some may be there already, or too old.
    func appendDivided(_ batch: SampleBatch) throws(SinkError) -> Division {
        let policy = LatePolicy(
            window: options.outOfOrderWindow.milliseconds,
            acceptsOld: batch.acceptsOld,
            now: clock.wallMilliseconds()
        )
        var division = try head.withLock { head throws(SinkError) in
            try Store.checkOpen(head)
            head.separate(batch.group.rawValue, batch.timestamp.milliseconds)
            return head.divide(batch, policy)
        }
        let time = batch.timestamp.milliseconds
        let group = Int(batch.group.rawValue)
        var attempt = 0
        while !division.unsure.isEmpty {
            attempt += 1
            let (new, duplicates) = judge(division.unsure, time)
            let isLastAttempt = attempt == Store.attempts
            let (seen, before) = (division.version, division)
            division = try head.withLock { head throws(SinkError) in
                var division = before
                guard isLastAttempt || head.groups[group].version == seen else {
                    division.version = head.groups[group].version
                    return division
                }
                try Store.checkOpen(head)
                division.unsure = []
                division.result.duplicate += duplicates
                head.store(new, time, in: group, &division)
                return division
            }
        }
        return division
    }

    /// The samples whose series has nothing at a time, and how many have another value there.
    private func judge(
        _ samples: [Division.Sample],
        _ time: Int64
    ) -> (new: [Division.Sample], duplicates: Int) {
        var seen: Set<SeriesID> = []
        var new: [Division.Sample] = []
        var duplicates = 0
        let at = Timestamp(milliseconds: time)
        let range = TimeRange(at, at)
        let known = head.withLock { $0.knownSegments(range) }
        let hasParts = index.withLock { $0.links.count > 0 }
        for sample in samples where seen.insert(sample.id).inserted {
            let sources = head.withLock { head in
                head.sources(of: head.handles[sample.id].reference, range, known: known)
            }
            switch existing(sources, range) {
            case sample.bits: break
            case .some: duplicates += 1
            case nil:
                let reference = head.withLock { $0.handles[sample.id].reference }
                if hasParts, hasHistogram(reference, range, known) {
                    duplicates += 1
                } else {
                    new.append(sample)
                }
            }
        }
        return (new, duplicates)
    }

    /// The value a series has at a time.
    ///
    /// What cannot be read cannot be compared; the sample is kept.
    private func existing(_ sources: SeriesSources, _ range: TimeRange) -> UInt64? {
        var columns = SampleColumns()
        for column in sources.columns {
            do throws(CorruptionError) { try column.read(range, into: &columns) } catch { continue }
            if let value = columns.values.first { return value.bitPattern }
        }
        for stored in sources.stored {
            // Row times are kept by the reader; most late samples are at none of them.
            try? reader.samples(stored.segment, bundle: stored.bundle, stored.place, range, into: &columns)
            if let value = columns.values.first { return value.bitPattern }
        }
        return nil
    }
}
