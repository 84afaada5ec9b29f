// SPDX-License-Identifier: Apache-2.0

import Samples
import Synchronization

/// A store that keeps everything, for tests: series by their labels, whatever the group.
final class MemoryStore: SampleSink, SeriesSource {
    private struct State {
        var groups: [Labels] = []
        var labels: [Labels] = []
        var ids: [Labels: Int] = [:]
        var columns: [SampleColumns] = []
        var rows: [GroupID: Int64] = [:]
        var outOfOrder = 0
    }

    private let state = Mutex(State())

    /// Samples whose row was not newer than its group's newest.
    var outOfOrder: Int { state.withLock { $0.outOfOrder } }

    /// Adds a sample of a series that rules read.
    func add(_ labels: Labels, _ time: Int64, _ value: Double) {
        state.withLock { state in
            let id = Self.id(labels, &state)
            state.columns[id].append(time, value)
        }
    }

    /// All samples of a series, as `time value`, stale markers as `end`.
    func samples(_ labels: Labels) -> [String] {
        state.withLock { state in
            guard let id = state.ids[labels] else { return [] }
            let columns = state.columns[id]
            return columns.timestamps.indices.map { index in
                let value = columns.values[index]
                return "\(columns.timestamps[index]) \(value.isStale ? "end" : PromNumber.format(value))"
            }
        }
    }

    /// The labels of all series with a metric name.
    func series(named name: String) -> [Labels] {
        state.withLock { state in state.labels.filter { $0.metricName == name }.sorted() }
    }

    private static func id(_ labels: Labels, _ state: inout State) -> Int {
        if let known = state.ids[labels] { return known }
        state.ids[labels] = state.labels.count
        state.labels.append(labels)
        state.columns.append(SampleColumns())
        return state.labels.count - 1
    }

    // MARK: - SampleSink

    func group(_ identity: Labels) throws(SinkError) -> GroupID {
        state.withLock { state in
            if let known = state.groups.firstIndex(of: identity) { return GroupID(rawValue: UInt32(known)) }
            state.groups.append(identity)
            return GroupID(rawValue: UInt32(state.groups.count - 1))
        }
    }

    func series(_ labels: Labels, in group: GroupID) throws(SinkError) -> SeriesID {
        state.withLock { SeriesID(rawValue: UInt32(Self.id(labels, &$0))) }
    }

    func append(_ batch: SampleBatch) throws(SinkError) -> AppendResult {
        state.withLock { state in
            if let newest = state.rows[batch.group], newest >= batch.timestamp.milliseconds {
                state.outOfOrder += batch.series.count
                return AppendResult(outOfOrder: batch.series.count)
            }
            state.rows[batch.group] = batch.timestamp.milliseconds
            for (id, value) in zip(batch.series, batch.values) {
                state.columns[Int(id.rawValue)].append(batch.timestamp.milliseconds, value)
            }
            return AppendResult(appended: batch.series.count)
        }
    }

    func describe(_ metadata: [MetricMetadata]) {}

    // MARK: - SeriesSource

    private struct Selection: SeriesSelection {
        let found: [(labels: Labels, columns: SampleColumns)]
        var count: Int { found.count }
        func labels(_ index: Int) -> Labels { found[index].labels }
        func read(
            _ index: Int,
            from: Timestamp,
            through: Timestamp,
            into columns: inout SampleColumns
        ) throws(SourceError) {
            let source = found[index].columns
            var low = 0
            var high = source.count
            while low < high {
                let middle = (low + high) / 2
                if source.timestamps[middle] < from.milliseconds { low = middle + 1 } else { high = middle }
            }
            while low < source.count, source.timestamps[low] <= through.milliseconds {
                columns.append(source.timestamps[low], source.values[low])
                low += 1
            }
        }
    }

    func select(
        _ matchers: [LabelMatcher],
        from: Timestamp,
        through: Timestamp
    ) throws(SourceError) -> any SeriesSelection {
        state.withLock { state in
            let found = state.labels.indices.filter { index in
                matchers.allSatisfy { $0.matches(state.labels[index]) }
            }
            let sorted = found.sorted { state.labels[$0] < state.labels[$1] }
            return Selection(found: sorted.map { (state.labels[$0], state.columns[$0]) })
        }
    }

    func labelNames(
        _ matchers: [LabelMatcher],
        from: Timestamp,
        through: Timestamp
    ) throws(SourceError) -> [String] {
        []
    }

    func labelValues(
        _ name: String,
        _ matchers: [LabelMatcher],
        from: Timestamp,
        through: Timestamp
    ) throws(SourceError) -> [String] { [] }

    func metadata() -> [String: MetricMetadata] { [:] }
}
