// SPDX-License-Identifier: Apache-2.0
//
// Stands between a source and the store and holds values to the source's rules. The source knows nothing of it, and a source
// without rules has none. Series get the first rule that is for them when they are asked for; those without go through
// untouched, as does what a source says of itself (`up`, `scrape_*`), whatever the rules say.
//
// A value that is rejected is counted by source and reason. The first one in a row becomes a stale marker, so that the gap
// begins in the data; those after it are left out. With `action: mark` the value is stored under the series' labels with
// `quality="range|rate|stuck"` beside them, and that series ends when the next value is good.
//
// Bound: one state per series under a rule, given back with the series; the store limits those.

internal import Config
internal import Platform
internal import Samples
internal import Synchronization

/// A sink that rejects values.
final class ValidatingSink: SampleSink {
    private struct Tracked: Sendable {
        let rule: Int
        let labels: Labels
        let isCounter: Bool
        /// How often the series was asked for and not given back.
        var uses = 1
        var state = SeriesState()
        /// The series with a quality label that is being written, and those asked for.
        var marked: SeriesState.Reason?
        var marks: [SeriesState.Reason: SeriesID] = [:]
    }

    private let sink: any SampleSink
    private let rules: [ValidationConfig]
    private let rejected: [SeriesState.Reason: Counter]
    private let tracked = Mutex<[SeriesID: Tracked]>([:])

    /// Puts rules before a store.
    ///
    /// - Parameters:
    ///   - sink: the store.
    ///   - rules: the rules; the first that is for a series counts.
    ///   - source: the word for the source, in the counter's label.
    ///   - telemetry: where the counter is registered.
    init(_ sink: any SampleSink, _ rules: [ValidationConfig], source: String, telemetry: Telemetry) {
        self.sink = sink
        self.rules = rules
        rejected = Dictionary(
            uniqueKeysWithValues: SeriesState.Reason.allCases.map { reason in
                (
                    reason,
                    telemetry.counter(
                        "edgewatch_validation_rejected_total",
                        "Values that a rule of their source rejected.",
                        [("reason", reason.rawValue), ("source", source)]
                    )
                )
            }
        )
    }

    func group(_ identity: Labels) throws(SinkError) -> GroupID { try sink.group(identity) }

    func series(_ labels: Labels, in group: GroupID) throws(SinkError) -> SeriesID {
        let id = try sink.series(labels, in: group)
        let name = labels.metricName ?? ""
        guard !ScrapeStore.ownNames.contains(name),
            let rule = rules.firstIndex(where: { $0.matches(labels) })
        else { return id }
        let isCounter = ["_total", "_count", "_bucket"].contains { name.hasSuffix($0) }
        tracked.withLock { tracked in
            if tracked[id] == nil {
                tracked[id] = Tracked(rule: rule, labels: labels, isCounter: isCounter)
            } else {
                tracked[id]?.uses += 1
            }
        }
        return id
    }

    func append(_ batch: SampleBatch) throws(SinkError) -> AppendResult {
        let (judged, dropped) = try tracked.withLock { tracked throws(SinkError) in
            tracked.isEmpty ? (batch, 0) : try judge(batch, &tracked)
        }
        guard judged.count > 0 else { return AppendResult(invalid: dropped) }
        var result = try sink.append(judged)
        result.invalid += dropped
        return result
    }

    func append(exemplars: [ExemplarSample]) throws(SinkError) -> AppendResult {
        try sink.append(exemplars: exemplars)
    }

    func describe(_ metadata: [MetricMetadata]) { sink.describe(metadata) }

    func release(_ group: GroupID) { sink.release(group) }

    func release(_ series: [SeriesID]) {
        let marks = tracked.withLock { tracked in
            series.flatMap { id -> [SeriesID] in
                guard var entry = tracked[id] else { return [] }
                entry.uses -= 1
                tracked[id] = entry.uses > 0 ? entry : nil
                return entry.uses > 0 ? [] : Array(entry.marks.values)
            }
        }
        sink.release(series + marks)
    }

    // MARK: - Judging

    /// The batch with what is stored of it.
    ///
    /// - Returns: the batch, and how many values were rejected.
    private func judge(
        _ batch: SampleBatch,
        _ tracked: inout [SeriesID: Tracked]
    ) throws(SinkError) -> (SampleBatch, Int) {
        var out = batch
        out.series.removeAll(keepingCapacity: true)
        out.values.removeAll(keepingCapacity: true)
        let time = batch.timestamp.milliseconds
        var rejections = 0
        var removed: Set<SeriesID> = []
        for (id, raw) in zip(batch.series, batch.values) {
            guard var entry = tracked[id] else {
                out.append(id, raw)
                continue
            }
            if raw.isStale {
                let hasEnded = entry.state.hasEnded
                entry.state.end()
                end(&entry, &out)
                if !hasEnded { out.append(id, raw) }
            } else {
                switch entry.state.judge(raw, at: time, rules[entry.rule], isCounter: entry.isCounter) {
                case .accepted(let value):
                    end(&entry, &out)
                    out.append(id, value)
                case .rejected(let reason, let value):
                    rejections += 1
                    rejected[reason]?.add()
                    try reject(id, reason, value, &entry, &out)
                    if out.series.last != id { removed.insert(id) }
                }
            }
            tracked[id] = entry
        }
        if !removed.isEmpty { out.starts.removeAll { removed.contains($0.series) } }
        return (out, rejections)
    }

    /// Ends the plain series at the first rejection, and keeps the value beside it when that is wanted.
    private func reject(
        _ id: SeriesID,
        _ reason: SeriesState.Reason,
        _ value: Double,
        _ entry: inout Tracked,
        _ out: inout SampleBatch
    ) throws(SinkError) {
        let rule = rules[entry.rule]
        if rule.action == .mark {
            if entry.marked != reason { end(&entry, &out) }
            if entry.marks[reason] == nil {
                let labels = entry.labels.setting(rule.qualityLabel, reason.rawValue)
                entry.marks[reason] = try mark(labels, out.group)
            }
            // Without room for the marked series the value is only counted.
            if let mark = entry.marks[reason] {
                entry.marked = reason
                out.append(mark, value)
            }
        }
        if entry.state.isOpen {
            entry.state.close()
            out.append(id, StaleMarker.value)
        }
    }

    private func mark(_ labels: Labels, _ group: GroupID) throws(SinkError) -> SeriesID? {
        do throws(SinkError) {
            return try sink.series(labels, in: group)
        } catch {
            if case .seriesLimit = error { return nil }
            throw error
        }
    }

    /// Ends the series with the quality label.
    private func end(_ entry: inout Tracked, _ out: inout SampleBatch) {
        guard let reason = entry.marked, let mark = entry.marks[reason] else { return }
        entry.marked = nil
        out.append(mark, StaleMarker.value)
    }
}
