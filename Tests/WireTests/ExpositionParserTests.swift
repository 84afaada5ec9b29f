// SPDX-License-Identifier: Apache-2.0

import Foundation
import Samples
import Testing
import Wire

private struct Parsed: Equatable, CustomStringConvertible {
    var labels: String
    var value: UInt64
    var timestamp: Int64?

    init(_ labels: String, _ value: Double, _ timestamp: Int64? = nil) {
        self.labels = labels
        self.value = value.bitPattern
        self.timestamp = timestamp
    }

    var description: String { "\(labels) \(Double(bitPattern: value)) \(timestamp.map(String.init) ?? "")" }
}

private func parse(_ text: String) throws -> [Parsed] {
    var parser = ExpositionParser(Array(text.utf8))
    var result: [Parsed] = []
    while let sample = try parser.next() {
        result.append(Parsed(try parser.labels(of: sample).description, sample.value, sample.timestamp))
    }
    return result
}

private func failure(_ text: String) -> ExpositionError? {
    do {
        _ = try parse(text)
        return nil
    } catch { return error as? ExpositionError }
}

@Test func linesAreRead() throws {
    let text = #"""
        # HELP go_gc_duration_seconds A summary of the GC invocation durations.
        # TYPE go_gc_duration_seconds summary
        go_gc_duration_seconds{quantile="0"} 4.9351e-05
        go_gc_duration_seconds{quantile="0.25",} 7.424100000000001e-05
        go_gc_duration_seconds{quantile="0.5",a="b"} 8.3835e-05
        # A comment, and a line of blanks:
          	
        # TYPE h histogram
        h_bucket{le="1"} 1
        h_bucket { le = "+Inf" , x="y" } 17	1500
        nolabels+x 1
        """#.replacingOccurrences(of: "nolabels+x", with: "no_labels:x")
    #expect(
        try parse(text) == [
            Parsed(#"go_gc_duration_seconds{quantile="0.0"}"#, 4.9351e-05),
            Parsed(#"go_gc_duration_seconds{quantile="0.25"}"#, 7.424100000000001e-05),
            Parsed(#"go_gc_duration_seconds{a="b", quantile="0.5"}"#, 8.3835e-05),
            Parsed(#"h_bucket{le="1.0"}"#, 1),
            Parsed(#"h_bucket{le="+Inf", x="y"}"#, 17, 1500),
            Parsed("no_labels:x", 1),
        ]
    )
}

@Test func helpIsUTF8() throws {
    var parser = ExpositionParser(Array("# HELP a é".utf8) + [0x0a] + Array("a 1\n".utf8))
    #expect(try parser.next()?.value == 1)
    parser = ExpositionParser(Array("a 1\n# HELP b x".utf8) + [0xff, 0x0a] + Array("b 1\n".utf8))
    #expect(try parser.next()?.value == 1)
    let error = #expect(throws: ExpositionError.self) { _ = try parser.next() }
    #expect(error?.description.contains("the help text is not valid UTF-8") == true)
}

@Test func valuesTimesAndEscapes() throws {
    let text = #"""
        a{path="C:\\DIR\\",error="Cannot find file:\n\"FILE.TXT\"",odd="\d{}"} 1.458255915e9
        b -0
        c +Inf 0
        d -Inf -3982045
        e nan 9223372036854775807
        f{}1
        g{x=""} 0x10
        """#.replacingOccurrences(of: "0x10", with: "1e3")
    let labels = #"a{error="Cannot find file:\n\"FILE.TXT\"", odd="\\d{}", path="C:\\DIR\\"}"#
    #expect(
        try parse(text) == [
            Parsed(labels, 1.458255915e9), Parsed("b", -0.0), Parsed("c", .infinity, 0),
            Parsed("d", -.infinity, -3_982_045), Parsed("e", PromNumber.normalNaN, .max), Parsed("f", 1),
            Parsed("g", 1000),
        ]
    )
}

@Test func quotedNamesAreRead() throws {
    let text = """
        # HELP "my.metric" Dots.
        # TYPE "my.metric" counter
        {"my.metric","a.b"="c",d="e"} 1
        { "spaced name" } 2
        plain{"ä"="ö"} 3

        """
    #expect(
        try parse(text) == [
            Parsed(#"{"my.metric", "a.b"="c", d="e"}"#, 1), Parsed(#"{"spaced name"}"#, 2),
            Parsed(#"plain{"ä"="ö"}"#, 3),
        ]
    )
    var parser = ExpositionParser(Array(text.utf8))
    while try parser.next() != nil {}
    #expect(parser.metadata() == [MetricMetadata(family: "my.metric", kind: .counter, help: "Dots.")])
}

@Test func metadataIsGathered() throws {
    let text = """
        # HELP a_total All \\\\ the\\nthings "quoted".
        # TYPE a_total counter
        # UNIT a_total things
        #HELP glued is metadata too
        # TYPE b untyped
        # HELP c
        # HELPLESS d text
        # TYPE e gauge

        """
    var parser = ExpositionParser(Array(text.utf8))
    #expect(try parser.next() == nil)
    #expect(
        parser.metadata() == [
            MetricMetadata(
                family: "a_total",
                kind: .counter,
                help: "All \\ the\nthings \"quoted\".",
                unit: "things"
            ),
            MetricMetadata(family: "b", kind: .unknown, help: ""),
            MetricMetadata(family: "c", kind: .unknown, help: ""),
            MetricMetadata(family: "e", kind: .gauge, help: ""),
        ]
    )
    let many = (0..<70_000).map { "# HELP m\($0) x\n" }.joined()
    var bounded = ExpositionParser(Array(many.utf8))
    #expect(try bounded.next() == nil)
    #expect(bounded.metadata().count == 65_536)
    var silent = ExpositionParser(Array(text.utf8), collectingMetadata: false)
    #expect(try silent.next() == nil)
    #expect(silent.metadata().isEmpty)
}

@Test(arguments: [
    ("ok 1\n<html>\n", 2, "expected a value, got the end of the line"),
    ("a{b=\"c\" 1\n", 1, "the labels have no closing brace"),
    ("a{b=\"c} 1\n", 1, "the labels have no closing brace"),
    ("\n\na\n", 3, "expected a value, got the end of the line"),
    ("a x1\n", 1, "expected a value, got \"x1\""),
    ("a 1_000\n", 1, "expected a value, got \"1_000\""),
    ("a 0x1p-2\n", 1, "expected a value, got \"0x1p-2\""),
    ("a 1 x\n", 1, "expected a timestamp in milliseconds, got \"x\""),
    ("a 1 1.5\n", 1, "expected a timestamp in milliseconds, got \"1.5\""),
    ("a 1 9223372036854775808\n", 1, "expected a timestamp in milliseconds, got \"9223372036854775808\""),
    ("a 1 1 1\n", 1, "unexpected \"1\" after the timestamp"),
    ("a{b=\"c\",b=\"d\"} 1\n", 1, "label name \"b\" is not unique"),
    ("a{__name__=\"d\"} 1\n", 1, "label name \"__name__\" is not unique"),
    ("{b=\"c\"} 1\n", 1, "the metric has no name"),
    ("{} 1\n", 1, "the metric has no name"),
    ("{\"\"} 1\n", 1, "the metric has no name"),
    ("a{\"b\"} 1\n", 1, "the metric has two names"),
    ("a{b=c} 1\n", 1, "the value of label \"b\" is not in quotes"),
    ("a{b} 1\n", 1, "expected = after label name \"b\""),
    ("a{1b=\"c\"} 1\n", 1, "expected a name of letters, digits and underscores"),
    ("a{b=\"c\"d=\"e\"} 1\n", 1, "expected a comma or a closing brace after a label"),
    ("a{,} 1\n", 1, "expected a name of letters, digits and underscores"),
    ("1a 1\n", 1, "expected a name of letters, digits and underscores"),
    ("a-b 1\n", 1, "unexpected text after the metric's name"),
    ("a 1\r\n", 1, "expected a timestamp in milliseconds, got \"\\r\""),
    ("a 1.8e308\n", 1, "expected a value, got \"1.8e308\""),
    ("# TYPE a counter\n# TYPE b countre\n", 2, "invalid metric type \"countre\""),
    (" 5\n", 1, "expected a value, got the end of the line"),
])
func malformedLinesAreNamed(_ text: String, _ line: Int, _ reason: String) {
    #expect(failure(text)?.description == "line \(line): \(reason)")
}

@Test func invalidUTF8IsRefused() {
    let bytes = Array("a{b=\"".utf8) + [0xff] + Array("\"} 1\n".utf8)
    var parser = ExpositionParser(bytes)
    #expect(throws: ExpositionError.self) {
        while let sample = try parser.next() { _ = try parser.pairs(of: sample) }
    }
}

@Test(arguments: [
    ("1", "1.0"), ("0", "0.0"), ("5e-3", "0.005"), ("0.00001", "1e-05"), ("1000000", "1e+06"),
    ("123456", "123456.0"),
    ("1234567", "1.234567e+06"), ("-1", "-1.0"), ("+Inf", "+Inf"), ("1e100", "1e+100"), ("2.5", "2.5"),
    ("0.0001", "0.0001"), ("100000", "100000.0"), ("what", "what"),
])
func bucketBoundsAreCanonical(_ written: String, _ canonical: String) throws {
    let text = "# TYPE h histogram\nh_bucket{le=\"\(written)\"} 1\n"
    #expect(try parse(text) == [Parsed("h_bucket{le=\"\(canonical)\"}", 1)])
    #expect(try parse("# TYPE h gauge\nh{le=\"1\"} 1\n") == [Parsed("h{le=\"1\"}", 1)])
}

/// The standard library's correctly rounded conversion is the oracle.
@Test func numbersAreExact() throws {
    var random = SeededSource(seed: 7)
    var texts = [
        "9007199254740993", "9007199254740992", "123456789012345", "1234567890123456", "0.1", "1e22", "1e23",
        "1e-22", "1e-23", "4.9e-324", "1.7976931348623157e308", "2.2250738585072011e-308",
        "00000000000000000001",
        "0.000000000000000000000000000001", "1.", ".5", "-.5e1", "+3", "999999999999999e22",
        "999999999999999e-22",
        "8.41e+21", "1E5", "1e+05", "1e005",
    ]
    for _ in 0..<20_000 {
        let value = Double(bitPattern: random.next())
        if value.isFinite { texts.append(value.description) }
        let digits = Int.random(in: 1...20, using: &random)
        var text = random.next() & 1 == 0 ? "-" : ""
        for place in 0..<digits {
            text += String(Int.random(in: 0...9, using: &random))
            if place == digits / 2, random.next() & 1 == 0 { text += "." }
        }
        if random.next() & 1 == 0 { text += "e\(Int.random(in: -30...30, using: &random))" }
        texts.append(text)
    }
    for text in texts {
        var parser = ExpositionParser(Array("a \(text)\n".utf8))
        let expected = try #require(Double(text), "\(text)")
        #expect(try parser.next()?.value.bitPattern == expected.bitPattern, "\(text)")
    }
}

private struct SeededSource: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}

@Test func damagedExpositionsNeverTrap() {
    let seeds = [
        "# TYPE h histogram\nh_bucket{le=\"1\",a=\"\\\"\"} 1.5e3 1500\n{\"x\",b=\"c\"} NaN\n# HELP a b\n",
        "# UNIT \"q r\" s\n{\"q r\",\"a.b\"=\"c\\\\\"} -0.000001 -5\nx{a=\"b\",}1\n",
    ].map { Array($0.utf8) }
    let alphabet = Array("{}\"\\=,#\n \t_aeE.+-0123456789NI:".utf8) + [0, 0xc3, 0xff]
    var random = SeededSource(seed: 11)
    for round in 0..<40_000 {
        var damaged = seeds[round % seeds.count]
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            let place = Int.random(in: 0..<max(1, damaged.count), using: &random)
            switch random.next() % 3 {
            case 0 where place < damaged.count:
                damaged[place] = alphabet[Int(random.next() % UInt64(alphabet.count))]
            case 1 where place < damaged.count: damaged.remove(at: place)
            default:
                damaged.insert(
                    alphabet[Int(random.next() % UInt64(alphabet.count))],
                    at: min(place, damaged.count)
                )
            }
        }
        var parser = ExpositionParser(damaged)
        while let sample = try? parser.next() { _ = try? parser.labels(of: sample) }
        _ = parser.metadata()
    }
}

/// Minutes of a real node_exporter, checked against counts of the text itself.
@Test func aRealCaptureIsReadWhole() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    let path = root.appending(path: "../shared/data/node-exporter-1s.prom.zst").path
    guard FileManager.default.fileExists(atPath: path) else {
        print("SKIPPED aRealCaptureIsReadWhole: no \(path)")
        return
    }
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["zstd", "-dc", "--long=27", path]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    // The first minutes are enough for a debug build.
    let whole = pipe.fileHandleForReading.readDataToEndOfFile().prefix(20_000_000)
    let bytes = Array(whole[..<(whole.lastIndex(of: UInt8(ascii: "\n")) ?? 0)])
    let lines = bytes.split(separator: UInt8(ascii: "\n"))
    let expected = lines.count { $0.first != UInt8(ascii: "#") }
    var parser = ExpositionParser(bytes, collectingMetadata: false)
    var count = 0
    while let sample = try parser.next() {
        count += 1
        if count < 600 { _ = try parser.labels(of: sample) }
    }
    #expect(count == expected)
    #expect(count > 150_000)
}
