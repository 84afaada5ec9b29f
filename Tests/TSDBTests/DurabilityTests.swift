// SPDX-License-Identifier: Apache-2.0
//
// What must hold at the moments between two steps: while a segment is being synced, right after a start, when the
// device refuses for hours.

import Platform
import Samples
import Synchronization
import Testing

@testable import TSDB

struct DurabilityTests {
    /// A ring file of full size, as it is once the ring has come round.
    private static func usedRing() -> MemoryFileStore {
        let files = MemoryFileStore()
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        files.withFile("/data/ring-00") { $0 = .init(written: zeros, synced: zeros) }
        return files
    }

    /// The disk after a power cut in the middle of the first segment's sync, with `kept` bytes of the segment.
    private static func cutWhileSealing(_ files: MemoryFileStore, kept: Int) throws -> MemoryFileStore {
        let test = try TestStore(files: files)
        let rows = try Rows(test)
        try rows.append(0..<200)
        try test.store.syncLog()
        let cut = Mutex<MemoryFileStore?>(nil)
        files.state.withLock { state in
            state.onSync = { [weak files] path in
                guard path.hasSuffix("ring-00"), let files else { return }
                let copy = files.afterPowerCut { path, _, count in
                    path.hasSuffix("ring-00") ? min(kept, count) : count
                }
                cut.withLock { $0 = $0 ?? copy }
            }
        }
        try test.store.sealAll()
        return try #require(cut.withLock { $0 })
    }

    @Test func aSegmentWithTornDataLeavesItsRowsToTheLog() throws {
        for kept in stride(from: 0, through: 500, by: 5) {
            let files = try DurabilityTests.cutWhileSealing(DurabilityTests.usedRing(), kept: kept)
            let after = try TestStore(files: files)
            #expect(try Rows.present(after.store) == Array(0..<200), "\(kept) bytes kept")
            let chunk = try after.store.read(from: LogPosition(sequence: 0), sampleLimit: 10_000)
            #expect(chunk.lostRows == 0)
            try Rows(after).append(200..<300)
            try after.store.sealAll()
            let again = try TestStore(files: after.files.afterKill())
            #expect(try Rows.present(again.store) == Array(0..<300), "\(kept) bytes kept")
        }
    }

    /// Numbers of rows that a shipper has seen must not be given to other rows, however the last process ended.
    @Test(arguments: ["fresh", "closed", "killed"])
    func shippedNumbersAreNotReusedAfterAPowerCut(before: String) throws {
        var test = try TestStore()
        if before != "fresh" {
            try Rows(test).append(0..<10)
            try test.store.syncLog()
            if before == "closed" { test.store.close() } else { try Rows(test).append(10..<13) }
            test = try TestStore(files: test.files.afterKill())
        }
        try Rows(test).append(20..<30)
        let chunk = try test.store.read(from: LogPosition(sequence: 0), sampleLimit: 10_000)
        #expect(chunk.series.first?.samples.timestamps.last == 29_000)
        let shipped = chunk.next
        let after = try TestStore(files: test.files.afterPowerCut { _, _, _ in 0 })
        try Rows(after).append(40..<45)
        let rest = try after.store.read(from: shipped, sampleLimit: 10_000)
        #expect(rest.series.first?.samples.timestamps == (40..<45).map { $0 * 1000 })
        #expect(rest.lostRows == 0)
    }

    /// The process was killed between the record of a window's columns and its first row.
    @Test func columnsWithoutARowDoNotHoldTheLog() throws {
        var isFound = false
        for series in stride(from: 300, to: 900, by: 20) where !isFound {
            let test = try TestStore { $0.logBytes = 16 * 4096 }
            let group = try test.store.group(Labels([("job", "gone")]))
            let ids = try (0..<series).map {
                try test.store.series(Labels([("__name__", "gone\($0 * 7919)")]), in: group)
            }
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: 1000))
            for id in ids { batch.append(id, Double(id.rawValue) * 1.7) }
            _ = try test.store.append(batch)
            let last = (test.files.state.withLock { $0.files["/data/log"]?.unsynced.count } ?? 0) - 1
            let files = test.files.afterPowerCut { path, write, count in
                path == "/data/log" && write == last ? 0 : count
            }
            let after = try TestStore(files: files) { $0.logBytes = 16 * 4096 }
            #expect(try after.store.all("gone0").count == 0)
            isFound = after.store.recovery.rows == 0 && after.store.statistics.groups == 1
            guard isFound else { continue }
            #expect(after.store.statistics.activeSeries == 0)
            try Rows(after, series: 200).append(0..<500)
            #expect(after.store.statistics.logFill < 0.9)
            #expect(after.counter("write_errors_total") == 0)
        }
        #expect(isFound)
    }

    /// A segment is written, its sync fails, and it is written again elsewhere.
    @Test func aSegmentWrittenTwiceCountsOnce() throws {
        let test = try TestStore()
        let rows = try Rows(test)
        try rows.append(0..<100)
        try test.store.syncLog()
        test.files.state.withLock { $0.failSyncs = 2 }
        #expect(throws: StoreError.self) { try test.store.sealAll() }
        try rows.append(100..<150)
        try test.store.sealAll()
        let after = try TestStore(files: test.files.afterKill())
        #expect(try Rows.present(after.store) == Array(0..<150))
        let chunk = try after.store.read(from: LogPosition(sequence: 0), sampleLimit: 10_000)
        #expect(chunk.series.map { $0.samples.count } == [150, 150, 150])
        let segments = after.store.head.withLock { $0.segments }
        var rowCount: UInt32 = 0
        for segment in segments {
            for bundle in segment.bundles.indices {
                for entry in try after.store.reader.windows(segment, bundle: bundle) {
                    rowCount += entry.window.rows
                }
            }
        }
        #expect(rowCount == 150)
    }

    @Test func windowsFitTheFilesOfASmallRing() throws {
        let test = try TestStore { ($0.ringFiles, $0.ringBytes, $0.logBytes) = (4, 4 * 65536, 1 << 20) }
        var random = SeededGenerator(seed: 3)
        let group = try test.store.group(Labels([("job", "a")]))
        let ids = try (0..<100).map { try test.store.series(Labels([("__name__", "m\($0)")]), in: group) }
        for row in 0..<400 {
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: Int64(row) * 1000))
            for id in ids { batch.append(id, Double.random(in: 0...1, using: &random)) }
            _ = try test.store.append(batch)
            test.clock.advance(milliseconds: 1000)
            try test.store.maintain()
        }
        #expect(test.counter("dropped_windows_total") == 0)
        #expect(try test.store.all("m7").timestamps.last == 399_000)
        #expect(try test.store.all("m7").count > 100)
        try test.store.sealAll()
        #expect(test.counter("dropped_windows_total") == 0)
    }

    /// A disk that turns read-only must not make the history disappear.
    @Test func aRingThatRefusesKeepsItsHistory() throws {
        let test = try TestStore { ($0.ringFiles, $0.ringBytes) = (4, 4 * 65536) }
        var random = SeededGenerator(seed: 5)
        let group = try test.store.group(Labels([("job", "a")]))
        let id = try test.store.series(Labels([("__name__", "m")]), in: group)
        func fill(_ rows: Range<Int>) throws {
            for row in rows {
                var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: Int64(row)))
                batch.append(id, Double.random(in: 0...1, using: &random))
                _ = try test.store.append(batch)
            }
        }
        for part in 0..<60 {
            try fill((part * 1000)..<(part * 1000 + 1000))
            try test.store.sealAll()
        }
        let before = try test.store.all("m").count
        test.files.state.withLock { ($0.failWriteAfter, $0.failingName) = (0, "ring") }
        try fill(60_000..<60_100)
        for _ in 0..<50 {
            test.clock.advance(milliseconds: 6000)
            #expect(throws: StoreError.self) { try test.store.sealAll() }
        }
        #expect(try test.store.all("m").count > before * 2 / 3)
        test.files.state.withLock { $0.failWriteAfter = nil }
        try test.store.sealAll()
        #expect(try test.store.all("m").timestamps.last == 60_099)
    }

    /// Appends and reads go on while a sync takes its time.
    @Test func nobodyWaitsForASync() throws {
        let test = try TestStore { $0.logBytes = 32 * 4096 }
        let rows = try Rows(test, series: 30)
        let seen = Mutex<Set<String>>([])
        let next = Mutex(0)
        let store = test.store
        test.files.state.withLock { state in
            state.onSync = { path in
                guard seen.withLock({ $0.insert(path).inserted }) else { return }
                // While the segment is synced the log fills up, so that an appender would like to seal.
                #expect(throws: Never.self) {
                    repeat {
                        let row = next.withLock { row in
                            defer { row += 1 }
                            return row
                        }
                        try rows.append(row..<(row + 1))
                    } while path.contains("ring") && store.head.withLock { !$0.log.isNearlyFull }
                    let count = next.withLock { $0 }
                    #expect(try Rows.present(store, series: 30) == Array(0..<count))
                    _ = try store.read(from: store.oldest, sampleLimit: 100)
                }
                _ = store.statistics
            }
        }
        try rows.append(0..<100)
        next.withLock { $0 = 100 }
        try test.store.syncLog()
        while test.store.head.withLock({ !$0.log.isCrowded }) {
            let row = next.withLock { $0 }
            try rows.append(row..<(row + 1))
            next.withLock { $0 += 1 }
        }
        try test.store.maintain()
        #expect(seen.withLock { $0 } == ["/data/log", "/data/ring-00"])
        let count = next.withLock { $0 }
        #expect(try Rows.present(test.store, series: 30) == Array(0..<count))
        let after = try TestStore(files: test.files.afterKill()) { $0.logBytes = 32 * 4096 }
        #expect(try Rows.present(after.store, series: 30) == Array(0..<count))
    }

    /// Neither the log nor the ring takes anything for hours: memory grows by the rows, not by the tries.
    @Test func triesDoNotPileUpWindows() throws {
        let test = try TestStore()
        let rows = try Rows(test)
        try rows.append(0..<10)
        test.clock.advance(milliseconds: 11_000)
        test.files.state.withLock { ($0.failSyncs, $0.failWriteAfter, $0.failingName) = (1, 0, "ring") }
        for row in 10..<200 {
            try rows.append(row..<(row + 1))
            test.clock.advance(milliseconds: 15_000)
            #expect(throws: StoreError.self) { try test.store.maintain() }
        }
        #expect(test.store.head.withLock { $0.lanes.map { $0.frozen.count } } == [1])
        test.files.state.withLock { $0.failWriteAfter = nil }
        test.clock.advance(milliseconds: 15_000)
        try test.store.maintain()
        let after = try TestStore(files: test.files.afterPowerCut { _, _, _ in 0 })
        #expect(try Rows.present(after.store) == Array(0..<200))
    }

    @Test func aFailedSyncBeforeAcknowledgingIsMadeGoodAtOnce() throws {
        let test = try TestStore { $0.syncInterval = .zero }
        let rows = try Rows(test)
        try rows.append(0..<10)
        test.files.state.withLock { $0.failSyncs = 1 }
        try rows.append(10..<11)
        let after = try TestStore(files: test.files.afterPowerCut { _, _, _ in 0 })
        #expect(try Rows.present(after.store) == Array(0..<11))
    }

    @Test func refusedSeriesAreCounted() throws {
        let test = try TestStore { $0.maxSeries = 1 }
        let group = try test.store.group(Labels([("job", "t")]))
        _ = try test.store.series(Labels([("__name__", "a")]), in: group)
        #expect(throws: SinkError.self) { try test.store.series(Labels([("__name__", "b")]), in: group) }
        #expect(test.counter("series_limit_dropped_total") == 1)
    }
}
