// SPDX-License-Identifier: Apache-2.0
//
// Samples as `stats=all` counts them. The numbers are those of Prometheus' own engine test for the same shapes: six
// samples in a window of sixty seconds at one every ten.

import Samples
import Testing

@testable import PromQL

@Suite struct StatisticsTests {
    private func source() throws -> MemorySource {
        let source = MemorySource()
        for (name, count) in [("one", 1), ("three", 3)] {
            for series in 0..<count {
                let labels = Labels([(name: "__name__", value: name), (name: "series", value: "\(series)")])
                for index in 0...100 { source.append(labels, Int64(index) * 10_000, Double(index)) }
            }
        }
        return source
    }

    private func statistics(
        _ query: String,
        from start: Int64 = 201,
        through end: Int64? = nil,
        _ detail: StatisticsDetail = .perStep
    ) async throws -> QueryStatistics {
        let engine = QueryEngine(source: try source())
        let output: QueryOutput
        if let end {
            output = try await engine.range(
                engine.parse(query),
                from: Timestamp(milliseconds: start * 1000),
                through: Timestamp(milliseconds: end * 1000),
                step: .seconds(5),
                statistics: detail
            )
        } else {
            let time = Timestamp(milliseconds: start * 1000)
            output = try await engine.instant(engine.parse(query), at: time, statistics: detail)
        }
        return try #require(output.statistics)
    }

    @Test(arguments: [
        ("1", 0, 0), ("one", 1, 21), ("three", 3, 63), ("timestamp(three)", 3, 63), ("one[60s]", 6, 6),
        ("rate(three[60s])", 18, 18), ("one + three{series=\"0\"}", 2, 42), ("three @ 100", 3, 33),
        // Four steps of the subquery in its window, each over six samples; then the window alone counts.
        ("max_over_time(one[60s])[20s:5s]", 24, 8), ("sum_over_time(one[60s:5s])", 12, 21),
        ("sum_over_time(max_over_time(one[60s])[20s:5s])", 4, 8),
    ])
    func anInstant(query: String, queryable: Int, read: Int) async throws {
        let statistics = try await statistics(query)
        #expect(statistics.queryableSamples == queryable)
        #expect(statistics.queryableSamplesPerStep == [queryable])
        // The lookback of five minutes reaches the series' first sample: what is read is more than what is used.
        #expect(statistics.readSamples == read)
    }

    @Test(arguments: [
        ("one", [1, 1, 1, 1]), ("rate(one[60s])", [6, 6, 6, 6]), ("rate(one[60s] @ 100)", [6, 6, 6, 6]),
        ("sum(three @ 100) + sum(one)", [4, 4, 4, 4]), ("sum_over_time(three[12s:5s])", [9, 9, 9, 9]),
        ("one < 0", [1, 1, 1, 1]), ("time()", [0, 0, 0, 0]),
    ])
    func stepsOfARange(query: String, perStep: [Int]) async throws {
        let statistics = try await statistics(query, through: 220)
        #expect(statistics.queryableSamplesPerStep == perStep)
        #expect(statistics.queryableSamples == perStep.reduce(0, +))
    }

    @Test func nothingIsCountedUnlessAsked() async throws {
        let engine = QueryEngine(source: try source())
        let output = try await engine.instant("one", at: Timestamp(milliseconds: 201_000))
        #expect(output.statistics == nil)
        let totals = try await statistics("one", .totals)
        #expect(totals.queryableSamplesPerStep == nil)
        #expect(totals.peakSamples > 0)
        #expect(totals.totalTime >= totals.evaluationTime)
    }
}
