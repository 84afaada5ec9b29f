// SPDX-License-Identifier: Apache-2.0
//
// The store of the tests: a dictionary, searched from end to end.

import Samples
import Synchronization

/// A store in memory, for tests.
final class MemorySource: SeriesSource {
    private let state = Mutex<[Labels: SampleColumns]>([:])

    func append(_ labels: Labels, _ timestamp: Int64, _ value: Double) {
        state.withLock { $0[labels, default: SampleColumns()].append(timestamp, value) }
    }

    func removeAll() {
        state.withLock { $0.removeAll() }
    }

    func select(_ matchers: [LabelMatcher], from: Timestamp, through: Timestamp) -> any SeriesSelection {
        let found = state.withLock { series in
            series.filter { entry in matchers.allSatisfy { $0.matches(entry.key) } }
        }
        return Selection(series: found.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    }

    func labelNames(_ matchers: [LabelMatcher], from: Timestamp, through: Timestamp) -> [String] { [] }
    func labelValues(
        _ name: String,
        _ matchers: [LabelMatcher],
        from: Timestamp,
        through: Timestamp
    ) -> [String] { [] }
    func metadata() -> [String: MetricMetadata] { [:] }

    private struct Selection: SeriesSelection {
        let series: [(labels: Labels, samples: SampleColumns)]

        var count: Int { series.count }

        func labels(_ index: Int) -> Labels { series[index].labels }

        func read(_ index: Int, from: Timestamp, through: Timestamp, into columns: inout SampleColumns) {
            let samples = series[index].samples
            for position in samples.timestamps.indices
            where samples.timestamps[position] >= from.milliseconds
                && samples.timestamps[position] <= through.milliseconds
            {
                columns.append(samples.timestamps[position], samples.values[position])
            }
        }
    }
}
