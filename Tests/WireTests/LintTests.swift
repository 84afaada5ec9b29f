// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Wire

struct LintTests {
    private func problems(_ text: String) throws(ExpositionError) -> [String] {
        MetricLint.problems(of: try LintReader.families(of: Array(text.utf8))).map {
            "\($0.metric) \($0.text)"
        }
    }

    @Test func nothingToSay() throws {
        #expect(try problems("") == [])
        #expect(try problems("# HELP a_total A.\n# TYPE a_total counter\na_total{b=\"c\"} 1 5\n") == [])
    }

    @Test func findingsAreSorted() throws {
        #expect(
            try problems("# TYPE b_ms counter\nb_ms{aB=\"c\"} 1\na 1\n") == [
                "a no help text",
                "b_ms counter metrics should have \"_total\" suffix",
                "b_ms label names should be written in 'snake_case' not 'camelCase'",
                "b_ms metric names should not contain abbreviated units",
                "b_ms no help text",
            ]
        )
    }

    @Test func seriesAreCounted() throws {
        let text = """
            # TYPE h histogram
            h_bucket{a="b",le="1"} 1
            h_bucket{a="b",le="+Inf"} 2
            h_sum{a="b"} 1
            h_count{a="b"} 2
            h_bucket{a="c",le="1"} 1
            # TYPE s summary
            s{quantile="0.5"} 1
            s_sum 2
            g{x="y"} 1
            g{x="z"} 1

            """
        let families = try LintReader.families(of: Array(text.utf8))
        #expect(families.map(\.name) == ["g", "h", "s"])
        #expect(families.map(\.cardinality) == [2, 8, 3])
    }

    @Test(arguments: [
        ("x 1", 1, "unexpected end of input stream"),
        ("\n\nx y\n", 3, #"expected float as value, got "y""#),
        ("x{a=\"b\n\"} 1\n", 1, #"label value "b" contains unescaped new-line"#),
        ("x{a=\"b\",a=\"c\"} 1\n", 1, #"duplicate label names for metric "x""#),
        ("{} 1\n", 1, "invalid metric name"),
        ("{\"a\"", 1, "unexpected end of input stream"),
        ("{\"a\"}", 1, "unexpected end of input stream"),
        ("x{", 1, "unexpected end of input stream"),
        ("x{a=\"\\", 1, "unexpected end of input stream"),
        ("#", 1, "unexpected end of input stream"),
        ("# TYPE x", 1, "unexpected end of input stream"),
    ])
    func refuses(text: String, line: Int, reason: String) {
        #expect(throws: ExpositionError(line: line, reason: reason)) { try problems(text) }
    }

    /// Whatever is cut off or changed, reading ends with families or an error.
    @Test func anyBytesAreRead() {
        let good = Array(
            "# HELP \"a\" \\\\b\n# TYPE h histogram\nh_bucket{le=\"1\",c=\"\\n\"} 1 2\n{\"a\"} 1\n".utf8
        )
        for place in good.indices {
            _ = try? LintReader.families(of: Array(good[..<place]))
            for byte in UInt8.min...UInt8.max {
                var changed = good
                changed[place] = byte
                _ = try? LintReader.families(of: changed)
            }
        }
    }
}
