// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// What passes of one kind of source gave up, as edgewatch's own metrics.
struct PassTally: Sendable {
    let storeFailures: Counter
    private let refused: Counter
    private let duplicates: Counter
    private let sampling: SamplingTally

    init(_ telemetry: Telemetry, kind: String, sampling: SamplingTally) {
        storeFailures = telemetry.counter(
            "edgewatch_collector_store_failures_total",
            "Passes of a source the store did not take.",
            [("source", kind)]
        )
        refused = telemetry.counter(
            "edgewatch_collector_samples_refused_total",
            "Collected samples left out because storage.max_series is reached.",
            [("source", kind)]
        )
        duplicates = telemetry.counter(
            "edgewatch_collector_samples_duplicate_total",
            "Collected samples left out because their series was in the pass already.",
            [("source", kind)]
        )
        self.sampling = sampling
    }

    func add(_ pass: PassBuffer.Statistics) {
        refused.add(pass.refused)
        duplicates.add(pass.duplicate)
        for (metricClass, count) in pass.notKeptByClass { sampling.dropped(metricClass, count) }
    }
}
