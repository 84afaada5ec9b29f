// SPDX-License-Identifier: Apache-2.0

public import Conditions

/// Adaptive sampling: what to collect less, or more often, and when.
public struct SamplingConfig: Sendable, Equatable {
    /// Whether strategies apply at all.
    public var enabled = true
    /// The strategies, in file order.
    public var strategies: [SamplingStrategy] = []

    /// Creates a configuration without strategies.
    public init() {}
}

/// A condition with what follows from it.
public struct SamplingStrategy: Sendable, Equatable {
    /// Unique; a label of the series that show what sampling did.
    public var name: String
    /// When it applies.
    public var condition: Condition
    /// What it does.
    public var action: SamplingAction
    /// Evaluations in a row that must hold before it applies.
    public var enterAfter = 1
    /// How long the condition must have been false before it no longer applies.
    public var leaveAfter = Duration.seconds(300)

    /// Creates a strategy.
    public init(name: String, condition: Condition, action: SamplingAction) {
        self.name = name
        self.condition = condition
        self.action = action
    }
}

/// What a strategy does while it applies.
public struct SamplingAction: Sendable, Equatable {
    /// The kinds of action.
    public enum Kind: String, Sendable, CaseIterable {
        /// Collect less often: `newInterval` where it is longer than the source's own.
        case reduceFrequency = "reduce_frequency"
        /// Collect more often: `newInterval` where it is shorter than the source's own.
        case increaseFrequency = "increase_frequency"
        /// Keep only some metric classes.
        case reduceMetrics = "reduce_metrics"
    }

    /// The classes a metric can be of, as `keep_metrics` and `drop_metrics` name them; the collector sorts into them.
    public static let metricClasses = [
        "health", "critical", "alerts", "application", "detailed_performance", "debug",
    ]

    /// What to do.
    public var kind: Kind
    /// The interval of the frequency actions.
    public var newInterval: Duration?
    /// The sources the frequency actions concern: `node`, `application`, a job's or device's name; empty is all.
    public var metrics: [String] = []
    /// The metric classes kept by `reduceMetrics`.
    public var keepMetrics: [String] = []
    /// The metric classes dropped by `reduceMetrics`.
    public var dropMetrics: [String] = []
    /// The most time the action lasts once begun; nil is as long as the strategy applies.
    public var duration: Duration?

    /// Creates an action.
    public init(kind: Kind) {
        self.kind = kind
    }
}
