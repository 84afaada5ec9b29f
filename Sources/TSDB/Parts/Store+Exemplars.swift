// SPDX-License-Identifier: Apache-2.0
//
// Exemplars come with samples and are kept beside them: in memory up to `storage.exemplars.max_exemplars`, and in the log
// as long as it has the rows around them, so a restart brings the newest back.

internal import Platform
public import Samples
internal import Synchronization

extension Store: ExemplarSource {
    /// Stores exemplars.
    public func append(exemplars: [ExemplarSample]) throws(SinkError) -> AppendResult {
        guard options.maxExemplars > 0 else { return AppendResult(refused: exemplars.count) }
        guard !exemplars.isEmpty else { return AppendResult() }
        let series = try head.withLock { head throws(SinkError) in
            try Store.checkOpen(head)
            return exemplars.map { sample in
                // None for series of a group that was released.
                head.handles.contains(sample.series)
                    ? head.labels(of: head.handles[sample.series].reference) : Labels()
            }
        }
        var result = AppendResult()
        var added: [LoggedExemplar] = []
        self.exemplars.withLock { ring in
            for (sample, labels) in zip(exemplars, series) where !labels.isEmpty {
                switch ring.add(sample.exemplar, of: labels) {
                case .added: added.append(LoggedExemplar(series: labels, exemplar: sample.exemplar))
                case .repeated: break
                case .outOfOrder: result.outOfOrder += 1
                }
            }
        }
        result.appended = added.count
        metrics.exemplars.add(result.appended)
        metrics.refusedExemplars.add(result.outOfOrder)
        guard !added.isEmpty else { return result }
        // Of more than the ring holds the last are the ones that are there.
        for record in LogRecord.exemplars(added.suffix(options.maxExemplars)) {
            head.withLock { $0.log.append(record, isRow: false) }
            try commit(isDue: false)
        }
        return result
    }

    /// The exemplars within the range of series that satisfy all matchers of at least one set.
    public func exemplars(
        _ matcherSets: [[LabelMatcher]],
        from: Timestamp,
        through: Timestamp
    ) throws(SourceError) -> [SeriesExemplars] {
        let range = TimeRange(from, through)
        return exemplars.withLock { $0.select(matcherSets, range) }
    }
}
