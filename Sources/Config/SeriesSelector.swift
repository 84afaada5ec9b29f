// SPDX-License-Identifier: Apache-2.0
//
// Series by name and labels as PromQL writes them, without ranges, offsets and functions:
//
//     motor_temp_celsius{unit="3", line=~"a|b"}

public import Samples

/// A selector of series.
public struct SeriesSelector: Sendable, Hashable, CustomStringConvertible {
    /// What a series must satisfy, its name first.
    public let matchers: [LabelMatcher]
    /// The selector as written.
    public let description: String

    /// Reads a selector; nil when it is none, or would take series whatever they are.
    public init?(_ text: String) {
        do throws(SelectorError) {
            try self.init(parsing: text)
        } catch {
            return nil
        }
    }

    /// Reads a selector.
    ///
    /// - Parameter text: a metric's name, matchers in braces, or both.
    /// - Throws: `SelectorError` when it is none, or would take series whatever they are.
    public init(parsing text: String) throws(SelectorError) {
        var reader = try SelectorReader(text)
        matchers = try reader.selector()
        guard matchers.contains(where: { !$0.matchesEmpty }) else {
            throw SelectorError(
                column: 1,
                message: "takes every series; at least one matcher must need a value"
            )
        }
        description = text
    }

    /// Selects a metric's series that carry labels.
    public init(metric: String, labels: Labels) {
        matchers =
            [LabelMatcher(Labels.metricNameLabel, equals: metric)]
            + labels.pairs.map { LabelMatcher($0.name, equals: $0.value) }
        description = labels.setting(Labels.metricNameLabel, metric).description
    }
}
