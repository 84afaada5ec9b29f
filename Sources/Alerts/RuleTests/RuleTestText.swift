// SPDX-License-Identifier: Apache-2.0
//
// What went wrong in a rule test, in promtool's words and indentation (cmd/promtool/unittest.go), with the groups of the
// rule added.

internal import PromQL
internal import Samples

/// Texts about rule tests.
enum RuleTestText {
    // MARK: - Alerts

    /// Other alerts than expected; `groups` are those that have a rule of the name.
    static func failure(
        _ alert: RuleTestFile.AlertCase,
        got: [RuleTestFile.ExpectedAlert],
        in groups: [String],
        test: String,
        asDifference: Bool
    ) -> String {
        var text = head(test)
        text +=
            "    group: \(groups.isEmpty ? "none has a rule of this name" : groups.joined(separator: ", ")),\n"
        text += "    alertname: \(alert.name), time: \(PromDuration.format(alert.time)), \n"
        if asDifference {
            let lines = difference(lines(alert.expected, comma: ""), lines(got, comma: ""))
            return text + "        diff:" + lines.map { "\n            \($0)" }.joined()
        }
        return text + "        exp:\(list(alert.expected)), \n        got:\(list(got))"
    }

    private static func list(_ alerts: [RuleTestFile.ExpectedAlert]) -> String {
        if alerts.isEmpty { return "[]" }
        return "[" + lines(alerts).map { "\n            \($0)" }.joined() + "\n            ]"
    }

    private static func lines(
        _ alerts: [RuleTestFile.ExpectedAlert],
        comma: String = ","
    ) -> [String] {
        var lines: [String] = []
        for (index, alert) in alerts.enumerated() {
            lines.append("\(index):")
            lines.append("  Labels:\(text(alert.labels))")
            lines.append("  Annotations:\(text(alert.annotations))" + (index < alerts.count - 1 ? comma : ""))
        }
        return lines
    }

    // MARK: - Expressions

    /// Other samples than expected.
    static func failure(
        _ expression: RuleTestFile.ExpressionCase,
        expected: [String],
        got: [String],
        test: String,
        asDifference: Bool
    ) -> String {
        let start =
            head(test) + "    expr: \(Labels.quoted(expression.expression)), time: \(time(expression)),\n"
        if asDifference {
            return start + "        diff:"
                + difference(expected, got).map { "\n            \($0)" }.joined()
        }
        return start + "        exp: \(line(expected))\n        got: \(line(got))"
    }

    /// An expression that could not be evaluated, or whose samples cannot be read.
    static func failure(
        _ expression: RuleTestFile.ExpressionCase,
        error: String,
        test: String
    ) -> String {
        head(test)
            + "    expr: \(Labels.quoted(expression.expression)), time: \(time(expression)), err: \(error)"
    }

    private static func time(_ expression: RuleTestFile.ExpressionCase) -> String {
        PromDuration.format(expression.time)
    }

    private static func line(_ samples: [String]) -> String {
        samples.isEmpty ? "nil" : samples.joined(separator: ", ")
    }

    /// A sample as promtool shows it.
    static func sample(_ labels: Labels, _ value: Double, _ histogram: String) -> String {
        "\(text(labels)) \(histogram.isEmpty ? GoFormat.scientific(value) : histogram)"
    }

    // MARK: - Rules

    /// A rule that could not be evaluated.
    static func failure(rule: String, group: String, at time: Duration, error: String, test: String) -> String
    {
        head(test) + (group.isEmpty ? "" : "    group: \(group),\n")
            + "    rule: \(rule), time: \(elapsed(time)), err: \(error)"
    }

    private static func head(_ test: String) -> String { test.isEmpty ? "" : "    name: \(test),\n" }

    /// `{a="b", c="d"}`.
    static func text(_ labels: Labels) -> String {
        "{" + labels.pairs.map { "\($0.name)=\(Labels.quoted($0.value))" }.joined(separator: ", ") + "}"
    }

    /// A duration as Go prints it: `1h30m0s`.
    private static func elapsed(_ duration: Duration) -> String {
        let milliseconds = duration.milliseconds
        let (minutes, rest) = milliseconds.quotientAndRemainder(dividingBy: 60_000)
        if minutes == 0, rest > 0, rest < 1000 { return "\(rest)ms" }
        let seconds = GoFormat.general(Double(rest) / 1000) + "s"
        if minutes == 0 { return seconds }
        return (minutes >= 60 ? "\(minutes / 60)h" : "") + "\(minutes % 60)m" + seconds
    }

    // MARK: - Differences

    /// The lines of both with `-` where only the first has them and `+` where only the second does.
    ///
    /// By the longest common subsequence; beyond a thousand lines a side all of the first come first.
    static func difference(_ left: [String], _ right: [String]) -> [String] {
        guard left.count <= 1000, right.count <= 1000 else {
            return left.map { "- \($0)" } + right.map { "+ \($0)" }
        }
        let changes = right.difference(from: left)
        var removed = Set<Int>()
        var inserted: [Int: String] = [:]
        for change in changes {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, let element, _): inserted[offset] = element
            }
        }
        var lines: [String] = []
        var place = 0
        for (index, line) in left.enumerated() {
            if removed.contains(index) {
                lines.append("- \(line)")
                continue
            }
            while let new = inserted[place] {
                lines.append("+ \(new)")
                place += 1
            }
            lines.append("  \(line)")
            place += 1
        }
        while let new = inserted[place] {
            lines.append("+ \(new)")
            place += 1
        }
        return lines
    }
}
