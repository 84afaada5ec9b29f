// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// What all scrapes together gave up, as edgewatch's own metrics.
struct ScrapeTally: Sendable {
    let storeFailures: Counter
    private let duplicates: Counter
    private let refused: Counter
    private let outOfOrder: Counter
    private let exemplars: Counter
    private let sampling: SamplingTally

    init(_ telemetry: Telemetry, sampling: SamplingTally) {
        storeFailures = telemetry.counter(
            "edgewatch_scrape_store_failures_total",
            "Scrapes the store did not take."
        )
        duplicates = telemetry.counter(
            "edgewatch_scrape_samples_duplicate_total",
            "Scraped samples left out because their series was in the scrape already."
        )
        refused = telemetry.counter(
            "edgewatch_scrape_samples_refused_total",
            "Scraped samples left out because storage.max_series is reached."
        )
        outOfOrder = telemetry.counter(
            "edgewatch_scrape_samples_out_of_order_total",
            "Scraped samples whose own timestamp is older than what is stored or more than ten minutes ahead."
        )
        exemplars = telemetry.counter(
            "edgewatch_scrape_exemplars_dropped_total",
            "Scraped exemplars left out because their labels are too long, they are older than what is stored, or the scrape "
                + "has more than 10000."
        )
        self.sampling = sampling
    }

    func add(_ counts: ScrapeCounts) {
        duplicates.add(counts.duplicate)
        refused.add(counts.refused)
        outOfOrder.add(counts.outOfOrder)
        exemplars.add(counts.exemplarsDropped)
        for (metricClass, count) in counts.notKept { sampling.dropped(metricClass, count) }
    }
}
