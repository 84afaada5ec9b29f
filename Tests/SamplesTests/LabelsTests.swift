// SPDX-License-Identifier: Apache-2.0

import Platform
import Samples
import Testing

private func labels(_ pairs: KeyValuePairs<String, String>) -> Labels {
    Labels(pairs.map { (name: $0.key, value: $0.value) })
}

@Suite struct LabelsTests {
    @Test func encodesSortedPairs() {
        let set = labels(["b": "2", "a": "1", "__name__": "up"])
        let expected: [UInt8] =
            [8] + Array("__name__".utf8) + [2] + Array("up".utf8) + [1, 97, 1, 49, 1, 98, 1, 50]
        #expect(set.bytes == expected)
        #expect(set.count == 3)
        #expect(set.metricName == "up")
        #expect(set["a"] == "1")
        #expect(set["c"] == nil)
        #expect(set.pairs.map(\.name) == ["__name__", "a", "b"])
        #expect(Labels(encoded: expected) == set)
        #expect(Labels().bytes == [])
        #expect(Labels(encoded: []) == Labels())
    }

    @Test func emptyNamesAndValuesAreNothingAndTheLastWins() {
        #expect(labels(["a": "", "": "x", "b": "1", "b": "2"]) == labels(["b": "2"]))
        #expect(labels(["b": "1", "": "x", "a": "1", "b": "2", "a": ""]) == labels(["b": "2"]))
    }

    /// Every list of four pairs of two names and three values is the set made by setting them one by one.
    @Test func pairsInAnyOrderAreSetOneByOne() {
        let choices = ["", "a", "b"].flatMap { name in ["", "1", "2"].map { (name: name, value: $0) } }
        for number in 0..<6561 {
            let pairs = [1, 9, 81, 729].map { choices[number / $0 % 9] }
            var builder = LabelsBuilder()
            for (name, value) in pairs { builder.set(name, value) }
            #expect(Labels(pairs) == builder.labels())
        }
    }

    @Test func manyPairsInTheWrongOrderAreSorted() {
        let pairs = (0..<100_000).reversed().map { (name: "n\(100_000 + $0)", value: "v") }
        let set = Labels(pairs)
        #expect(set.count == 100_000)
        #expect(Labels(encoded: set.bytes) == set)
    }

    @Test func longValuesHaveLongLengths() {
        for length in [127, 128, 16_383, 16_384, 100_000] {
            let set = labels(["a": String(repeating: "x", count: length), "b": "1"])
            #expect(set["a"]?.utf8.count == length)
            #expect(set["b"] == "1")
            #expect(Labels(encoded: set.bytes) == set)
        }
    }

    /// Two ways to write é are two names and two values, byte-wise, as in Prometheus.
    @Test func canonicallyEqualTextsDiffer() throws {
        let composed = "\u{e9}"
        let combined = "e\u{301}"
        let set = labels([composed: "1", combined: "2"])
        #expect(set.count == 2)
        #expect(set[composed] == "1")
        #expect(set[combined] == "2")
        #expect(set.dropping([composed]) == labels([combined: "2"]))
        #expect(set.keeping([composed]) == labels([composed: "1"]))
        #expect(!LabelMatcher("x", equals: composed).matches(combined))
        #expect(try LabelMatcher("x", .notEqual, composed).matches(combined))
        // The Ångström sign and A with ring above have equally many bytes, too.
        #expect(!LabelMatcher("x", equals: "\u{212b}").matches("A\u{30a}"))
        #expect(Labels(encoded: set.bytes) == set)
    }

    @Test(
        arguments: [
            [1], [1, 97], [1, 97, 1], [1, 97, 2, 98], [0, 1, 98], [1, 97, 0], [1, 98, 1, 49, 1, 97, 1, 49],
            [1, 97, 1, 49, 1, 97, 1, 50], [1, 0xff, 1, 49], [1, 97, 1, 0xff], [0x81, 0, 97, 1, 49],
            [1, 97, 0x81, 0, 49],
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 97],
            [0xff, 0xff, 0xff, 0xff, 0x7f, 97], [0x80],
            [1, 97, 2, 0xc3, 0x28], [1, 97, 3, 0xed, 0xa0, 0x80],
        ] as [[UInt8]]
    )
    func refusesHostileEncodings(bytes: [UInt8]) {
        #expect(Labels(encoded: bytes) == nil)
    }

    @Test func randomBytesNeverTrapAndWhatIsReadIsCanonical() {
        var random = SeededGenerator(seed: 11)
        var accepted = 0
        for _ in 0..<200_000 {
            let count = Int.random(in: 0..<10, using: &random)
            let bytes = (0..<count).map { _ in UInt8.random(in: 0..<4, using: &random) }
            guard let set = Labels(encoded: bytes) else { continue }
            accepted += 1
            #expect(Labels(set.pairs) == set)
        }
        #expect(accepted > 1000)
    }

    @Test func orderIsPrometheusOrder() {
        let sorted = [
            Labels(), labels(["a": "1"]), labels(["a": "1", "b": "1"]), labels(["a": "1", "c": "0"]),
            labels(["a": "10"]), labels(["a": "2"]), labels(["aa": "0"]), labels(["b": "0"]),
            labels(["é": "0"]),
        ]
        for (left, first) in sorted.enumerated() {
            for (right, second) in sorted.enumerated() {
                #expect((first < second) == (left < right), "\(first) \(second)")
            }
        }
        #expect(sorted.shuffled().sorted() == sorted)
    }

    @Test func builderChangesSets() {
        var builder = LabelsBuilder(labels(["a": "1", "b": "2"]))
        builder.set("c", "3")
        builder.set("a", "9")
        builder.set("", "x")
        builder.remove("b")
        builder.remove("none")
        #expect(builder["a"] == "9")
        #expect(builder["b"] == nil)
        #expect(builder.labels() == labels(["a": "9", "c": "3"]))
        #expect(labels(["a": "1"]).setting("a", "") == Labels())
    }

    @Test(
        arguments: [
            (["__name__": "up", "job": "a b", "z": "\"\\\n"], "up{job=\"a b\", z=\"\\\"\\\\\\n\"}"),
            (["__name__": "up"], "up"), ([:], "{}"), (["a": "1"], "{a=\"1\"}"),
            (["__name__": "my.metric", "a.b": "1"], "{\"my.metric\", \"a.b\"=\"1\"}"),
            (["__name__": "a b"], "{\"a b\"}"),
        ] as [(KeyValuePairs<String, String>, String)]
    )
    func prints(pairs: KeyValuePairs<String, String>, text: String) {
        #expect(labels(pairs).description == text)
    }

    /// Expected: Go's strconv.Quote.
    @Test(arguments: [
        ("a", "\"a\""), ("\t\r\u{7}\u{8}\u{b}\u{c}", "\"\\t\\r\\a\\b\\v\\f\""),
        ("\u{1}\u{7f}", "\"\\x01\\x7f\""),
        ("\u{200b}\u{a0}", "\"\\u200b\\u00a0\""), ("é✓😀", "\"é✓😀\""),
        ("\u{e000}\u{10ffff}", "\"\\ue000\\U0010ffff\""),
    ])
    func quotesAsGo(text: String, quoted: String) {
        #expect(Labels.quoted(text) == quoted)
    }

    @Test func names() {
        for name in ["a", "_", "a1", "A_9"] { #expect(Labels.isLegacyLabelName(name)) }
        for name in ["", "1a", "a-b", "a:b", "é", "a "] { #expect(!Labels.isLegacyLabelName(name)) }
        for name in ["a:b", ":a", "node_cpu"] { #expect(Labels.isLegacyMetricName(name)) }
        for name in ["", "1", "a.b"] { #expect(!Labels.isLegacyMetricName(name)) }
    }
}
