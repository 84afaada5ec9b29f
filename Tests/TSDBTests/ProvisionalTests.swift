// SPDX-License-Identifier: Apache-2.0
//
// A clock that is wrong when the machine starts: rows get their true times when it is set, nothing is shipped before,
// and whatever happens in between they are neither lost nor left in 1970.

import Platform
import Samples
import Synchronization
import Testing

@testable import TSDB

struct ProvisionalTests {
    /// 2026-11-21 12:00 UTC.
    private static let release: Int64 = 1_795_262_400_000

    private static func open(
        _ files: MemoryFileStore = MemoryFileStore(),
        _ clock: ManualClock,
        logBytes: Int = 64 * 4096
    ) throws -> TestStore {
        try TestStore(files: files, clock: clock) {
            $0.releaseTime = release
            $0.logBytes = logBytes
        }
    }

    /// A machine that starts in 1970, five seconds up.
    private static func clock() -> ManualClock {
        let clock = ManualClock(wallMilliseconds: 5000)
        clock.setSynchronized(false)
        return clock
    }

    /// Appends a row a second, stamped by the clock.
    private static func append(_ test: TestStore, _ rows: Range<Int>, job: String = "rows") throws {
        let group = try test.store.group(Labels([("job", job)]))
        let id = try test.store.series(Labels([("__name__", job)]), in: group)
        for row in rows {
            test.clock.advance(milliseconds: 1000)
            var batch = SampleBatch(
                group: group,
                timestamp: Timestamp(milliseconds: test.clock.wallMilliseconds())
            )
            batch.append(id, Double(row))
            #expect(try test.store.append(batch).appended == 1)
        }
    }

    @Test func rowsGetTheirTimesWhenTheClockIsSet() throws {
        let clock = ProvisionalTests.clock()
        let test = try ProvisionalTests.open(MemoryFileStore(), clock)
        try ProvisionalTests.append(test, 0..<200)
        #expect(try test.store.all("rows").timestamps == (0..<200).map { 6000 + $0 * 1000 })
        try test.store.maintain()
        #expect(try test.store.read(from: LogPosition(sequence: 0), sampleLimit: 1000).series.isEmpty)
        // True time at the last row is ten minutes after the release.
        let now = ProvisionalTests.release + 600_000
        clock.step(toWallMilliseconds: now)
        try test.store.maintain()
        #expect(test.counter("restamped_rows_total") == 200)
        #expect(test.counter("clock_trusted") == 1)
        let times = (0..<200).map { now - 199_000 + $0 * 1000 }
        let stored = try test.store.all("rows")
        #expect(stored.timestamps == times)
        #expect(stored.values == (0..<200).map { Double($0) })
        try ProvisionalTests.append(test, 200..<210)
        let chunk = try test.store.read(from: LogPosition(sequence: 0), sampleLimit: 1000)
        #expect(chunk.series.first?.samples.timestamps == times + (1...10).map { now + $0 * 1000 })
        #expect(chunk.lostRows == 0)
        let after = try ProvisionalTests.open(test.files.afterKill(), clock)
        #expect(try after.store.all("rows").timestamps == times + (1...10).map { now + $0 * 1000 })
        try after.store.sealAll()
        #expect(try after.store.all("rows").count == 210)
    }

    @Test func aKillBeforeTheClockIsSetKeepsRowsProvisional() throws {
        let clock = ProvisionalTests.clock()
        let test = try ProvisionalTests.open(MemoryFileStore(), clock)
        try ProvisionalTests.append(test, 0..<70)
        let after = try ProvisionalTests.open(test.files.afterKill(), clock)
        try ProvisionalTests.append(after, 70..<75)
        try after.store.maintain()
        #expect(try after.store.read(from: LogPosition(sequence: 0), sampleLimit: 1000).series.isEmpty)
        let now = ProvisionalTests.release + 1_000_000
        clock.step(toWallMilliseconds: now)
        try after.store.maintain()
        #expect(try after.store.all("rows").timestamps == (0..<75).map { now - 74_000 + $0 * 1000 })
        let again = try ProvisionalTests.open(after.files.afterKill(), clock)
        #expect(try again.store.all("rows").timestamps == (0..<75).map { now - 74_000 + $0 * 1000 })
        #expect(again.counter("restamped_rows_total") == 0)
    }

    @Test func rowsOfAStartThatNeverKnewTheTimeFollowTheNewestBefore() throws {
        let clock = ManualClock(wallMilliseconds: ProvisionalTests.release + 5_000)
        let test = try ProvisionalTests.open(MemoryFileStore(), clock)
        try ProvisionalTests.append(test, 0..<10)
        test.store.close()
        clock.setSynchronized(false)
        clock.reboot(wallMilliseconds: 3000)
        let dark = try ProvisionalTests.open(test.files.afterKill(), clock)
        try ProvisionalTests.append(dark, 10..<20)
        try dark.store.syncLog()
        clock.reboot(wallMilliseconds: ProvisionalTests.release + 86_400_000)
        let after = try ProvisionalTests.open(dark.files.afterPowerCut { _, _, _ in 0 }, clock)
        let newest = ProvisionalTests.release + 15_000
        let times = (0..<10).map { newest - 9000 + $0 * 1000 } + (1...10).map { newest + $0 * 1000 }
        #expect(try after.store.all("rows").timestamps == times)
        #expect(after.counter("restamped_rows_total") == 10)
        let again = try ProvisionalTests.open(after.files.afterKill(), clock)
        #expect(try again.store.all("rows").timestamps == times)
    }

    @Test func provisionalRowsAreNotSealedUntilSpaceIsNeeded() throws {
        let clock = ProvisionalTests.clock()
        let test = try ProvisionalTests.open(MemoryFileStore(), clock, logBytes: 16 * 4096)
        try ProvisionalTests.append(test, 0..<1100)
        try test.store.maintain()
        #expect(test.store.statistics.segments == 0)
        try ProvisionalTests.append(test, 1100..<6000)
        try test.store.maintain()
        #expect(test.store.statistics.segments > 0)
        #expect(test.counter("provisional_sealed_rows_total") > 0)
        #expect(try test.store.all("rows").count == 6000)
    }

    @Test func sendersWithARightClockAreNotProvisional() throws {
        let clock = ProvisionalTests.clock()
        let test = try ProvisionalTests.open(MemoryFileStore(), clock)
        try ProvisionalTests.append(test, 0..<5)
        let group = try test.store.group(Labels([("job", "pushed")]))
        let id = try test.store.series(Labels([("__name__", "pushed")]), in: group)
        var batch = SampleBatch(
            group: group,
            timestamp: Timestamp(milliseconds: ProvisionalTests.release + 60_000)
        )
        batch.append(id, 7)
        _ = try test.store.append(batch)
        clock.step(toWallMilliseconds: ProvisionalTests.release + 90_000)
        try test.store.maintain()
        #expect(try test.store.all("pushed").timestamps == [ProvisionalTests.release + 60_000])
        #expect(
            try test.store.all("rows").timestamps
                == (0..<5).map { ProvisionalTests.release + 86_000 + $0 * 1000 }
        )
    }

    @Test func whatTrustNeeds() {
        let release = ProvisionalTests.release
        func looks(
            _ newest: Int64?,
            _ readings: [(wall: Int64, seconds: UInt64, synchronized: Bool)]
        ) -> [Bool] {
            var trust = ClockTrust(release: release, newest: newest)
            return readings.map { wall, seconds, synchronized in
                trust.look(
                    .init(wall: wall, monotonic: seconds * 1_000_000_000),
                    isSynchronized: synchronized
                )
            }
        }
        // Before the release whatever the kernel says; behind what is stored; kept right by somebody.
        #expect(
            looks(release + 10_000_000, [(0, 1, true), (release + 5, 2, false), (release + 5, 3, true)])
                == [false, false, true]
        )
        // Shown for an hour.
        #expect(
            looks(
                release + 10_000_000,
                [
                    (release + 5, 2, false), (release + 3_598_005, 3600, false),
                    (release + 3_600_005, 3602, false),
                ]
            ) == [false, false, true]
        )
        // Nothing says otherwise; a jump later is no reason to doubt.
        #expect(looks(nil, [(release, 2, false), (0, 3, false)]) == [true, true])
    }
}
