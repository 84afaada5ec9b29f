// SPDX-License-Identifier: Apache-2.0
//
// A source that knows what stretches of samples come to gives the same answers as one that hands out the samples.

import Samples
import Synchronization
import Testing

@testable import PromQL

@Suite struct JoinedTests {
    /// 600 samples of integers over 8, with what `change` puts among them.
    private func source(_ change: (Int) -> Double?) -> MemorySource {
        let source = MemorySource()
        for number in 0..<3 {
            let labels = Labels([(name: "__name__", value: "x"), (name: "n", value: String(number))])
            for place in 0..<600 {
                let value = change(place + number) ?? Double((place * 37 + number) % 501) / 8
                source.append(labels, Int64(place) * 15_000, value)
            }
        }
        return source
    }

    private func values(_ source: any SeriesSource, _ query: String) async throws -> [String: UInt64] {
        let engine = QueryEngine(source: source)
        let output = try await engine.instant(query, at: Timestamp(milliseconds: 8_800_000))
        guard case .vector(let found) = output.value else { return [:] }
        #expect(engine.heldSamples == 0)
        return Dictionary(uniqueKeysWithValues: found.map { ("\($0.labels)", $0.value.bitPattern) })
    }

    @Test(arguments: [
        "sum_over_time(x[2h])", "avg_over_time(x[2h])", "min_over_time(x[2h])", "max_over_time(x[2h])",
        "count_over_time(x[2h])", "sum(avg_over_time(x[1h] offset 10m))", "rate(x[2h])",
        "avg_over_time({n=~\".+\"}[100m])", "stddev_over_time(x[2h])", "sum_over_time(x[30m])",
    ])
    func answersAreTheSame(_ query: String) async throws {
        let oddities: [(Int) -> Double?] = [
            { _ in nil },
            { $0 % 100 == 7 ? StaleMarker.value : nil },
            { $0 == 300 ? .nan : nil },
            { $0 == 300 ? .infinity : nil },
            { $0 % 50 == 0 ? .greatestFiniteMagnitude : nil },
        ]
        for oddity in oddities {
            let plain = source(oddity)
            let joined = JoiningSource(source: plain)
            let expected = try await values(plain, query)
            #expect(!expected.isEmpty)
            #expect(try await values(joined, query) == expected)
        }
    }

    /// The store's selection traps when it is asked for a series it has not found.
    @Test func aSelectorThatFindsNothingIsAskedForNothing() async throws {
        let joining = JoiningSource(source: source { _ in nil })
        #expect(try await values(joining, "count_over_time(missing[2h])").isEmpty)
        #expect(try await values(joining, "sum(max_over_time(missing[2h]))").isEmpty)
    }

    @Test func onlyLongWindowsOfSomeFunctionsAsk() async throws {
        for (query, asked) in [
            ("sum_over_time(x[2h])", 3), ("rate(x[2h])", 0), ("sum_over_time(x[30m])", 0),
            ("max_over_time(x[1h])", 3), ("max_over_time(x[1h:1m])", 0),
        ] {
            let joining = JoiningSource(source: source { _ in nil })
            _ = try await values(joining, query)
            #expect(joining.asked.count.withLock { $0 } == asked)
        }
    }

    /// The samples count against the limit although they are not held.
    @Test func theLimitIsThatOfTheSamples() async throws {
        for source in [source { _ in nil }, JoiningSource(source: source { _ in nil })] as [any SeriesSource]
        {
            var options = QueryOptions()
            options.maxSamples = 400
            let engine = QueryEngine(source: source, options: options)
            await #expect(throws: Evaluator.tooManySamples) {
                try await engine.instant("sum_over_time(x[2h])", at: Timestamp(milliseconds: 8_800_000))
            }
        }
    }
}

/// Joins the samples of each quarter of an hour.
private struct JoiningSource: SelectingSource {
    final class Asked: Sendable {
        let count = Mutex(0)
    }

    struct Joining: SeriesSelection {
        let whole: any SeriesSelection
        let asked: Asked

        var count: Int { whole.count }
        func labels(_ index: Int) -> Labels { whole.labels(index) }
        func hasParts(_ index: Int) -> Bool {
            #expect(index < count, "a series that was not found")
            return whole.hasParts(index)
        }
        func read(
            _ index: Int,
            from: Timestamp,
            through: Timestamp,
            into columns: inout SampleColumns
        ) throws(SourceError) {
            try whole.read(index, from: from, through: through, into: &columns)
        }

        func readJoined(
            _ index: Int,
            from: Timestamp,
            through: Timestamp
        ) throws(SourceError) -> [SampleSummary]? {
            asked.count.withLock { $0 += 1 }
            var columns = SampleColumns()
            try whole.read(index, from: from, through: through, into: &columns)
            var joined: [SampleSummary] = []
            for place in 0..<columns.count where !columns.values[place].isStale {
                let (time, value) = (columns.timestamps[place], columns.values[place])
                if let last = joined.last, last.firstTime / 900_000 == time / 900_000 {
                    joined[joined.count - 1].add(time: time, value: value)
                } else {
                    joined.append(SampleSummary(time: time, value: value))
                }
            }
            return joined
        }
    }

    let source: MemorySource
    let asked = Asked()

    func select(_ matchers: [LabelMatcher], from: Timestamp, through: Timestamp) -> any SeriesSelection {
        Joining(whole: source.select(matchers, from: from, through: through), asked: asked)
    }
}
