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

    /// What the running process overwrites is no damage, whenever it does; what else is wrong still is.
    @Test(arguments: [false, true], [1000, 6000])
    func aRingThatComesRoundIsNotDamaged(isDamaged: Bool, rows further: Int) throws {
        let test = try TestStore { ($0.ringBytes, $0.ringFiles) = (512 << 10, 2) }
        let ids = try Rows(test, series: 40)
        var random = SeededGenerator(seed: 9)
        // Noise takes its room: about 25 KB a segment.
        func append(_ range: Range<Int>) throws {
            for row in range {
                var batch = SampleBatch(
                    group: ids.group,
                    timestamp: Timestamp(milliseconds: Int64(row) * 1000)
                )
                for id in ids.ids { batch.append(id, Double(Int.random(in: 0..<(1 << 40), using: &random))) }
                _ = try test.store.append(batch)
                if row % 100 == 99 { try test.store.sealAll() }
            }
        }
        try append(0..<4000)
        test.files.withFile("/data/lock") { $0.written = [] }
        let snapshot = try SnapshotTests.open(test.files)
        #expect(snapshot.isInUse)
        try append(4000..<(4000 + further))
        if isDamaged {
            let newest = try #require(try SnapshotTests.open(test.files).segments.last)
            let name = Ring.name(newest.file)
            test.files.withFile("/data/\(name)") { $0.written[Int(newest.offset) + newest.bytes - 3] ^= 1 }
        }
        let result = snapshot.verify()
        #expect(result.damage.isEmpty == !isDamaged, "\(result.damage)")
        #expect(result.notes.contains { $0.contains("overwritten while they were read") })
    }

    @Test func noDataDirectoryIsSaidToBeNone() throws {
        let files = MemoryFileStore()
        files.withFile("/data/notes.txt") { $0.written = [1, 2, 3] }
        #expect(throws: StoreError.self) { _ = try SnapshotTests.open(files) }
    }
}

/// What verification finds, and what it counts.
struct VerifyTests {
    private static func fixture() throws -> (files: MemoryFileStore, tiers: Int) {
        let test = try TestStore {
            $0.tiers = [
                TierOptions(name: "warm", resolution: .seconds(300), ringBytes: 1 << 20, ringFiles: 2)
            ]
        }
        let rows = try Rows(test)
        try rows.append(0..<1500)
        test.store.describe([MetricMetadata(family: "r0", kind: .gauge, help: "A row.", unit: "")])
        try test.store.sealAll()
        for _ in 0..<20 {
            test.clock.advance(milliseconds: 11_000)
            try test.store.maintain()
        }
        try rows.append(1500..<1540)
        test.store.close()
        let files = test.files.afterKill()
        return (files, files.contents("/data/warm-00").count)
    }

    private static func snapshot(_ files: MemoryFileStore) throws -> StoreSnapshot {
        try StoreSnapshot(
            "/data",
            files: files,
            clock: ManualClock(wallMilliseconds: 1_700_000_000_000),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    private static func verify(_ files: MemoryFileStore) throws -> StoreSnapshot.Verification {
        try snapshot(files).verify()
    }

    private static func damage(_ files: MemoryFileStore) throws -> [String] { try verify(files).damage }

    @Test func everythingIsCounted() throws {
        let (files, tierBytes) = try VerifyTests.fixture()
        #expect(tierBytes > 0)
        let result = try VerifyTests.verify(files)
        #expect(result.damage == [])
        #expect(result.notes == [])
        #expect(result.samples == 4500)
        #expect(result.logRows == 40 && result.logSamples == 120 && result.logPages > 0)
        #expect(result.tierSegments > 0 && result.tierBlocks >= 3 && result.tierRows >= 12)
        #expect(result.families == 1)
    }

    /// Windows are as long as the configuration of whoever wrote them said.
    @Test(arguments: [(60, 180), (60, nil), (600, 86_400), (7, 7 * 24 * 3600)], [false, true])
    func windowsOfAnyLengthAreFound(seconds: (warm: Int64, cold: Int64?), isEncrypted: Bool) throws {
        let lengths = [("warm", seconds.warm)] + (seconds.cold.map { [("cold", $0)] } ?? [])
        let plain = try #require(StoreKey(bytes: [UInt8](repeating: 7, count: 32)))
        let key = isEncrypted ? StoreEncryption(key: plain) : nil
        let test = try TestStore {
            $0.encryption = key
            $0.tiers = lengths.map {
                TierOptions(name: $0.0, resolution: .seconds($0.1), ringBytes: 1 << 20, ringFiles: 2)
            }
        }
        try Rows(test).append(0..<1500)
        try test.store.sealAll()
        for _ in 0..<20 {
            test.clock.advance(milliseconds: 11_000)
            try test.store.maintain()
        }
        test.store.close()
        let written = test.store.statistics.tiers.map(\.rows)
        #expect(written.allSatisfy { $0 > 0 })
        let snapshot = try StoreSnapshot(
            "/data",
            files: test.files.afterKill(),
            clock: ManualClock(wallMilliseconds: 1_700_000_000_000),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            encryption: key
        )
        let tiers = snapshot.store.statistics.tiers
        #expect(tiers.map(\.resolution) == lengths.map { .seconds($0.1) })
        #expect(tiers.map(\.rows) == written)
        let result = snapshot.verify()
        #expect(result.damage == [])
        #expect(result.tierRows == written.reduce(0) { $0 + UInt64($1) })
    }

    @Test(arguments: ["log", "ring-00", "warm-00", "metadata"])
    func randomBytesAreFound(name: String) throws {
        let (files, _) = try VerifyTests.fixture()
        var random = SeededGenerator(seed: 4)
        files.withFile("/data/\(name)") { file in
            for place in file.written.indices {
                file.written[place] = UInt8.random(in: 0...255, using: &random)
            }
        }
        #expect(try VerifyTests.damage(files).contains { $0.hasPrefix(name) })
    }

    @Test func everyChangedByteOfTiersAndMetadataIsFound() throws {
        let (files, _) = try VerifyTests.fixture()
        // Whatever is in a segment; what lies between them is in use by nobody.
        let segments = try VerifyTests.snapshot(files).store.head.withLock { head in
            head.tiers.flatMap { $0.segments.map { (Int($0.place.offset), $0.place.length) } }
        }
        #expect(!segments.isEmpty)
        let places = segments.flatMap { Array(stride(from: $0.0, to: $0.0 + $0.1, by: 17)) }
        let bytes = files.contents("/data/metadata").count
        for (name, places) in [("warm-00", places), ("metadata", Array(stride(from: 0, to: bytes, by: 3)))] {
            for place in places {
                let damaged = files.afterKill()
                damaged.withFile("/data/\(name)") { $0.written[place] ^= 0x10 }
                let found = try VerifyTests.damage(damaged)
                #expect(found.contains { $0.hasPrefix(name) }, "\(name) \(place): \(found)")
            }
        }
    }

    @Test func aLostLogIsFound() throws {
        let (files, _) = try VerifyTests.fixture()
        let empty = files.afterKill()
        empty.withFile("/data/log") { $0.written = [] }
        #expect(try VerifyTests.damage(empty).contains("1 files are missing, empty or cannot be read"))
        #expect(try VerifyTests.damage(empty).contains("log: the file is empty"))
        let cut = files.afterKill()
        cut.withFile("/data/log") { $0.written.removeSubrange(38_000...) }
        #expect(try VerifyTests.damage(cut).contains { $0.hasPrefix("log at 38000") })
        try files.remove("/data/log")
        #expect(try VerifyTests.damage(files).contains { $0.hasPrefix("log") })
    }

    /// As by a start: what may not be read is passed over and told.
    @Test(arguments: ["log", "ring-00", "warm-00", "metadata"])
    func aFileThatMayNotBeReadIsToldAndTheRestLookedAt(name: String) throws {
        let (files, _) = try VerifyTests.fixture()
        files.state.withLock { $0.forbidden = ["/data/\(name)"] }
        let result = try VerifyTests.verify(files)
        #expect(
            result.damage.contains { $0.hasPrefix("\(name): ") && $0.contains("read") },
            "\(result.damage)"
        )
        #expect(result.samples == (name == "ring-00" ? 0 : 4500))
        #expect(result.logRows == (name == "log" ? 0 : 40))
    }

    @Test func aDirectoryThatMayNotBeReadIsSaidToBeThat() throws {
        let (files, _) = try VerifyTests.fixture()
        files.state.withLock { $0.faults = [.init(operation: .list, code: ErrorNumber.accessDenied)] }
        let failure = FileError(operation: "list", path: "/data", code: ErrorNumber.accessDenied)
        #expect(throws: StoreError.notReadable(failure)) { _ = try VerifyTests.verify(files) }
    }

    /// It is one as long as anything of a store is there.
    @Test(arguments: ["metadata", "state.db", "warm-00"])
    func aDirectoryWithoutLogAndSegmentsIsOne(name: String) throws {
        let files = MemoryFileStore()
        files.withFile("/data/lock") { $0.written = [] }
        files.withFile("/data/\(name)") { $0.written = [1] }
        let damage = try VerifyTests.damage(files)
        #expect(damage.contains("log: the file is missing or cannot be read"), "\(damage)")
    }

    /// The lock cannot be opened to be written where nothing may be.
    @Test func aReadOnlyFileSystemIsLookedAt() throws {
        let (files, _) = try VerifyTests.fixture()
        #expect(try VerifyTests.damage(files) == [])
        #expect(throws: StoreError.notADataDirectory("/nowhere")) {
            _ = try StoreSnapshot(
                "/nowhere",
                files: files,
                clock: ManualClock(wallMilliseconds: 0),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
        }
    }
}
