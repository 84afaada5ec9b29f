// SPDX-License-Identifier: Apache-2.0
//
// A ring whose bounds change goes on: everything that fits stays, and what must go goes oldest first, whatever was
// changed and however often the store is restarted meanwhile.

import Platform
import Samples
import Synchronization
import Testing

@testable import TSDB

struct RingBoundsTests {
    typealias Bounds = (files: Int, fileBytes: Int64)

    /// Rows of one series that cannot be made smaller, so that bytes are in proportion to rows.
    private struct Writer {
        var random = SeededGenerator(seed: 7)
        var next: Int64 = 0
        var series = 1

        mutating func write(_ rows: Int, _ store: Store, sealing: Bool = true) throws {
            let group = try store.group(Labels([("job", "a")]))
            let ids = try (0..<series).map { number in
                try store.series(Labels([("__name__", number == 0 ? "m" : "m\(number)")]), in: group)
            }
            for _ in 0..<rows {
                var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: next))
                for id in ids { batch.append(id, Double.random(in: 0...1, using: &random)) }
                #expect(try store.append(batch).appended == series)
                next += 1
                if next % Int64(1024 / series) == 0 { try store.maintain() }
            }
            if sealing { try store.sealAll() }
        }
    }

    private static func open(_ files: MemoryFileStore, _ bounds: Bounds) throws -> TestStore {
        try TestStore(files: files) {
            ($0.ringFiles, $0.ringBytes) = (bounds.files, Int64(bounds.files) * bounds.fileBytes)
        }
    }

    private static func sizes(_ files: MemoryFileStore) -> [Int] {
        files.state.withLock { state in
            state.files.filter { $0.key.hasPrefix("/data/ring-") }.map { $0.value.written.count }
        }
    }

    struct Change: Sendable {
        var before: Bounds
        var after: Bounds
        var rows: Int
    }

    private static let changes = [
        // Fewer files, of the same and of twice the size.
        Change(before: (4, 65536), after: (2, 65536), rows: 30_000),
        Change(before: (4, 65536), after: (2, 131_072), rows: 30_000),
        // More and smaller ones, when one file is begun and when all are full.
        Change(before: (2, 196_608), after: (6, 65536), rows: 12_000),
        Change(before: (2, 196_608), after: (6, 65536), rows: 50_000),
        // Everything in one file that is larger than a file may be now, and than all may be.
        Change(before: (10, 1 << 20), after: (4, 65536), rows: 14_000),
        Change(before: (10, 1 << 20), after: (4, 65536), rows: 40_000),
        // Larger.
        Change(before: (2, 65536), after: (3, 131_072), rows: 17_000),
    ]

    @Test(arguments: changes)
    func theNewestStays(_ change: Change) throws {
        let (before, after) = (change.before, change.after)
        var writer = Writer()
        var test = try RingBoundsTests.open(MemoryFileStore(), before)
        try writer.write(change.rows, test.store)
        let old = try test.store.all("m")
        let limit = Int64(after.files) * after.fileBytes
        let fitted = test.store.statistics.ringBytesUsed
        test = try RingBoundsTests.open(test.files.afterKill(), after)
        #expect(test.store.recovery.damagedSegments == 0 && test.store.recovery.quarantined == 0)
        #expect(try test.store.all("m").timestamps == old.timestamps)
        // A little more than once round, restarted all the time.
        var written: Int64 = 0
        while written < limit * 2 {
            let first = try test.store.all("m").timestamps.first
            let rows = Int(limit) / 50
            try writer.write(rows, test.store)
            written += Int64(rows) * 8
            let times = try test.store.all("m").timestamps
            let oldest = try #require(times.first)
            // The end of what was written, without a hole.
            #expect(times == Array(oldest..<writer.next))
            #expect(oldest >= first ?? 0)
            let used = test.store.statistics.ringBytesUsed
            #expect(used <= limit)
            // At the end of a file there may be no room for a whole segment.
            #expect(used >= min(fitted + written, limit) * 3 / 4)
            try test.store.checkInvariants()
            test = try RingBoundsTests.open(test.files.afterKill(), after)
            #expect(test.store.recovery.damagedSegments == 0 && test.store.recovery.missingRows == 0)
            let again = try test.store.all("m").timestamps
            #expect(again.last == times.last)
            #expect(try again == Array(#require(again.first)..<writer.next))
        }
        let sizes = RingBoundsTests.sizes(test.files)
        #expect(sizes.count <= after.files)
        #expect(sizes.allSatisfy { $0 <= after.fileBytes })
    }

    @Test func boundsFoundInADirectoryGiveNothingUp() throws {
        var writer = Writer()
        var test = try RingBoundsTests.open(MemoryFileStore(), (4, 1 << 17))
        try writer.write(3000, test.store)
        // As an import does: a young ring does not say how large it may grow.
        for _ in 0..<2 {
            let files = test.files.afterKill()
            let found = try StoreOptions(foundIn: "/data", files: files)
            #expect(found.ringBytes >= 1 << 30 && found.ringFiles == 10)
            test = try TestStore(files: files) { $0 = found }
            try writer.write(12_000, test.store)
            #expect(try test.store.all("m").timestamps == Array(0..<writer.next))
        }
        // And the daemon after it.
        test = try RingBoundsTests.open(test.files.afterKill(), (4, 1 << 17))
        try writer.write(3000, test.store)
        #expect(try test.store.all("m").timestamps == Array(0..<writer.next))
    }

    // MARK: - What was given up stays so

    /// A row that stays in memory, so that the log keeps all that comes after it.
    private static func holdTheLog(_ store: Store) throws {
        let group = try store.group(Labels([("job", "idle")]))
        var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: 0))
        batch.append(try store.series(Labels([("__name__", "idle")]), in: group), 1)
        #expect(try store.append(batch).appended == 1)
    }

    /// A ring that came round within the log: a start must not take rows for unsealed whose segments are gone.
    @Test(arguments: [true, false])
    func whatIsGivenUpDoesNotComeBackFromTheLog(isPowerCut: Bool) throws {
        var writer = Writer(series: 16)
        var test = try RingBoundsTests.open(MemoryFileStore(), (2, 65536))
        try RingBoundsTests.holdTheLog(test.store)
        try writer.write(1600, test.store, sealing: false)
        let before = try test.store.all("m").timestamps
        let oldest = try #require(before.first)
        #expect(oldest > 300 && before == Array(oldest..<1600))
        #expect(test.store.head.withLock { $0.log.tail } == 1)
        var random = SeededGenerator(seed: 3)
        let files = isPowerCut ? test.files.afterPowerCut(using: &random) : test.files.afterKill()
        test = try RingBoundsTests.open(files, (2, 65536))
        let after = try test.store.all("m").timestamps
        // What was in segments and is still there; unsealed rows that were not synced may be lost with the power.
        #expect(after == Array(oldest..<(oldest + Int64(after.count))))
        let end = try #require(after.last) + 1
        #expect(isPowerCut ? end > 1400 : end == 1600)
        try test.store.sealAll()
        #expect(try test.store.all("m").timestamps.last == end - 1)
        #expect(test.store.recovery.missingRows == 0 && test.store.recovery.skippedRows == 0)
        try test.store.checkInvariants()
    }

    @Test func whatASmallerRingGaveUpDoesNotComeBackFromTheLog() throws {
        var writer = Writer(series: 16)
        var test = try RingBoundsTests.open(MemoryFileStore(), (10, 65536))
        try RingBoundsTests.holdTheLog(test.store)
        try writer.write(1600, test.store, sealing: false)
        #expect(try test.store.all("m").timestamps == Array(0..<1600))
        for _ in 0..<3 {
            test = try RingBoundsTests.open(test.files.afterKill(), (2, 65536))
            try writer.write(256, test.store, sealing: false)
            #expect(try test.store.all("m").timestamps.last == writer.next - 1)
        }
        let times = try test.store.all("m").timestamps
        let oldest = try #require(times.first)
        #expect(oldest > 800 && times == Array(oldest..<writer.next))
    }

    /// Nobody seals while a burst comes: windows end before a file of the ring is too small for one.
    @Test func aBurstFitsIntoTheRing() throws {
        let test = try TestStore { ($0.ringFiles, $0.ringBytes, $0.logBytes) = (4, 4 << 18, 4 << 20) }
        var random = SeededGenerator(seed: 5)
        let group = try test.store.group(Labels([("job", "a")]))
        let ids = try (0..<20).map { number in
            try test.store.series(Labels([("__name__", "m"), ("n", "\(number)")]), in: group)
        }
        for row in 0..<3000 {
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: Int64(row)))
            for id in ids { batch.append(id, Double.random(in: 0...1, using: &random)) }
            #expect(try test.store.append(batch).appended == ids.count)
        }
        try test.store.sealAll()
        #expect(test.counter("dropped_windows_total") == 0)
        #expect(try test.store.all("m").timestamps == Array(0..<3000))
    }
}
