// SPDX-License-Identifier: Apache-2.0
//
// The runner of test scripts itself: what it refuses, what it compares, and how it says what differs.

import Testing

@testable import PromQL

@Suite struct TestScriptTests {
    private func report(_ script: String) async throws -> TestScriptRunner.Report {
        await TestScriptRunner().run(try TestScript(parsing: script))
    }

    private func passes(_ script: String) async throws {
        let report = try await report(script)
        #expect(report.failures.map { "\($0.line): expected \($0.expected) got \($0.got)" } == [])
        #expect(report.passed > 0)
    }

    private func failure(_ script: String) async throws -> String {
        let report = try await report(script)
        return report.failures.map { "expected \($0.expected) got \($0.got)" }.joined(separator: "\n")
    }

    private func refusal(_ script: String) -> String? {
        do throws(TestScriptError) {
            _ = try TestScript(parsing: script)
            return nil
        } catch {
            return error.description
        }
    }

    // MARK: - Runs again

    @Test func startAndEndArePinned() async throws {
        try await passes(
            """
            load 10s
              metric 0+1x100

            eval instant at 60s metric @ end()
              metric 6

            eval instant at 60s metric @ start() + on () metric
              {} 12

            eval instant at 60s count_over_time(metric[30s:10s] @ end())
              {} 3
            """
        )
        let expression = try Parser.parse("a @ end() + b @ 5 + sum_over_time((c @ start() + time())[1m:1s])")
        #expect(
            expression.pinned(at: 60_000)
                == "a @ 60.000 + b @ 5.000 + sum_over_time((c @ start() + time())[1m:1s] @ 60.000)"
        )
        #expect(try Parser.parse("a + time()").pinned(at: 0) == nil)
    }

    // MARK: - Refusals

    @Test(arguments: [
        (
            "expect warn\nexpect no_warn",
            "line 3: invalid expect lines, warn and no_warn cannot be used together"
        ),
        (
            "expect no_info\nexpect info",
            "line 3: invalid expect lines, info and no_info cannot be used together"
        ),
        (
            "expect fail\nexpect fail msg: x",
            "line 3: invalid expect lines, multiple expect fail lines are not allowed"
        ),
        ("expect regex: (", nil), ("expect warn regex: (", "line 2: invalid regex ( for warn"),
        ("expect warn about", nil), ("expect fail msg:", nil), ("expect 5", nil), ("expect", nil),
        ("expected_fail_message x", "line 2: invalid repetition \"\""),
        ("expect string", nil), ("expect string 'ab'", nil), ("expect string \"a", nil),
        ("expect string \"a\" b", nil),
        ("expect range vector from 1m to 0 step 1m", nil), ("expect range vector at 1m", nil),
        ("{a=\"b\"}", "line 2: expecting a value of {a=\"b\"}"),
        ("{}1", "line 2: unexpected \"1\" behind {}"),
        ("{} NaNx2", nil), ("{} 1x+2", nil), ("{} 0x1f", nil),
    ])
    func contradictionsAreRefused(lines: String, message: String?) {
        let refusal = refusal("eval instant at 1m vector(1)\n\(lines)\n")
        #expect(refusal != nil)
        if let message { #expect(refusal == message) }
    }

    @Test func severalPointsOfAnInstantAreRefused() {
        let words = "line 2: expecting multiple values in instant evaluation not allowed. consider using "
        let rest = "'expect range vector' directive to enable a range vector result for an instant query"
        #expect(refusal("eval instant at 1m vector(1)\n{} 1 2\n") == words + rest)
        #expect(
            refusal("eval instant at 1m x[1m]\nexpect range vector from 0 to 1m step 1m\n{} 1 2\n") == nil
        )
    }

    @Test(arguments: [
        "EVAL instant at 1m 1", "eval_x instant at 1m 1", "eval instant for 1m 1", "eval instant at 1m",
        "eval range from 0 until 1m step 1m 1", "eval range from 1m to 0 step 1m 1",
        "eval_ordered range from 0 to 1m step 1m 1", "LOAD 1m", "loads 1m", "load 1m 2m",
        "load 1m\n  a@st _x0\n  a 1",
        "load 1m\n  a@st 1m30s\n  a 1",
    ])
    func commandsAreExact(script: String) {
        #expect(refusal(script + "\n") != nil)
    }

    @Test func bucketsOfConvertedHistogramsHaveBounds() {
        #expect(
            refusal("load_with_nhcb 1m\n  h_bucket{a=\"b\"} 1\n")
                == "line 2: expected bucket label in metric h_bucket{a=\"b\"}"
        )
        #expect(refusal("load 1m\n  h_bucket{a=\"b\"} 1\n") == nil)
    }

    @Test func whatIsRightPasses() async throws {
        try await passes(
            """
            eval_fail instant at 1m label_replace(vector(1), "a-b\\xff", "", "", "")
              expected_fail_regexp invalid.*

            eval_fail instant at 1m quantile_over_time(0, vector(1)[1m:]) + on () (vector(1) or label_replace(vector(2), "a", "b", "", ""))
              expected_fail_message

            eval instant at 1m vector(1)
              expect no_warn
              expect no_info
              {} 2
              {} 1

            eval instant at 1m "a\\n"
              expect string "a\\n"

            eval instant at 1m 0x1f
              31
            """
        )
        // Lines may end as on Windows.
        try await passes("eval instant at 1m vector(1)\r\n  {} 1\r\n\r\neval instant at 1m 1\r\n  1\r\n")
    }

    @Test func startsMayBeGivenForAll() async throws {
        try await passes(
            """
            load 1m
              @st -30s *
              a 0 10 20
              b@st _x2 -60s
              b 0 10 20

            eval instant at 1m start_timestamp(a)
              {} 30

            eval instant at 2m start_timestamp(a)
              {} 90

            eval instant at 2m start_timestamp(b)
              {} 60
            """
        )
    }

    // MARK: - Comparing

    @Test func rangesAreNoScalarsAndHaveNoOrder() async throws {
        #expect(
            try await failure("eval range from 0 to 1m step 1m 1\n  1\n")
                == "expected scalar 1 got [{} 1 @0ms 1 @60000ms]"
        )
        #expect(
            try await failure("eval range from 0 to 1m step 1m 1\n  expect ordered\n  {} 1 1\n")
                == "expected [{} 1 @0ms 1 @60000ms] in this order got [{} 1 @0ms 1 @60000ms]"
        )
        // A position behind the last step, and a series that is not there.
        #expect(try await failure("eval range from 0 to 1m step 1m 1\n  {} 1 1 _\n") != "")
        #expect(
            try await failure("eval range from 0 to 1m step 1m vector(1) > 2\n  {} _ _\n")
                == "expected [{} no points] got []"
        )
    }

    @Test func wantedAnnotationsDoNotExcuseOthers() async throws {
        let script = "load 1m\n  a 1 2\n  b 1 2\n\neval_info instant at 1m rate(a[2m]) + rate(b[2m])\n"
        let words = "expect info regex: name does not end in .*: \"a\""
        #expect(try await report(script + "  {} \(2.0 / 60)\n").passed == 1)
        #expect(try await report(script + "  {} \(2.0 / 60)\n  \(words)\n").passed == 0)
        #expect(
            try await report(script + "  {} \(2.0 / 60)\n  \(words)\n  expect info regex: \"b\"\n").passed
                == 1
        )
        #expect(
            try await failure("eval_warn instant at 0 vector(1)\n  {} 1\n")
                == "expected warnings: any got no warnings"
        )
    }

    // MARK: - Words

    @Test func differencesCanBeSeen() async throws {
        #expect(
            try await failure("eval instant at 1m 1\n  expect fail\n") == "expected error: any got scalar 1"
        )
        #expect(
            try await failure("eval instant at 1m vector(1)\n  expect fail msg: no\n")
                == "expected error: no got [{} 1]"
        )
        #expect(try await failure("eval instant at 1m \"a\"\n  1\n") == "expected scalar 1 got string \"a\"")
        let load = "load 1m\n  h {{count:2 sum:3 z_bucket:1 buckets:[1]}}\n\n"
        let difference = try await failure(
            "\(load)eval instant at 0 h / 2\n  {} {{count:1 sum:1.5 buckets:[0.5]}}\n"
        )
        #expect(
            difference == "expected [{} {{count:1 sum:1.5 buckets:[0.5]}}] "
                + "got [{} {{count:1 sum:1.5 z_bucket:0.5 buckets:[0.5]}}]"
        )
        #expect(
            try await failure("\(load)eval instant at 0 h\n  expect ordered\n  {} stale\n")
                == "expected [{} stale] in this order got [h {{count:2 sum:3 z_bucket:1 buckets:[1]}}]"
        )
    }
}
