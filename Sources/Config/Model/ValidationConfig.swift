// SPDX-License-Identifier: Apache-2.0

public import Samples

/// What values of some series may be, and how they are scaled before that is looked at.
public struct ValidationConfig: Sendable, Equatable {
    /// What becomes of a value that is rejected.
    public enum Action: String, Sendable, CaseIterable {
        /// It is left out.
        case drop
        /// It is kept under the quality label.
        case mark
    }

    /// Names of the metrics.
    public var metric: Pattern
    /// Labels the series must have.
    public var matchers: [LabelMatcher] = []
    /// The smallest value.
    public var min: Double?
    /// The largest value.
    public var max: Double?
    /// The farthest a value may go in a second.
    public var maxChangePerSecond: Double?
    /// How long a value may stay the same.
    public var stuckFor: Duration?
    /// What values are multiplied by first.
    public var scale = 1.0
    /// What is added then.
    public var offset = 0.0
    /// What becomes of a value that is rejected.
    public var action = Action.drop
    /// The label under which it is kept.
    public var qualityLabel = "quality"

    /// Creates a rule that rejects nothing.
    public init(metric: Pattern) {
        self.metric = metric
    }

    /// Whether the rule is for a series.
    public func matches(_ labels: Labels) -> Bool {
        metric.matches(labels.metricName ?? "") && matchers.allSatisfy { $0.matches(labels) }
    }
}
