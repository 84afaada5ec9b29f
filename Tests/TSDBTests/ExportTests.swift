// SPDX-License-Identifier: Apache-2.0
//
// What a tool that writes a store to a file is given: times by what there is, and everything but what is damaged.

import Platform
import Samples
import Synchronization
import Testing

@testable import TSDB

struct ExportTests {
    private static let now: Int64 = 1_700_000_000_000

    /// One sample of `far` at each time, all of one group.
    private func store(_ times: [Int64]) throws -> TestStore {
        let test = try TestStore()
        let group = try test.store.group(Labels([("job", "far")]))
        let id = try test.store.series(Labels([("__name__", "far")]), in: group)
        for time in times {
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: time))
            batch.acceptsOld = true
            batch.append(id, Double(time))
            _ = try test.store.append(batch)
        }
        return test
    }

    private func stretches(
        _ test: TestStore,
        _ from: Timestamp = .min,
        _ through: Timestamp = .max
    ) -> [[Int64]] {
        let (found, unreadable) = test.store.stretches(from: from, through: through)
        #expect(unreadable.isEmpty)
        #expect(found.allSatisfy { $0.resolution == nil })
        return found.map { [$0.from, $0.through] }
    }

    @Test func emptyTimeIsNeverGoneThrough() throws {
        let times = [Int64.min, 0, ExportTests.now, Int64.max]
        let test = try store(times)
        let stored = try test.store.all("far").timestamps
        #expect(stored.contains(0) && stored.contains(ExportTests.now))
        #expect(stretches(test) == stored.map { [$0, $0] })
        try test.store.sealAll()
        #expect(stretches(test) == stored.map { [$0, $0] })
        let (from, through) = (Timestamp(milliseconds: 0), Timestamp(milliseconds: ExportTests.now))
        #expect(stretches(test, from, through) == [[0, 0], [ExportTests.now, ExportTests.now]])
    }

    @Test func timesThatFollowEachOtherAreOneStretch() throws {
        let times = (0..<200).map { ExportTests.now + Int64($0) * 60_000 }
        let later = (0..<3).map { ExportTests.now + 40 * 3_600_000 + Int64($0) * 3_600_000 }
        let test = try store(times + later)
        let expected = [[times[0], times[199]]] + later.map { [$0, $0] }
        #expect(stretches(test) == expected)
        try test.store.sealAll()
        #expect(stretches(try TestStore(files: test.files.afterKill())) == expected)
    }

    @Test func damageIsToldWithItsTimeAndTheRestIsThere() throws {
        let test = try TestStore()
        let rows = try Rows(test)
        for part in 0..<3 {
            try rows.append((part * 50)..<(part * 50 + 50))
            try test.store.sealAll()
        }
        let again = try TestStore(files: test.files.afterKill())
        // Opening has read the directories; the first read of blocks of the first segment fails.
        again.files.state.withLock { $0.faults = [.init(operation: .read, name: "ring", after: 0)] }
        let found = again.store.exported([LabelMatcher("__name__", equals: "r1")], from: .min, through: .max)
        #expect(found.count == 1)
        let contents = found.contents(0, from: .min, through: .max)
        #expect(contents.samples.timestamps == (50..<150).map { Int64($0) * 1000 })
        #expect(contents.unreadable.count == 1)
        let part = try #require(contents.unreadable.first)
        #expect((part.from, part.through) == (0, 49_000))
        #expect(part.reason.hasPrefix("segment 1 in ring file 0: "), "\(part.reason)")
    }
}
