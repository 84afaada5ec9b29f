// SPDX-License-Identifier: Apache-2.0
//
// The log with its newest pages in shared memory: flash is left alone between syncs, a kill at any write keeps what
// was acknowledged, a power cut keeps what was synced, and memory left by another store is not mistaken for ours.

import Platform
import Samples
import Synchronization
import Testing

@testable import TSDB

struct StagingTests {
    private static let path = "/shm/edgewatch.log"

    private static func open(
        _ files: MemoryFileStore = MemoryFileStore(),
        clock: ManualClock = ManualClock(wallMilliseconds: 1_700_000_000_000)
    ) throws -> TestStore {
        try TestStore(files: files, clock: clock) {
            $0.stagingPath = path
            $0.logBytes = 16 * 4096
        }
    }

    /// The disk after a power cut that keeps nothing unsynced: memory is empty.
    private static func afterPowerCut(_ files: MemoryFileStore) -> MemoryFileStore {
        files.afterPowerCut { _, _, _ in 0 }
    }

    @Test func appendsTouchNoFlashUntilTheySync() throws {
        let test = try StagingTests.open()
        let rows = try Rows(test)
        let before = test.files.contents("/data/log")
        let flash = test.counter("log_flash_bytes_total")
        try rows.append(0..<100)
        #expect(test.files.contents("/data/log") == before)
        #expect(test.counter("log_flash_bytes_total") == flash)
        try test.store.syncLog()
        #expect(test.files.contents("/data/log") != before)
        #expect(test.counter("log_flash_bytes_total") > flash)
        let after = try StagingTests.open(StagingTests.afterPowerCut(test.files))
        #expect(try Rows.present(after.store) == Array(0..<100))
    }

    @Test func aPowerCutCostsWhatWasNotSynced() throws {
        let test = try StagingTests.open()
        let rows = try Rows(test)
        try rows.append(0..<50)
        try test.store.syncLog()
        try rows.append(50..<80)
        let after = try StagingTests.open(StagingTests.afterPowerCut(test.files))
        #expect(try Rows.present(after.store) == Array(0..<50))
        #expect(after.store.recovery.isDamaged == false)
    }

    /// Every write from the n-th on fails, which is what a kill at that write leaves.
    @Test func aKillAtAnyWriteKeepsWhatWasAcknowledged() throws {
        var isFinished = false
        var kills = 0
        var write = 0
        while !isFinished {
            let test = try StagingTests.open()
            let rows = try Rows(test)
            test.files.state.withLock { $0.failWriteAfter = write }
            var acknowledged = 0
            for row in 0..<90 {
                try rows.append(row..<(row + 1))
                if row % 13 == 12 { try? test.store.syncLog() }
                // The write that fails is never reached by an append that counts.
                guard test.files.state.withLock({ ($0.failWriteAfter ?? 0) > 0 }) else { break }
                acknowledged = row + 1
            }
            isFinished = acknowledged == 90
            test.files.state.withLock { $0.failWriteAfter = nil }
            let after = try StagingTests.open(test.files.afterKill())
            let present = try Rows.present(after.store)
            #expect(present.count >= acknowledged, "killed at write \(write)")
            #expect(present == Array(0..<present.count), "killed at write \(write)")
            try Rows(after).append(200..<210)
            let again = try StagingTests.open(after.files.afterKill())
            #expect(try Rows.present(again.store) == present + Array(200..<210), "killed at write \(write)")
            kills += 1
            write += 1
        }
        #expect(kills > 180)
    }

    @Test func memoryOfAnotherStoreIsIgnored() throws {
        let clock = ManualClock(wallMilliseconds: 1_700_000_000_000)
        let test = try StagingTests.open(clock: clock)
        try Rows(test).append(0..<20)
        let files = test.files.afterKill()
        files.state.withLock { state in
            state.names = state.names.filter { !$0.key.hasPrefix("/data/") }
        }
        clock.advance(milliseconds: 1)
        let other = try StagingTests.open(files, clock: clock)
        #expect(try Rows.present(other.store) == [])
        #expect(other.store.recovery.rows == 0)
    }

    @Test func withoutMemoryTheLogIsWritten() throws {
        let test = try TestStore {
            $0.stagingPath = StagingTests.path
            $0.syncInterval = .zero
        }
        try Rows(test).append(0..<5)
        #expect(test.files.contents(StagingTests.path).isEmpty)
        let after = try TestStore(files: test.files.afterPowerCut { _, _, _ in 0 })
        #expect(try Rows.present(after.store) == Array(0..<5))
    }

    @Test(arguments: [nil, Duration.zero])
    func aStartThatStagesNothingTakesWhatWasLeft(syncInterval: Duration?) throws {
        let test = try StagingTests.open()
        try Rows(test).append(0..<30)
        let files = test.files.afterKill()
        let after = try TestStore(files: files, clock: test.clock) {
            $0.logBytes = 16 * 4096
            $0.syncInterval = syncInterval
            // With an interval of zero the path is named and not used.
            if syncInterval == nil {
                $0.leftStagingPaths = ["/shm/none", StagingTests.path]
            } else {
                $0.stagingPath = StagingTests.path
            }
        }
        #expect(!after.store.isStaged)
        #expect(try Rows.present(after.store) == Array(0..<30))
        #expect(files.state.withLock { $0.names[StagingTests.path] } == nil)
        let again = try StagingTests.open(files.afterKill())
        #expect(try Rows.present(again.store) == Array(0..<30))
    }

    @Test func fullMemoryGoesToTheLogUnsynced() throws {
        let test = try TestStore { $0.stagingPath = StagingTests.path }
        let rows = try Rows(test, series: 400)
        // About three pages a row: 64 places are full several times over.
        for row in 0..<120 {
            var batch = SampleBatch(group: rows.group, timestamp: Timestamp(milliseconds: Int64(row) * 1000))
            for (number, id) in rows.ids.enumerated() { batch.append(id, Double(row * 7919 + number) / 3) }
            _ = try test.store.append(batch)
        }
        let after = try TestStore(files: test.files.afterKill()) { $0.stagingPath = StagingTests.path }
        for number in [0, 399] {
            let columns = try after.store.all("r\(number)")
            #expect(columns.values == (0..<120).map { Double($0 * 7919 + number) / 3 })
        }
    }

    @Test func uncertainPowerSyncsAtOnceAndThenEveryTenSeconds() throws {
        let test = try StagingTests.open()
        let rows = try Rows(test)
        try rows.append(0..<10)
        test.clock.advance(milliseconds: 60_000)
        #expect(!test.store.isSyncDue())
        test.store.powerIsUncertain(true)
        #expect(test.counter("log_syncs_total") == 2)
        try rows.append(10..<20)
        #expect(!test.store.isSyncDue())
        test.clock.advance(milliseconds: 10_000)
        #expect(test.store.isSyncDue())
        test.store.powerIsUncertain(false)
        #expect(!test.store.isSyncDue())
        test.clock.advance(milliseconds: 590_000)
        #expect(test.store.isSyncDue())
    }
}
