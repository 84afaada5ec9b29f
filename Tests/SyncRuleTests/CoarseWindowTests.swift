// SPDX-License-Identifier: Apache-2.0
//
// What is shipped from rows beside what is shipped from the samples that the rows stand for.

import Config
import Samples
import Testing

@testable import Sync

@Suite struct CoarseWindowTests {
    /// The rows of a store for these samples.
    private func rows(_ samples: SampleColumns, _ resolution: Int64) -> [CoarseRow] {
        var rows: [CoarseRow] = []
        WindowGrid(length: resolution).forEachWindow(at: samples.timestamps) { end, indices, _ in
            var summary: SampleSummary?
            for index in indices where !samples.values[index].isStale {
                let (time, value) = (samples.timestamps[index], samples.values[index])
                if summary == nil {
                    summary = SampleSummary(time: time, value: value)
                } else {
                    summary?.add(time: time, value: value)
                }
            }
            rows.append(CoarseRow(end: end, summary: summary, isEnded: samples.endsStale(indices)))
        }
        return rows
    }

    @Test(arguments: [
        SyncOperation.average, .sum, .min, .max, .count, .last, .rate,
    ])
    func likeTheSamples(operation: SyncOperation) throws {
        var random = Generator.seeded()
        var windows = 0
        for (resolution, length): (Int64, Int64) in [(300_000, 300_000), (300_000, 3_600_000)] {
            var gauge = randomGauge(4000, interval: 30_000, using: &random)
            // Rows have no sums that overflow.
            for index in gauge.samples.values.indices where abs(gauge.samples.values[index]) > 1e300 {
                gauge.samples.values[index] = 0
            }
            let raw = try makePipeline(
                [.aggregation([operation], window: .milliseconds(length), suffix: nil)],
                .gauge
            )
            let expected = try #require(raw.everything(gauge).first).samples
            let coarse = CoarseWindow(value: .operation(operation), windows: WindowGrid(length: length))
            let output = coarse.apply(rows(gauge.samples, resolution), after: .min)
            #expect(output.lost == 0)
            #expect(output.samples.timestamps == expected.timestamps)
            for (mine, theirs) in zip(output.samples.values, expected.values) {
                let isSame = mine.bitPattern == theirs.bitPattern || mine.isNaN && theirs.isNaN
                // Sums of sums round elsewhere, and a row has its falls added up beside the rest.
                let rounds = resolution < length || operation == .rate
                #expect(
                    isSame || rounds && abs(mine - theirs) <= 4 * mine.ulp,
                    "\(mine) \(theirs)"
                )
            }
            windows += expected.count
        }
        #expect(windows > 300)
    }

    @Test func quantilesAreCounted() {
        var random = Generator.seeded()
        let gauge = randomGauge(1000, interval: 30_000, using: &random)
        let rows = rows(gauge.samples, 300_000)
        let output = CoarseWindow(value: .operation(.quantile(0.9)), windows: WindowGrid(length: 300_000))
            .apply(rows, after: .min)
        #expect(output.lost == rows.count { $0.summary != nil } && output.lost > 50)
        #expect(output.samples.values.allSatisfy { $0.isStale })
    }

    /// Whatever a counter does, its increase between ends of windows is that of its samples.
    @Test func counters() {
        var random = Generator.seeded()
        var (falls, lost) = (0, 0)
        for _ in 0..<60 {
            let (resolution, length): (Int64, Int64) =
                Bool.random(using: &random) ? (300_000, 300_000) : (300_000, 3_600_000)
            let counter = randomCounter(800, interval: 45_000, using: &random)
            let output = CoarseWindow(value: .counter, windows: WindowGrid(length: length))
                .apply(rows(counter.samples, resolution), after: .min)
            let times = output.samples.timestamps
            #expect(zip(times, times.dropFirst()).allSatisfy { $0 < $1 })
            lost += output.lost
            guard output.lost == 0 else { continue }
            var (total, before): (Double, Double?) = (0, nil)
            var gained: [Int64: Double] = [:]
            for (time, value) in zip(counter.samples.timestamps, counter.samples.values) where !value.isStale
            {
                if let before { total += value < before ? value : value - before }
                falls += before.map { value < $0 ? 1 : 0 } ?? 0
                before = value
                gained[time] = total
            }
            (total, before) = (0, nil)
            let lasts = Set(rows(counter.samples, length).compactMap { $0.summary?.lastTime })
            for (time, value) in zip(output.samples.timestamps, output.samples.values) where !value.isStale {
                if let before { total += value < before ? value : value - before }
                before = value
                if lasts.contains(time) { #expect(gained[time] == total, "\(time)") }
            }
            let last = counter.samples.values.lastIndex { !$0.isStale }
            #expect(last.map { gained[counter.samples.timestamps[$0]] == total } ?? true)
        }
        #expect(falls > 1000 && lost < 50)
    }

    @Test func cases() {
        func output(_ samples: [(Int64, Double)], after start: Int64 = .min) -> [String] {
            var columns = SampleColumns()
            for (second, value) in samples { columns.append(second * 1000, value) }
            let output = CoarseWindow(value: .counter, windows: WindowGrid(length: 300_000))
                .apply(rows(columns, 300_000), after: start)
            return zip(output.samples.timestamps, output.samples.values).map { time, value in
                "\(time) \(value.isStale ? "end" : "\(Int(value))")"
            }
        }
        // Nothing before: the first sample stands for it.
        #expect(output([(10, 5), (20, 7)]) == ["10000 5", "20000 7"])
        #expect(output([(10, 5)]) == ["10000 5"])
        #expect(output([(10, 5), (310, 6), (320, 8)], after: 300_000) == ["320000 8"])
        // Fell from 5 to 1, then rose to 8; and fell within, from 9 to 2.
        #expect(
            output([(10, 5), (310, 1), (320, 8)], after: 300_000) == ["319998 5", "319999 0", "320000 8"]
        )
        #expect(
            output([(10, 5), (310, 6), (320, 9), (330, 2)], after: 300_000)
                == ["329998 9", "329999 0", "330000 2"]
        )
        #expect(
            output([(10, 5), (310, 3), (320, 9), (330, 2)], after: 300_000)
                == ["329998 14", "329999 0", "330000 2"]
        )
        // A window without samples between: what was before is not looked at.
        #expect(output([(10, 5), (700, 3), (710, 4)], after: 300_000) == ["700000 3", "710000 4"])
        // Ends.
        #expect(output([(10, 5), (20, StaleMarker.value)]) == ["10000 5", "300000 end"])
        #expect(
            output([(10, 5), (310, StaleMarker.value), (620, StaleMarker.value)]) == [
                "10000 5", "600000 end",
            ]
        )
    }
}
