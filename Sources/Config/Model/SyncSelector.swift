// SPDX-License-Identifier: Apache-2.0
//
// What a rule of shipping takes: `alerts`, `metrics{importance="high"}` or a PromQL selector. `logs` and `traces` are
// words of the same place in other people's documents; edgewatch has neither, and says so instead of taking them for
// names of metrics.

public import Samples

/// The series that a rule of shipping takes.
public struct SyncSelector: Sendable, Hashable, CustomStringConvertible {
    /// The word in front of the braces, or none.
    public enum Kind: Sendable, Hashable {
        /// A selector as in a query.
        case series
        /// All series with these labels, whatever their names.
        case metrics
        /// What the evaluation of alerting rules writes.
        case alerts
        /// Not had here: nothing is selected.
        case logs
        /// Not had here: nothing is selected.
        case traces
    }

    /// The series that alerting rules write.
    public static let alertNames = ["ALERTS", "ALERTS_FOR_STATE"]

    /// The word.
    public let kind: Kind
    /// What a series must satisfy; nothing does where the kind is not had here.
    public let matchers: [LabelMatcher]
    /// The selector as written.
    public let description: String

    /// Reads a selector.
    ///
    /// - Parameter text: `alerts`, `metrics`, `logs` or `traces` with or without braces, or PromQL.
    /// - Throws: `SelectorError` when it is none of them, or is PromQL that would take series whatever they are.
    public init(parsing text: String) throws(SelectorError) {
        var reader = try SelectorReader(text)
        description = text
        switch reader.leadingWord() {
        case "logs"?: (kind, matchers) = (.logs, [])
        case "traces"?: (kind, matchers) = (.traces, [])
        case "alerts"?:
            (kind, matchers) = (.alerts, SyncSelector.alerts + (try reader.matchers(after: "alerts")))
        case "metrics"?: (kind, matchers) = (.metrics, try reader.matchers(after: "metrics"))
        default: (kind, matchers) = (.series, try SeriesSelector(parsing: text).matchers)
        }
    }

    private static let alerts: [LabelMatcher] = {
        let names = alertNames.joined(separator: "|")
        return (try? LabelMatcher(Labels.metricNameLabel, .matches, names)).map { [$0] } ?? []
    }()

    /// Whether there is anything of the kind here.
    public var isAvailable: Bool { kind != .logs && kind != .traces }

    /// Whether the rule takes a series.
    public func selects(_ labels: Labels) -> Bool {
        isAvailable && matchers.allSatisfy { $0.matches(labels) }
    }
}
