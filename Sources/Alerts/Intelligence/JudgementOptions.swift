// SPDX-License-Identifier: Apache-2.0

internal import Samples

/// How an alerting rule turns its expression's result into alerts.
enum Judgement: Sendable, Equatable {
    /// Every series is an alert, as in Prometheus.
    case expression
    case seasonal(SeasonalOptions)
    case predictive(PredictiveOptions)

    var kind: JudgementKind {
        switch self {
        case .expression: .expression
        case .seasonal: .seasonal
        case .predictive: .predictive
        }
    }
}

/// Options of a `type: seasonal` rule.
struct SeasonalOptions: Sendable, Equatable {
    /// Whether weekends have a profile of their own (`seasonality: weekly`).
    var hasWeekend = false
    /// Deviation that counts, in standard deviations (`deviation_threshold`).
    var threshold = 3.0
    /// Whether the profile follows UTC rather than local wall time (`tz: UTC`), for cycles machines keep.
    var followsUTC = false
}

/// Options of a `type: predictive` rule.
struct PredictiveOptions: Sendable, Equatable {
    /// What must not happen.
    var question: Forecast.Question
    /// Hours of history (`lookback_window`).
    var lookback = 168
    /// Probability from which on it is an alert (`probability`).
    var probability = 0.8

    /// Probability below which the alert ends: 0.5 for the default of 0.8.
    var clearProbability: Double { probability * 0.625 }
}

/// What a model found out about one series, for templates and for graphs.
struct ModelFinding: Sendable, Equatable {
    /// Whether the series is an alert now.
    var isRaised: Bool
    /// The deviation in standard deviations or the probability; nil before the model knows enough.
    var score: Double?
    /// The expected value (seasonal).
    var expected: Double?
    /// Seconds until the crossing (predictive).
    var secondsToCrossing: Double?
}
