// SPDX-License-Identifier: Apache-2.0
//
// A rule test file as values: promtool's format (docs/configuration/unit_testing_rules.md of Prometheus), every text and
// number checked, series and expressions not yet looked at.

internal import Samples

/// A rule test file.
struct RuleTestFile {
    /// One test: series that come in, and what is to be seen at some times.
    struct Test {
        /// Empty for one without a name.
        var name = ""
        /// The distance of the series' positions.
        var interval: Duration = .zero
        var start = Timestamp(milliseconds: 0)
        var series: [(series: String, values: String)] = []
        var alerts: [AlertCase] = []
        var expressions: [ExpressionCase] = []
        var externalLabels = Labels()
        var externalURL = ""

        /// The latest time something is looked at, after the start.
        var length: Duration {
            max(alerts.map(\.time).max() ?? .zero, expressions.map(\.time).max() ?? .zero)
        }
    }

    /// Which alerts of a name fire at a time.
    struct AlertCase {
        let time: Duration
        let name: String
        let expected: [ExpectedAlert]
    }

    /// Labels with `alertname`, and annotations.
    struct ExpectedAlert: Equatable, Comparable {
        let labels: Labels
        let annotations: Labels

        static func < (left: ExpectedAlert, right: ExpectedAlert) -> Bool {
            left.labels == right.labels ? left.annotations < right.annotations : left.labels < right.labels
        }
    }

    /// What an expression gives at a time.
    struct ExpressionCase {
        let expression: String
        let time: Duration
        let expected: [ExpectedSample]
    }

    /// A sample in the file's words.
    struct ExpectedSample {
        let labels: String
        let value: Double
        /// In double braces; empty for a number.
        let histogram: String
    }

    /// As written, relative to the file.
    var ruleFiles: [String] = []
    var evaluationInterval: Duration = .seconds(60)
    var groupOrder: [String] = []
    /// Numbers may differ in their last bit.
    var comparesLoosely = false
    var tests: [Test] = []
}
