// SPDX-License-Identifier: Apache-2.0
//
// OpenMetrics as scrapes have it, against the behaviour of Prometheus' parser.

import Samples
import Testing
import Wire

/// Everything a line says, as text.
private func parse(_ bytes: [UInt8], readingStarts: Bool = false) throws -> [String] {
    var parser = OpenMetricsScrapeParser(bytes, readingStarts: readingStarts)
    var result: [String] = []
    while let sample = try parser.next() {
        var line = "\(Labels(try parser.pairs(of: sample))) \(PromNumber.format(sample.value))"
        if let time = sample.timestamp { line += " @\(time)" }
        if let start = sample.start { line += " since \(start)" }
        for exemplar in try parser.exemplars(of: sample) {
            line += " # \(exemplar.labels) \(PromNumber.format(exemplar.value))"
            if let time = exemplar.timestamp { line += " @\(time)" }
        }
        result.append(line)
    }
    return result
}

private func parse(_ text: String, readingStarts: Bool = false) throws -> [String] {
    try parse(Array(text.utf8), readingStarts: readingStarts)
}

private func failure(_ text: String) -> String? {
    do {
        _ = try parse(text)
        return nil
    } catch { return (error as? ExpositionError)?.reason }
}

@Test func openMetricsLinesAreRead() throws {
    let text = #"""
        # HELP queue Jobs with a \"quote\" and \\ and\na break.
        # TYPE queue summary
        # UNIT queue 
        queue{quantile="0"} 4.9351e-05
        queue{quantile="0.50",a="b"} 1
        queue_count 99 1.005
        # TYPE heat_celsius histogram
        # UNIT heat_celsius celsius
        heat_celsius_bucket{le="1"} 1 1520879607.789 # {id="a",x="y"} 0.5 1520879607.788
        heat_celsius_bucket{le="+Inf"} 2 # {} 3
        heat_celsius_created 1520430000.5
        # TYPE level gaugehistogram
        level_bucket{le="1"} 7
        # TYPE other unknown
        _under:score{_a="\"x\\\n\""} NaN -1.5
        {"a.b","c d"="e",} +Inf
        {f="g","with \"quotes\""} -0.0
        # EOF
        """#
    #expect(
        try parse(text) == [
            #"queue{quantile="0.0"} 0.000049351"#,
            #"queue{a="b", quantile="0.5"} 1"#,
            // Seconds times a thousand, cut off: the product is 1004.9999999999999.
            "queue_count 99 @1004",
            #"heat_celsius_bucket{le="1.0"} 1 @1520879607789 # {id="a", x="y"} 0.5 @1520879607788"#,
            #"heat_celsius_bucket{le="+Inf"} 2 # {} 3"#,
            "heat_celsius_created 1520430000.5",
            #"level_bucket{le="1"} 7"#,
            #"_under:score{_a="\"x\\\n\""} NaN @-1500"#,
            #"{"a.b", "c d"="e"} +Inf"#,
            #"{"with \"quotes\"", f="g"} -0"#,
        ]
    )
    var parser = OpenMetricsScrapeParser(Array(text.utf8))
    while try parser.next() != nil {}
    #expect(try parser.next() == nil, "nothing after the end")
    #expect(
        parser.metadata() == [
            MetricMetadata(
                family: "queue",
                kind: .summary,
                help: "Jobs with a \"quote\" and \\ and\na break."
            ),
            MetricMetadata(family: "heat_celsius", kind: .histogram, help: "", unit: "celsius"),
            MetricMetadata(family: "level", kind: .gaugehistogram, help: ""),
            MetricMetadata(family: "other", kind: .unknown, help: ""),
        ]
    )
}

/// What python's prometheus_client 0.22 wrote for one metric of each kind.
@Test func aClientLibrarysOutputIsRead() throws {
    let text = #"""
        # HELP jobs Jobs with a \"quote\" and \\ and\nbreak
        # TYPE jobs counter
        jobs_total{a="x\"y\\z\n"} 3.0 # {trace_id="abc"} 3.0 1784692000.1234567
        jobs_created{a="x\"y\\z\n"} 1.7846920001e+09
        # HELP lat_seconds Latency
        # TYPE lat_seconds histogram
        lat_seconds_bucket{le="0.1"} 1.0 # {trace_id="t1"} 0.05 1784692000.5
        lat_seconds_bucket{le="+Inf"} 2.0
        lat_seconds_count 2.0
        lat_seconds_sum 2.05
        # HELP build Build
        # TYPE build info
        build_info{version="1.2"} 1.0
        # HELP state State
        # TYPE state stateset
        state{state="on"} 0.0
        # HELP temp_celsius T
        # TYPE temp_celsius gauge
        # UNIT temp_celsius celsius
        temp_celsius -1.5
        # EOF

        """#
    #expect(
        try parse(text) == [
            #"jobs_total{a="x\"y\\z\n"} 3 # {trace_id="abc"} 3 @1784692000123"#,
            #"jobs_created{a="x\"y\\z\n"} 1784692000.1"#,
            #"lat_seconds_bucket{le="0.1"} 1 # {trace_id="t1"} 0.05 @1784692000500"#,
            #"lat_seconds_bucket{le="+Inf"} 2"#,
            "lat_seconds_count 2",
            "lat_seconds_sum 2.05",
            #"build_info{version="1.2"} 1"#,
            #"state{state="on"} 0"#,
            "temp_celsius -1.5",
        ]
    )
}

@Test func createdLinesAreStartsWhereAsked() throws {
    let text = """
        # TYPE foo counter
        foo_total 17 # {id="a"} 5
        foo_created 1520872607.123
        foo_total{a="b"} 18
        foo_created{a="b"} 1520872608.5
        foo_total{le="c"} 19
        # TYPE bar summary
        bar_count 17
        bar{quantile="0.9"} 1
        bar_created 2
        bar_sum 4
        bar_count{x="y"} 1
        # TYPE baz histogram
        baz_created 3
        baz_count 1
        baz_bucket{le="1"} 1
        baz_bucket{le="+Inf"} 1
        # TYPE fizz_created gauge
        fizz_created 17
        # TYPE "a.b" counter
        {"a.b_total"} 1
        {"a.b_created"} 9
        # EOF
        """
    #expect(
        try parse(text, readingStarts: true) == [
            #"foo_total 17 since 1520872607123 # {id="a"} 5"#,
            #"foo_total{a="b"} 18 since 1520872608500"#,
            #"foo_total{le="c"} 19"#,
            "bar_count 17 since 2000",
            #"bar{quantile="0.9"} 1 since 2000"#,
            "bar_sum 4 since 2000",
            #"bar_count{x="y"} 1"#,
            // Before its samples a line is not found: Prometheus looks ahead only, too.
            "baz_count 1",
            #"baz_bucket{le="1.0"} 1"#,
            #"baz_bucket{le="+Inf"} 1"#,
            "fizz_created 17",
            #"{"a.b_total"} 1 since 9000"#,
        ]
    )
    #expect(try parse(text).contains("foo_created 1520872607.123"), "a sample unless asked")
}

@Test(arguments: [
    ("", "data does not end with # EOF"),
    ("a 1\n", "data does not end with # EOF"),
    ("a 1", "data does not end with # EOF"),
    ("a 1 # {b=\"c\"} 4", "data does not end with # EOF"),
    ("a 1\n# EOF\n\n", "unexpected data after # EOF"),
    ("# EOF\na 1\n", "unexpected data after # EOF"),
    ("# EOF\n# EOF\n", "unexpected data after # EOF"),
    ("# EOFa", "unexpected data after # EOF"),
    ("\n# EOF\n", "expected a metric name"),
    (" a 1\n# EOF\n", "expected a metric name"),
    ("a\n# EOF\n", "expected a value after one blank"),
    ("a\t1\n# EOF\n", "expected a value after one blank"),
    ("a  1\n# EOF\n", "expected a value after one blank"),
    ("a 1 \n# EOF\n", "expected a timestamp in seconds"),
    ("a 1\t2\n# EOF\n", "unexpected text at the end of the line"),
    ("a 1 1z\n# EOF\n", "expected a timestamp in seconds"),
    ("a 1 2 3\n# EOF\n", "unexpected text at the end of the line"),
    ("a 1 2 \n# EOF\n", "unexpected text at the end of the line"),
    ("a 1 NaN\n# EOF\n", "invalid timestamp NaN"),
    ("a 1 -Inf\n# EOF\n", "invalid timestamp -Inf"),
    ("a 1 1e300\n# EOF\n", "invalid timestamp 1e+300"),
    ("a true\n# EOF\n", "expected a value after one blank"),
    ("a 1_2\n# EOF\n", "expected a value after one blank"),
    ("a 0x1p-3\n# EOF\n", "expected a value after one blank"),
    ("a{b=\"c\" 1\n# EOF\n", "the labels have no closing brace"),
    ("a{b=\"c\", d=\"e\"} 1\n# EOF\n", "expected a name of letters, digits and underscores"),
    ("a{,b=\"c\"} 1\n# EOF\n", "expected a name of letters, digits and underscores"),
    ("a{b=\"c\"d=\"e\"} 1\n# EOF\n", "expected a comma or a closing brace after a label"),
    ("a{b='c'} 1\n# EOF\n", "the value of label \"b\" is not in quotes"),
    ("a{=\"\"} 1\n# EOF\n", "expected a name of letters, digits and underscores"),
    ("a{b=\"c\",b=\"d\"} 1\n# EOF\n", "label name \"b\" is not unique"),
    ("{b=\"c\"} 1\n# EOF\n", "the metric has no name"),
    ("9 1\n# EOF\n", "expected a name of letters, digits and underscores"),
    ("#EOF\n", "expected one blank after #"),
    ("#  TYPE c counter\n# EOF\n", "expected HELP, TYPE, UNIT or EOF after #"),
    ("# A comment\n# EOF\n", "expected HELP, TYPE, UNIT or EOF after #"),
    ("# TYPE\tc counter\n# EOF\n", "expected HELP, TYPE, UNIT or EOF after #"),
    ("# TYPE u untyped\n# EOF\n", "invalid metric type \"untyped\""),
    ("# TYPE c counter \n# EOF\n", "invalid metric type \"counter \""),
    ("# TYPE c  counter\n# EOF\n", "invalid metric type \" counter\""),
    ("# TYPE \n# EOF\n", "expected the name of a family, a blank and a text"),
    ("# HELP m\n# EOF\n", "expected the name of a family, a blank and a text"),
    ("# TYPE c counter", "data does not end with # EOF"),
    ("# UNIT m suffix\n# EOF\n", "unit \"suffix\" not a suffix of metric \"m\""),
    ("# UNIT msuffix suffix\n# EOF\n", "unit \"suffix\" not a suffix of metric \"msuffix\""),
    ("a 1 # {b=c} 1\n# EOF\n", "the value of label \"b\" is not in quotes"),
    ("a 1 # {b=\"c\"}\n# EOF\n", "expected a value after the exemplar's labels"),
    ("a 1 # {\"b\"} 1\n# EOF\n", "an exemplar has no name"),
    ("a 1 # {b=\"c\"} 1 NaN\n# EOF\n", "invalid timestamp NaN"),
    ("a 1 # {b=\"c\"} 1 2 3\n# EOF\n", "unexpected text at the end of the line"),
    ("a 1 #\n# EOF\n", "expected a timestamp in seconds"),
])
func wrongOpenMetricsIsRefused(text: String, reason: String) {
    #expect(failure(text) == reason)
}

@Test func whatIsNotUTF8IsRefused() {
    for text in ["a{b=\"\u{1}\"} 1\n# EOF\n", "# HELP a \u{1}\n# EOF\n"] {
        let bytes = text.utf8.map { $0 == 1 ? UInt8(0xff) : $0 }
        #expect(throws: ExpositionError.self) { try parse(bytes) }
    }
}

@Test func noBytesTrapTheOpenMetricsParser() {
    var random = SystemRandomNumberGenerator()
    let seeds = [
        "# TYPE a counter\na_total{b=\"c\"} 1 2.5 # {d=\"e\"} 3 4\na_created{b=\"c\"} 1\n# EOF\n",
        "# HELP \"x y\" text\n# UNIT m_s s\n{\"x y\",q=\"\\\"\"} -Inf\n# EOF",
    ].map { Array($0.utf8) }
    let alphabet = Array("#{}\"\\ =,\n_aE1.e+-NI\u{0}".utf8) + [0xff, 0xc3]
    for round in 0..<20_000 {
        var bytes = seeds[round % seeds.count]
        for _ in 0..<Int.random(in: 1...5, using: &random) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            switch random.next() % 3 {
            case 0: bytes[place] = alphabet[Int(random.next() % UInt64(alphabet.count))]
            case 1: bytes.removeSubrange(place...)
            default: bytes.insert(alphabet[Int(random.next() % UInt64(alphabet.count))], at: place)
            }
        }
        _ = try? parse(bytes, readingStarts: round % 3 == 0)
    }
}

@Test func classicHistogramsAreConverted() throws {
    let text = """
        # TYPE h histogram
        h_bucket{le="1",a="x"} 1 # {id="1"} 0.5 7
        h_bucket{le="2.5",a="x"} 3 # {id="2"} 2
        h_bucket{le="+Inf",a="x"} 4
        h_count{a="x"} 4
        h_sum{a="x"} 10.5
        h_bucket{le="1",a="y"} 0.5
        h_count{a="y"} 1.5
        h_created{a="y"} 3
        h_bucket{le="1",a="z"} 5
        h_bucket{le="2",a="z"} 4
        # TYPE g gauge
        g_count 3
        # TYPE k histogram
        k_count 2
        k_sum 1
        # EOF
        """
    for keepsClassic in [false, true] {
        var parser = CustomBucketsParser(
            OpenMetricsScrapeParser(Array(text.utf8)),
            keepingClassic: keepsClassic
        )
        var lines: [String] = []
        var keys: Set<[UInt8]> = []
        while let sample = try parser.next() {
            let labels = Labels(try parser.pairs(of: sample))
            keys.insert(Array(parser.key(of: sample)[sample.series]))
            guard sample.isHistogram else {
                lines.append("\(labels) \(PromNumber.format(sample.value))")
                continue
            }
            let histogram = try parser.histogram(of: sample)
            let counts = histogram.positive.map {
                "\($0.index):\(PromNumber.format(histogram.count(of: $0.rawCount)))"
            }
            let exemplars = try parser.exemplars(of: sample).map { "\($0.labels) @\($0.timestamp ?? 0)" }
            lines.append(
                "\(labels) \(histogram.schema) \(histogram.customBounds) \(counts) "
                    + "\(PromNumber.format(histogram.count)) \(PromNumber.format(histogram.sum)) \(exemplars)"
            )
        }
        let converted = lines.filter { $0.contains(" -53 ") }
        #expect(
            converted == [
                #"h{a="x"} -53 [1.0, 2.5] ["0:1", "1:2", "2:1"] 4 10.5 ["{id=\"1\"} @7000"]"#,
                #"h{a="y"} -53 [1.0] ["0:0.5", "1:1"] 1.5 0 []"#,
                #"k -53 [] ["0:2"] 2 1 []"#,
            ]
        )
        let classic = lines.filter { !$0.contains(" -53 ") }
        // Counts that fall are no histogram; the lines are gone all the same, unless they are kept.
        #expect(
            classic
                == (keepsClassic
                    ? [
                        #"h_bucket{a="x", le="1.0"} 1"#, #"h_bucket{a="x", le="2.5"} 3"#,
                        #"h_bucket{a="x", le="+Inf"} 4"#, #"h_count{a="x"} 4"#, #"h_sum{a="x"} 10.5"#,
                        #"h_bucket{a="y", le="1.0"} 0.5"#, #"h_count{a="y"} 1.5"#, #"h_created{a="y"} 3"#,
                        #"h_bucket{a="z", le="1.0"} 5"#, #"h_bucket{a="z", le="2.0"} 4"#, "g_count 3",
                        "k_count 2", "k_sum 1",
                    ] : [#"h_created{a="y"} 3"#, "g_count 3"])
        )
        #expect(keys.count == lines.count, "each series has a key of its own")
    }
}
