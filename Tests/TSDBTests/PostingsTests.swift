// SPDX-License-Identifier: Apache-2.0
//
// Matchers over the index against matchers over the labels of every series.

import Platform
import Samples
import Testing

@testable import TSDB

struct PostingsTests {
    @Test func matchersSelectWhatSatisfiesThem() throws {
        var random = SeededGenerator(seed: 4)
        var index = SeriesIndex()
        var all: [(reference: SeriesReference, labels: Labels)] = []
        for number in 0..<400 {
            var pairs = [
                ("__name__", ["up", "node_cpu", "node_disk", "m\(number % 50)"][number % 4]),
                ("n", "\(number)"),
            ]
            if number % 3 > 0 { pairs.append(("job", ["a", "b", "e\u{301}", "\u{e9}"][number % 4])) }
            let labels = Labels(pairs)
            all.append((index.retain(labels), labels))
        }
        let values = [
            "", "a", "a|b", "a|b|", "e\u{301}", "\u{e9}", "up", "up|node_cpu", "node_.*", "node_.+|m1.",
            "m[0-9]", ".*",
            ".+", "no", "(?i)UP", "1|2|3", "4.", "^up$",
        ]
        let operations: [LabelMatcher.Operation] = [.equal, .notEqual, .matches, .notMatches]
        func check(_ matchers: [LabelMatcher]) {
            let expected = all.filter { entry in matchers.allSatisfy { $0.matches(entry.labels) } }
            #expect(index.select(matchers) == expected.map(\.reference).sorted(), "\(matchers)")
        }
        check([])
        for name in ["__name__", "job", "n", "none"] {
            for value in values {
                for operation in operations { check([try LabelMatcher(name, operation, value)]) }
            }
        }
        for _ in 0..<2000 {
            let count = Int.random(in: 2...4, using: &random)
            check(
                try (0..<count).map { _ in
                    try LabelMatcher(
                        ["__name__", "job", "n"][Int.random(in: 0..<3, using: &random)],
                        operations[Int.random(in: 0..<4, using: &random)],
                        values[Int.random(in: 0..<values.count, using: &random)]
                    )
                }
            )
        }
    }

    @Test func twoSpellingsOfALetterAreTwoValues() throws {
        let test = try TestStore()
        let group = try test.store.group(Labels([("job", "a")]))
        for (number, place) in ["caf\u{e9}", "cafe\u{301}"].enumerated() {
            let id = try test.store.series(Labels([("__name__", "m"), ("place", place)]), in: group)
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: 1000))
            batch.append(id, Double(number))
            #expect(try test.store.append(batch).appended == 1)
        }
        #expect(try test.store.all([LabelMatcher("place", equals: "caf\u{e9}")]).values == [0])
        #expect(try test.store.all([LabelMatcher("place", equals: "cafe\u{301}")]).values == [1])
        let found = try test.store.labelValues("place", [], from: .min, through: .max)
        #expect(found.map { $0.unicodeScalars.count } == [5, 4])
        try test.store.checkInvariants()
    }

    @Test func valuesStaySortedWhileSeriesComeAndGo() {
        var random = SeededGenerator(seed: 11)
        var index = SeriesIndex()
        var all: [(reference: SeriesReference, labels: Labels)] = []
        var forgotten: [SeriesReference] = []
        func check(_ name: String, _ isWanted: (SeriesReference) -> Bool) {
            index.order(name)
            let carried = all.filter { isWanted($0.reference) }.compactMap { $0.labels[name] }
            let expected = Set(carried.map { Array($0.utf8) }).sorted { $0.lexicographicallyPrecedes($1) }
            #expect(index.postings.values(of: name, where: isWanted).map { Array($0.utf8) } == expected)
        }
        for step in 0..<1500 {
            if all.isEmpty || Int.random(in: 0..<5, using: &random) > 1 {
                let labels = Labels([
                    ("__name__", ["a", "ab", "a\u{0}", "b", "\u{e9}", "e\u{301}", "z"][step % 7]),
                    ("n", "\(step)"), ("few", "\(Int.random(in: 0..<40, using: &random))"),
                ])
                all.append((index.retain(labels), labels))
            } else {
                let gone = all.remove(at: Int.random(in: 0..<all.count, using: &random))
                index.release(gone.reference, &forgotten)
            }
            guard step % 10 == 0 else { continue }
            for name in ["__name__", "few", "n", "none"] {
                check(name) { _ in true }
                check(name) { $0 % 3 == 1 }
            }
        }
    }

    @Test func fewSeriesAreCountedExactly() throws {
        var index = SeriesIndex()
        for number in 0..<600 {
            _ = index.retain(
                Labels([("__name__", "m\(number % 2)"), ("half", "\(number % 3)"), ("n", "\(number / 2)")])
            )
        }
        func matchers(_ pairs: [(String, String)]) throws -> [LabelMatcher] {
            try pairs.map { try LabelMatcher($0.0, .equal, $0.1) }
        }
        for pairs in [
            [("half", "1")], [("half", "1"), ("__name__", "m0")], [("n", "7")],
            [("n", "7"), ("__name__", "m1")],
            [("n", "7"), ("n", "8")], [("no", "7")], [("half", "2"), ("no", "1")],
        ] {
            let asked = try matchers(pairs)
            #expect(index.postings.fewSeries(asked) == index.select(asked).count, "\(pairs)")
        }
        #expect(index.postings.fewSeries(try matchers([("__name__", "m0")])) == nil)
        #expect(index.postings.fewSeries([]) == nil)
        #expect(index.postings.fewSeries([try LabelMatcher("n", .equal, "")]) == nil)
        #expect(index.postings.fewSeries([try LabelMatcher("n", .matches, "7")]) == nil)
        #expect(
            index.postings.fewSeries(try matchers([("n", "7")]) + [try LabelMatcher("half", .notEqual, "1")])
                == nil
        )
    }

    @Test func moreValuesThanAreKeptSortedAreSorted() {
        var index = SeriesIndex()
        for number in 0..<5000 {
            _ = index.retain(
                Labels([("many", "\(number)"), ("half", "\(number % 3000)"), ("other", "\(number % 2000)")])
            )
        }
        for name in ["many", "half", "other", "half", "many"] {
            index.order(name)
            let found = index.postings.values(of: name) { _ in true }
            #expect(found.count == ["many": 5000, "half": 3000, "other": 2000][name])
            #expect(found == found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
        }
    }
}
