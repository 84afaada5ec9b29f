// SPDX-License-Identifier: Apache-2.0
//
// Selectors of rules of shipping, and what mistakes in them are called.

import Config
import Samples
import Testing

@Suite struct SyncSelectorTests {
    private func labels(_ name: String, _ pairs: (String, String)...) -> Labels {
        Labels(pairs.map { (name: $0.0, value: $0.1) } + [(name: "__name__", value: name)])
    }

    @Test func kinds() throws {
        let high = labels("temp", ("importance", "high"))
        let alert = labels("ALERTS", ("alertname", "Hot"), ("severity", "critical"))
        let state = labels("ALERTS_FOR_STATE", ("alertname", "Hot"), ("severity", "warning"))
        let plural = labels("alerts")
        func selected(_ text: String) throws -> [Bool] {
            let selector = try SyncSelector(parsing: text)
            #expect(selector.description == text)
            return [high, alert, state, plural].map(selector.selects)
        }
        #expect(try selected("alerts") == [false, true, true, false])
        #expect(try selected(" alerts { severity = 'critical' } ") == [false, true, false, false])
        #expect(try selected("metrics") == [true, true, true, true])
        #expect(try selected("metrics{}") == [true, true, true, true])
        #expect(try selected("metrics{importance='high'}") == [true, false, false, false])
        #expect(try selected("metrics{importance!='high'}") == [false, true, true, true])
        #expect(try selected("temp") == [true, false, false, false])
        #expect(try selected("{__name__='alerts'}") == [false, false, false, true])
        #expect(try selected("{severity=~'crit.*'}") == [false, true, false, false])
        // Other people's documents have these, with matchers that no selector has.
        for text in ["logs", "logs{level=~'error|critical'}", "traces{sample_rate=0.1}"] {
            #expect(try selected(text) == [false, false, false, false])
        }
        #expect(try SyncSelector(parsing: "logs{}").kind == .logs)
        #expect(try SyncSelector(parsing: "traces").kind == .traces)
        #expect(try SyncSelector(parsing: "alerts_total").kind == .series)
        #expect(
            try SyncSelector(parsing: "alerts").matchers.map(\.description) == [
                #"__name__=~"ALERTS|ALERTS_FOR_STATE""#
            ]
        )
    }

    @Test(arguments: [
        ("", 1, "expected a metric's name or \"{\""),
        ("{}", 1, "takes every series; at least one matcher must need a value"),
        ("up{é", 4, "expected a matcher such as job=\"node\", or \"}\""),
        ("{'é'='ü', }x", 12, "expected the end of the selector"),
        ("up{job}", 7, "expected one of =, !=, =~, !~"),
        ("up{job=node}", 8, "expected a value in quotes"),
        ("up{job!'x'}", 8, "expected \"!=\" or \"!~\""),
        ("up{job='x'", 11, "expected \",\" or \"}\""),
        ("up{job='x' or a='b'}", 12, "alternatives are written as a list of selectors"),
        ("up or down", 4, "alternatives are written as a list of selectors"),
        ("up offset 5m", 4, "a selector has no offset"),
        ("up[5m]", 3, "a selector has no range"),
        ("up @ 5", 4, "a selector has no time"),
        ("sum(up)", 4, "only selectors are taken here, not functions"),
        ("up{job='x", 8, "the quote is not closed"),
        ("up{job='x\n'}", 8, "the quote is not closed on its line"),
        ("up{job='\\d'}", 9, "unknown escape; a backslash itself is written \\\\"),
        ("up{job='\\x4'}", 9, "the escape needs 2 digits"),
        ("up{job='\\777'}", 9, "the escape is beyond \\377"),
        ("up{job='\\ud800'}", 9, "the escape is no character"),
        ("up{__name__='x'}", 1, "the metric's name is set twice"),
        ("inf", 1, "\"inf\" is a number"),
        ("bool{a='b'}", 1, "\"bool\" is a word of the query language; write {__name__=\"bool\"}"),
        ("alerts{a", 9, "expected one of =, !=, =~, !~"),
        ("metrics{a='b'}[1m]", 15, "a selector has no range"),
    ])
    func mistakes(text: String, column: Int, message: String) {
        #expect {
            try SyncSelector(parsing: text)
        } throws: { error in
            guard let error = error as? SelectorError else { return false }
            #expect(error.description == "column \(column): \(message)")
            return true
        }
    }

    @Test func bounds() {
        let long = "up{a='" + String(repeating: "x", count: 4096) + "'}"
        #expect(throws: SelectorError.self) { try SyncSelector(parsing: long) }
        #expect {
            try SyncSelector(parsing: "up{a=~'('}")
        } throws: { ($0 as? SelectorError)?.column == 4 }
    }

    @Test func operations() {
        for text in ["avg", "sum", "min", "max", "count", "last", "rate"] {
            #expect(SyncOperation(text)?.description == text)
        }
        #expect(SyncOperation("average") == .average)
        #expect(SyncOperation("p99") == .quantile(0.99))
        #expect(SyncOperation("quantile(0.99)") == .quantile(0.99))
        for (text, name) in [
            ("p50", "p50"), ("p99.9", "p99_9"), ("p0", "p0"), ("p100", "p100"), ("quantile(1)", "p100"),
            ("quantile(0.05)", "p5"), ("quantile(0.999)", "p99_9"), ("p99.05", "p99_05"),
        ] {
            #expect(SyncOperation(text)?.description == name)
        }
        for text in [
            "", "p", "p.", "p.5", "p101", "p-1", "p1e1", "pNaN", "quantile()", "quantile(1.1)",
            "quantile(-0.1)",
            "quantile(NaN)", "quantile(0.5", "Avg", "median", "p1.2.3", "p0.00000000001",
        ] {
            #expect(SyncOperation(text) == nil, "\(text)")
        }
    }

    @Test func families() {
        let filter = SyncFilterConfig(.deduplication(window: .seconds(60)), metric: "cpu_usage")
        for name in ["cpu_usage", "cpu_usage_total", "cpu_usage_bucket", "cpu_usage_sum", "cpu_usage_count"] {
            #expect(filter.applies(to: name))
        }
        for name in ["cpu_usage_max", "cpu_usag", "node_cpu_usage", "", "cpu_usage_total_total"] {
            #expect(!filter.applies(to: name))
        }
        #expect(SyncFilterConfig(.deduplication(window: .seconds(60))).applies(to: ""))
    }
}
