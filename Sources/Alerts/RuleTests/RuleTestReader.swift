// SPDX-License-Identifier: Apache-2.0
//
// From YAML to a rule test file. Unknown keys and wrong types are mistakes at their place; all are gathered.

internal import Config
internal import Samples
internal import Wire

/// One pass over a rule test file.
struct RuleTestReader {
    private var reader: RuleFileReader

    /// The file's tests.
    static func read(_ bytes: [UInt8], file: String) throws(ConfigErrors) -> RuleTestFile {
        let document = try YAMLReader.parse(bytes, file: file)
        var reader = RuleTestReader(reader: RuleFileReader(file: file))
        let tests = reader.file(document)
        guard reader.reader.errors.isEmpty else { throw ConfigErrors(reader.reader.errors) }
        return tests
    }

    private mutating func file(_ node: YAMLNode) -> RuleTestFile {
        var file = RuleTestFile()
        let allowed = ["rule_files", "evaluation_interval", "group_eval_order", "fuzzy_compare", "tests"]
        guard !node.isNull, reader.keys(of: node, allowed: allowed) != nil else { return file }
        file.ruleFiles = list(node["rule_files"]).compactMap { reader.text($0) }
        if let interval = reader.duration(node["evaluation_interval"]), interval > .zero {
            file.evaluationInterval = interval
        }
        for item in list(node["group_eval_order"]) {
            guard let name = reader.text(item) else { continue }
            if file.groupOrder.contains(name) {
                reader.report(item.error("group name repeated in evaluation order: \(name)"))
            }
            file.groupOrder.append(name)
        }
        if let place = node["fuzzy_compare"], !place.isNull {
            if let value = place.bool {
                file.comparesLoosely = value
            } else {
                reader.report(place.error("expected true or false, found \(place.words)"))
            }
        }
        for item in list(node["tests"]) {
            var test = test(item)
            if test.interval == .zero { test.interval = file.evaluationInterval }
            file.tests.append(test)
        }
        return file
    }

    private mutating func test(_ node: YAMLNode) -> RuleTestFile.Test {
        var test = RuleTestFile.Test()
        let allowed = [
            "interval", "input_series", "alert_rule_test", "promql_expr_test", "external_labels",
            "external_url", "name", "start_timestamp",
        ]
        guard reader.keys(of: node, allowed: allowed) != nil else { return test }
        test.name = reader.text(node["name"]) ?? ""
        test.interval = reader.duration(node["interval"]) ?? .zero
        test.start = start(node["start_timestamp"])
        test.externalLabels = labels(node["external_labels"])
        test.externalURL = reader.text(node["external_url"]) ?? ""
        for item in list(node["input_series"]) {
            guard reader.keys(of: item, allowed: ["series", "values"]) != nil else { continue }
            test.series.append((reader.text(item["series"]) ?? "", reader.text(item["values"]) ?? ""))
        }
        for item in list(node["alert_rule_test"]) {
            if let alert = alertCase(item, test: test.name) { test.alerts.append(alert) }
        }
        for item in list(node["promql_expr_test"]) {
            if let expression = expressionCase(item) { test.expressions.append(expression) }
        }
        return test
    }

    private mutating func start(_ node: YAMLNode?) -> Timestamp {
        guard let node, !node.isNull else { return Timestamp(milliseconds: 0) }
        if let seconds = node.integer {
            let (milliseconds, isTooLarge) = seconds.multipliedReportingOverflow(by: 1000)
            if !isTooLarge { return Timestamp(milliseconds: milliseconds) }
        } else if let time = node.string.flatMap(RFC3339.parse) {
            return time
        }
        reader.report(node.error("expected Unix seconds or a time as RFC 3339, found \(node.words)"))
        return Timestamp(milliseconds: 0)
    }

    // MARK: - Cases

    private mutating func alertCase(_ node: YAMLNode, test: String) -> RuleTestFile.AlertCase? {
        guard reader.keys(of: node, allowed: ["eval_time", "alertname", "exp_alerts"]) != nil else {
            return nil
        }
        let time = reader.duration(node["eval_time"]) ?? .zero
        let name = reader.text(node["alertname"]) ?? ""
        guard !name.isEmpty else {
            let place = test.isEmpty ? "" : " (in TestGroup \(test))"
            reader.report(
                node.error(
                    "an item under alert_rule_test misses required attribute alertname at eval_time "
                        + PromDuration.format(time) + place
                )
            )
            return nil
        }
        var expected: [RuleTestFile.ExpectedAlert] = []
        for item in list(node["exp_alerts"]) {
            guard reader.keys(of: item, allowed: ["exp_labels", "exp_annotations"]) != nil else { continue }
            expected.append(
                RuleTestFile.ExpectedAlert(
                    labels: labels(item["exp_labels"]).setting(AlertSeries.alertName, name),
                    annotations: labels(item["exp_annotations"])
                )
            )
        }
        return RuleTestFile.AlertCase(time: time, name: name, expected: expected.sorted())
    }

    private mutating func expressionCase(_ node: YAMLNode) -> RuleTestFile.ExpressionCase? {
        guard reader.keys(of: node, allowed: ["expr", "eval_time", "exp_samples"]) != nil else { return nil }
        var expected: [RuleTestFile.ExpectedSample] = []
        for item in list(node["exp_samples"]) {
            guard reader.keys(of: item, allowed: ["labels", "value", "histogram"]) != nil else { continue }
            expected.append(
                RuleTestFile.ExpectedSample(
                    labels: reader.text(item["labels"]) ?? "",
                    value: number(item["value"]),
                    histogram: reader.text(item["histogram"]) ?? ""
                )
            )
        }
        return RuleTestFile.ExpressionCase(
            expression: reader.text(node["expr"]) ?? "",
            time: reader.duration(node["eval_time"]) ?? .zero,
            expected: expected
        )
    }

    // MARK: - Values

    private mutating func number(_ node: YAMLNode?) -> Double {
        guard let node, !node.isNull else { return 0 }
        guard let number = node.number else {
            let remedy = "write for example 1.5, .inf or .nan"
            reader.report(node.error("expected a number, found \(node.words)", remedy: remedy))
            return 0
        }
        return number
    }

    private mutating func labels(_ node: YAMLNode?) -> Labels {
        var labels: [(name: String, value: String)] = []
        for pair in reader.pairs(node) {
            guard let name = pair.key.string else { continue }
            labels.append((name, reader.text(pair.value) ?? ""))
        }
        return Labels(labels)
    }

    private mutating func list(_ node: YAMLNode?) -> [YAMLNode] {
        guard let node, !node.isNull else { return [] }
        guard let items = node.items else {
            reader.report(node.error("expected a list, found \(node.words)"))
            return []
        }
        return items
    }
}
