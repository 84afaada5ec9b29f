// SPDX-License-Identifier: Apache-2.0
//
// What is told of expressions without running them, against RE2 itself.

import Platform
import Testing

@testable import Samples

@Suite struct PatternShapeTests {
    @Test(arguments: [
        ("", [""]), ("a", ["a"]), ("a|b|c", ["a", "b", "c"]), ("a|a|", ["a", ""]),
        ("(?:x|y)z(1|2)", ["xz1", "xz2", "yz1", "yz2"]), ("node\\.cpu", ["node.cpu"]),
        ("^a$|^b$", ["a", "b"]),
        ("eth[0-2a-]", ["eth0", "eth1", "eth2", "etha", "eth-"]), ("[.]", ["."]),
        ("grün|日本", ["grün", "日本"]),
        ("((a))", ["a"]), ("[]a]", ["]", "a"]),
    ])
    func listed(source: String, texts: [String]) throws {
        #expect(try Pattern(source).texts == texts)
    }

    @Test(arguments: [
        "a.", "a*", "a+b", "a?", "(?i)a", "(?i:a)", "a{2}", "\\d", "[^a]", "[[:alpha:]]", "\\Qa|b\\E", ".*",
        "a.*",
        "[a-z]", "(?P<n>a)", "(a|b)*", "a(^b)", "\\x41", "\\pL", "[\\d]", "grü*n",
    ])
    func notListed(source: String) throws {
        #expect(try Pattern(source).texts == nil)
    }

    @Test func beginnings() {
        func branches(_ source: String) -> [String]? {
            PatternShape(source)?.branches.map { "\(String(decoding: $0.text, as: UTF8.self)) \($0.tail)" }
        }
        #expect(branches("node_.*") == ["node_ anything"])
        #expect(branches("node_.+|up") == ["node_ something", "up nothing"])
        #expect(branches("node_(cpu|disk)_.*total") == ["node_cpu_ expression", "node_disk_ expression"])
        #expect(branches("eth.*|lo") == ["eth anything", "lo nothing"])
        #expect(branches("ab*c") == ["a expression"])
        #expect(branches("é*") == [" expression"])
        #expect(branches(".+") == [" something"])
        #expect(branches("(a.*|b)c") == ["a expression", "bc nothing"])
        #expect(branches("(?i)a") == nil)
        #expect(branches((0...256).map { "m\($0)" }.joined(separator: "|")) == nil)
        #expect(branches(String(repeating: "(a|b)", count: 9)) == nil)
        #expect(branches(String(repeating: "(", count: 40) + String(repeating: ")", count: 40)) == nil)
    }

    @Test func sayWhatRE2Says() throws {
        let alphabet = Array("ab.*+|()[]^$\\-").map { String($0) }
        var patterns = [""]
        var level = [""]
        for _ in 0..<4 {
            level = level.flatMap { begin in alphabet.map { begin + $0 } }
            patterns += level
        }
        var random = SeededGenerator(seed: 11)
        let more =
            alphabet + [
                "?", "{2}", "{", "}", "é", "(?:", "\\d", "\\.", "[a-", "(a|", ".*", ".+", "\\b", "\\z",
            ]
        for _ in 0..<30_000 {
            let length = Int.random(in: 4...9, using: &random)
            patterns.append(
                (0..<length).map { _ in more[Int.random(in: 0..<more.count, using: &random)] }.joined()
            )
        }
        var texts = [""]
        level = [""]
        for _ in 0..<3 {
            level = level.flatMap { begin in ["a", "b", "-", "."].map { begin + $0 } }
            texts += level
        }
        texts += ["é", "aé", "éa", "\n", "a\n", "ab\nb", "]", "[", "a|b", "1"]
        var known = 0
        for source in patterns {
            guard let shape = PatternShape(source), let pattern = try? Pattern(source) else { continue }
            known += 1
            let listed = shape.texts
            for text in texts {
                var text = text
                let (expected, found) = text.withUTF8 { (pattern.runs($0), pattern.matches($0)) }
                if expected != found { Issue.record("\(source) and \(text.debugDescription): \(found)") }
                if let listed, listed.contains(text) != expected {
                    Issue.record("\(source) lists \(listed), not as RE2 \(text.debugDescription)")
                }
            }
        }
        #expect(known > 5000)
    }
}
