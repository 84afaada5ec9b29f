// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// What the receiver counts, declared once.
struct PushMetrics: Sendable {
    /// Why a sample, histogram or exemplar is not stored.
    enum Reason: String, CaseIterable {
        case outOfOrder = "out_of_order"
        case duplicate
        case outOfBounds = "out_of_bounds"
        case seriesLimit = "series_limit"
        case invalidLabels = "invalid_labels"
        case labelLimit = "label_limit"
        case unsupported
        case unreadable
        case validation
        case invalidHistogram = "invalid_histogram"
        case histogramTooLarge = "histogram_too_large"
    }

    /// What was spoken.
    enum Dialect: String, CaseIterable {
        case v1 = "1.0"
        case v2 = "2.0"
        case otlp
        case text = "import"
        case gateway
    }

    private let requests: [Dialect: Counter]
    let samples: Counter
    let histograms: Counter
    let exemplars: Counter
    let malformed: Counter
    let unavailable: Counter
    let throttled: Counter
    let newSeries: Counter
    let emptySeries: Counter
    let refusedExemplars: Counter
    private let refused: [Reason: Counter]

    init(_ telemetry: Telemetry) {
        func counter(
            _ name: String,
            _ help: String,
            _ labels: [(name: String, value: String)] = []
        ) -> Counter {
            telemetry.counter("edgewatch_receiver_\(name)", help, labels)
        }
        var requests: [Dialect: Counter] = [:]
        for dialect in Dialect.allCases {
            requests[dialect] = counter(
                "requests_total",
                "Pushed requests decoded, by version of remote write or other protocol.",
                [("version", dialect.rawValue)]
            )
        }
        self.requests = requests
        samples = counter("samples_total", "Pushed samples stored, repeated ones included.")
        histograms = counter("histograms_total", "Pushed native histograms stored, repeated ones included.")
        exemplars = counter("exemplars_total", "Pushed exemplars stored, repeated ones included.")
        malformed = counter(
            "malformed_requests_total",
            "Pushed requests that could not be decompressed or decoded, or were too large."
        )
        unavailable = counter(
            "unavailable_requests_total",
            "Pushed requests sent back whole because the store could not take them."
        )
        throttled = counter(
            "throttled_requests_total",
            "Pushed requests sent back unread because their client was over push.rate_limit."
        )
        newSeries = counter("series_lookups_total", "Pushed series whose labels had to be parsed.")
        emptySeries = counter("empty_series_total", "Pushed series without samples.")
        refusedExemplars = counter(
            "rejected_exemplars_total",
            "Pushed exemplars not stored, because of their labels or because they are older than the newest."
        )
        var refused: [Reason: Counter] = [:]
        for reason in Reason.allCases {
            refused[reason] = counter(
                "rejected_samples_total",
                "Pushed samples and histograms not stored, by reason.",
                [("reason", reason.rawValue)]
            )
        }
        self.refused = refused
    }

    func count(_ dialect: Dialect) {
        requests[dialect]?.add()
    }

    func refuse(_ reason: Reason, _ count: Int) {
        refused[reason]?.add(count)
    }
}
