// SPDX-License-Identifier: Apache-2.0
//
// Messages are Prometheus' (model/rulefmt), each at its place in the file.

import Config
import Foundation
import Samples
import Testing

@testable import Alerts

private func errors(_ text: String) -> [String] {
    do throws(ConfigErrors) {
        _ = try RuleFileLoader.parse(Array(text.utf8), file: "r.yml")
        return []
    } catch {
        return error.errors.map(\.description)
    }
}

private func group(_ rules: String) -> String {
    "groups:\n- name: g\n  rules:\n" + rules.split(separator: "\n").map { "  \($0)\n" }.joined()
}

private let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

private func shipped(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: root.appending(path: "rules/\(name)")))
}

@Test func readsEveryFieldOfARuleFile() throws {
    let text = """
        groups:
          - name: disk
            interval: 30s
            query_offset: 10s
            limit: 5
            labels: {team: edge, severity: none}
            rules:
              - record: job:up:sum
                expr: sum by(job) (up)
                labels: {severity: ""}
              - alert: DiskFull
                expr: free{device!=""}   < 0.1
                for: 5m
                keep_firing_for: 10m
                labels: {severity: page, what: "{{ $labels.device }}"}
                annotations: {summary: "{{ $value }} left"}
        """
    let groups = try RuleFileLoader.parse(Array(text.utf8), file: "r.yml")
    #expect(groups.count == 1)
    let group = try #require(groups.first)
    #expect(group.name == "disk")
    #expect(group.interval == .seconds(30))
    #expect(group.queryOffset == .seconds(10))
    #expect(group.limit == 5)
    #expect(group.rules.map(\.kind) == [.recording, .alerting])
    let alert = group.rules[1]
    #expect(alert.name == "DiskFull")
    #expect(alert.query == "free{device!=\"\"} < 0.1")
    #expect(alert.hold == .seconds(300))
    #expect(alert.keepFiring == .seconds(600))
    #expect(alert.line == 11)
    #expect(alert.labels.map(\.name) == ["severity", "team", "what"])
    #expect(alert.labels.map(\.template.source) == ["page", "edge", "{{ $labels.device }}"])
    #expect(alert.judgement == .expression)
    #expect(group.rules[0].labels.map(\.template.source) == ["", "edge"])
    #expect(try RuleFileLoader.parse([], file: "r.yml").isEmpty)
    #expect(try RuleFileLoader.parse(Array("groups: []".utf8), file: "r.yml").isEmpty)
}

@Test func readsModelRules() throws {
    let text = group(
        """
        - alert: Odd
          type: seasonal
          expr: load
          seasonality: weekly
          deviation_threshold: 3.5sigma
          tz: UTC
        - alert: Full
          type: predictive
          expr: used
          threshold: "> 0.9"
          prediction_horizon: 12h
          lookback_window: 3d
          probability: 0.7
        - alert: Empty
          type: predictive
          expr: battery
          threshold: 10
          direction: below
        """
    )
    let rules = try #require(try RuleFileLoader.parse(Array(text.utf8), file: "r.yml").first).rules
    #expect(
        rules[0].judgement == .seasonal(SeasonalOptions(hasWeekend: true, threshold: 3.5, followsUTC: true))
    )
    var options = PredictiveOptions(
        question: Forecast.Question(threshold: 0.9, isBelow: false, horizon: 12),
        lookback: 72,
        probability: 0.7
    )
    #expect(rules[1].judgement == .predictive(options))
    options = PredictiveOptions(question: Forecast.Question(threshold: 10, isBelow: true, horizon: 24))
    #expect(rules[2].judgement == .predictive(options))
    #expect(options.lookback == 168)
    #expect(options.clearProbability == 0.5)
}

@Test(arguments: [
    (
        "- alert: A\n  record: b\n  expr: up",
        "r.yml:5:13: group \"g\", rule 1, \"A\": only one of 'record' and 'alert' must be set"
    ),
    ("- expr: up", "r.yml:4:5: group \"g\", rule 1, \"\": one of 'record' or 'alert' must be set"),
    ("- alert: A", "r.yml:4:5: group \"g\", rule 1, \"A\": field 'expr' must be set in rule"),
    (
        "- alert: A\n  expr: sum(up",
        "r.yml:5:11: group \"g\", rule 1, \"A\": could not parse expression: 1:7: parse error: "
            + "unclosed left parenthesis"
    ),
    (
        "- record: a\n  expr: up\n  annotations: {x: y}",
        "r.yml:4:13: group \"g\", rule 1, \"a\": invalid field 'annotations' in recording rule"
    ),
    (
        "- record: a\n  expr: up\n  for: 5m",
        "r.yml:4:13: group \"g\", rule 1, \"a\": invalid field 'for' in recording rule"
    ),
    (
        "- record: a{b=\"c\"}\n  expr: up",
        "r.yml:4:13: group \"g\", rule 1, \"a{b=\"c\"}\": braces present in the recording rule name; "
            + "should it be in expr?: a{b=\"c\"}"
    ),
    (
        "- alert: A\n  expr: up\n  labels: {__name__: x}",
        "r.yml:6:14: group \"g\", rule 1, \"A\": invalid label name: __name__"
    ),
    (
        "- alert: A\n  expr: up\n  annotations: {s: \"{{ $x\"}",
        "r.yml:6:22: group \"g\", rule 1, \"A\": annotation \"s\": template: __alert_A: unclosed action"
    ),
    (
        "- alert: A\n  expr: up\n  annotation: {s: x}",
        "r.yml:6:5: unknown key \"annotation\"; did you mean \"annotations\"?"
    ),
    (
        "- alert: A\n  expr: up\n  for: soon",
        "r.yml:6:10: not a valid duration string: \"soon\"; write for example 5m or 1h30m"
    ),
    (
        "- alert: A\n  expr: up\n  type: seasonl",
        "r.yml:6:11: group \"g\", rule 1, \"A\": unknown rule type \"seasonl\"; did you mean \"seasonal\"?"
    ),
    (
        "- alert: A\n  expr: up\n  probability: 0.5",
        "r.yml:6:5: group \"g\", rule 1, \"A\": key \"probability\" has no meaning here; add \"type: predictive\""
    ),
    (
        "- alert: A\n  type: predictive\n  expr: up",
        "r.yml:4:5: group \"g\", rule 1, \"A\": field 'threshold' must be set in a predictive rule; "
            + "write for example threshold: \"> 0.9\""
    ),
    (
        "- alert: A\n  type: predictive\n  expr: up\n  threshold: \"> 1\"\n  direction: below",
        "r.yml:8:16: group \"g\", rule 1, \"A\": direction \"below\" contradicts threshold \"> 1\""
    ),
    (
        "- alert: A\n  type: predictive\n  expr: up\n  threshold: 1\n  prediction_horizon: 30d",
        "r.yml:8:25: group \"g\", rule 1, \"A\": prediction_horizon must be between 1h and 1w, found \"30d\""
    ),
    (
        "- alert: A\n  type: seasonal\n  expr: up\n  deviation_threshold: many",
        "r.yml:7:26: group \"g\", rule 1, \"A\": deviation_threshold must be between 1sigma and 100sigma, "
            + "found \"many\"; write for example 3sigma"
    ),
])
func refusesARuleWithPrometheusWords(rule: String, message: String) {
    #expect(errors(group(rule)) == [message])
}

@Test func refusesGroupsWithPrometheusWords() {
    #expect(errors("groups:\n- name: ''\n") == ["r.yml:2:3: Groupname must not be empty"])
    #expect(
        errors("groups:\n- name: a\n- name: a\n")
            == ["r.yml:3:3: groupname: \"a\" is repeated in the same file"]
    )
    #expect(
        errors("group:\n- name: a\n") == ["r.yml:1:1: unknown key \"group\"; did you mean \"groups\"?"]
    )
    #expect(
        errors("groups:\n- name: a\n  intervall: 5m\n  limit: x\n") == [
            "r.yml:3:3: unknown key \"intervall\"; did you mean \"interval\"?",
            "r.yml:4:10: expected a whole number, found \"x\"",
        ]
    )
    #expect(errors("groups: 5") == ["r.yml:1:9: expected a list of groups, found \"5\""])
    #expect(errors("- a") == ["r.yml:1:1: expected a mapping, found a list"])
}

@Test func shippedRulesAreValid() throws {
    let node = try RuleFileLoader.parse(shipped("node.yml"), file: "node.yml")
    #expect(node.flatMap(\.rules).count == 25)
    #expect(node.flatMap(\.rules).allSatisfy { $0.judgement == .expression })
    let edge = try RuleFileLoader.parse(shipped("edge.yml"), file: "edge.yml")
    #expect(
        edge.flatMap(\.rules).map(\.judgement.kind) == [
            .predictive, .predictive, .predictive, .seasonal, .seasonal, .seasonal,
        ]
    )
    for rule in (node + edge).flatMap(\.rules) {
        #expect(rule.annotations.map(\.name) == ["description", "summary"], "\(rule.name)")
        #expect(rule.labels.contains { $0.name == "severity" }, "\(rule.name)")
    }
}

@Test func prometheusAcceptsTheShippedRules() throws {
    let tool = "/usr/bin/promtool"
    guard FileManager.default.isExecutableFile(atPath: tool) else {
        print("SKIPPED prometheusAcceptsTheShippedRules: \(tool) is not installed")
        return
    }
    let process = Process()
    process.executableURL = URL(filePath: tool)
    process.arguments = ["check", "rules", root.appending(path: "rules/node.yml").path]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let words = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    #expect(words.contains("SUCCESS: 25 rules found"))
}

@Test func stagesEndWhereARuleReadsWhatTheStageWrote() throws {
    let text = group(
        """
        - record: a
          expr: up
        - record: b
          expr: x + y
        - record: c
          expr: a + 1
        - alert: D
          expr: b > 1
        - alert: E
          expr: sum({__name__=~"ALERTS"}) > 1
        - alert: F
          expr: x
          annotations: {s: "{{ query \\"a\\" }}"}
        - record: g
          expr: '{job="x"}'
        """
    )
    let rules = try #require(try RuleFileLoader.parse(Array(text.utf8), file: "r.yml").first).rules
    // c reads a; D reads b, which is stored by then; E reads ALERTS of D; F queries; g may read anything.
    #expect(RuleStages.of(rules) == [0, 0, 1, 1, 2, 3, 4])
}
