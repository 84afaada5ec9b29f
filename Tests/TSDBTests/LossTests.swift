// SPDX-License-Identifier: Apache-2.0
//
// What a start has lost is counted: damage inside a page, a log that is gone, cut or something else, files that changed
// places. What a kill or a cut leaves is not called damage; CrashTests and the simulation see to that.

import Logging
import Platform
import Samples
import Testing

@testable import TSDB

struct LossTests {
    /// Rows 0 ..< 100 of three series in a segment, and 30 more in the log, closed in order.
    private static func closed(sealing: Bool = true) throws -> MemoryFileStore {
        let test = try TestStore()
        let rows = try Rows(test)
        try rows.append(0..<100)
        if sealing { try test.store.sealAll() }
        try rows.append(100..<130)
        test.store.close()
        return test.files.afterKill()
    }

    private static func used(_ files: MemoryFileStore) -> Int {
        (files.contents("/data/log").lastIndex { $0 != 0 } ?? 0) + 1
    }

    @Test func anyFlippedByteOfAOnePageLogIsCounted() throws {
        let test = try TestStore()
        try Rows(test).append(0..<25)
        test.store.close()
        let files = test.files.afterKill()
        let end = LossTests.used(files)
        #expect(end > 400 && end < 4096)
        // The last record is the orderly end; without it a cut looks the same.
        for place in stride(from: 8, to: end - 8, by: 7) {
            let damaged = files.afterKill()
            damaged.withFile("/data/log") { $0.written[place] ^= 0x11 }
            let after = try TestStore(files: damaged)
            #expect(after.store.recovery.damagedPages == 1, "byte \(place)")
            #expect(after.counter("corrupt_pages_total") == 1, "byte \(place)")
            let present = try Rows.present(after.store)
            // Rows up to the damage are there; those behind build on what is missing, and each is counted.
            #expect(present == Array(0..<present.count), "byte \(place)")
            let report = after.store.recovery
            if place >= LogPage.headerSize {
                #expect(present.count + report.skippedRows >= 25, "byte \(place): \(report)")
            }
        }
    }

    /// Where pages follow, their numbers say how many rows are lost; rows that cannot be decoded any more count, too.
    @Test func lostRowsAreCounted() throws {
        let test = try TestStore()
        try Rows(test, series: 40).append(0..<1200)
        test.store.close()
        let files = test.files.afterKill()
        let end = LossTests.used(files)
        let last = (end - 1) / LogPage.size * LogPage.size
        #expect(last > 8 * LogPage.size)
        for (place, length) in stride(from: 41, to: last, by: 1013).map({ ($0, 1) }) + [
            (3 * LogPage.size + 100, 3000), (5 * LogPage.size + 9, LogPage.size), (2 * LogPage.size - 40, 80),
        ] {
            let damaged = files.afterKill()
            damaged.withFile("/data/log") { file in
                for byte in place..<(place + length) { file.written[byte] ^= 0x11 }
            }
            let after = try TestStore(files: damaged)
            let lost = try 1200 - Rows.present(after.store, series: 40).count
            let report = after.store.recovery
            #expect(report.damagedPages > 0)
            #expect(report.skippedRows + Int(report.missingRows) == lost, "byte \(place): \(report)")
        }
    }

    /// A key row behind the damage begins anew, under the number that it had.
    @Test func rowsBehindDamageComeBackFromTheNextKeyRow() throws {
        let test = try TestStore()
        let group = try test.store.group(Labels([("job", "a")]))
        let other = try test.store.group(Labels([("job", "b")]))
        let ids = [
            try test.store.series(
                Labels([(name: "__name__", value: "m"), (name: "job", value: "a")]),
                in: group
            ),
            try test.store.series(
                Labels([(name: "__name__", value: "m"), (name: "job", value: "b")]),
                in: other
            ),
        ]
        func append(_ which: Int, _ rows: Range<Int>) throws {
            for row in rows {
                var batch = SampleBatch(
                    group: which == 0 ? group : other,
                    timestamp: Timestamp(milliseconds: Int64(row) * 1000)
                )
                batch.append(ids[which], Double(row))
                _ = try test.store.append(batch)
            }
        }
        try append(0, 0..<10)
        let middle = LossTests.used(test.files)
        try append(0, 10..<12)
        try append(1, 0..<10)
        test.store.close()
        let files = test.files.afterKill()
        files.withFile("/data/log") { $0.written[middle + 2] ^= 1 }
        let after = try TestStore(files: files)
        #expect(after.store.recovery.damagedPages == 1)
        // The damaged one, and one that builds on it.
        #expect(after.store.recovery.skippedRows == 2)
        #expect(try after.store.all([LabelMatcher("job", equals: "a")]).count == 10)
        #expect(try after.store.all([LabelMatcher("job", equals: "b")]).count == 10)
        let chunk = try after.store.read(from: LogPosition(sequence: 0), sampleLimit: 1000)
        #expect(chunk.lostRows == 1)
        // The same numbers after the next start.
        after.store.close()
        let again = try TestStore(files: after.files.afterKill())
        #expect(try again.store.read(from: LogPosition(sequence: 0), sampleLimit: 1000).lostRows == 1)
    }

    /// A refused write may leave more of a page in another slot, with a sector missing before it: what was synced holds.
    @Test(arguments: [true, false])
    func ofTwoImagesOfAPageTheOneWithMoreBeforeAHoleHolds(isTornFirst: Bool) throws {
        let test = try TestStore()
        let rows = try Rows(test)
        let hole = LogPage.sector..<(2 * LogPage.sector)
        var count = 0
        func append(until size: Int) throws -> [UInt8] {
            while LossTests.used(test.files) < size {
                try rows.append(count..<(count + 1))
                count += 1
            }
            return Array(test.files.contents("/data/log").prefix(LogPage.size))
        }
        let synced = try append(until: hole.lowerBound + 100)
        let syncedCount = count
        var torn = try append(until: hole.upperBound + 100)
        torn.replaceSubrange(hole, with: [UInt8](repeating: 0, count: hole.count))
        let files = test.files.afterKill()
        let (first, second) = isTornFirst ? (torn, synced) : (synced, torn)
        files.withFile("/data/log") { file in
            file.written.replaceSubrange(0..<LogPage.size, with: first)
            file.written.replaceSubrange(7 * LogPage.size..<8 * LogPage.size, with: second)
        }
        #expect(try Rows.present(TestStore(files: files).store) == Array(0..<syncedCount))
    }

    @Test(arguments: [true, false])
    func aLogThatIsGoneOrEmptyIsCounted(isRemoved: Bool) throws {
        let files = try LossTests.closed()
        if isRemoved {
            try files.remove("/data/log")
        } else {
            files.withFile("/data/log") { $0.written = [] }
        }
        let after = try TestStore(files: files)
        #expect(try Rows.present(after.store) == Array(0..<100))
        #expect(after.store.recovery.isDamaged)
        #expect(after.store.recovery.unreadableFiles == 1)
        #expect(after.counter("missing_files_total") == 1)
        after.store.close()
        let again = try TestStore(files: files.afterKill())
        #expect(!again.store.recovery.isDamaged)
    }

    @Test func aLogThatIsCutIsCounted() throws {
        let files = try LossTests.closed()
        files.withFile("/data/log") { $0.written.removeSubrange(9000...) }
        #expect(try TestStore(files: files).store.recovery.damagedPages == 1)
    }

    /// Where a page ends nothing is torn; the pages that are left know how many there were.
    @Test(arguments: [2, 17, 27], ["closed", "killed"])
    func aLogThatIsCutBetweenPagesIsCounted(pages: Int, ending: String) throws {
        let test = try TestStore()
        try Rows(test, series: 40).append(0..<2500)
        if ending == "closed" { test.store.close() }
        let files = test.files.afterKill()
        #expect(LossTests.used(files) > 27 * LogPage.size)
        files.withFile("/data/log") { $0.written.removeSubrange((pages * LogPage.size)...) }
        let result = try StoreSnapshot(
            "/data",
            files: files,
            clock: ManualClock(wallMilliseconds: 1_700_000_000_000),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ).verify()
        #expect(result.damage.contains("log at \(pages * LogPage.size): the file was cut off here"))
        // Also when the configuration asks for another size by now.
        for bytes in [1 << 20, 2 << 20] {
            let after = try TestStore(files: files.afterKill()) { $0.logBytes = bytes }
            let present = try Rows.present(after.store, series: 40)
            #expect(present.count < 2500 && present == Array(0..<present.count))
            #expect(after.store.recovery.damagedPages == 1)
            #expect(after.counter("corrupt_pages_total") == 1)
            after.store.close()
            let again = try TestStore(files: after.files.afterKill()) { $0.logBytes = bytes }
            #expect(!again.store.recovery.isDamaged)
        }
    }

    /// Neither damage nor a word of a loss.
    @Test(arguments: [32, 512, 2048], ["closed", "killed", "sealed"])
    func anotherSizeIsNoDamage(pages: Int, ending: String) throws {
        var files = try LossTests.closed()
        if ending != "closed" {
            let test = try TestStore(files: files)
            if ending == "sealed" { try test.store.sealAll() }
            files = test.files.afterKill()
        }
        for size in [pages * LogPage.size, 1 << 20] {
            let warnings = Warnings()
            let test = try TestStore(files: files, warnings: warnings) { $0.logBytes = size }
            #expect(!test.store.recovery.isDamaged)
            #expect(warnings.all == [])
            #expect(try Rows.present(test.store) == Array(0..<130))
            files = test.files.afterKill()
        }
    }

    @Test func aLogOfRandomBytesIsCounted() throws {
        let files = try LossTests.closed()
        var random = SeededGenerator(seed: 1)
        files.withFile("/data/log") { file in
            for place in file.written.indices {
                file.written[place] = UInt8.random(in: 0...255, using: &random)
            }
        }
        let after = try TestStore(files: files)
        #expect(after.store.recovery.damagedPages == 256)
        #expect(after.store.recovery.unreadableFiles == 1)
        #expect(try Rows.present(after.store) == Array(0..<100))
    }

    /// Nothing of a file that is no log is cut off.
    @Test func filesThatChangedPlacesAreCountedAndKept() throws {
        let files = try LossTests.closed()
        files.withFile("/data/ring-00") { $0.written += [UInt8](repeating: 0, count: 2 << 20) }
        let (log, ring) = (files.contents("/data/log"), files.contents("/data/ring-00"))
        files.withFile("/data/log") { $0.written = ring }
        files.withFile("/data/ring-00") { $0.written = log }
        let after = try TestStore(files: files)
        #expect(after.store.recovery.unreadableFiles == 1)
        #expect(after.store.recovery.damagedSegments == 1)
        #expect(files.contents("/data/log.damaged") == ring)
    }

    @Test func aFirstStartOrAnEmptyStoreHasLostNothing() throws {
        let test = try TestStore()
        #expect(!test.store.recovery.isDamaged)
        let killed = try TestStore(files: test.files.afterKill())
        #expect(!killed.store.recovery.isDamaged)
        killed.store.close()
        #expect(try !TestStore(files: killed.files.afterKill()).store.recovery.isDamaged)
    }
}
