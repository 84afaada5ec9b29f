// SPDX-License-Identifier: Apache-2.0
//
// Counters thinned out: the increase over what is shipped is that over everything, for every range between ends of
// windows, by the definition and by the query engine.

import Config
import Foundation
import Samples
import Testing

@testable import PromQL
@testable import Sync

@Suite struct CounterTests {
    private static let labels = Labels([(name: "__name__", value: "m_total")])

    /// What a counter gained, sample by sample; the first one found gains nothing.
    private func gains(_ columns: SampleColumns) -> [(time: Int64, gained: Double)] {
        var result: [(time: Int64, gained: Double)] = []
        var before: Double?
        var total = 0.0
        for (time, value) in zip(columns.timestamps, columns.values) where !value.isStale {
            if let before { total += value < before ? value : value - before }
            before = value
            result.append((time, total))
        }
        return result
    }

    @Test func increaseIsTheSame() throws {
        var random = Generator.seeded()
        var (windows, falls, kept, all) = (0, 0, 0, 0)
        // The long form is for whoever changes the rule.
        let wanted = ProcessInfo.processInfo.environment["EDGEWATCH_TEST_ALL"] == nil ? 20_000 : 500_000
        while windows < wanted {
            let length: Int64 = [1000, 60_000, 150_000, 300_000].randomElement(using: &random) ?? 1000
            let interval = length / Int64.random(in: 1...20, using: &random)
            let counter = randomCounter(500, interval: interval, using: &random)
            let pipeline = try makePipeline(
                [.aggregation([.average], window: .milliseconds(length), suffix: nil)],
                .counter
            )
            #expect(pipeline.branches.map(\.stages) == [[.counter(window: length)]])
            let shipped = try #require(pipeline.inPieces(counter, using: &random).first)
            let (before, after) = (gains(counter.samples), gains(shipped.samples))
            var (place, mine) = (0, 0)
            // Windows without samples say nothing.
            let ends = Set(counter.samples.timestamps.map(WindowGrid(length: length).end)).sorted()
            for end in ends {
                while place + 1 < before.count, before[place + 1].time <= end { place += 1 }
                while mine + 1 < after.count, after[mine + 1].time <= end { mine += 1 }
                // The newest of a window is always there, so a range that ends here sees the same last sample.
                // One expectation for many: they cost more than what they look at.
                if before[place].time <= end,
                    after[mine].time != before[place].time || after[mine].gained != before[place].gained
                {
                    Issue.record("\(end): \(after[mine]), not \(before[place])")
                    return
                }
                windows += 1
            }
            falls += zip(counter.samples.values, counter.samples.values.dropFirst()).count { $1 < $0 }
            kept += shipped.samples.count
            all += counter.samples.count
            // Nothing is made up.
            let known = Dictionary(
                uniqueKeysWithValues: zip(counter.samples.timestamps, counter.samples.values)
            )
            #expect(
                zip(shipped.samples.timestamps, shipped.samples.values).allSatisfy {
                    known[$0]?.bitPattern == $1.bitPattern
                }
            )
        }
        print("\(windows) windows, \(falls) falls, \(kept) of \(all) samples kept")
        #expect(falls > 1000 && kept < all)
    }

    @Test func byTheEngine() async throws {
        var random = Generator.seeded()
        let counter = randomCounter(4000, interval: 15_000, using: &random)
        let length: Int64 = 300_000
        let pipeline = try makePipeline([.downsampling(.interval(.seconds(300)), .average)], .counter)
        let shipped = try #require(pipeline.everything(counter).first)
        let extent = counter.extent(length)
        var options = QueryOptions()
        options.features = .all
        options.lookback = .seconds(86_400 * 30)
        func increase(_ columns: SampleColumns) async throws -> QueryValue {
            let source = MemorySource()
            for (time, value) in zip(columns.timestamps, columns.values) {
                source.append(Self.labels, time, value)
            }
            return try await QueryEngine(source: source, options: options).range(
                "increase(m_total[15m] anchored)",
                from: Timestamp(milliseconds: extent.start),
                through: Timestamp(milliseconds: extent.end),
                step: .milliseconds(length)
            ).value
        }
        let expected = try await increase(counter.samples)
        #expect(try await increase(shipped.samples) == expected)
        guard case .matrix(let columns) = expected else {
            Issue.record("no matrix")
            return
        }
        #expect(columns.first.map { $0.samples.count > 150 } == true)
    }

    @Test func falls() throws {
        let pipeline = try makePipeline([.aggregation([.max], window: .seconds(60), suffix: nil)], .counter)
        func kept(_ samples: [(Int64, Double)], starts: [(Int64, Int64)] = []) throws -> [Int64] {
            var counter = SampleFlow()
            for (second, value) in samples { counter.samples.append(second * 1000, value) }
            for (second, start) in starts { counter.starts.append(second * 1000, start: start * 1000) }
            let output = try #require(pipeline.everything(counter).first)
            // What is said of starts goes with the samples.
            #expect(output.starts.timestamps.allSatisfy { output.samples.timestamps.contains($0) })
            #expect(output.starts.count == min(starts.count, output.samples.count))
            return output.samples.timestamps.map { $0 / 1000 }
        }
        // The first window has nothing before it, so its first sample is kept.
        #expect(try kept([(10, 1), (20, 2), (30, 3)]) == [10, 30])
        // A fall that is outgrown within the window.
        #expect(try kept([(10, 1), (60, 10), (70, 1), (80, 20), (90, 50)]) == [10, 60, 70, 90])
        // A fall inside, and one at the end.
        #expect(
            try kept([(60, 1), (70, 5), (80, 9), (90, 2), (100, 4), (110, 3)]) == [60, 80, 90, 100, 110]
        )
        // The window before is empty: the first sample stands for what was lost between.
        #expect(try kept([(60, 1), (190, 5), (200, 9)]) == [60, 190, 200])
        // An end is kept where it is; one within the window is not.
        #expect(
            try kept([(60, 1), (70, 2), (75, StaleMarker.value), (80, 3), (90, StaleMarker.value)]) == [
                60, 80, 90,
            ]
        )
        // It began anew without falling.
        #expect(
            try kept([(60, 1), (70, 2), (80, 3), (90, 4)], starts: [(60, 0), (70, 0), (80, 75), (90, 75)])
                == [60, 70, 80, 90]
        )
        #expect(
            try kept([(60, 1), (70, 2), (80, 3), (90, 4)], starts: [(60, 0), (70, 0), (80, 0), (90, 0)])
                == [60, 90]
        )
    }

    @Test func histograms() throws {
        let pipeline = try makePipeline([.aggregation([.average], window: .seconds(60), suffix: nil)], .gauge)
        var random = Generator.seeded()
        let flow = randomHistograms(4000, interval: 10_000, using: &random)
        let shipped = try #require(pipeline.inPieces(flow, using: &random).first).histograms
        func gains(_ columns: HistogramColumns) -> [Int64: Double] {
            var (result, total): ([Int64: Double], Double) = ([:], 0)
            var before: Double?
            for (time, histogram) in zip(columns.timestamps, columns.histograms) where !histogram.isStale {
                if let before {
                    total += histogram.count < before ? histogram.count : histogram.count - before
                }
                before = histogram.count
                result[time] = total
            }
            return result
        }
        let expected = gains(flow.histograms)
        let found = gains(shipped)
        #expect(found.count > 500 && found.count < expected.count)
        for (time, gained) in found { #expect(gained == expected[time]) }
    }
}
