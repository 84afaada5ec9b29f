// SPDX-License-Identifier: Apache-2.0
//
// What threads compute together is what one computes alone, bit for bit; limits and errors stay the same.

import Foundation
import Samples
import Synchronization
import Testing

@testable import PromQL

@Suite struct SharingTests {
    /// 60 series of 1000 samples, every third one shorter, with falls, gaps, NaN and stale markers.
    private static let source: MemorySource = {
        let source = MemorySource()
        var state: UInt64 = 1
        for number in 0..<60 {
            let labels = Labels([
                (name: "__name__", value: "x_total"), (name: "n", value: String(number)),
                (name: "group", value: String(number % 7)),
            ])
            var value = 0.0
            for place in 0..<(number % 3 == 2 ? 400 : 1000) {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let choice = (state >> 33) % 1000
                value = choice == 0 ? 0 : value + Double(choice) / 7
                if choice < 20, choice > 0 { continue }
                let stored = choice == 20 ? Double.nan : choice == 21 ? StaleMarker.value : value
                source.append(labels, Int64(place) * 15_000, stored)
            }
        }
        return source
    }()

    private static func engine(cores: Int, maxSamples: Int = 5_000_000) -> QueryEngine {
        var options = QueryOptions()
        options.cores = cores
        options.maxSamples = maxSamples
        return QueryEngine(source: source, options: options)
    }

    private static func range(_ engine: QueryEngine, _ query: String) async throws -> QueryOutput {
        try await engine.range(
            query,
            from: Timestamp(milliseconds: 0),
            through: Timestamp(milliseconds: 15_000_000),
            step: .seconds(60)
        )
    }

    private func bits(_ output: QueryOutput) -> [String] {
        guard case .matrix(let series) = output.value else { return [] }
        return series.map { series in
            let values = series.samples.values.map { String($0.bitPattern, radix: 16) }
            return "\(series.labels) \(series.samples.timestamps) \(values)"
        }
    }

    @Test(arguments: [
        "rate(x_total[5m])", "sum by (group) (rate(x_total[5m]))", "sum(avg_over_time(x_total[1h]))",
        "quantile_over_time(0.9, x_total[5m])", "topk(3, increase(x_total[10m]))",
        "max_over_time(sum by (group) (rate(x_total[2m]))[30m:1m])", "stddev_over_time(x_total[20m])",
        "rate({n=~\".+\"}[5m]) / on (n) max_over_time(x_total[5m])", "absent_over_time(x_total[1m])",
    ])
    func oneThreadOrSeveral(_ query: String) async throws {
        let alone = try await Self.range(Self.engine(cores: 1), query)
        #expect(query.hasPrefix("absent") || bits(alone).count >= 1)
        for cores in [2, 3, 8] {
            let shared = try await Self.range(Self.engine(cores: cores), query)
            #expect(bits(shared) == bits(alone))
            #expect(shared.infos == alone.infos)
            #expect(shared.warnings == alone.warnings)
        }
    }

    @Test func limitsHoldAsForOneThread() async throws {
        for maxSamples in [100, 900, 2000, 20_000, 60_000, 400_000] {
            var outcomes: [String] = []
            for cores in [1, 4] {
                let engine = Self.engine(cores: cores, maxSamples: maxSamples)
                do {
                    outcomes.append(bits(try await Self.range(engine, "rate(x_total[5m])")).joined())
                } catch {
                    outcomes.append("\(error)")
                }
                #expect(engine.heldSamples == 0)
            }
            #expect(outcomes[0] == outcomes[1])
        }
    }

    /// Some reads wait for another thread to read, too.
    @Test func anIdleCoreHelps() async throws {
        let meeting = MeetingSource(source: Self.source)
        var options = QueryOptions()
        options.cores = 2
        let output = try await Self.range(QueryEngine(source: meeting, options: options), "rate(x_total[5m])")
        let alone = try await Self.range(Self.engine(cores: 1), "rate(x_total[5m])")
        #expect(bits(output) == bits(alone))
        #expect(meeting.haveMet)
    }

    @Test func whatIsMissingIsSaidOnce() async throws {
        let broken = BrokenReads(source: Self.source)
        var warnings: [[String]] = []
        for cores in [1, 3] {
            var options = QueryOptions()
            options.cores = cores
            let engine = QueryEngine(source: broken, options: options)
            warnings.append(try await Self.range(engine, "rate(x_total[5m])").warnings)
        }
        #expect(warnings == [["cannot read"], ["cannot read"]])
    }

    @Test func aDeadlineEndsAllThreads() async throws {
        let engine = Self.engine(cores: 4)
        do {
            _ = try await engine.range(
                "rate(x_total[5m])",
                from: Timestamp(milliseconds: 0),
                through: Timestamp(milliseconds: 15_000_000),
                step: .seconds(60),
                timeout: .nanoseconds(1)
            )
            Issue.record("answered")
        } catch {
            #expect(error == QueryError(.timeout, "query timed out in expression evaluation"))
        }
        #expect(engine.heldSamples == 0)
    }

    /// Help that no thread can give is not asked for: it would wait in the queue, with what it is to work on.
    @Test func noMoreHelpersThanThreads() async throws {
        for (limit, cores) in [(1, 4), (3, 8), (4, 1)] {
            let threads = QueryThreads(limit: limit, cores: cores)
            let (started, done) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            let expected = min(limit, cores) - 1
            for _ in 0..<5 {
                threads.askForHelp(10) { _ in
                    started.signal()
                    done.wait()
                }
            }
            for _ in 0..<expected { #expect(started.wait(timeout: .now() + 60) == .success) }
            for _ in 0..<expected { done.signal() }
            #expect(started.wait(timeout: .now()) == .timedOut)
        }
        var options = QueryOptions()
        options.cores = 4
        options.maxConcurrency = 1
        let single = QueryEngine(source: Self.source, options: options)
        let sum = Array(repeating: "sum(rate(x_total[5m]))", count: 8).joined(separator: "+")
        let alone = try await Self.range(Self.engine(cores: 1), sum)
        #expect(bits(try await Self.range(single, sum)) == bits(alone))
    }

    @Test func piecesComeInOrder() {
        for (count, ahead) in [(0, 1), (1, 1), (5, 1), (100, 4), (1000, 7)] {
            let pieces = OrderedPieces(count: count, ahead: ahead) { $0 * $0 }
            let group = DispatchGroup()
            for _ in 0..<3 {
                DispatchQueue.global().async(group: group) { pieces.help { true } }
            }
            var outputs: [Int] = []
            while let output = pieces.next() { outputs.append(output) }
            pieces.stop()
            group.wait()
            #expect(outputs == (0..<count).map { $0 * $0 })
        }
    }

    @Test func stoppedPiecesLetHelpersGo() {
        let pieces = OrderedPieces(count: 1000, ahead: 2) { $0 }
        let group = DispatchGroup()
        for _ in 0..<3 {
            DispatchQueue.global().async(group: group) { pieces.help { true } }
        }
        #expect(pieces.next() == 0)
        pieces.stop()
        group.wait()
        // Who comes late finds nothing to do.
        pieces.help { true }
    }
}

/// A selection whose reads of numbers are looked at.
private struct Watched: SeriesSelection {
    let whole: any SeriesSelection
    let look: @Sendable (_ index: Int) throws(SourceError) -> Void

    var count: Int { whole.count }

    func labels(_ index: Int) -> Labels { whole.labels(index) }

    func read(
        _ index: Int,
        from: Timestamp,
        through: Timestamp,
        into columns: inout SampleColumns
    ) throws(SourceError) {
        try whole.read(index, from: from, through: through, into: &columns)
        try look(index)
    }
}

/// The first thread that reads the second series or a later one waits for another one that does.
private final class MeetingSource: SelectingSource {
    private struct State {
        var first: ObjectIdentifier?
        var haveMet = false
    }

    private let source: MemorySource
    private let state = Mutex(State())
    private let arrival = DispatchSemaphore(value: 0)

    init(source: MemorySource) { self.source = source }

    var haveMet: Bool { state.withLock { $0.haveMet } }

    private func arrive() {
        let thread = ObjectIdentifier(Thread.current)
        let waits = state.withLock { state in
            if state.first == nil {
                state.first = thread
                return true
            }
            if state.first != thread, !state.haveMet {
                state.haveMet = true
                arrival.signal()
            }
            return false
        }
        // Long enough for a thread to come on any machine; without one the test fails.
        if waits { _ = arrival.wait(timeout: .now() + 300) }
    }

    func select(_ matchers: [LabelMatcher], from: Timestamp, through: Timestamp) -> any SeriesSelection {
        Watched(whole: source.select(matchers, from: from, through: through)) { [self] index in
            if index > 0 { arrive() }
        }
    }
}

/// Cannot read parts of some series.
private struct BrokenReads: SelectingSource {
    let source: MemorySource

    func select(_ matchers: [LabelMatcher], from: Timestamp, through: Timestamp) -> any SeriesSelection {
        Watched(whole: source.select(matchers, from: from, through: through)) { index throws(SourceError) in
            if index % 5 == 4 { throw .unreadable("cannot read") }
        }
    }
}
