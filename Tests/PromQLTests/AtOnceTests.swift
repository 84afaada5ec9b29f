// SPDX-License-Identifier: Apache-2.0
//
// Which queries are evaluated where they are asked, and that their answers are those of the queries' threads.

import Samples
import Testing

@testable import PromQL

@Suite struct AtOnceTests {
    /// A source that knows how many series there are.
    private struct CountedSource: SeriesSource {
        let memory: MemorySource

        func select(
            _ matchers: [LabelMatcher],
            from: Timestamp,
            through: Timestamp
        ) throws(SourceError) -> any SeriesSelection {
            memory.select(matchers, from: from, through: through)
        }

        func labelNames(
            _ matchers: [LabelMatcher],
            from: Timestamp,
            through: Timestamp
        ) throws(SourceError) -> [String] { [] }

        func labelValues(
            _ name: String,
            _ matchers: [LabelMatcher],
            from: Timestamp,
            through: Timestamp
        ) throws(SourceError) -> [String] { [] }

        func metadata() -> [String: MetricMetadata] { [:] }

        func fewSeries(_ matchers: [LabelMatcher]) -> Int? {
            guard matchers.allSatisfy({ $0.operation == .equal }) else { return nil }
            return memory.select(matchers, from: .min, through: .max).count
        }
    }

    private let source: CountedSource
    private let end = Timestamp(milliseconds: 7_200_000)

    init() {
        let memory = MemorySource()
        for host in 0..<30 {
            let labels = Labels([("__name__", "load"), ("host", "\(host)")])
            for minute in 0...120 {
                memory.append(labels, Int64(minute) * 60_000, Double((minute * 7 + host) % 11))
            }
        }
        source = CountedSource(memory: memory)
    }

    private func engine(_ change: (inout QueryOptions) -> Void = { _ in }) -> QueryEngine {
        var options = QueryOptions()
        change(&options)
        return QueryEngine(source: source, options: options)
    }

    @Test(arguments: [
        #"load{host="3"}"#, #"rate(load{host="3"}[10m])"#, #"load{host="3"} / load{host="3"}"#, "1 + 2",
        "time()",
        #"-max(load{host="1"}) by (host)"#, #"absent(load{host="no"})"#, #"load{host="3"}[5m]"#,
    ])
    func smallQueriesAreAnsweredAlike(_ query: String) async throws {
        let engine = engine()
        let expression = try engine.parse(query)
        let found = try #require(try engine.instantAtOnce(expression, at: end))
        #expect(found.value == (try await engine.instant(expression, at: end)).value)
        guard expression.type != .matrix else { return }
        let start = Timestamp(milliseconds: end.milliseconds - 300_000)
        let range = try #require(
            try engine.rangeAtOnce(expression, from: start, through: end, step: .seconds(60))
        )
        let expected = try await engine.range(expression, from: start, through: end, step: .seconds(60))
        #expect(range.value == expected.value)
    }

    @Test(arguments: [
        // Too many series, unknown series, more than is known of a tree.
        "load", #"load{host=~"3"}"#, #"load{host!="3"}"#, #"max_over_time(load{host="3"}[1h:1m])"#,
        #"label_replace(load{host="3"}, "a", "$1", "host", "(.*)")"#, #"count_values("v", load{host="3"})"#,
        #"rate(load{host="3"}[2h])"#, #"info(load{host="3"})"#,
        #"load{host="3"} + "# + String(repeating: "0 + ", count: 20) + "1",
        #"load{host="3"} + "# + String(repeating: " ", count: 256) + "1",
    ])
    func othersAreNot(_ query: String) throws {
        var options = QueryOptions()
        options.features = .all
        let engine = QueryEngine(source: source, options: options)
        #expect(try engine.instantAtOnce(engine.parse(query), at: end) == nil)
    }

    @Test func stepsAreCounted() throws {
        let engine = engine()
        let expression = try engine.parse(#"load{host="3"}"#)
        func isSmall(_ hours: Int64, _ step: Duration) throws -> Bool {
            let start = Timestamp(milliseconds: end.milliseconds - hours * 3_600_000)
            return try engine.rangeAtOnce(expression, from: start, through: end, step: step) != nil
        }
        #expect(try isSmall(1, .seconds(15)))
        #expect(try !isSmall(1, .seconds(1)))
        #expect(try !isSmall(2, .seconds(60)))
    }

    @Test func whileAllPlacesAreTakenNoneIs() async throws {
        let engine = engine { $0.maxConcurrency = 1 }
        let expression = try engine.parse("1")
        #expect(try engine.instantAtOnce(expression, at: end) != nil)
        #expect(engine.gate.enterAtOnce())
        #expect(try engine.instantAtOnce(expression, at: end) == nil)
        engine.gate.leave()
        #expect(try engine.instantAtOnce(expression, at: end) != nil)
    }

    @Test func deadlinesAndErrorsAreTheSame() async throws {
        let engine = engine { $0.maxSamples = 1 }
        let expression = try engine.parse(#"rate(load{host="3"}[10m])"#)
        let expected = await #expect(throws: QueryError.self) {
            try await engine.instant(expression, at: end)
        }
        let found = #expect(throws: QueryError.self) { try engine.instantAtOnce(expression, at: end) }
        #expect(found?.message == expected?.message)
        #expect(found?.kind == expected?.kind)
    }
}
