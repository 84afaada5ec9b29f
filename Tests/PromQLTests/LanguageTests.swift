// SPDX-License-Identifier: Apache-2.0
//
// Parts of the language the corpus in ../shared does not look at, as scripts of the same language; what they expect
// follows from the language's description, worked out by hand.

import Testing

@testable import PromQL

@Suite struct LanguageTests {
    private func run(_ script: String, features: QueryFeatures = .all) async throws {
        let report = await TestScriptRunner(features: features).run(try TestScript(parsing: script))
        for failure in report.failures {
            Issue.record("line \(failure.line): \(failure.query)\n  \(failure.expected)\n  \(failure.got)")
        }
        #expect(report.passed > 0)
    }

    // MARK: - fill

    @Test func fillsMissingElements() async throws {
        try await run(
            """
            load 1m
              left{l="a"} 1 2
              left{l="b"} 3 _
              right{l="b"} 10 20
              right{l="c"} 30 40

            eval instant at 0m left + fill(5) right
              {l="a"} 6
              {l="b"} 13
              {l="c"} 35

            eval instant at 0m left + fill_left(5) right
              {l="b"} 13
              {l="c"} 35

            eval instant at 0m left + fill_right(-5) right
              {l="a"} -4
              {l="b"} 13

            eval instant at 0m left - fill_right(1) fill_left(100) right
              {l="a"} 0
              {l="b"} -7
              {l="c"} 70

            eval instant at 0m left + fill(5) nothing
              {l="a"} 6
              {l="b"} 8

            eval instant at 0m nothing + fill(5) nothing

            eval instant at 0m left > fill_right(2) right

            eval instant at 0m left < fill_right(2) right
              left{l="a"} 1
              left{l="b"} 3

            eval instant at 0m left == bool fill(3) right
              {l="a"} 0
              {l="b"} 0
              {l="c"} 0
            """
        )
    }

    @Test func fillsGroups() async throws {
        try await run(
            """
            load 1m
              many{g="x",n="1"} 1
              many{g="x",n="2"} 2
              many{g="y",n="1"} 3
              one{g="x",z="v"} 10
              one{g="w",z="u"} 20

            eval instant at 0m many * on(g) group_left(z) fill(7) one
              {g="x",n="1",z="v"} 10
              {g="x",n="2",z="v"} 20
              {g="y",n="1"} 21
              {g="w",z="u"} 140

            eval instant at 0m many * on(g) group_left fill_right(0) one
              {g="x",n="1"} 10
              {g="x",n="2"} 20
              {g="y",n="1"} 0

            eval instant at 0m many + on(g) fill(1) many
              expect fail
            """
        )
    }

    // MARK: - info

    @Test func lendsLabels() async throws {
        try await run(
            """
            load 1m
              up{job="a",instance="1"} 1 1 1
              up{job="a",instance="2"} 0 0 0
              up{job="b",instance="1"} 2 2 2
              target_info{job="a",instance="1",version="v1",zone="z"} 1 1 stale
              target_info{job="a",instance="1",version="v2",zone="z"} _ _ 1
              build_info{job="a",instance="1",commit="c"} 1 1 1

            eval range from 0 to 2m step 1m info(up)
              up{job="a",instance="1",version="v1",zone="z"} 1 1 _
              up{job="a",instance="1",version="v2",zone="z"} _ _ 1
              up{job="a",instance="2"} 0 0 0
              up{job="b",instance="1"} 2 2 2

            eval instant at 0m info(up, {version=~".+"})
              up{job="a",instance="1",version="v1"} 1

            eval instant at 0m info(up, {version!~".+"})
              up{job="a",instance="1"} 1
              up{job="a",instance="2"} 0
              up{job="b",instance="1"} 2

            eval instant at 0m info(up, {__name__="build_info"})
              up{job="a",instance="1",commit="c"} 1
              up{job="a",instance="2"} 0
              up{job="b",instance="1"} 2

            eval instant at 0m info(up, {__name__!="build_info"})
              up{job="a",instance="1",version="v1",zone="z"} 1
              up{job="a",instance="2"} 0
              up{job="b",instance="1"} 2
            """
        )
        try await run(
            """
            load 1m
              up{job="a",instance="1"} 1
              target_info{job="a",instance="1",version="v1"} 1
              target_info{job="a",instance="1",version="v2"} 1
              other_info{job="a",instance="1",version="v3"} 1

            eval instant at 0m info(up)
              expect fail regex: found duplicate series for info metric: existing .* @ 0, new .* @ 0

            eval instant at 0m info(up, {__name__=~"(target|other)_info",version=~"v[13]"})
              expect fail msg: conflicting label: version
            """
        )
    }

    // MARK: - Start timestamps

    @Test func startsAreResets() async throws {
        try await run(
            """
            load 1m
              c_total@st _ _ -30s _
              c_total 10 20 25 30
              one_total@st _ _ -1m
              one_total _ _ 12

            eval instant at 3m increase(c_total[4m])
              {} 50

            eval instant at 2m irate(c_total[2m])
              {} 0.4166666666666667

            eval instant at 3m resets(c_total[4m])
              {} 1

            eval instant at 2m increase(one_total[4m])
              {} 12

            eval instant at 2m start_timestamp(c_total)
              {} 90

            eval instant at 3m start_timestamp(c_total)
              {} 0

            eval instant at 3m start_timestamp(sum(c_total))
            """
        )
        var features = QueryFeatures.all
        features.startTimestamps = false
        try await run(
            """
            load 1m
              c_total@st _ _ -30s _
              c_total 10 20 25 30

            eval instant at 3m resets(c_total[4m])
              {} 0

            eval instant at 3m start_timestamp(c_total)
            """,
            features: features
        )
    }

    @Test func overlappingStartsWarn() async throws {
        try await run(
            """
            load 1m
              c_total@st _ _ -30s -70s
              c_total 1 2 3 4

            eval instant at 3m rate(c_total[4m])
              expect warn msg: PromQL warning: sample has start time that overlaps with previous sample timestamp for metric "c_total" (1:6)
              {} 0.025
            """
        )
    }

    // MARK: - Names

    @Test func namesGoAtTheEnd() async throws {
        try await run(
            """
            load 1m
              a_total{k="1"} 0 60 120
              b_total{k="1"} 0 120 240

            eval instant at 2m label_replace(rate(a_total[3m]), "__name__", "rate_$1", "__name__", "(.+)")
              rate_a_total{k="1"} 0.6666666666666666

            eval instant at 2m sum by (__name__) (rate({__name__=~"._total"}[3m]))
              expect fail msg: vector cannot contain metrics with the same labelset

            eval instant at 2m sum by (__name__) ({__name__=~"._total"})
              a_total 120
              b_total 240

            eval instant at 2m topk(1, rate({__name__=~"._total"}[3m]))
              {k="1"} 1.3333333333333333

            eval range from 0 to 2m step 1m rate(a_total[1m1s]) or a_total
              a_total{k="1"} 0 0.9836065573770492 1

            eval range from 1m to 2m step 1m rate(a_total[1m1s]) or a_total
              {k="1"} 0.9836065573770492 1

            eval instant at 2m last_over_time(abs(a_total)[2m:])
              {k="1"} 120

            eval instant at 2m count_values by (__name__) ("v", -a_total)
              {v="-120"} 1
            """
        )
    }

    @Test func typeAndUnitGoWithTheName() async throws {
        try await run(
            """
            load 1m
              m_total{__type__="counter",__unit__="s",k="1"} 0 60 120

            eval instant at 2m rate(m_total[3m])
              {k="1"} 0.6666666666666666

            eval instant at 2m m_total * 2
              {k="1"} 240

            eval instant at 2m m_total > 2
              m_total{__type__="counter",__unit__="s",k="1"} 120

            eval instant at 2m sum without (k) (m_total)
              {__type__="counter",__unit__="s"} 120

            eval instant at 2m sum by (__type__) (m_total)
              {__type__="counter"} 120
            """
        )
    }

    // MARK: - Order

    @Test func naturalOrder() async throws {
        try await run(
            """
            load 1m
              x{n="a10"} 1
              x{n="a2"} 2
              x{n="b"} 3

            eval instant at 0m sort_by_label(x, "n")
              expect ordered
              x{n="a2"} 2
              x{n="a10"} 1
              x{n="b"} 3

            eval instant at 0m sort_by_label_desc(x, "n")
              expect ordered
              x{n="b"} 3
              x{n="a10"} 1
              x{n="a2"} 2
            """
        )
    }

    // MARK: - Flags

    @Test func flagsAreOff() async throws {
        for (query, words) in [
            ("info(a)", "1:1: parse error: function \"info\" is not enabled"),
            ("start()", "1:1: parse error: function \"start\" is not enabled"),
            ("a[1m] anchored", "1:1: parse error: anchored modifier is experimental and not enabled"),
            ("a smoothed", "1:1: parse error: smoothed modifier is experimental and not enabled"),
            ("a + fill(0) b", "1:1: parse error: binop fill modifiers are experimental and not enabled"),
            (
                "limitk(1, a)",
                "1:1: parse error: limitk() is experimental and must be enabled with --enable-feature=promql-experimental-functions"
            ),
        ] {
            #expect(throws: QueryError(.badData, words)) { try Parser.parse(query) }
            #expect(throws: Never.self, "\(query)") { try Parser.parse(query, features: .all) }
        }
        var features = QueryFeatures()
        for name in QueryFeatures.names {
            let isKnown = features.enable(name)
            #expect(isKnown, "\(name)")
        }
        #expect(features == .all)
        let isKnown = features.enable("exemplar-storage")
        #expect(!isKnown)
    }

    @Test(arguments: [
        "a[5m] @ 10.000 anchored", "a smoothed", "a + fill (-1.5) b",
        "a + on (x) group_left () fill_left (0) b",
        "a - fill_left (1) fill_right (+Inf) b", "info(a, {x=~\"y\"})", "limit_ratio by (z) (0.5, a)",
    ]) func printsBack(query: String) throws {
        let printed = try Parser.parse(query, features: .all).description
        #expect(try Parser.parse(printed, features: .all).description == printed)
        #expect(printed == query)
    }

    // MARK: - The runner itself

    @Test func failuresAreFound() async throws {
        let script = """
            load 1m
              a 1 2 3
              h {{count:1 sum:1 buckets:[1]}}

            eval instant at 1m a
              a 3

            eval instant at 1m a
              expect warn
              a 2

            eval instant at 1m a
              expect fail

            eval instant at 1m h
              h {{count:1 sum:1 buckets:[2]}}

            eval range from 0 to 2m step 1m a
              a 1 2

            eval instant at 1m a

            load 30s
              a 5
            """
        let report = await TestScriptRunner().run(try TestScript(parsing: script))
        #expect(report.passed == 0)
        #expect(report.failures.map(\.line) == [5, 8, 12, 15, 18, 21, 23])
        #expect(report.failures[0].expected == "[a 3]")
        #expect(report.failures[0].got == "[a 2]")
        #expect(report.failures.last?.got == "out of order sample: a at 0 ms")
        #expect(throws: TestScriptError.self) { try TestScript(parsing: "evaluate 1") }
        #expect(throws: TestScriptError.self) { try TestScript(parsing: "load 1m\n  a@st 1s\n") }
    }
}
