// SPDX-License-Identifier: Apache-2.0
//
// What a power cut, a torn write, a flipped bit or a full disk may cost, and what not.

import Platform
import Samples
import Synchronization
import Testing

@testable import TSDB

/// Appends numbered rows of one group and reads them back.
struct Rows {
    let store: Store
    let group: GroupID
    let ids: [SeriesID]

    init(_ test: TestStore, series: Int = 3) throws { try self.init(store: test.store, series: series) }

    init(store: Store, series: Int = 3) throws {
        self.store = store
        group = try store.group(Labels([("job", "rows")]))
        let group = group
        ids = try (0..<series).map { try store.series(Labels([("__name__", "r\($0)")]), in: group) }
    }

    /// What no coder foresees: two bytes and more.
    static func value(_ row: Int, _ number: Int) -> Double {
        Double((row + 1) * (number + 7) * 2_654_435_761 >> 9 & 0xffff) / 4
    }

    func append(_ range: Range<Int>) throws {
        for row in range {
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: Int64(row) * 1000))
            for (number, id) in ids.enumerated() { batch.append(id, Rows.value(row, number)) }
            #expect(try store.append(batch).appended == ids.count)
        }
    }

    /// The rows present, checking that values belong to them.
    static func present(_ store: Store, series: Int = 3) throws -> [Int] {
        var rows: [Int] = []
        for number in 0..<series {
            let columns = try store.all("r\(number)")
            let found = columns.timestamps.map { Int($0 / 1000) }
            for (row, value) in zip(found, columns.values) {
                #expect(value == Rows.value(row, number))
            }
            if number == 0 { rows = found } else { #expect(found == rows) }
        }
        return rows
    }
}

struct CrashTests {
    @Test func everyTearOfTheLastWriteKeepsAllRowsBefore() throws {
        let test = try TestStore()
        let rows = try Rows(test)
        try rows.append(0..<40)
        try test.store.syncLog()
        try rows.append(40..<41)
        let path = "/data/log"
        let written = test.files.state.withLock { $0.files[path]?.unsynced.count ?? 0 }
        #expect(written == 1)
        let length = test.files.state.withLock { $0.files[path]?.unsynced.last?.bytes.count ?? 0 }
        #expect(length > 500)
        var recovered: Set<Int> = []
        for kept in 0...length {
            let files = test.files.afterPowerCut { _, _, _ in kept }
            let after = try TestStore(files: files)
            let present = try Rows.present(after.store)
            #expect(present == Array(0..<40) || present == Array(0..<41), "\(kept) bytes kept")
            #expect(after.store.recovery.isDamaged == false)
            recovered.insert(present.count)
        }
        #expect(recovered == [40, 41])
    }

    @Test func unsyncedRowsAreLostWholeAndTheirNumbersAreNotReused() throws {
        let test = try TestStore()
        let rows = try Rows(test)
        try rows.append(0..<10)
        try test.store.syncLog()
        try rows.append(10..<20)
        let shippedTo = test.store.end
        let after = try TestStore(files: test.files.afterPowerCut { _, _, _ in 0 })
        #expect(try Rows.present(after.store) == Array(0..<10))
        #expect(after.store.end > shippedTo)
        try Rows(after).append(20..<25)
        let chunk = try after.store.read(from: shippedTo, sampleLimit: 1000)
        #expect(chunk.series.map { $0.samples.count } == [5, 5, 5])
        #expect(chunk.lostRows == 0)
        let all = try after.store.read(from: LogPosition(sequence: 0), sampleLimit: 1000)
        #expect(all.lostRows == 0)
        #expect(all.series.first?.samples.count == 15)
    }

    @Test func anyPartOfUnsyncedPagesMaySurvive() throws {
        var random = SeededGenerator(seed: 9)
        for _ in 0..<20 {
            let test = try TestStore { $0.logBytes = 64 * 4096 }
            let rows = try Rows(test, series: 60)
            try rows.append(0..<70)
            try test.store.syncLog()
            try rows.append(70..<200)
            let files = test.files.afterPowerCut { _, _, count in
                Int.random(in: 0...2, using: &random) > 0 ? count : Int.random(in: 0...count, using: &random)
            }
            let after = try TestStore(files: files) { $0.logBytes = 64 * 4096 }
            let present = try Rows.present(after.store, series: 60)
            #expect(Array(present.prefix(70)) == Array(0..<70))
            try Rows(after, series: 60).append(200..<300)
            let again = try TestStore(files: after.files.afterKill()) { $0.logBytes = 64 * 4096 }
            #expect(try Rows.present(again.store, series: 60) == present + Array(200..<300))
        }
    }

    @Test func aFlippedBitInTheLogCostsRowsUpToTheNextKeyRow() throws {
        let test = try TestStore()
        let rows = try Rows(test, series: 40)
        try rows.append(0..<900)
        let used = test.files.contents("/data/log").lastIndex { $0 != 0 } ?? 0
        let page = used / 4096 / 2
        #expect(page > 3)
        test.files.withFile("/data/log") { $0.written[page * 4096 + 300] ^= 4 }
        let after = try TestStore(files: test.files.afterKill())
        let present = try Rows.present(after.store, series: 40)
        #expect(present.count < 900)
        #expect(present.count > 900 - 2 * RowCoder.keyInterval - 30)
        #expect(after.store.recovery.damagedPages == 1)
        #expect(after.store.recovery.skippedRows > 0)
        #expect(after.counter("corrupt_pages_total") == 1)
        #expect(present.last == 899)
        let chunk = try after.store.read(from: LogPosition(sequence: 0), sampleLimit: 1_000_000)
        #expect(chunk.lostRows == UInt64(900 - present.count))
    }

    @Test func aFlippedBitInASegmentCostsTheSeriesOfItsRun() throws {
        let test = try TestStore()
        var random = SeededGenerator(seed: 5)
        let group = try test.store.group(Labels([("job", "a")]))
        let ids = try (0..<3).map { try test.store.series(Labels([("__name__", "r\($0)")]), in: group) }
        for row in 0..<1000 {
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: Int64(row) * 1000))
            // Incompressible, so that a block takes a run.
            for id in ids { batch.append(id, Double(bitPattern: random.next() >> 2)) }
            _ = try test.store.append(batch)
        }
        try test.store.sealAll()
        #expect(test.store.statistics.headSamples == 0)
        let segment = try #require(test.store.head.withLock { $0.segments.first })
        // The last block ends the segment.
        test.files.withFile("/data/ring-00") { $0.written[segment.length - 3] ^= 1 }
        #expect(try test.store.all("r0").count == 1000)
        #expect(try test.store.all("r1").count == 1000)
        #expect(throws: SourceError.self) { try test.store.all("r2") }
        #expect(test.counter("corrupt_blocks_total") == 1)
        let chunk = try test.store.read(from: LogPosition(sequence: 0), sampleLimit: 10_000)
        #expect(chunk.series.map { $0.labels.metricName } == ["r0", "r1"])
        #expect(chunk.next == test.store.end)
    }

    @Test func aTornSegmentIsIgnoredAndItsRowsComeFromTheLog() throws {
        let test = try TestStore()
        let rows = try Rows(test)
        try rows.append(0..<100)
        try test.store.sealAll()
        let length = test.files.contents("/data/ring-00").count
        #expect(length % SegmentHeader.alignment == 0 && length < 1200)
        // The state in which the segment was written but not synced: the log still has everything.
        for kept in stride(from: 0, to: 1200, by: 7) {
            let fresh = try TestStore()
            try Rows(fresh).append(0..<100)
            let files = fresh.files.afterKill()
            files.withFile("/data/ring-00") {
                $0.written = Array(test.files.contents("/data/ring-00").prefix(kept))
            }
            let after = try TestStore(files: files)
            #expect(try Rows.present(after.store) == Array(0..<100), "\(kept)")
        }
    }

    @Test func refusedWritesAreTriedElsewhereAndThenKeptInMemory() throws {
        let test = try TestStore()
        let rows = try Rows(test)
        try rows.append(0..<10)
        test.files.state.withLock { $0.failWriteAfter = 0 }
        try rows.append(10..<20)
        #expect(test.counter("write_errors_total") > 0)
        #expect(try Rows.present(test.store) == Array(0..<20))
        #expect(try Rows.present(TestStore(files: test.files.afterKill()).store) == Array(0..<10))
        test.files.state.withLock { $0.failWriteAfter = nil }
        try rows.append(20..<30)
        #expect(try Rows.present(test.store) == Array(0..<30))
        let files = test.files.afterKill()
        files.state.withLock { $0.failWriteAfter = nil }
        #expect(try Rows.present(TestStore(files: files).store) == Array(0..<30))
    }

    @Test func whenNothingCanBeKeptAppendsAreRefused() throws {
        let test = try TestStore { $0.logBytes = 64 * 4096 }
        let rows = try Rows(test, series: 200)
        test.files.state.withLock { $0.failWriteAfter = 0 }
        var refused = 0
        for row in 0..<20_000 where refused == 0 {
            var batch = SampleBatch(group: rows.group, timestamp: Timestamp(milliseconds: Int64(row)))
            for id in rows.ids { batch.append(id, Double(row) * 1.37) }
            let result = Result { try test.store.append(batch) }
            if case .failure(let error) = result {
                guard case SinkError.unavailable = error else { throw error }
                refused = row
            }
        }
        #expect(refused > 100)
        #expect(try test.store.all("r0").count == refused)
    }

    @Test func aFailedSyncMovesEverythingIntoASegment() throws {
        let test = try TestStore()
        let rows = try Rows(test)
        try rows.append(0..<10)
        test.clock.advance(milliseconds: 11_000)
        test.files.state.withLock { $0.failSyncs = 1 }
        #expect(throws: StoreError.self) { try test.store.maintain() }
        #expect(test.store.statistics.segments == 1)
        #expect(test.store.statistics.headSamples == 0)
        try rows.append(10..<12)
        try test.store.syncLog()
        let after = try TestStore(files: test.files.afterPowerCut { _, _, _ in 0 })
        #expect(try Rows.present(after.store) == Array(0..<12))
    }

    @Test func aFullDiskStillStartsAndServes() throws {
        let test = try TestStore()
        try Rows(test, series: 12).append(0..<400)
        try test.store.sealAll()
        let files = test.files.afterKill()
        files.state.withLock { $0.capacity = $0.files.values.reduce(0) { $0 + $1.written.count } }
        let full = try TestStore(files: files)
        #expect(try Rows.present(full.store) == Array(0..<400))
        try Rows(full).append(400..<500)
        #expect(throws: Never.self) { try full.store.sealAll() }
        // There is room for one segment of this size only: the older one gave way.
        #expect(try Rows.present(full.store) == Array(400..<500))
        let empty = MemoryFileStore()
        // Room for a part of the log, which is not left behind.
        empty.state.withLock { $0.capacity = 600_000 }
        #expect(throws: StoreError.self) { try TestStore(files: empty) }
        #expect(empty.state.withLock { $0.bytes } == 0)
        #expect(try empty.list("/data") == [])
    }

    @Test func aDeadLogIsReplacedBySegments() throws {
        let test = try TestStore { $0.logBytes = 64 * 4096 }
        let rows = try Rows(test, series: 110)
        test.files.state.withLock { ($0.failWriteAfter, $0.failingName) = (0, "log") }
        try rows.append(0..<3000)
        #expect(try Rows.present(test.store, series: 110) == Array(0..<3000))
        let after = try TestStore(files: test.files.afterPowerCut { _, _, _ in 0 }) {
            $0.logBytes = 64 * 4096
        }
        let kept = try Rows.present(after.store, series: 110)
        #expect(kept == Array(0..<kept.count))
        #expect(kept.count > 2000)
        test.files.state.withLock { $0.failWriteAfter = nil }
        try rows.append(3000..<3010)
        let again = try TestStore(files: test.files.afterKill()) { $0.logBytes = 64 * 4096 }
        #expect(try Rows.present(again.store, series: 110) == Array(0..<3010))
    }

    /// Also when the first file of the ring is gone.
    @Test(arguments: ["ring-00", "ring-03"])
    func withoutRoomForALogAnOldStoreStillTakesRows(name: String) throws {
        let test = try TestStore()
        try Rows(test).append(0..<100)
        try test.store.sealAll()
        let files = test.files.afterKill()
        if name != "ring-00" { try files.rename("/data/ring-00", to: "/data/\(name)") }
        files.state.withLock { state in
            state.files["/data/log"] = nil
            state.capacity = state.files.values.reduce(0) { $0 + $1.written.count } + 600_000
        }
        let full = try TestStore(files: files)
        // Not even a part of the room is taken by a log that nobody uses.
        #expect(files.contents("/data/log").count == LogPage.size)
        try Rows(full).append(100..<200)
        #expect(try Rows.present(full.store) == Array(0..<200))
        full.store.close()
        #expect(try Rows.present(TestStore(files: files.afterKill()).store) == Array(0..<200))
    }

    @Test func oneProcessHoldsTheDirectory() throws {
        let test = try TestStore()
        #expect(throws: StoreError.locked("/data")) { try TestStore(files: test.files) }
        test.store.close()
        _ = try TestStore(files: test.files)
        #expect(throws: SinkError.closed) { try test.store.group(Labels()) }
    }

    @Test func theRingForgetsTheOldest() throws {
        let test = try TestStore {
            $0.ringBytes = 4 * 65536
            $0.ringFiles = 4
        }
        let group = try test.store.group(Labels([("job", "ring")]))
        var random = SeededGenerator(seed: 4)
        var time: Int64 = 0
        func fill(_ name: String, _ count: Int) throws {
            let id = try test.store.series(Labels([("__name__", name)]), in: group)
            for _ in 0..<count {
                time += 1000
                var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: time))
                batch.append(id, Double.random(in: 0...1, using: &random))
                _ = try test.store.append(batch)
            }
            try test.store.sealAll()
        }
        try fill("old", 500)
        let oldest = test.store.oldest
        #expect(oldest.sequence == 0)
        for _ in 0..<40 { try fill("new", 1000) }
        #expect(try test.store.select([], from: .min, through: .max).count == 1)
        #expect(test.store.statistics.ringBytesUsed <= 4 * 65536)
        #expect(
            test.files.state.withLock {
                $0.files.filter { $0.key.contains("ring-") }.values.map { $0.written.count }.max()
            } ?? 0 <= 65536
        )
        #expect(test.store.oldest > oldest)
        let columns = try test.store.all("new")
        #expect(columns.count > 5000 && columns.count < 40_000)
        #expect(columns.timestamps.last == time)
        let chunk = try test.store.read(from: oldest, sampleLimit: 1_000_000)
        #expect(chunk.series.map { $0.samples } == [columns])
        #expect(chunk.lostRows == UInt64(40_500 - columns.count))
        // Another process finds the same.
        test.store.close()
        let again = try TestStore(files: test.files.afterKill()) {
            $0.ringBytes = 4 * 65536
            $0.ringFiles = 4
        }
        #expect(try again.store.all("new") == columns)
        #expect(again.store.statistics.series == 1)
        #expect(again.store.oldest == test.store.oldest)
        #expect(again.store.end == test.store.end)
    }
}
