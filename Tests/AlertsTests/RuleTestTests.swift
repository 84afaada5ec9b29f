// SPDX-License-Identifier: Apache-2.0

import Config
import PromQL
import Samples
import Testing

@testable import Alerts

struct RuleTestTests {
    // MARK: - Texts

    @Test func differencesKeepTheOrder() {
        #expect(RuleTestText.difference([], []) == [])
        #expect(RuleTestText.difference(["a"], ["a"]) == ["  a"])
        #expect(RuleTestText.difference(["a", "b"], ["b", "c"]) == ["- a", "  b", "+ c"])
        #expect(RuleTestText.difference(["a", "b", "c"], ["a", "x", "c"]) == ["  a", "- b", "+ x", "  c"])
        #expect(RuleTestText.difference([], ["a", "b"]) == ["+ a", "+ b"])
    }

    /// Every change turns the first side into the second, whatever the sides.
    @Test func differencesOfAllSmallSides() {
        let sides = (0..<81).map { number in
            [number / 27 % 3, number / 9 % 3, number / 3 % 3, number % 3].prefix(number % 5).map { "\($0)" }
        }
        for left in sides {
            for right in sides {
                let lines = RuleTestText.difference(left, right)
                #expect(lines.filter { !$0.hasPrefix("+") }.map { String($0.dropFirst(2)) } == left)
                #expect(lines.filter { !$0.hasPrefix("-") }.map { String($0.dropFirst(2)) } == right)
            }
        }
    }

    @Test(
        arguments: [
            (0.0, "0E+00"), (-0.0, "-0E+00"), (1, "1E+00"), (-150, "-1.5E+02"), (1e-7, "1E-07"),
            (0.1, "1E-01"),
            (1.0 / 3, "3.333333333333333E-01"), (1e100, "1E+100"), (.infinity, "+Inf"), (-.infinity, "-Inf"),
            (.nan, "NaN"),
        ] as [(Double, String)]
    )
    func numbersAsPromtoolWritesThem(value: Double, text: String) {
        #expect(GoFormat.scientific(value) == text)
    }

    @Test(arguments: [
        "{{}}", "{{count:1}}", "{{schema:3 count:4.5 sum:-2}}", "{{z_bucket:2 z_bucket_w:0.001}}",
        "{{offset:-2 buckets:[1 0 3]}}", "{{n_offset:4 n_buckets:[1]}}",
        "{{schema:-53 count:3 sum:4 custom_values:[0.5 1] buckets:[1 1 1]}}",
        "{{count:1 counter_reset_hint:gauge}}", "{{sum:NaN}}", "{{sum:+Inf}}",
    ])
    func histogramsSayWhatWasWritten(text: String) throws {
        #expect(try TestStore.histogram(of: text).testText == text)
    }

    @Test func emptyBucketsSayNothing() throws {
        #expect(try TestStore.histogram(of: "{{buckets:[0 0]}}").testText == "{{}}")
        #expect(
            try TestStore.histogram(of: "{{buckets:[0 0 1 0]}}").testText == "{{offset:2 buckets:[1]}}"
        )
    }

    // MARK: - The store

    @Test func samplesComeWhenTheyAreDue() throws {
        let store = TestStore(start: Timestamp(milliseconds: 1000), step: .seconds(10))
        try store.add(series: "m", values: "1+1x2 _ stale")
        #expect(try read(store) == [])
        try store.load(through: Timestamp(milliseconds: 999))
        #expect(try read(store) == [])
        try store.load(through: Timestamp(milliseconds: 11_000))
        #expect(try read(store) == ["1000 1", "11000 2"])
        try store.load(through: .max)
        #expect(try read(store) == ["1000 1", "11000 2", "21000 3", "41000 stale"])
    }

    @Test func timesBeyondTheEndOfTimeNeverCome() throws {
        let store = TestStore(start: Timestamp(milliseconds: .max - 1), step: .milliseconds(1))
        try store.add(series: "m", values: "1x9")
        try store.load(through: .max)
        #expect(try read(store) == ["\(Int64.max - 1) 1", "\(Int64.max) 1"])
    }

    @Test func whatASeriesHasStays() throws {
        let store = TestStore(start: Timestamp(milliseconds: 0), step: .seconds(1))
        try store.add(series: "m", values: "7")
        try store.load(through: Timestamp(milliseconds: 0))
        let group = store.group(labels(["job": "rules"]))
        var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: 0))
        batch.append(store.series(labels(["__name__": "m"]), in: group), 7)
        #expect(store.append(batch) == AppendResult(appended: 1))
        #expect(store.refusal == nil)
        batch.values = [8]
        #expect(store.append(batch) == AppendResult(duplicate: 1))
        #expect(store.refusal?.labels == labels(["__name__": "m"]))
        #expect(store.refusal?.reason == "duplicate sample for timestamp")
        #expect(try read(store) == ["0 7"])
    }

    private func read(_ store: TestStore) throws -> [String] {
        let found = store.select([], from: .min, through: .max)
        var columns = SampleColumns()
        for index in 0..<found.count { try found.read(index, from: .min, through: .max, into: &columns) }
        return zip(columns.timestamps, columns.values).map { time, value in
            "\(time) \(value.isStale ? "stale" : PromNumber.format(value))"
        }
    }

    // MARK: - Files

    @Test func mistakesHaveTheirPlace() {
        let text = """
            rule_files: [5, x.yml]
            evaluation_interval: soon
            tests:
              - name: t
                start_timestamp: noon
                alert_rule_test:
                  - eval_time: 5m
                promql_expr_test:
                  - expr: up
                    exp_samples:
                      - labels: up
                        value: "1"
                        vallue: 1
            """
        do {
            _ = try RuleTestReader.read(Array(text.utf8), file: "t.yml")
            Issue.record("must not be read")
        } catch {
            #expect(
                error.errors.map(\.description) == [
                    "t.yml:2:22: not a valid duration string: \"soon\"; write for example 5m or 1h30m",
                    "t.yml:5:22: expected Unix seconds or a time as RFC 3339, found \"noon\"",
                    "t.yml:7:9: an item under alert_rule_test misses required attribute alertname at eval_time 5m (in TestGroup t)",
                    "t.yml:12:20: expected a number, found \"1\"; write for example 1.5, .inf or .nan",
                    "t.yml:13:13: unknown key \"vallue\"; did you mean \"value\"?",
                ]
            )
        }
    }

    /// Whatever is cut off or changed, reading ends with tests or mistakes, and running with failures at most.
    @Test func anyBytesAreRead() async {
        let good = Array(
            """
            rule_files: ["none*.yml"]
            tests:
              - interval: 1m
                start_timestamp: 1e3
                input_series:
                  - {series: 'm{a="b"}', values: '1+2x3 _ stale {{count:1 buckets:[1]}}x2'}
                promql_expr_test:
                  - {expr: sum(m), eval_time: 3m, exp_samples: [{labels: '{}', value: 7}]}
                alert_rule_test: [{eval_time: 2m, alertname: A, exp_alerts: [{exp_labels: {a: b}}]}]
            """.utf8
        )
        for place in good.indices {
            _ = try? RuleTestReader.read(Array(good[..<place]), file: "t.yml")
            for byte in Array("x1{}[]'\":-,9\n \u{0}".utf8) {
                var changed = good
                changed[place] = byte
                guard let file = try? RuleTestReader.read(changed, file: "t.yml") else { continue }
                for test in file.tests where test.length < .seconds(600) {
                    guard file.evaluationInterval >= .seconds(1) else { continue }
                    var run = try? RuleTestRun(test, of: file, [], QueryFeatures(), showsDifferences: false)
                    await run?.run()
                }
            }
        }
    }
}
