// SPDX-License-Identifier: Apache-2.0
//
// What the ring and the index keep and forget.

import Platform
import Samples
import Synchronization
import Testing

@testable import TSDB

struct RingTests {
    /// One value a second for a series of its own group.
    private func fill(_ store: Store, job: String, _ seconds: Range<Int64>) throws {
        let group = try store.group(Labels([("job", job)]))
        let id = try store.series(Labels([("__name__", "m")]), in: group)
        for second in seconds {
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: second * 1000))
            batch.append(id, Double(second))
            #expect(try store.append(batch).appended == 1)
        }
    }

    @Test func aSeriesOfTwoGroupsIsOneSeries() throws {
        let test = try TestStore()
        try fill(test.store, job: "a", 0..<10)
        try test.store.sealAll()
        try fill(test.store, job: "b", 5..<15)
        let selection = try test.store.select([], from: .min, through: .max)
        #expect(selection.count == 1)
        #expect(try test.store.all("m").timestamps == (0..<15).map { $0 * 1000 })
    }

    @Test func retentionHidesAndDestroysNothing() throws {
        let test = try TestStore(clock: ManualClock(wallMilliseconds: 200_000)) {
            $0.retention = .seconds(100)
        }
        try fill(test.store, job: "a", 0..<150)
        try test.store.sealAll()
        try fill(test.store, job: "a", 150..<200)
        #expect(try test.store.all("m").timestamps.first == 100_000)
        test.clock.step(toWallMilliseconds: 1_000_000_000)
        try test.store.maintain()
        #expect(try test.store.select([], from: .min, through: .max).count == 0)
        test.clock.step(toWallMilliseconds: 200_000)
        #expect(try test.store.all("m").count == 100)
    }

    @Test func windowsFillAndBecomeSegmentsByThemselves() throws {
        let test = try TestStore()
        try fill(test.store, job: "a", 0..<1023)
        try test.store.maintain()
        #expect(test.store.statistics.segments == 0)
        try fill(test.store, job: "a", 1023..<1024)
        try test.store.maintain()
        #expect(test.store.statistics.segments == 1)
        #expect(test.store.statistics.headSamples == 0)
        // Slow groups are sealed by age: two hours from first to last row.
        let group = try test.store.group(Labels([("job", "slow")]))
        let id = try test.store.series(Labels([("__name__", "s")]), in: group)
        for minute in Int64(0)...120 {
            try test.store.maintain()
            #expect(test.store.statistics.segments == 1)
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: minute * 60_000))
            batch.append(id, 1)
            _ = try test.store.append(batch)
        }
        try test.store.maintain()
        #expect(test.store.statistics.segments == 2)
        #expect(try test.store.all("s").count == 121)
    }

    @Test func boundsThatAreTooSmallAreRefused() throws {
        #expect(throws: StoreError.self) { try TestStore { $0.ringFiles = 1 } }
        #expect(throws: StoreError.self) { try TestStore { $0.logBytes = 4096 } }
    }

    @Test func countersAndStatisticsSayWhatHappened() throws {
        let test = try TestStore()
        try fill(test.store, job: "a", 0..<100)
        let statistics = test.store.statistics
        #expect(statistics.series == 1 && statistics.activeSeries == 1 && statistics.groups == 1)
        #expect(statistics.headSamples == 100)
        #expect(statistics.oldest == Timestamp(milliseconds: 0))
        #expect(statistics.newest == Timestamp(milliseconds: 99_000))
        #expect(test.counter("appended_samples_total") == 100)
        // The one that makes the beginning of this process durable.
        #expect(test.counter("log_syncs_total") == 1)
        test.clock.advance(milliseconds: 10_000)
        try test.store.maintain()
        #expect(test.counter("log_syncs_total") == 2)
        try test.store.maintain()
        #expect(test.counter("log_syncs_total") == 2)
        #expect(test.store.statistics.segmentSamples == 0)
        #expect(test.store.statistics.logBytes == 1 << 20)
        try test.store.sealAll()
        #expect(test.store.statistics.segmentSamples == 100)
        #expect(test.counter("segment_samples") == 100)
        let written = test.files.contents("/data/ring-00").count
        #expect(written % SegmentHeader.alignment == 0 && written < 512)
        #expect(test.counter("segment_written_bytes_total") == Double(written))
        #expect(test.store.statistics.ringBytesUsed == Int64(written))
        #expect(test.counter("sealed_windows_total") == 1)
        let bytes = test.files.contents("/data/log").prefix { _ in true }.lastIndex { $0 != 0 } ?? 0
        #expect(test.counter("log_written_bytes_total") == Double(bytes + 1))
    }

    @Test func zeroSyncIntervalIsDurableOnReturn() throws {
        let test = try TestStore { $0.syncInterval = .zero }
        try fill(test.store, job: "a", 0..<20)
        let after = try TestStore(files: test.files.afterPowerCut { _, _, _ in 0 })
        #expect(try after.store.all("m").count == 20)
    }

    @Test func zeroSyncIntervalAcknowledgesNothingThatIsNotDurable() throws {
        let test = try TestStore { $0.syncInterval = .zero }
        try fill(test.store, job: "a", 0..<20)
        test.files.state.withLock { $0.failSyncs = 1000 }
        #expect(throws: SinkError.self) { try fill(test.store, job: "a", 20..<21) }
        #expect(try test.store.all("m").count == 21)
        test.files.state.withLock { ($0.failSyncs, $0.failWriteAfter) = (0, 0) }
        #expect(throws: SinkError.self) { try fill(test.store, job: "a", 21..<22) }
        test.files.state.withLock { $0.failWriteAfter = nil }
        try fill(test.store, job: "a", 22..<23)
        let after = try TestStore(files: test.files.afterPowerCut { _, _, _ in 0 })
        #expect(try after.store.all("m").count == 23)
    }
}
