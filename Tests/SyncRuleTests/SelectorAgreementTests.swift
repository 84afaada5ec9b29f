// SPDX-License-Identifier: Apache-2.0
//
// The configuration's reader of selectors beside the query language's parser, which it cannot use: the same matchers, or
// both refuse. The texts are those of Prometheus' test scripts and of random cuts.

import Foundation
import Samples
import Testing

@testable import Config
@testable import PromQL

@Suite struct SelectorAgreementTests {
    /// What the language makes of a text that is nothing but a selector.
    private func expected(_ text: String) -> Set<LabelMatcher>? {
        guard let expression = try? Parser.parse(text), case .selector(let selector) = expression.root,
            selector.modifiers.offset == 0, selector.modifiers.at == nil, selector.edges == nil,
            // Where the language drops a modifier of no effect, the text still is no bare selector.
            Lexer.tokens(of: expression.source).allSatisfy({
                $0.kind == .end || $0.range.start < selector.range.end
            })
        else { return nil }
        return Set(selector.matchers)
    }

    private func compare(_ text: String) -> Bool {
        let mine = SeriesSelector(text).map { Set($0.matchers) }
        let theirs = expected(text)
        if mine != theirs {
            Issue.record(
                "\(text.debugDescription): \(String(describing: mine)), not \(String(describing: theirs))"
            )
        }
        return mine != nil
    }

    @Test(arguments: [
        "up", " up ", "a:b:c", ":a", "up{}", "{}", #"{a="b"}"#, #"{a=""}"#, #"{a=~".*"}"#, #"{a!=""}"#,
        #"up{a="b",}"#, #"up{,}"#, #"up{a="b",,}"#, #"up{a="b" c="d"}"#, #"up{a='b"', c=`\d`}"#, #"{"up"}"#,
        #"{"a b", "c.d"="e"}"#, #"{"a", "b"}"#, #"up{"up"}"#, #"up{__name__="x"}"#, #"{__name__="x"}"#,
        #"{__name__="x", __name__="y"}"#, #"up{__name__!="x"}"#, "sum", "sum{}", "and", "or", "unless",
        "atan2",
        "on", "On{}", "ignoring", "bool", "group_left", "group_right", "offset", "by", "without", "start",
        "end",
        "step", "range", "min_of", "anchored", "smoothed", "fill", "fill_left", "inf", "NaN", "Infinity",
        #"{on="x"}"#, #"{inf="x", sum="y"}"#, "up offset 5m", "up[5m]", "up @ 5", "up{a=\"b\"}[5m]", "(up)",
        "-up",
        "up + up", "up{a=b}", "up{a}", "up{\"a\"}", #"up{a=="b"}"#, #"up{a!"b"}"#, #"up{a=~"("}"#,
        #"up{1a="b"}"#,
        #"up{a:b="c"}"#, "1up", "a-b", "é", #"{"é"="ü"}"#, "up # comment", "up # x\n{a=\"b\"}", "# x\nup", "",
        " ", "{", "}", "up{", "up}", "up{{a=\"b\"}}", #"up{a="b"#, "up{a=\"b\nc\"}", "up{a=`b\nc\r`}",
        #"up{a="\a\b\f\n\r\t\v\\\""}"#, #"up{a='\''}"#, #"up{a="\'"}"#, #"up{a="\101\x41\u0041\U00000041"}"#,
        #"up{a="\400"}"#, #"up{a="\8"}"#, #"up{a="\xg1"}"#, #"up{a="\ud800"}"#, #"up{a="\U00110000"}"#,
        #"up{a="\xff"}"#, #"up{a="\"}"#, "up{a=\"\u{fffd}\"}", "up{a=\"b\"} or up", "up{a=\"b\" or c=\"d\"}",
        "sum(up)", "up()", "start()", "\u{feff}up", "up\u{a0}", "up\t\r\n", #"{a="b"}{c="d"}"#, #"a{b="c"}d"#,
        #"{""="x"}"#, #"{""}"#, "up{a=\"b\"}\u{0}", #"up{a="b", "c"}"#, #"{"x"=~"y"}"#,
        #"{a =~ "b" , c !~ 'd'}"#,
        #"{a= ~"b"}"#, #"{a! ="b"}"#,
    ])
    func written(text: String) {
        _ = compare(text)
    }

    @Test func prometheusOwn() throws {
        let corpus = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "shared/conformance/promqltest")
        guard
            let files = try? FileManager.default.contentsOfDirectory(
                at: corpus,
                includingPropertiesForKeys: nil
            )
        else {
            print("SKIPPED: no promqltest corpus at ../shared/conformance/promqltest")
            return
        }
        var found: Set<String> = []
        for file in files where file.pathExtension == "test" {
            let script = try String(contentsOf: file, encoding: .utf8)
            for match in script.matches(of: #/[a-zA-Z_:][a-zA-Z0-9_:]*(?:\{[^{}\n]*\})?|\{[^{}\n]*\}/#) {
                found.insert(String(match.output))
            }
        }
        let taken = found.sorted().filter { compare($0) }
        #expect(taken.count > 500, "of \(found.count)")
    }

    @Test func randomCuts() {
        let pieces = [
            "up", "sum", "{", "}", "{", "}", ",", "=", "!=", "=~", "!~", "\"", "'", "`", "a", "\"b\"", "'c'",
            "`d`",
            " ", "\n", "#", "\\", "\\n", "\\x4", "1", ":", "é", "__name__", "or", "offset", "[", "a=\"b\"",
            "\"x\"",
            "=\"y\"", "=~\"z|w\"", ".", "-", "(", ")", "\\u00e9", "\r",
        ]
        var random = Generator.seeded()
        var taken = 0
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 1...9, using: &random))
                .map { _ in pieces[Int.random(in: pieces.indices, using: &random)] }.joined()
            if compare(text) { taken += 1 }
        }
        #expect(taken > 500)
    }
}

/// Repeatable numbers.
struct Generator: RandomNumberGenerator {
    private var state: UInt64

    /// A world of its own; its seed is printed, and `EDGEWATCH_SEED` repeats one.
    static func seeded() -> Generator {
        let given = ProcessInfo.processInfo.environment["EDGEWATCH_SEED"].flatMap { UInt64($0) }
        let seed = given ?? UInt64.random(in: 0..<1_000_000)
        print("seed \(seed)")
        return Generator(seed)
    }

    private init(_ seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
