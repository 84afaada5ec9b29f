// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// Counts the ticks sources missed, by kind of source.
struct MissedTicks: Sendable {
    private let counters: [String: Counter]

    init(_ telemetry: Telemetry) {
        var counters: [String: Counter] = [:]
        for kind in SourceDefinition.kinds {
            counters[kind] = telemetry.counter(
                "edgewatch_collector_passes_missed_total",
                "Passes left out because the one before was not over, or the machine slept.",
                [("source", kind)]
            )
        }
        self.counters = counters
    }

    func add(_ count: Int, of definition: SourceDefinition) {
        guard count > 0 else { return }
        counters[definition.kind]?.add(count)
    }
}
