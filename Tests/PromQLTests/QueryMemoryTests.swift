// SPDX-License-Identifier: Apache-2.0
//
// What queries may hold: one by itself, all together, and answers on their way.

import Samples
import Testing

@testable import PromQL

@Suite struct QueryMemoryTests {
    /// 20 series with a sample a minute for an hour.
    private func engine(_ change: (inout QueryOptions) -> Void) -> QueryEngine {
        let source = MemorySource()
        for number in 0..<20 {
            let labels = Labels([("__name__", "m"), ("number", "\(number)")])
            for minute in 0..<60 { source.append(labels, Int64(minute) * 60_000, Double(minute)) }
        }
        var options = QueryOptions()
        change(&options)
        return QueryEngine(source: source, options: options)
    }

    private func range(
        _ engine: QueryEngine,
        _ query: String,
        lookback: Duration? = nil
    ) async throws -> QueryOutput {
        try await engine.range(
            query,
            from: Timestamp(milliseconds: 0),
            through: Timestamp(milliseconds: 3_540_000),
            step: .milliseconds(354),
            lookback: lookback
        )
    }

    private func refusal(_ run: () async throws -> QueryOutput) async -> QueryError? {
        do {
            _ = try await run()
            return nil
        } catch {
            return error as? QueryError
        }
    }

    @Test func answersKeepTheirPartUntilTheyAreGone() async throws {
        let engine = engine { options in
            options.maxSamples = 250_000
            options.sharedMemory = 1
        }
        var answer: QueryOutput? = try await range(engine, "m")
        guard case .matrix(let series)? = answer?.value else {
            Issue.record("not a matrix")
            return
        }
        #expect(series.reduce(0) { $0 + $1.samples.count } == 20 * 10_001)
        #expect(engine.heldSamples == 20 * 10_001 - QueryMemory.allowance)
        #expect(await refusal { try await range(engine, "m") } == Evaluator.tooManyOfOthers)
        // A small one is within its allowance.
        #expect(await refusal { try await range(engine, "sum(m)") } == nil)
        answer = nil
        #expect(engine.heldSamples == 0)
        #expect(await refusal { try await range(engine, "m") } == nil)
        #expect(engine.heldSamples == 0)
        #expect(engine.refusals.first { $0.reason == "shared_memory" }?.count == 1)
    }

    @Test func whatFailsGivesBackWhatItHeld() async throws {
        let engine = engine { $0.maxSamples = 150_000 }
        #expect(await refusal { try await range(engine, "m") } == Evaluator.tooManySamples)
        let subquery = "topk(1, count_over_time(m[1h:1ms]))"
        #expect(await refusal { try await range(engine, subquery) } == Evaluator.tooManySamples)
        #expect(engine.heldSamples == 0)
        #expect(engine.refusals.first { $0.reason == "max_samples" }?.count == 2)
    }

    /// A column takes memory for steps without a value, too: the steps are computed in pieces that fit.
    @Test func sparseSeriesAreComputedInPieces() async throws {
        let whole = engine { $0.maxSamples = 10_000_000 }
        let small = engine { $0.maxSamples = 60_000 }
        let lookback = Duration.milliseconds(354)
        for query in [
            "m", "topk(1, m)", "m + on(number) m", "m or n", "-{__name__=~\"m\"}",
            "histogram_quantile(0.5, m)",
            "count_values(\"v\", m)", "m - on(number) m @ end()", "sum by (number) (rate(m[1m]))",
        ] {
            let expected = try await range(whole, query, lookback: lookback)
            let found = try await range(small, query, lookback: lookback)
            #expect(found.value == expected.value, "\(query)")
            #expect(found.infos == expected.infos && found.warnings == expected.warnings, "\(query)")
        }
        #expect(small.heldSamples == 0)
        // What one piece of the smallest size cannot hold is refused.
        let tiny = engine { $0.maxSamples = 10_001 }
        #expect(await refusal { try await range(tiny, "m") } == Evaluator.tooManySamples)
    }

    /// Labels a query computes count, and one value has a bound, however the calls are nested.
    @Test func computedLabelsAreBounded() async throws {
        let engine = engine { $0.maxSamples = 60_000 }
        let long = String(repeating: "x", count: 40_000)
        let joined = "label_join(m, \"l\", \"\(long)\", \"number\", \"number\")"
        // 20 labels of 40 000 bytes each are 50 000 samples of 16 bytes, and a second copy is too many.
        #expect(
            await refusal { try await engine.instant("sum(\(joined))", at: .init(milliseconds: 0)) } == nil
        )
        #expect(
            await refusal {
                try await engine.instant(
                    "label_replace(\(joined), \"k\", \"$1\", \"l\", \"(.*)\")",
                    at: .init(milliseconds: 0)
                )
            } == Evaluator.tooManySamples
        )
        #expect(engine.heldSamples == 0)
        let twice = "label_join(\(joined), \"l\", \"\", \"l\", \"l\")"
        let message = "label_join(): a label value is longer than 65536 bytes"
        #expect(
            await refusal { try await engine.instant(twice, at: .init(milliseconds: 0)) }
                == QueryError(.execution, message)
        )
        let replaced = "label_replace(\(joined), \"l\", \"$1$1\", \"l\", \"(.*)\")"
        let other = "label_replace(): a label value is longer than 65536 bytes"
        #expect(
            await refusal { try await engine.instant(replaced, at: .init(milliseconds: 0)) }
                == QueryError(.execution, other)
        )
        let costly = "label_replace(\(joined), \"k\", \"$1\", \"l\", \"((?:x?){1000}(?:x?){1000}y)\")"
        let last = "label_replace(): the regular expression is too large for a label value of 40002 bytes"
        #expect(
            await refusal { try await engine.instant(costly, at: .init(milliseconds: 0)) }
                == QueryError(.execution, last)
        )
    }

    @Test func joinedSeriesAreGivenBackOnce() async throws {
        let engine = engine { $0.maxSamples = 450_000 }
        let sum = "-{__name__=~\"m\"}"
        // Each summand is counted and given back, so any number of them fits.
        let query = Array(repeating: "sum(\(sum))", count: 20).joined(separator: " + ")
        #expect(await refusal { try await range(engine, query) } == nil)
        #expect(engine.heldSamples == 0)
    }

    @Test func aLeaseIsAThreadUntilItEnds() {
        let engine = engine { $0.maxConcurrency = 2 }
        var first = engine.lease()
        let second = engine.lease()
        #expect(first != nil && second != nil)
        #expect(engine.lease() == nil)
        first = nil
        #expect(engine.lease() != nil)
        #expect(first == nil && second != nil)
    }
}
