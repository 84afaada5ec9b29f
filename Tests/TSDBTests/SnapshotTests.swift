// SPDX-License-Identifier: Apache-2.0
//
// Looking at a data directory: everything is found, damage is named, and no byte of the directory changes.

import Logging
import Platform
import Samples
import Synchronization
import Testing

@testable import TSDB

struct SnapshotTests {
    private static func files() throws -> MemoryFileStore {
        let test = try TestStore()
        let rows = try Rows(test)
        try rows.append(0..<1500)
        try test.store.sealAll()
        try rows.append(1500..<1540)
        return test.files.afterKill()
    }

    private static func open(_ files: MemoryFileStore) throws -> StoreSnapshot {
        try StoreSnapshot(
            "/data",
            files: files,
            clock: ManualClock(wallMilliseconds: 1_700_000_000_000),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    private static func contents(_ files: MemoryFileStore) -> [String: [UInt8]] {
        files.state.withLock { $0.files.mapValues { $0.written } }
    }

    @Test func everythingIsFoundAndNothingChanged() throws {
        let files = try SnapshotTests.files()
        let before = SnapshotTests.contents(files)
        let snapshot = try SnapshotTests.open(files)
        #expect(try Rows.present(snapshot.store) == Array(0..<1540))
        let result = snapshot.verify()
        #expect(result.damage == [])
        #expect(result.samples == 4500)
        #expect(result.blocks == result.windows * 3)
        #expect(snapshot.segments.reduce(0) { $0 + $1.samples } == 4500)
        #expect(snapshot.segments.first?.from == 0)
        #expect(snapshot.segments.last?.through == 1_499_000)
        #expect(!snapshot.isInUse)
        #expect(SnapshotTests.contents(files) == before)
    }

    @Test func damageIsNamed() throws {
        let files = try SnapshotTests.files()
        let segment = try #require(try SnapshotTests.open(files).segments.first)
        // The last bytes of a segment are values.
        files.withFile("/data/ring-00") { $0.written[Int(segment.offset) + segment.bytes - 3] ^= 1 }
        let before = SnapshotTests.contents(files)
        let result = try SnapshotTests.open(files).verify()
        #expect(!result.damage.isEmpty)
        #expect(
            result.damage.allSatisfy {
                $0.contains("ring-00") || $0.contains("ring file 0") || $0.contains("ring")
            }
        )
        #expect(SnapshotTests.contents(files) == before)
    }

    @Test func aRunningStoreIsNotDisturbed() throws {
        let test = try TestStore()
        try Rows(test).append(0..<100)
        // The file that the lock is on.
        test.files.withFile("/data/lock") { $0.written = [] }
        let snapshot = try SnapshotTests.open(test.files)
        #expect(snapshot.isInUse)
        #expect(try Rows.present(snapshot.store) == Array(0..<100))
        try Rows(test).append(100..<200)
        #expect(try Rows.present(test.store) == Array(0..<200))
    }

    @Test func noDataDirectoryIsSaidToBeNone() throws {
        let files = MemoryFileStore()
        files.withFile("/data/notes.txt") { $0.written = [1, 2, 3] }
        #expect(throws: StoreError.self) { _ = try SnapshotTests.open(files) }
    }
}
