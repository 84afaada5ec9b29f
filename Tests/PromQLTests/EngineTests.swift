// SPDX-License-Identifier: Apache-2.0
//
// What the corpus does not look at: limits, deadlines, cancellation, the server's default of dropping names at once,
// and the shapes of answers.

import Dispatch
import Samples
import Testing

@testable import PromQL

@Suite struct EngineTests {
    private let source = MemorySource()

    private func load(_ lines: String) throws {
        guard case .load(let load)? = try TestScriptParser.parse("load 1m\n" + lines).first else {
            return
        }
        for series in load.series {
            for (index, point) in series.points.enumerated() {
                if case .float(let value) = point {
                    source.append(series.labels, Int64(index) * 60_000, value)
                }
            }
        }
    }

    private func engine(_ change: (inout QueryOptions) -> Void = { _ in }) -> QueryEngine {
        var options = QueryOptions()
        change(&options)
        return QueryEngine(source: source, options: options)
    }

    private func instant(_ query: String, at minutes: Int64 = 0) async throws -> QueryOutput {
        try await engine().instant(query, at: Timestamp(milliseconds: minutes * 60_000))
    }

    private func range(_ query: String, _ minutes: Int64) async throws -> QueryOutput {
        try await engine().range(
            query,
            from: Timestamp(milliseconds: 0),
            through: Timestamp(milliseconds: minutes * 60_000),
            step: .seconds(60)
        )
    }

    private func failure(_ run: () async throws -> QueryOutput) async -> QueryError? {
        do {
            _ = try await run()
            return nil
        } catch {
            return error as? QueryError
        }
    }

    // MARK: - Arithmetic

    @Test func hugeChangesStayFinite() async throws {
        try load("  huge_total 1e305 2e305 3e305")
        for (query, expected) in [
            ("delta(huge_total[2m])", 2e305), ("increase(huge_total[2m])", 2e305),
            ("rate(huge_total[2m])", 2e305 / 120),
        ] {
            guard case .vector(let samples) = try await instant(query, at: 2).value else { continue }
            #expect(samples.count == 1)
            let value = try #require(samples.first).value
            #expect(abs(value - expected) <= expected * 1e-15, "\(query): \(value)")
        }
    }

    // MARK: - Shapes

    @Test func scalarsAndStrings() async throws {
        let time = Timestamp(milliseconds: 120_000)
        #expect(try await instant("1 + 2 * 3", at: 2).value == .scalar(time, 7))
        #expect(try await instant("\"a\\tb\"", at: 2).value == .string(time, "a\tb"))
        #expect(try await instant("time()", at: 2).value == .scalar(time, 120))
        guard case .matrix(let series) = try await range("time() * 2", 2).value else {
            Issue.record("not a matrix")
            return
        }
        #expect(series.map(\.labels) == [Labels()])
        #expect(series[0].samples.timestamps == [0, 60_000, 120_000])
        #expect(series[0].samples.values == [0, 120, 240])
    }

    @Test func rangeSelectorKeepsSampleTimes() async throws {
        try load("b 1 2 stale 4\na 5 _ _ 8")
        guard case .matrix(let series) = try await instant("{__name__=~\".\"}[3m]", at: 3).value else {
            Issue.record("not a matrix")
            return
        }
        #expect(series.map { $0.labels.metricName } == ["a", "b"])
        #expect(series[0].samples.timestamps == [180_000])
        #expect(series[1].samples.timestamps == [60_000, 180_000])
        #expect(series[1].samples.values == [2, 4])
    }

    @Test func rangeQueryWantsScalarOrVector() async throws {
        let words = "must be Scalar or instant Vector"
        #expect(
            await failure { try await range("a[5m]", 1) }
                == QueryError(.badData, "invalid expression type \"range vector\" for range query, \(words)")
        )
        #expect(
            await failure { try await range("\"a\"", 1) }
                == QueryError(.badData, "invalid expression type \"string\" for range query, \(words)")
        )
        let backwards = await failure {
            try await engine().range(
                "1",
                from: Timestamp(milliseconds: 1),
                through: Timestamp(milliseconds: 0),
                step: .seconds(1)
            )
        }
        #expect(backwards?.kind == .badData)
    }

    @Test func lookbackPerQuery() async throws {
        try load("a 1")
        let engine = engine()
        let late = Timestamp(milliseconds: 400_000)
        #expect(try await engine.instant("a", at: late).value == .vector([]))
        guard case .vector(let found) = try await engine.instant("a", at: late, lookback: .seconds(401)).value
        else {
            Issue.record("not a vector")
            return
        }
        #expect(found.map(\.value) == [1])
    }

    // MARK: - Names, by the server's default

    private let collision = QueryError(
        .execution,
        "vector cannot contain metrics with the same labelset"
    )

    @Test func dropsNamesAtOnce() async throws {
        try load("a_total{job=\"x\"} 0 60 120\nb{job=\"x\"} 1 1 1")
        for query in [
            "rate(a_total[2m])", "-a_total", "a_total * 2", "a_total > bool 1", "abs(a_total)",
            "clamp_min(a_total, 0)",
        ] {
            guard case .vector(let found) = try await instant(query, at: 2).value else {
                Issue.record("not a vector")
                continue
            }
            #expect(found.map(\.labels.description) == ["{job=\"x\"}"], "\(query)")
        }
        for query in [
            "a_total > 1", "+a_total", "last_over_time(a_total[2m])", "topk(1, a_total)", "a_total and b",
        ] {
            guard case .vector(let found) = try await instant(query, at: 2).value else {
                Issue.record("not a vector")
                continue
            }
            #expect(found.map(\.labels.description) == ["a_total{job=\"x\"}"], "\(query)")
        }
        let named = "label_replace(rate(a_total[2m]), \"n\", \"$1\", \"__name__\", \"(.*)\")"
        guard case .vector(let found) = try await instant(named, at: 2).value else { return }
        #expect(found.map(\.labels.description) == ["{job=\"x\"}"])
    }

    @Test func collisionsOfNames() async throws {
        try load("a{job=\"x\"} 1 _\nb{job=\"x\"} _ 2")
        // Values at different steps become one series; range functions never join.
        guard case .matrix(let series) = try await range("-{job=\"x\"} offset 0s", 0).value else { return }
        #expect(series.count == 1)
        #expect(await failure { try await range("abs({job=\"x\"})", 1) } == collision)
        #expect(await failure { try await range("count_over_time({job=\"x\"}[1m])", 1) } == collision)
        #expect(await failure { try await instant("-{job=\"x\"}", at: 1) } == collision)
        let engine = engine { $0.lookback = .seconds(30) }
        let joined = try await engine.range(
            "abs({job=\"x\"})",
            from: Timestamp(milliseconds: 0),
            through: Timestamp(milliseconds: 60_000),
            step: .seconds(60)
        )
        guard case .matrix(let columns) = joined.value else { return }
        #expect(columns.map(\.labels.description) == ["{job=\"x\"}"])
        #expect(columns.first?.samples.values == [1, 2])
    }

    /// `__type__` and `__unit__` go with the name; series of one metric may differ in them only.
    @Test func metadataLabels() async throws {
        try load(
            "a_total{job=\"x\"} 1 2\na_total{job=\"x\",__type__=\"counter\"} 1 2\nb_total{__unit__=\"s\",z=\"1\"} 1 2"
        )
        #expect(await failure { try await instant("rate(a_total[2m])", at: 1) } == collision)
        guard case .vector(let found) = try await instant("rate(b_total[2m])", at: 1).value else { return }
        #expect(found.map(\.labels.description) == ["{z=\"1\"}"])
        guard case .vector(let sums) = try await instant("sum by (__type__) (a_total)", at: 1).value else {
            return
        }
        #expect(sums.map(\.labels.description) == ["{__type__=\"counter\"}", "{}"])
    }

    @Test func matchingErrors() async throws {
        try load(
            "a{l=\"1\",k=\"x\"} 1\na{l=\"2\",k=\"x\"} 2\nb{k=\"x\"} 3\nc{k=\"x\",m=\"1\"} 1\nc{k=\"x\",m=\"2\"} 2"
        )
        #expect(
            await failure { try await instant("a * on(k) b") }
                == QueryError(
                    .execution,
                    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                )
        )
        #expect(
            await failure { try await instant("b * on(k) a") }
                == QueryError(
                    .execution,
                    "found duplicate series for the match group {k=\"x\"} on the right hand-side of the operation: "
                        + "[{__name__=\"a\", k=\"x\", l=\"1\"}, {__name__=\"a\", k=\"x\", l=\"2\"}]"
                        + ";many-to-many matching not allowed: matching labels must be unique on one side"
                )
        )
        #expect(
            await failure { try await instant("a * on(k) group_right b") }?.message.contains(
                "on the left hand-side"
            ) == true
        )
        #expect(
            await failure { try await instant("c * on(k) group_left(m) b") }
                == QueryError(
                    .execution,
                    "multiple matches for labels: grouping labels must ensure unique matches"
                )
        )
    }

    // MARK: - Annotations

    @Test func annotations() async throws {
        try load("gauge 1 2 3\nh_bucket{le=\"x\"} 1 1 1")
        let rate = try await instant("sum(rate(gauge[2m]))", at: 2)
        #expect(
            rate.infos == [
                "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \"gauge\" (1:10)"
            ]
        )
        #expect(rate.warnings.isEmpty)
        let quantile = try await instant("quantile(1.5, gauge) + quantile(1.5, gauge)", at: 2)
        #expect(
            quantile.warnings == ["PromQL warning: quantile value should be between 0 and 1, got 1.5 (1:10)"]
        )
        let bucket = try await instant("histogram_quantile(0.5,\n h_bucket)", at: 2)
        #expect(
            bucket.warnings == [
                "PromQL warning: bucket label \"le\" is missing or has a malformed value of \"x\" (2:2)"
            ]
        )
    }

    // MARK: - Limits

    @Test func sampleLimit() async throws {
        try load("a{n=\"1\"} 1+1x100\na{n=\"2\"} 1+1x100")
        let expected = QueryError(
            .execution,
            "query processing would load too many samples into memory in query execution"
        )
        let small = engine { $0.maxSamples = 150 }
        let minutes = Timestamp(milliseconds: 6_000_000)
        for query in [
            "{__name__=~\"a|b\"}[2h]",
            "count_over_time(a[2h]) + sum_over_time(a[1000d:1ms])",
        ] {
            #expect(await failure { try await small.instant(query, at: minutes) } == expected, "\(query)")
        }
        #expect(
            await failure {
                try await small.range(
                    "1",
                    from: .min,
                    through: .max,
                    step: .milliseconds(1)
                )
            } == expected
        )
        // One series at a time is below the limit.
        let sum = try await small.instant("sum(count_over_time(a[2h]))", at: minutes)
        guard case .vector(let found) = sum.value else { return }
        #expect(found.map(\.value) == [202])
    }

    @Test func deadline() async throws {
        try load("a 1")
        let engine = engine()
        let timeout = await failure {
            try await engine.instant("a", at: Timestamp(milliseconds: 0), timeout: .zero)
        }
        #expect(timeout == QueryError(.timeout, "query timed out in expression evaluation"))
    }

    @Test func cancellation() async throws {
        try load("a 1")
        let engine = engine()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await failure { try await engine.instant("a", at: Timestamp(milliseconds: 0)) }
        }
        #expect(await task.value == QueryError(.canceled, "query was canceled in expression evaluation"))
    }

    /// Queries that do not come to an end leave the rest of the process its threads.
    @Test func threads() async throws {
        let source = BlockingSource()
        // Beside hundreds of other tests it may take minutes until a thread of the pool is free.
        var options = QueryOptions()
        options.timeout = .seconds(3600)
        let engine = QueryEngine(source: source, options: options)
        async let answers = withTaskGroup(of: Int.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    let output = try? await engine.instant(
                        "vector(1) unless a",
                        at: Timestamp(milliseconds: 0)
                    )
                    guard case .vector(let found)? = output?.value else { return 0 }
                    return found.count
                }
            }
            return await group.reduce(0, +)
        }
        // Runs only when the cooperative pool has a thread left.
        await Task { source.open() }.value
        #expect(await answers == 50)
    }

    @Test func whatCouldBeReadIsTheAnswerAndTheRestAWarning() async throws {
        try load("a{n=\"1\"} 1 2 3\na{n=\"2\"} 4 5 6")
        let engine = QueryEngine(source: BrokenSource(source: source))
        let time = Timestamp(milliseconds: 120_000)
        let output = try await engine.instant("count_over_time(a[5m])", at: time)
        guard case .vector(let found) = output.value else {
            Issue.record("not a vector")
            return
        }
        #expect(found.map { $0.labels["n"] } == ["1", "2"])
        #expect(found.map(\.value) == [3, 3])
        #expect(output.warnings == ["block of 1", "block of 2"])
        let sum = try await engine.instant("sum(a) + sum(a)", at: time)
        #expect(sum.warnings == ["block of 1", "block of 2"])
        guard case .vector(let added) = sum.value else { return }
        #expect(added.map(\.value) == [18])
    }

    @Test func gate() async {
        let gate = QueryGate(limit: 1)
        let never = ContinuousClock.now + .seconds(3600)
        #expect(await gate.enter(until: never) == .entered)
        #expect(await gate.enter(until: ContinuousClock.now) == .timedOut)
        let cancelled = Task { await gate.enter(until: never) }
        cancelled.cancel()
        #expect(await cancelled.value == .cancelled)
        let waiting = Task { await gate.enter(until: never) }
        gate.leave()
        #expect(await waiting.value == .entered)
        gate.leave()
        #expect(await gate.enter(until: never) == .entered)
    }

    @Test func deepestTree() async throws {
        try load("a 1")
        var query = "a"
        for _ in 0..<254 { query = "abs(\(query))" }
        guard case .vector(let found) = try await instant(query).value else { return }
        #expect(found.map(\.value) == [1])
        let sums = "a" + String(repeating: " + a", count: 200)
        guard case .vector(let added) = try await instant(sums).value else { return }
        #expect(added.map(\.value) == [201])
        var nested = "a"
        for _ in 0..<80 { nested = "sum(max_over_time(\(nested)[1m:1m]))" }
        guard case .vector(let last) = try await instant(nested).value else { return }
        #expect(last.map(\.value) == [1])
    }
}

/// A source without series that does not answer before it is opened.
private final class BlockingSource: SelectingSource {
    private let semaphore = DispatchSemaphore(value: 0)

    func open() {
        for _ in 0..<50 { semaphore.signal() }
    }

    func select(_ matchers: [LabelMatcher], from: Timestamp, through: Timestamp) -> any SeriesSelection {
        semaphore.wait()
        return MemorySource().select(matchers, from: from, through: through)
    }
}

/// A source of which each series misses a block.
private struct BrokenSource: SelectingSource {
    struct Broken: SeriesSelection {
        let whole: any SeriesSelection

        var count: Int { whole.count }
        func labels(_ index: Int) -> Labels { whole.labels(index) }
        func read(
            _ index: Int,
            from: Timestamp,
            through: Timestamp,
            into columns: inout SampleColumns
        ) throws(SourceError) {
            try whole.read(index, from: from, through: through, into: &columns)
            throw .unreadable("block of \(whole.labels(index)["n"] ?? "")")
        }
    }

    let source: MemorySource

    func select(_ matchers: [LabelMatcher], from: Timestamp, through: Timestamp) -> any SeriesSelection {
        Broken(whole: source.select(matchers, from: from, through: through))
    }
}
