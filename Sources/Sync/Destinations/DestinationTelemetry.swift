// SPDX-License-Identifier: Apache-2.0
//
// The metrics of one destination. Names are registered once per name; a destination that is configured again goes on
// counting where it was.

internal import Platform

struct DestinationTelemetry: Sendable {
    let sentSamples: Counter
    let sentBytes: Counter
    let requests: Counter
    let retries: Counter
    let lostRows: Counter
    let repeated: Counter
    let rebuilt: Counter
    let lastSuccess: Gauge
    private let dropped: [DropReason: Counter]

    init(_ telemetry: Telemetry, destination: String) {
        let labels = [(name: "destination", value: destination)]
        sentSamples = telemetry.counter(
            "edgewatch_sync_sent_samples_total",
            "Samples the destination accepted.",
            labels
        )
        sentBytes = telemetry.counter(
            "edgewatch_sync_sent_bytes_total",
            "Bytes of requests sent, header and body, retries included.",
            labels
        )
        requests = telemetry.counter("edgewatch_sync_requests_total", "Requests that got a response.", labels)
        retries = telemetry.counter(
            "edgewatch_sync_retries_total",
            "Attempts that failed and are repeated with the same bytes.",
            labels
        )
        lostRows = telemetry.counter(
            "edgewatch_sync_lost_rows_total",
            "Rows that were overwritten or unreadable in the store before they were delivered.",
            labels
        )
        repeated = telemetry.counter(
            "edgewatch_sync_repeated_samples_total",
            "Samples sent again after an answer was lost, which the destination had already.",
            labels
        )
        rebuilt = telemetry.counter(
            "edgewatch_sync_rebuilt_batches_total",
            "Batches that came out different when they were made again after a restart.",
            labels
        )
        lastSuccess = telemetry.gauge(
            "edgewatch_sync_last_success_timestamp_seconds",
            "When the destination last accepted samples.",
            labels
        )
        dropped = Dictionary(
            uniqueKeysWithValues: DropReason.allCases.map { reason in
                let labels = labels + [(name: "reason", value: reason.rawValue)]
                let counter = telemetry.counter(
                    "edgewatch_sync_dropped_samples_total",
                    "Samples given up instead of delivered.",
                    labels
                )
                return (reason, counter)
            }
        )
    }

    /// Registers what is computed at each scrape.
    ///
    /// - Parameters:
    ///   - telemetry: where to register.
    ///   - destination: the name, a label of both metrics.
    ///   - backlog: rows not yet delivered, and the age of the oldest in seconds.
    func registerBacklog(
        _ telemetry: Telemetry,
        destination: String,
        _ backlog: @escaping @Sendable () -> (rows: UInt64, seconds: Double)
    ) {
        let labels = [(name: "destination", value: destination)]
        telemetry.computed(
            "edgewatch_sync_backlog_seconds",
            "Age of the oldest sample not yet delivered.",
            labels
        ) { backlog().seconds }
        telemetry.computed("edgewatch_sync_backlog_rows", "Rows of the store not yet delivered.", labels) {
            Double(backlog().rows)
        }
    }

    /// Registers how many series a rule ships; `series` gives nil when the rule is no more.
    func registerRule(
        _ telemetry: Telemetry,
        destination: String,
        rule: String,
        _ series: @escaping @Sendable () -> Int?
    ) {
        telemetry.computed(
            "edgewatch_sync_rule_series",
            "Series met since the rules were read that the rule ships.",
            [(name: "destination", value: destination), (name: "rule", value: rule)]
        ) { series().map(Double.init) ?? .nan }
    }

    func drop(_ count: Int, _ reason: DropReason) {
        dropped[reason]?.add(count)
    }

    /// Samples given up against the operator's will.
    var droppedSamples: UInt64 {
        dropped.reduce(0) { $0 + ($1.key == .relabelled || $1.key == .disabled ? 0 : $1.value.value) }
    }
}
