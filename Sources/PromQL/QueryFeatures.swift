// SPDX-License-Identifier: Apache-2.0
//
// The parts of the language that Prometheus keeps behind `--enable-feature`. All are off by default, as there.

/// What of PromQL is on beyond the defaults.
public struct QueryFeatures: Sendable, Hashable {
    /// `promql-experimental-functions`: functions and aggregations that may still change.
    public var experimentalFunctions = false
    /// `promql-extended-range-selectors`: `anchored` and `smoothed` behind a selector.
    public var extendedRangeSelectors = false
    /// `promql-binop-fill-modifiers`: `fill`, `fill_left` and `fill_right` behind a binary operator.
    public var fillModifiers = false
    /// `promql-delayed-name-removal`: metric names go at the end of the query, not by each function.
    public var delayedNameRemoval = false
    /// `use-start-timestamps`: since when a counter counts tells where it began anew.
    public var startTimestamps = false
    /// `promql-per-step-stats`: `stats=all` counts samples by step.
    public var perStepStatistics = false

    /// Nothing beyond the defaults.
    public init() {}

    /// Everything.
    public static var all: QueryFeatures {
        var features = QueryFeatures()
        for name in names { _ = features.enable(name) }
        return features
    }

    /// The names `enable` knows.
    public static let names = [
        "promql-experimental-functions", "promql-extended-range-selectors", "promql-binop-fill-modifiers",
        "promql-delayed-name-removal", "use-start-timestamps", "promql-per-step-stats",
    ]

    /// Turns a feature on by Prometheus' name.
    ///
    /// - Parameter name: for example `promql-experimental-functions`.
    /// - Returns: false for a name that is no part of the language.
    public mutating func enable(_ name: String) -> Bool {
        switch name {
        case "promql-experimental-functions": experimentalFunctions = true
        case "promql-extended-range-selectors": extendedRangeSelectors = true
        case "promql-binop-fill-modifiers": fillModifiers = true
        case "promql-delayed-name-removal": delayedNameRemoval = true
        case "use-start-timestamps": startTimestamps = true
        case "promql-per-step-stats": perStepStatistics = true
        default: return false
        }
        return true
    }
}
