// SPDX-License-Identifier: Apache-2.0
//
// The store in memory: exact values, late rows, duplicates, selection and commit order.

import Logging
import Platform
import Samples
import Testing

@testable import TSDB

struct HeadTests {
    @Test func everyBitPatternComesBack() throws {
        let store = try TestStore().store
        let group = try store.group(Labels([("job", "t")]))
        let id = try store.series(Labels([("__name__", "m")]), in: group)
        let patterns: [UInt64] = [
            0, 0x8000_0000_0000_0000, 0x7ff0_0000_0000_0000, 0xfff0_0000_0000_0000, 0x7ff8_0000_0000_0001,
            StaleMarker.bits, 0x7ff4_dead_beef_0001, 1, (0.1).bitPattern, (0.1 + 0.2).bitPattern,
            (1e300).bitPattern, (9_007_199_254_740_993.0).bitPattern, (-17.25).bitPattern,
        ]
        var expected: [UInt64] = []
        for row in 0..<1000 {
            let bits = row % 7 == 0 ? StaleMarker.bits : patterns[(row * 31) % patterns.count]
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: Int64(row) * 1000))
            batch.append(id, Double(bitPattern: bits))
            expected.append(bits)
            #expect(try store.append(batch) == AppendResult(appended: 1))
        }
        let columns = try store.all("m")
        #expect(columns.timestamps == (0..<1000).map { Int64($0) * 1000 })
        #expect(columns.values.map { $0.bitPattern } == expected)
    }

    @Test func lateRowsAreMergedAndJudged() throws {
        let store = try TestStore { $0.outOfOrderWindow = .seconds(60) }.store
        let group = try store.group(Labels([("job", "t")]))
        let m = try store.series(Labels([("__name__", "m")]), in: group)
        let n = try store.series(Labels([("__name__", "n")]), in: group)
        func append(_ seconds: Int64, _ samples: [(SeriesID, Double)]) throws -> AppendResult {
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: seconds * 1000))
            for (id, value) in samples { batch.append(id, value) }
            return try store.append(batch)
        }
        for second in 100...300 where second % 10 == 0 {
            #expect(try append(Int64(second), [(m, Double(second))]) == AppendResult(appended: 1))
        }
        #expect(try append(295, [(m, 295)]) == AppendResult(appended: 1))
        #expect(try append(290, [(m, 290)]) == AppendResult())
        #expect(try append(290, [(m, 1)]) == AppendResult(duplicate: 1))
        #expect(try append(295, [(m, 1)]) == AppendResult(duplicate: 1))
        #expect(try append(290, [(m, 290), (n, 7)]) == AppendResult(appended: 1))
        #expect(try append(239, [(m, 239)]) == AppendResult(outOfOrder: 1))
        #expect(try append(240, [(n, 6)]) == AppendResult(appended: 1))
        #expect(try store.all("n").timestamps == [240_000, 290_000])
        #expect(try store.all("m").timestamps.suffix(3) == [290_000, 295_000, 300_000])
        let late = try store.read(from: LogPosition(sequence: 21), sampleLimit: 1000)
        #expect(late.series.map { $0.labels.metricName } == ["m", "n"])
        #expect(late.series.map { $0.samples.timestamps } == [[295_000], [240_000, 290_000]])
        #expect(late.lostRows == 0)
    }

    @Test func theSeriesLimitSparesKnownSeries() throws {
        let store = try TestStore { $0.maxSeries = 2 }.store
        let group = try store.group(Labels([("job", "t")]))
        let a = try store.series(Labels([("__name__", "a")]), in: group)
        _ = try store.series(Labels([("__name__", "b")]), in: group)
        #expect(throws: SinkError.seriesLimit(2)) {
            try store.series(Labels([("__name__", "c")]), in: group)
        }
        #expect(try store.series(Labels([("__name__", "a")]), in: group) == a)
    }

    @Test func selectorsFollowPrometheus() throws {
        let store = try TestStore().store
        let group = try store.group(Labels([("job", "t")]))
        for (name, mode) in [("cpu", "idle"), ("cpu", "user"), ("cpu", ""), ("mem", "idle")] {
            let id = try store.series(Labels([("__name__", name), ("mode", mode)]), in: group)
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: Int64(id.rawValue) + 1))
            batch.append(id, 1)
            _ = try store.append(batch)
        }
        func found(_ matchers: [LabelMatcher]) throws -> [String] {
            let selection = try store.select(matchers, from: .min, through: .max)
            return (0..<selection.count).map { selection.labels($0).description }
        }
        let cpu = LabelMatcher("__name__", equals: "cpu")
        #expect(try found([cpu]) == ["cpu", "cpu{mode=\"idle\"}", "cpu{mode=\"user\"}"])
        #expect(try found([cpu, LabelMatcher("mode", .equal, "")]) == ["cpu"])
        #expect(try found([cpu, LabelMatcher("mode", .notEqual, "idle")]) == ["cpu", "cpu{mode=\"user\"}"])
        #expect(try found([LabelMatcher("mode", .matches, "i.*")]).count == 2)
        #expect(try found([cpu, LabelMatcher("mode", .matches, "|user")]) == ["cpu", "cpu{mode=\"user\"}"])
        #expect(try found([cpu, LabelMatcher("mode", .notMatches, "i.*|")]) == ["cpu{mode=\"user\"}"])
        #expect(try found([LabelMatcher("mode", .notMatches, "i.*")]) == ["cpu", "cpu{mode=\"user\"}"])
        #expect(try found([cpu, LabelMatcher("nothing", equals: "x")]).isEmpty)
        let names = try store.labelNames([], from: .min, through: .max)
        #expect(names == ["__name__", "mode"])
        #expect(try store.labelValues("mode", [cpu], from: .min, through: .max) == ["idle", "user"])
        let later = try store.select([cpu], from: Timestamp(milliseconds: 100), through: .max)
        #expect(later.count == 0)
    }

    @Test func commitOrderIsCutAtRows() throws {
        let store = try TestStore().store
        let groups = try (0..<3).map { try store.group(Labels([("job", "t\($0)")])) }
        let ids = try groups.enumerated().map { number, group in
            try (0..<2).map {
                try store.series(Labels([("__name__", "m\($0)"), ("job", "t\(number)")]), in: group)
            }
        }
        for row in 0..<300 {
            let number = row % 3
            var batch = SampleBatch(group: groups[number], timestamp: Timestamp(milliseconds: Int64(row)))
            for id in ids[number] { batch.append(id, Double(row)) }
            _ = try store.append(batch)
        }
        #expect(store.oldest == LogPosition(sequence: 0))
        #expect(store.end == LogPosition(sequence: 300))
        var position = store.oldest
        var seen: [Double] = []
        while position < store.end {
            let chunk = try store.read(from: position, sampleLimit: 14)
            #expect(chunk.next.sequence == position.sequence + min(7, 300 - position.sequence))
            #expect(try store.read(from: position, sampleLimit: 14).series.count == chunk.series.count)
            seen += chunk.series.flatMap { $0.samples.values }
            position = chunk.next
        }
        #expect(seen.sorted() == (0..<300).flatMap { [Double($0), Double($0)] })
        #expect(try store.read(from: position, sampleLimit: 14).next == position)
        #expect(store.timestamp(at: LogPosition(sequence: 100)) == Timestamp(milliseconds: 100))
        #expect(store.timestamp(at: store.end) == nil)
    }
}

struct ClockTests {
    /// The clock was a day ahead for a while; what comes after it was set right must not be refused.
    @Test func rowsGoOnAfterAClockThatWasAhead() throws {
        let test = try TestStore()
        let now = test.clock.wallMilliseconds()
        let group = try test.store.group(Labels([("job", "t")]))
        let id = try test.store.series(Labels([("__name__", "m")]), in: group)
        func append(_ store: Store, _ group: GroupID, _ id: SeriesID, _ time: Int64) throws -> AppendResult {
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: time))
            batch.append(id, Double(time))
            return try store.append(batch)
        }
        let times = [now - 1000, now + 86_400_000, now + 86_401_000, now, now + 1000, now + 2000]
        for time in times { #expect(try append(test.store, group, id, time).appended == 1) }
        #expect(try append(test.store, group, id, now - 700_000).outOfOrder == 1)
        #expect(try test.store.all("m").timestamps == times.sorted())
        let again = try TestStore(files: test.files.afterKill())
        #expect(try again.store.all("m").timestamps == times.sorted())
        let group2 = try again.store.group(Labels([("job", "t")]))
        let id2 = try again.store.series(Labels([("__name__", "m")]), in: group2)
        #expect(try append(again.store, group2, id2, now + 3000) == AppendResult(appended: 1))
        #expect(try append(again.store, group2, id2, now + 1500) == AppendResult(appended: 1))
        #expect(try append(again.store, group2, id2, .min) == AppendResult(outOfOrder: 1))
        try again.store.sealAll()
        let third = try TestStore(files: again.files.afterKill())
        #expect(try third.store.all("m").timestamps == (times + [now + 3000, now + 1500]).sorted())
        let lost = try third.store.read(from: third.store.oldest, sampleLimit: 100)
        #expect(lost.lostRows == 0)
        #expect(lost.series.first?.samples.timestamps == (times + [now + 3000, now + 1500]).sorted())
    }

    @Test func extremeTimesDoNotTrap() throws {
        let test = try TestStore()
        let group = try test.store.group(Labels([("job", "t")]))
        let id = try test.store.series(Labels([("__name__", "m")]), in: group)
        for time in [Int64.min, Int64.min + 1, -1, 0, 1, Int64.max - 1, Int64.max, 5] {
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: time))
            batch.append(id, 1)
            _ = try test.store.append(batch)
        }
        let before = try test.store.all("m")
        #expect(before.timestamps == [Int64.min, Int64.min + 1, -1, 0, 1, 5, Int64.max - 1, Int64.max])
        try test.store.sealAll()
        #expect(try test.store.all("m") == before)
    }
}
