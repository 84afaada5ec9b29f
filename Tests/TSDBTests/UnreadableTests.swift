// SPDX-License-Identifier: Apache-2.0
//
// Blocks that are damaged or that the disk does not give back cost their own samples, in a query and in rows of tiers.

import Platform
import Samples
import Synchronization
import Testing

@testable import TSDB

struct UnreadableTests {
    /// Four segments of 50 rows and 20 rows in memory, with nothing of them in any cache.
    private func store() throws -> TestStore {
        let test = try TestStore()
        let rows = try Rows(test)
        for part in 0..<4 {
            try rows.append((part * 50)..<(part * 50 + 50))
            try test.store.sealAll()
        }
        try rows.append(200..<220)
        return try TestStore(files: test.files.afterKill())
    }

    private func read(_ test: TestStore) throws -> (rows: [Int], error: SourceError?) {
        let selection = try test.store.select(
            [LabelMatcher("__name__", equals: "r1")],
            from: .min,
            through: .max
        )
        var columns = SampleColumns()
        var failure: SourceError?
        do throws(SourceError) {
            try selection.read(0, from: .min, through: .max, into: &columns)
        } catch {
            failure = error
        }
        let rows = columns.timestamps.map { Int($0 / 1000) }
        #expect(columns.values == rows.map { Rows.value($0, 1) })
        return (rows, failure)
    }

    @Test func aReadThatFailsCostsOneSegment() throws {
        var missing: [Int] = []
        for failing in 0..<100 {
            let test = try store()
            test.files.state.withLock {
                $0.faults = [.init(operation: .read, name: "ring", after: failing)]
            }
            let (rows, error) = try read(test)
            guard let error else {
                #expect(rows == Array(0..<220))
                break
            }
            let part = try #require((0..<4).first { !rows.contains($0 * 50) })
            missing.append(part)
            #expect(rows == Array(0..<220).filter { $0 / 50 != part })
            guard case .unreadable(let words) = error else { return }
            #expect(words.hasPrefix("segment \(part + 1) in ring file 0: "), "\(words)")
            #expect(words.contains("Input/output error"), "\(words)")
            #expect(test.counter("corrupt_blocks_total") == 1)
            // A disk that recovers is believed again.
            let again = try read(test)
            #expect(again.rows == Array(0..<220) && again.error == nil)
        }
        #expect(Set(missing) == [0, 1, 2, 3])
    }

    @Test func whileNothingCanBeReadMemoryAnswers() throws {
        let test = try store()
        test.files.state.withLock { $0.faults = [.init(operation: .read, name: "ring", lasts: true)] }
        let (rows, error) = try read(test)
        #expect(rows == Array(200..<220))
        guard case .unreadable(let words)? = error else {
            Issue.record("nothing was said of what is missing")
            return
        }
        #expect(words.hasPrefix("segment 1 in ring file 0: "))
        #expect(test.counter("corrupt_blocks_total") == 4)
    }

    @Test func samplesAnswerWhenRowsCannotBeRead() throws {
        let (test, _) = try plant(hours: 30)
        test.files.state.withLock { $0.faults = [.init(operation: .read, name: "warm", lasts: true)] }
        let selection = try test.store.select([], from: .min, through: .max)
        let seam = try #require(selection.coarse.last).through
        #expect(seam > start + 20 * hour)
        var columns = SampleColumns()
        #expect(throws: SourceError.self) {
            try selection.read(0, from: .min, through: .max, into: &columns)
        }
        #expect(
            columns.timestamps == Array(stride(from: seam + 60_000, through: start + 30 * hour, by: 60_000))
        )
    }

    @Test func rowsWaitForSamplesAndAreBuiltWithoutThemInTheEnd() throws {
        let (test, columns) = try plant(hours: 13, failingReads: true)
        // Three tries, half a minute apart, then without.
        for seconds in stride(from: 0, through: 85, by: 5) {
            #expect(test.store.statistics.tiers[0].rows == 0, "after \(seconds) s")
            test.clock.advance(milliseconds: 5000)
            try test.store.maintain()
        }
        test.clock.advance(milliseconds: 5000)
        try test.store.buildTiers()
        #expect(test.unreadableSpans == 1)
        for _ in 0..<4 {
            test.clock.advance(milliseconds: 30_000)
            try test.store.buildTiers()
        }
        #expect(test.unreadableSpans == 2)
        // What is in memory has rows.
        let naive = naiveRows(columns, fiveMinutes)
        let sound = naive.keys.sorted().filter { $0 > start + 11 * hour && $0 <= start + 12 * hour }
        #expect(sound.count == 12)
        let rows = try test.store.tierRows(0, Labels([("__name__", "m")]))
        #expect(rows.map(text) == sound.compactMap { naive[$0].map(text) })
    }

    @Test func rowsAreWholeWhenTheDiskComesBackInTime() throws {
        let (test, columns) = try plant(hours: 13, failingReads: true)
        test.clock.advance(milliseconds: 35_000)
        try test.store.maintain()
        test.files.state.withLock { $0.faults = [] }
        test.clock.advance(milliseconds: 35_000)
        try test.store.buildTiers()
        #expect(test.unreadableSpans == 0)
        let naive = naiveRows(columns, fiveMinutes)
        let expected = naive.keys.sorted().filter { $0 <= start + 12 * hour }
        #expect(expected.count == 144)
        #expect(
            try test.store.tierRows(0, Labels([("__name__", "m")])).map(text)
                == expected.compactMap { naive[$0].map(text) }
        )
    }

    private let start: Int64 = 19_674 * day

    /// A sample a minute, sealed every five and a half hours.
    private func plant(
        hours: Int64,
        failingReads: Bool = false
    ) throws -> (test: TestStore, samples: [(time: Int64, value: Double)]) {
        let test = try TestStore(clock: ManualClock(wallMilliseconds: start)) {
            $0.tiers = [TierOptions(name: "warm", resolution: .seconds(300), ringBytes: 1 << 20)]
            $0.retention = .milliseconds(hour)
        }
        let group = try test.store.group(Labels([("job", "plant")]))
        let id = try test.store.series(Labels([("__name__", "m")]), in: group)
        var samples: [(time: Int64, value: Double)] = []
        for minute in 1...(hours * 60) {
            test.clock.advance(milliseconds: 60_000)
            let time = start + minute * 60_000
            let value = Double(minute * 7919 % 1009)
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: time))
            batch.append(id, value)
            _ = try test.store.append(batch)
            samples.append((time, value))
            if minute % 330 == 0 { try test.store.sealAll() }
            if !failingReads, minute % 10 == 0 { try test.store.maintain() }
        }
        if failingReads {
            test.files.state.withLock { $0.faults = [.init(operation: .read, name: "ring", lasts: true)] }
        } else {
            try test.store.buildTiers()
        }
        return (test, samples)
    }
}

extension TestStore {
    fileprivate var unreadableSpans: Double { counter("tier_unreadable_spans_total") }
}
