// SPDX-License-Identifier: Apache-2.0

import Samples
import Testing

@testable import Wire

private func labels(_ pairs: KeyValuePairs<String, String>) -> Labels {
    Labels(pairs.map { (name: $0.key, value: $0.value) })
}

struct OpenMetricsParserTests {
    private func read(_ line: String) throws(OpenMetricsError) -> OpenMetricsSample? {
        var parser = OpenMetricsParser()
        return try parser.read(Array(line.utf8))
    }

    @Test func everyPartOfALine() throws {
        let sample = try #require(
            try read(
                #"d_bucket{le="0.5",job="a b"} 17 1795262400.25 # {trace_id="KOO5S4v"} 0.43 1795262399.5"#
            )
        )
        #expect(sample.labels == labels(["__name__": "d_bucket", "job": "a b", "le": "0.5"]))
        #expect(sample.value == 17)
        #expect(sample.timestamp == Timestamp(milliseconds: 1_795_262_400_250))
        #expect(
            sample.exemplar
                == Exemplar(
                    labels: labels(["trace_id": "KOO5S4v"]),
                    value: 0.43,
                    timestamp: Timestamp(milliseconds: 1_795_262_399_500)
                )
        )
    }

    @Test func anExemplarMayHaveNoTimeAndNoLabels() throws {
        let sample = try #require(try read("c_total 5 100 # {} 1e3"))
        #expect(
            sample.exemplar
                == Exemplar(labels: Labels(), value: 1000, timestamp: Timestamp(milliseconds: 100_000))
        )
    }

    @Test func quotedNamesAndNumbers() throws {
        let sample = try #require(try read(#"{"my.metric","a.b"="x\"\n"} +Inf -1.5"#))
        #expect(sample.labels == labels(["__name__": "my.metric", "a.b": "x\"\n"]))
        #expect(sample.value == .infinity)
        #expect(sample.timestamp == Timestamp(milliseconds: -1500))
        #expect(try read("x 1")?.timestamp == nil)
    }

    @Test(arguments: [
        ("x 1 1 2", 7, #"unexpected "2" at the end of the line"#),
        ("x 1 1 # {a=\"b\"} 1 1 1", 21, #"unexpected "1" at the end of the line"#),
        ("x{a= 1 2", 2, "the labels have no closing brace"),
        ("x{a=\"b\"} y", 10, #"expected a value, got "y""#),
        ("x 1 noon", 5, #"expected a time in seconds, got "noon""#),
        ("x 1 NaN", 5, #"expected a time in seconds, got "NaN""#),
        ("x 1 1e300", 5, #"expected a time in seconds, got "1e300""#),
        ("x 1 1 # 5", 9, #"expected the labels of an exemplar, got "5""#),
        ("x 1 # {a=\"b\"} 1", 16, "neither the exemplar nor its sample has a time"),
        ("x{a=\"b\",a=\"c\"} 1 1", 1, #"label name "a" is not unique"#),
        ("x", 2, "expected a value, got the end of the line"),
        ("# TYPE x colour", 10, #"invalid metric type "colour""#),
    ])
    func faultsAreToldWithTheirColumn(line: String, column: Int, reason: String) {
        #expect(throws: OpenMetricsError(column: column, reason: reason)) { try read(line) }
    }

    @Test func familiesAreDescribed() throws {
        var parser = OpenMetricsParser()
        for line in [
            "# TYPE t_seconds counter", "# UNIT t_seconds seconds", #"# HELP t_seconds a \"b\"\nc\\d"#,
            #"# HELP "my.metric" other"#, "# nothing", "t_seconds_total 1 1",
        ] {
            _ = try parser.read(Array(line.utf8))
        }
        #expect(
            Set(parser.metadata) == [
                MetricMetadata(family: "t_seconds", kind: .counter, help: "a \"b\"\nc\\d", unit: "seconds"),
                MetricMetadata(family: "my.metric", kind: .unknown, help: "other"),
            ]
        )
    }

    @Test func nothingComesAfterTheEnd() throws {
        var parser = OpenMetricsParser()
        _ = try parser.read(Array("x 1 1".utf8))
        #expect(!parser.hasEnded)
        _ = try parser.read(Array("# EOF".utf8))
        #expect(parser.hasEnded)
        #expect(throws: OpenMetricsError(column: 1, reason: "a line after # EOF")) { try parser.read([]) }
    }

    @Test func noBytesTrap() {
        let whole = Array(##"{"q\"","a"="b"} 1 2 # {x="y"} 3 4"##.utf8) + [0xff, 0]
        for start in whole.indices {
            for end in start...whole.count {
                var parser = OpenMetricsParser()
                _ = try? parser.read(Array(whole[start..<end]))
                _ = try? parser.read(Array("# HELP ".utf8) + whole[start..<end])
            }
        }
    }
}
