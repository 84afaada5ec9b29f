// SPDX-License-Identifier: Apache-2.0

internal import Samples

/// One alert of one rule: a label set and how far it has come.
struct AlertInstance: Sendable, Equatable {
    /// Result labels, rule labels and `alertname`; what identifies the alert.
    let labels: Labels
    /// The newest expansion of the rule's annotations.
    var annotations: Labels
    /// The newest value of the condition.
    var value: Double
    var state: AlertState
    /// When the condition was first seen; shifted by an outage so that time served counts.
    var activeAt: Timestamp
    /// When it began firing, nil while pending.
    var firedAt: Timestamp?
    /// When it ended, nil while active.
    var resolvedAt: Timestamp?
    /// Since when only `keep_firing_for` keeps it firing.
    var keepFiringSince: Timestamp?
    /// When it was last handed to the Alertmanagers.
    var lastSentAt: Timestamp?
    /// What was told them as the end of a firing alert.
    var validUntil: Timestamp?

    init(labels: Labels, annotations: Labels, value: Double, activeAt: Timestamp) {
        self.labels = labels
        self.annotations = annotations
        self.value = value
        state = .pending
        self.activeAt = activeAt
    }

    var status: AlertStatus {
        AlertStatus(
            labels: labels,
            annotations: annotations,
            state: state,
            activeAt: activeAt,
            keepFiringSince: keepFiringSince,
            value: value
        )
    }
}

/// One series of a rule's result after labels and annotations were expanded.
struct AlertCandidate: Sendable, Equatable {
    let labels: Labels
    let annotations: Labels
    let value: Double
}
