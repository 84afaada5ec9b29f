// SPDX-License-Identifier: Apache-2.0
//
// Samples may have any time an Int64 can be. They are stored, sealed, found again and answered, and what builds rows of
// tiers passes over those it cannot count with.

import Platform
import Samples
import Testing

@testable import TSDB

struct OutlyingTimeTests {
    private static let now: Int64 = 1_700_000_000_000
    private static let tiers = [
        TierOptions(name: "warm", resolution: .seconds(300), ringBytes: 4 << 20),
        TierOptions(name: "cold", resolution: .seconds(3600), ringBytes: 4 << 20),
    ]

    private static func open(_ files: MemoryFileStore, at time: Int64) throws -> TestStore {
        try TestStore(files: files, clock: ManualClock(wallMilliseconds: time)) { $0.tiers = tiers }
    }

    private static func append(_ time: Int64, _ name: String, _ store: Store) throws -> AppendResult {
        let group = try store.group(Labels([("job", name)]))
        let id = try store.series(Labels([("__name__", name)]), in: group)
        var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: time))
        batch.append(id, 1)
        return try store.append(batch)
    }

    /// Days of maintenance.
    private static func maintain(_ test: TestStore) throws {
        for _ in 0..<200 {
            test.clock.advance(milliseconds: 1_800_000)
            try test.store.maintain()
        }
    }

    private static let edge: Int64 = 1 << 61
    private static let times: [Int64] = [
        .min, .min + 1, .min + 300_000, -edge - 1, -edge, -1, 0, 1, edge, edge + 1, .max - 300_000, .max - 1,
        .max,
    ]

    @Test(arguments: times)
    func anyTimeIsStoredAndHarmsNothing(time: Int64) throws {
        var test = try OutlyingTimeTests.open(MemoryFileStore(), at: OutlyingTimeTests.now)
        for second in Int64(0)..<600 {
            let at = OutlyingTimeTests.now + second * 10_000
            #expect(try OutlyingTimeTests.append(at, "m", test.store).appended == 1)
        }
        #expect(try OutlyingTimeTests.append(time, "outlier", test.store).appended == 1)
        #expect(try test.store.all("outlier").timestamps == [time])
        try OutlyingTimeTests.maintain(test)
        try test.store.sealAll()
        try OutlyingTimeTests.maintain(test)
        #expect(try test.store.all("outlier").timestamps == [time])
        let last = test.clock.wallMilliseconds()
        test = try OutlyingTimeTests.open(test.files.afterKill(), at: last)
        try OutlyingTimeTests.maintain(test)
        #expect(try test.store.all("outlier").timestamps == [time])
        #expect(try test.store.all("m").count == 600)
        try test.store.checkInvariants()
        // What is of our time has its rows: 6000 s of five minutes.
        #expect(test.store.statistics.tiers.first.map { $0.rows >= 20 } == true)
        // Behind what its series has it may be too late, and does no harm.
        let result = try OutlyingTimeTests.append(time, "m", test.store)
        #expect(result.appended + result.outOfOrder == 1)
        try OutlyingTimeTests.maintain(test)
        #expect(try test.store.all("m").count == 600 + result.appended)
    }
}
