// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// What rules and notifications tell of themselves.
struct AlertMetrics: Sendable {
    let evaluations: Counter
    let failures: Counter
    let missed: Counter
    let duplicates: Counter
    let rejectedModels: Counter
    let storeFailures: Counter
    let notificationsSent: Counter
    let notificationErrors: Counter
    let notificationsDropped: Counter
    let lastDuration: Gauge
    private let telemetry: Telemetry

    init(_ telemetry: Telemetry) {
        self.telemetry = telemetry
        evaluations = telemetry.counter("edgewatch_rule_evaluations_total", "Rules evaluated.")
        failures = telemetry.counter(
            "edgewatch_rule_evaluation_failures_total",
            "Rules whose evaluation failed."
        )
        missed = telemetry.counter(
            "edgewatch_rule_group_iterations_missed_total",
            "Evaluations of rule groups left out because an earlier one took too long."
        )
        duplicates = telemetry.counter(
            "edgewatch_rule_duplicate_series_total",
            "Samples not stored because another rule of the group wrote the same series."
        )
        rejectedModels = telemetry.counter(
            "edgewatch_rule_model_series_rejected_total",
            "Samples of seasonal and predictive rules left unjudged because the rule has too many series."
        )
        storeFailures = telemetry.counter(
            "edgewatch_alert_state_failures_total",
            "Failed reads and writes of alert state, models and the notification outbox."
        )
        notificationsSent = telemetry.counter(
            "edgewatch_notifications_sent_total",
            "Alerts delivered to Alertmanagers and messages delivered to webhooks."
        )
        notificationErrors = telemetry.counter(
            "edgewatch_notifications_errors_total",
            "Requests to Alertmanagers and webhooks that failed."
        )
        notificationsDropped = telemetry.counter(
            "edgewatch_notifications_dropped_total",
            "Alerts and messages given up: a queue was full or the receiver refused them."
        )
        lastDuration = telemetry.gauge(
            "edgewatch_rule_group_last_duration_seconds",
            "How long the newest evaluation of a rule group took."
        )
    }

    /// Shows the length of a receiver's queue.
    func watchQueue(_ receiver: String, _ length: @escaping @Sendable () -> Int) {
        telemetry.computed(
            "edgewatch_notifications_queue_length",
            "Notifications waiting for a receiver.",
            [(name: "receiver", value: receiver)]
        ) { Double(length()) }
    }
}
