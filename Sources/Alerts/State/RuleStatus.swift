// SPDX-License-Identifier: Apache-2.0
//
// What the rules page and `/api/v1/rules`, `/api/v1/alerts` show: plain copies taken after each evaluation, so that
// a reader never waits for an evaluation and never sees half of one. Fields are those of Prometheus' API
// (reference: Prometheus HTTP API, "Rules" and "Alerts").

public import Samples

/// Where an alert stands.
public enum AlertState: String, Sendable, Comparable {
    /// Not active: never was, or resolved.
    case inactive
    /// The condition holds, but not yet for the rule's `for`.
    case pending
    /// The condition has held long enough; notifications are sent.
    case firing

    private var rank: Int {
        switch self {
        case .inactive: 0
        case .pending: 1
        case .firing: 2
        }
    }

    /// Order of severity: inactive, pending, firing.
    public static func < (left: AlertState, right: AlertState) -> Bool { left.rank < right.rank }
}

/// How the last evaluation of a rule went.
public enum RuleHealth: String, Sendable {
    /// Not evaluated yet.
    case unknown
    /// Evaluated without error.
    case ok
    /// Failed; `RuleStatus.lastError` says why.
    case err
}

/// What a rule makes of its expression.
public enum RuleKind: String, Sendable {
    /// Writes the result as a new series.
    case recording
    /// Raises an alert for every series of the result.
    case alerting
}

/// How an alerting rule decides which series of its result are alerts.
public enum JudgementKind: String, Sendable {
    /// Every series of the result is one, as in Prometheus.
    case expression
    /// Series that leave their learned daily profile.
    case seasonal
    /// Series that will probably cross a threshold soon.
    case predictive
}

/// One alert that is pending or firing.
public struct AlertStatus: Sendable, Equatable {
    /// All labels, `alertname` included, external labels not.
    public let labels: Labels
    /// The expanded annotations.
    public let annotations: Labels
    /// Pending or firing.
    public let state: AlertState
    /// When the condition was first seen.
    public let activeAt: Timestamp
    /// Since when it is kept firing although its condition is gone, nil while the condition holds.
    public let keepFiringSince: Timestamp?
    /// The value at the last evaluation.
    public let value: Double
}

/// One rule as the API shows it.
public struct RuleStatus: Sendable, Equatable {
    /// Recording or alerting.
    public let kind: RuleKind
    /// How an alerting rule judges; `expression` for recording rules.
    public let judgement: JudgementKind
    /// The metric or alert name.
    public let name: String
    /// The expression, printed the way Prometheus prints it.
    public let query: String
    /// The configured labels, not expanded.
    public let labels: Labels
    /// The configured annotations, not expanded.
    public let annotations: Labels
    /// The rule's `for`.
    public let duration: Duration
    /// The rule's `keep_firing_for`.
    public let keepFiringFor: Duration
    /// How the last evaluation went.
    public let health: RuleHealth
    /// Why the last evaluation failed, nil when it did not.
    public let lastError: String?
    /// How long the last evaluation took.
    public let evaluationTime: Duration
    /// When the rule was last evaluated, nil before the first time.
    public let lastEvaluation: Timestamp?
    /// The active alerts in label order; empty for recording rules.
    public let alerts: [AlertStatus]

    /// The gravest state among the alerts; `inactive` without alerts.
    public var state: AlertState { alerts.map(\.state).max() ?? .inactive }
}

/// One rule group as the API shows it.
public struct RuleGroupStatus: Sendable, Equatable {
    /// The group's name, unique within its file.
    public let name: String
    /// The file it came from.
    public let file: String
    /// How often it is evaluated.
    public let interval: Duration
    /// The most series or alerts a rule may produce; 0 means no limit.
    public let limit: Int
    /// The rules in file order.
    public let rules: [RuleStatus]
    /// How long the last evaluation of the whole group took.
    public let evaluationTime: Duration
    /// When the group was last evaluated, nil before the first time.
    public let lastEvaluation: Timestamp?
}
