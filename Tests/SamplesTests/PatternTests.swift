// SPDX-License-Identifier: Apache-2.0
//
// Expected results are those of Go's regexp package: Expand, ReplaceAllString, and full match by ^(?s:…)$.

import Testing

@testable import Samples

@Suite struct PatternTests {
    @Test(arguments: [
        ("a.*", "abc", true), ("a", "ab", false), ("b", "ab", false), ("", "", true), ("", "a", false),
        ("a|b", "b", true), ("a|b", "ab", false), ("a.b", "a\nb", true), ("(?i)AB", "ab", true),
        (".", "é", true),
        ("[[:alpha:]]+", "abc", true), ("\\d+", "42", true), ("a{2,3}", "aa", true), ("(foo|bar)?", "", true),
        ("^a$", "a", true), ("ab\\z", "ab", true),
    ])
    func matchesTheWholeText(source: String, text: String, result: Bool) throws {
        #expect(try Pattern(source).matches(text) == result)
    }

    @Test func matchesAPart() throws {
        let pattern = try Pattern("b+")
        #expect(pattern.matchesPart(of: "abbc"))
        #expect(!pattern.matchesPart(of: "ac"))
        #expect(try Pattern("^a").matchesPart(of: "ab"))
        #expect(try !Pattern("^b").matchesPart(of: "ab"))
    }

    @Test(arguments: [
        ("(.*):(\\d+)", "host:80", "$1", "host"), ("(.*):(\\d+)", "host:80", "$2-$1", "80-host"),
        ("(.*):(\\d+)", "host:80", "${1}x", "hostx"), ("(.*):(\\d+)", "host:80", "$1x", ""),
        ("(.*):(\\d+)", "host:80", "$1_", ""), ("(.*):(\\d+)", "host:80", "$0", "host:80"),
        ("(?P<h>.*):(\\d+)", "host:80", "$h", "host"), ("(?P<h>.*):(\\d+)", "host:80", "${h}:", "host:"),
        ("(a)", "a", "$3", ""), ("(a)", "a", "$$1", "$1"), ("(a)", "a", "$", "$"), ("(a)", "a", "$-", "$-"),
        ("(a)", "a", "${", "${"), ("(a)", "a", "${}", "${}"), ("(a)", "a", "${1", "${1"),
        ("(a)", "a", "${1-}", "${1-}"),
        ("(a)", "a", "$01", ""), ("(a)", "a", "$1é", ""), ("(a)", "a", "$1-é", "a-é"),
        ("(a)|(b)", "b", "[$1][$2]", "[][b]"),
        ("(a)", "a", "$99999999999999999999", ""), ("(a)", "a", "x$", "x$"), ("(a)", "a", "$$$1", "$a"),
        ("(.*)", "", "$1", ""),
        ("(.)(.)", "é✓", "$2$1", "✓é"),
    ])
    func expandsAsGo(source: String, text: String, replacement: String, result: String) throws {
        #expect(try Pattern(source).expand(replacement, matching: text) == result)
    }

    @Test func doesNotExpandWithoutAMatch() throws {
        #expect(try Pattern("a").expand("$0", matching: "ab") == nil)
    }

    @Test(arguments: [
        ("a*", "baac", "x", "xbxcx"), ("b", "abcb", "x", "axcx"), ("", "ab", "-", "-a-b-"),
        ("(.)", "ab", "<$1>", "<a><b>"),
        ("x", "ab", "-", "ab"), ("", "é✓", "-", "-é-✓-"), ("a", "", "x", ""), ("", "", "x", "x"),
        ("^a", "aaa", "x", "xaa"),
        ("a$", "aaa", "x", "aax"), ("[a-c]*", "\u{65e5}bcbdc", "x", "x\u{65e5}xdx"),
        ("\\s+", "a  b c", " ", "a b c"),
        ("b*", "b", "x", "x"), ("a*?", "aa", "x", "xaxax"),
    ])
    func replacesAsGo(source: String, text: String, replacement: String, result: String) throws {
        #expect(try Pattern(source).replaceAll(in: text, with: replacement) == result)
    }

    @Test(arguments: ["(", "[", "a**", "(?=a)", "\\1", "a{1001}", "*", "\\p{Nope}"])
    func refuses(source: String) {
        let error = #expect(throws: PatternError.self) { try Pattern(source) }
        #expect(error?.source == source)
        #expect(error?.message.isEmpty == false)
    }

    /// Time linear in the text, where a backtracking matcher would need 2^n steps.
    @Test func hostileExpressionsFinish() throws {
        let text = String(repeating: "a", count: 100_000) + "b"
        #expect(try !Pattern("(a*)*c").matches(text))
        #expect(try Pattern("(a|aa)+b").matches(text))
        // Too large to compile within the bound.
        #expect(throws: PatternError.self) { try Pattern("((((a{100}){100}){100}){100})") }
    }

    @Test(arguments: [
        ("", 0), ("abc", 3), ("a{3}", 3), ("a{2,5}b", 6), ("x{4,}", 4), ("(ab){3}c", 7),
        ("((a{10}){10}){10}", 1000),
        ("[a-z{9}]{2}", 2), ("[]a]{3}", 3), ("[^]a]", 1), ("\\d{4}\\{7}", 7), ("a{b}", 3), ("(a", 1),
        ("a)b", 2), ("\\", 1),
        (String(repeating: "(.{1000})", count: 300), 200_001),
    ])
    func sizeWithRepetitionsWrittenOut(source: String, size: Int) {
        #expect(PatternSize.of(source) == size)
    }

    @Test func whatIsTooLargeIsNotCompiled() throws {
        let source = String(repeating: ".{1000}", count: 8000)
        do {
            _ = try Pattern(source)
            Issue.record("compiled")
        } catch {
            #expect(error.message == "pattern too large - compile failed")
        }
        // A list of names is none of these.
        let names = (0..<5000).map { "instance-\($0)" }.joined(separator: "|")
        #expect(try Pattern(names).matches("instance-4711"))
    }

    @Test func equalBySource() throws {
        #expect(try Pattern("a") == Pattern("a"))
        #expect(try Pattern("a") != Pattern("b"))
        #expect(try Set([Pattern("a"), Pattern("a")]).count == 1)
    }
}

@Suite struct LabelMatcherTests {
    private let up = Labels([(name: "__name__", value: "up"), (name: "job", value: "node")])

    @Test(arguments: [
        ("job", LabelMatcher.Operation.equal, "node", true), ("job", .equal, "", false),
        ("gone", .equal, "", true),
        ("job", .notEqual, "x", true), ("gone", .notEqual, "", false), ("gone", .notEqual, "x", true),
        ("job", .matches, "no.*", true), ("job", .matches, "no", false), ("gone", .matches, ".*", true),
        ("gone", .matches, ".+", false), ("job", .notMatches, "no", true), ("job", .notMatches, ".*", false),
        ("gone", .notMatches, ".+", true), ("gone", .matches, "a|", true),
    ])
    func asksOneLabel(name: String, operation: LabelMatcher.Operation, value: String, result: Bool) throws {
        let matcher = try LabelMatcher(name, operation, value)
        #expect(matcher.matches(up) == result)
        if name == "gone" { #expect(matcher.matchesEmpty == result) }
    }

    @Test func prints() throws {
        #expect(try LabelMatcher("a", .notMatches, "x\"y").description == "a!~\"x\\\"y\"")
        #expect(LabelMatcher("a", equals: "b").description == "a=\"b\"")
        #expect(throws: PatternError.self) { try LabelMatcher("a", .matches, "(") }
    }
}
