// SPDX-License-Identifier: Apache-2.0
//
// What may stand in a rule file and is probably not meant: promtool's `duplicate-rules`.

/// Finds what is probably not meant.
public enum RuleLint {
    /// Rules of one name and the same labels.
    public struct Duplicate: Sendable, Equatable {
        /// The metric or alert.
        public let name: String
        /// The labels as written, the group's included.
        public let labels: [Label]

        /// A label as written.
        public struct Label: Sendable, Equatable {
            /// Its name.
            public let name: String
            /// Its value, a template in alerting rules.
            public let value: String
        }

        /// Promtool's lines: the name, then a line for each label.
        public var lines: [String] {
            ["Metric: \(name)", "Label(s):"] + labels.map { "\t\($0.name): \($0.value)" }
        }
    }

    /// Each once, sorted by name.
    public static func duplicates(in groups: [RuleGroup]) -> [Duplicate] {
        var counts: [[String]: Int] = [:]
        var found: [Duplicate] = []
        for rule in groups.flatMap(\.rules) {
            let labels = rule.labels.map {
                Duplicate.Label(name: $0.name, value: $0.template.source)
            }
            let key = [rule.name] + labels.flatMap { [$0.name, $0.value] }
            counts[key, default: 0] += 1
            if counts[key] == 2 { found.append(Duplicate(name: rule.name, labels: labels)) }
        }
        return found.sorted {
            ($0.name, $0.labels.map(\.value).joined()) < ($1.name, $1.labels.map(\.value).joined())
        }
    }
}
