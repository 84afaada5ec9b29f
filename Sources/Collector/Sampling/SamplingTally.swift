// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// Counts what sampling did not keep, by class.
struct SamplingTally: Sendable {
    private let counters: [MetricClass: Counter]

    init(_ telemetry: Telemetry) {
        var counters: [MetricClass: Counter] = [:]
        for metricClass in MetricClass.allCases {
            counters[metricClass] = telemetry.counter(
                "edgewatch_sampling_dropped_samples_total",
                "Samples collected but not kept, because a sampling policy does not keep their class.",
                [("class", metricClass.rawValue)]
            )
        }
        self.counters = counters
    }

    func dropped(_ metricClass: MetricClass, _ count: Int) {
        counters[metricClass]?.add(count)
    }
}
