// SPDX-License-Identifier: Apache-2.0
//
// Windows beside the query engine: what is shipped for a window is what `…_over_time(m[W])` says at its end.

import Config
import Samples
import Testing

@testable import PromQL
@testable import Sync

@Suite struct AggregateTests {
    private static let labels = Labels([(name: "__name__", value: "m")])

    @Test(arguments: [
        ("avg", "avg_over_time(m[W])"), ("sum", "sum_over_time(m[W])"), ("min", "min_over_time(m[W])"),
        ("max", "max_over_time(m[W])"), ("count", "count_over_time(m[W])"), ("last", "last_over_time(m[W])"),
        ("p99", "quantile_over_time(0.99, m[W])"), ("quantile(0.5)", "quantile_over_time(0.5, m[W])"),
        ("p0", "quantile_over_time(0, m[W])"), ("p100", "quantile_over_time(1, m[W])"),
    ])
    func asTheEngineSays(operation: String, query: String) async throws {
        let operation = try #require(SyncOperation(operation))
        var random = Generator.seeded()
        var windows = 0
        for length in [Duration.seconds(60), .seconds(150), .seconds(300), .seconds(3600)] {
            let gauge = randomGauge(600, interval: 15_000, using: &random)
            let source = MemorySource()
            for (time, value) in zip(gauge.samples.timestamps, gauge.samples.values) {
                source.append(Self.labels, time, value)
            }
            let pipeline = try makePipeline([.aggregation([operation], window: length, suffix: nil)], .gauge)
            let shipped = try #require(pipeline.everything(gauge).first).samples
            let extent = gauge.extent(length.milliseconds)
            let output = try await QueryEngine(source: source).range(
                query.replacing("W", with: PromDuration.format(length)),
                from: Timestamp(milliseconds: extent.start),
                through: Timestamp(milliseconds: extent.end),
                step: length
            )
            guard case .matrix(let columns) = output.value else {
                Issue.record("no matrix")
                return
            }
            let expected = columns.first?.samples ?? SampleColumns()
            let values = shipped.values.indices.filter { !shipped.values[$0].isStale }
            #expect(values.map { shipped.timestamps[$0] } == expected.timestamps)
            for (index, place) in values.enumerated() where index < expected.count {
                let (mine, theirs) = (shipped.values[place], expected.values[index])
                let end = expected.timestamps[index]
                let count = gauge.samples.timestamps.count { $0 > end - length.milliseconds && $0 <= end }
                // From 64 samples on the engine adds up in four lanes.
                let isSame =
                    mine.bitPattern == theirs.bitPattern || mine.isNaN && theirs.isNaN
                    || count >= CompensatedSum.laneThreshold && abs(mine - theirs) <= mine.ulp
                #expect(isSame, "\(length) \(end): \(mine), not \(theirs)")
            }
            windows += values.count
        }
        #expect(windows > 150)
    }

    /// What the engine's `increase` says with the sample before the window, over the window's length.
    @Test func rate() async throws {
        var random = Generator.seeded()
        let counter = randomCounter(3000, interval: 15_000, using: &random)
        let length: Int64 = 300_000
        let pipeline = try makePipeline(
            [.aggregation([.rate], window: .milliseconds(length), suffix: nil)],
            .counter
        )
        #expect(pipeline.branches.map(\.suffix) == [":5m_rate"])
        let shipped = try #require(pipeline.everything(counter).first).samples
        let numbers = zip(counter.samples.timestamps, counter.samples.values).filter { !$0.1.isStale }
        var checked = 0
        for (end, value) in zip(shipped.timestamps, shipped.values) where !value.isStale {
            let inside = numbers.filter { $0.0 > end - length && $0.0 <= end }.map(\.1)
            let before = numbers.last { $0.0 > end - 2 * length && $0.0 <= end - length }?.1
            let all = (before.map { [$0] } ?? []) + inside
            var gained = 0.0
            for index in all.indices.dropFirst() {
                gained += all[index] < all[index - 1] ? all[index] : all[index] - all[index - 1]
            }
            #expect(value == gained / 300, "\(end)")
            checked += 1
        }
        #expect(checked > 100)
    }

    @Test func ends() throws {
        var gauge = SampleFlow()
        for (time, value): (Int64, Double) in [
            // Ends in the second window, without a value there.
            (1000, 1), (60_000, 3), (60_001, StaleMarker.value),
            // Had ended before.
            (130_000, StaleMarker.value),
            // Goes on within the window.
            (190_000, 5), (200_000, StaleMarker.value), (210_000, 7),
            // Ends within the window.
            (250_000, 9), (260_000, StaleMarker.value),
            // Ends after a gap.
            (500_000, StaleMarker.value),
        ] { gauge.samples.append(time, value) }
        let pipeline = try makePipeline([.aggregation([.average], window: .seconds(60), suffix: nil)], .gauge)
        let output = try #require(pipeline.everything(gauge).first)
        var expected = SampleColumns()
        for (time, value): (Int64, Double) in [
            (60_000, 2), (120_001, StaleMarker.value), (240_000, 6), (300_000, 9),
            (300_001, StaleMarker.value),
            (540_001, StaleMarker.value),
        ] { expected.append(time, value) }
        #expect(output.samples == expected)
    }

    @Test func names() throws {
        func suffixes(
            _ operations: [SyncOperation],
            _ kind: SeriesKind,
            _ suffix: Bool? = nil
        ) throws -> [String] {
            try makePipeline([.aggregation(operations, window: .seconds(300), suffix: suffix)], kind)
                .branches.map(\.suffix)
        }
        #expect(try suffixes([.average], .gauge) == [""])
        #expect(try suffixes([.max], .gauge) == [""])
        #expect(try suffixes([.max], .gauge, true) == [":5m_max"])
        #expect(try suffixes([.quantile(0.99)], .gauge) == [":5m_p99"])
        #expect(try suffixes([.sum], .gauge, false) == [""])
        #expect(
            try suffixes([.average, .max, .quantile(0.999)], .gauge) == [":5m_avg", ":5m_max", ":5m_p99_9"]
        )
        #expect(try suffixes([.average], .counter) == [""])
        #expect(try suffixes([.average, .max, .rate], .counter) == ["", ":5m_rate"])
        #expect(try suffixes([.count], .counter) == [":5m_count"])
        #expect(throws: Pipeline.Problem.clash("")) { try suffixes([.average, .max], .gauge, false) }
        let labels = Labels([(name: "__name__", value: "m"), (name: "a", value: "b")])
        #expect(labels.addingSuffix(":5m_avg").description == #"m:5m_avg{a="b"}"#)
        #expect(labels.addingSuffix("") == labels)
    }
}
