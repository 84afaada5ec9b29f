// SPDX-License-Identifier: Apache-2.0
//
// Which rule ships a series, and what a series is.

import Config
import Samples
import Testing

@testable import Sync

@Suite struct RuleSetTests {
    private func labels(_ name: String, _ pairs: (String, String)...) -> Labels {
        Labels(pairs.map { (name: $0.0, value: $0.1) } + [(name: "__name__", value: name)])
    }

    private func entry(_ selectors: String..., also: Bool = false) throws -> RuleSet.Entry {
        RuleSet.Entry(selector: try selectors.map { try SyncSelector(parsing: $0).matchers }, also: also)
    }

    @Test func firstMatchWins() throws {
        let rules = RuleSet([
            try entry("alerts"), try entry("metrics{importance='high'}", also: true),
            try entry("up", "{job='plc'}"), try entry("metrics"),
        ])
        let series: [(Labels, RuleSet.Rules)] = [
            (labels("ALERTS", ("importance", "high")), RuleSet.Rules(rule: 0)),
            (labels("ALERTS_FOR_STATE"), RuleSet.Rules(rule: 0)),
            (labels("temp", ("importance", "high")), [RuleSet.Rules(rule: 1), RuleSet.Rules(rule: 3)]),
            (labels("up", ("importance", "high")), [RuleSet.Rules(rule: 1), RuleSet.Rules(rule: 2)]),
            (labels("up"), RuleSet.Rules(rule: 2)), (labels("rpm", ("job", "plc")), RuleSet.Rules(rule: 2)),
            (labels("rpm"), RuleSet.Rules(rule: 3)),
        ]
        for round in 0..<2 {
            for (labels, expected) in series {
                #expect(rules.rules(for: labels) == expected, "\(round) \(labels)")
                for index in 0..<4 {
                    #expect(rules.has(index, labels) == expected.contains(RuleSet.Rules(rule: index)))
                }
            }
            #expect(rules.count == series.count)
            #expect((0..<4).map(rules.seriesCount) == [2, 2, 3, 2])
        }
        let none = RuleSet([try entry("nothing")])
        #expect(none.rules(for: labels("up")) == [])
        // What a destination without rules has.
        #expect(RuleSet([RuleSet.Entry()]).has(0, labels("up")))
    }

    /// However rules overlap, a series has one way to a destination, and more only where a rule says so.
    @Test func noSampleGoesTwice() throws {
        var random = Generator.seeded()
        let words = ["a", "b", "c", "d"]
        let operations = ["=", "!=", "=~", "!~"]
        for _ in 0..<200 {
            let entries = try (0..<Int.random(in: 1...64, using: &random)).map { _ in
                let matchers = (0..<Int.random(in: 0...2, using: &random)).map { _ in
                    let value = (0..<2).map { _ in words.randomElement(using: &random) ?? "" }.joined(
                        separator: "|"
                    )
                    let operation = operations.randomElement(using: &random) ?? "="
                    return "\(words.randomElement(using: &random) ?? "a")\(operation)\"\(value)\""
                }
                return try entry(
                    "metrics{\(matchers.joined(separator: ","))}",
                    also: Int.random(in: 0..<4, using: &random) == 0
                )
            }
            let rules = RuleSet(entries)
            for _ in 0..<50 {
                let labels = Labels(
                    words.map { (name: $0, value: words.randomElement(using: &random) ?? "") }
                        + [(name: "__name__", value: "m")]
                )
                var expected: RuleSet.Rules = []
                for (index, entry) in entries.enumerated()
                where entry.selector[0].allSatisfy({ $0.matches(labels) }) {
                    expected.insert(RuleSet.Rules(rule: index))
                    if !entry.also { break }
                }
                #expect(rules.rules(for: labels) == expected)
                let final = entries.indices.count { rules.has($0, labels) && !entries[$0].also }
                #expect(final <= 1)
            }
        }
    }

    @Test func answersAreBounded() throws {
        let rules = RuleSet([try entry("metrics{i=~'.*7'}"), try entry("metrics")])
        var wrong = 0
        for index in 0..<(RuleSet.seriesLimit + 500) {
            let labels = Labels([(name: "__name__", value: "m"), (name: "i", value: "\(index)")])
            if rules.rules(for: labels) != RuleSet.Rules(rule: index % 10 == 7 ? 0 : 1) { wrong += 1 }
        }
        #expect(wrong == 0)
        #expect(rules.count == RuleSet.seriesLimit)
    }

    @Test(
        arguments: [
            ("requests_total", [:], SeriesKind.counter), ("requests_count", [:], .counter),
            ("requests_sum", [:], .counter), ("requests_bucket", [:], .counter), ("temp", [:], .gauge),
            ("_total", [:], .gauge), ("temp", ["temp": .counter], .counter), ("total", [:], .gauge),
            ("requests_total", ["requests": .counter], .counter),
            ("files_count", ["files_count": .gauge], .gauge),
            ("wait_sum", ["wait": .summary], .counter), ("wait", ["wait": .summary], .gauge),
            ("wait_bucket", ["wait": .histogram], .counter),
            ("wait_bucket", ["wait": .gaugehistogram], .gauge),
            ("jobs_total", ["jobs_total": .unknown], .counter),
            ("jobs_total", ["jobs_total": .gauge], .gauge),
            ("build_info", ["build_info": .info], .gauge),
        ] as [(String, [String: MetricMetadata.Kind], SeriesKind)]
    )
    func kinds(name: String, declared: [String: MetricMetadata.Kind], kind: SeriesKind) {
        #expect(SeriesKind.of(labels(name), declared: { declared[$0] }) == kind)
    }

    @Test func noName() {
        #expect(SeriesKind.of(Labels([(name: "a", value: "b")]), declared: { _ in .counter }) == .gauge)
    }
}
