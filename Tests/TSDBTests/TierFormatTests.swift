// SPDX-License-Identifier: Apache-2.0
//
// Fixed bytes of a segment of a tier: what this test reads must stay readable. docs/formats/tier.md explains them.

import Bytes
import Platform
import Samples
import Synchronization
import Testing

@testable import TSDB

struct TierFormatTests {
    /// Six hours of rows of five minutes, of which six have samples: of a counter that began again, of a value that ended,
    /// and of one that never changed.
    static let segment = """
        45575331adedab8801000000010000000100000000000000750100000000000081000000636b0f2e0058fac58b010000\
        00ef43c78b01000000000000000000000000000000000000000000000000000001e0a71280e0d2dff862480101ffffff\
        ffffffffffff01110103350fd0c56b5200020d5c0907ac010500080203234605afea01409875f4030803e80c05004880\
        d30eecd0030001040d5c0dac01050008020323460005bfbb0148e05df4030203443e020580ee054880f702ec590503dc\
        030234093267dd8502281e579434c62003002b491900ac01010b012b491900ae01010601274805005601040227480500\
        000103012b48b1110000011b02274805000503e60401000002000000000001230802071b5f1150300001230804078510\
        71092800000223480e000001080123485b000001080123080e083fee3ff60d000006085f5f6e616d655f5f0474656d70\
        036a6f6203706c630275700a776f726b5f746f74616c020001020302000402030200050203
        """

    private static let start: Int64 = 19_674 * day

    private static func options(_ options: inout StoreOptions) {
        options.tiers = [TierOptions(name: "warm", resolution: .seconds(300), ringBytes: 1 << 20)]
        options.retention = .milliseconds(hour)
    }

    /// Where the windows end, and when their first and last samples are, in milliseconds from the start.
    private static let windows: [(end: Int64, first: Int64, last: Int64, count: Int)] = [
        (300_000, 60_500, 240_500, 4), (600_000, 300_500, 540_500, 5), (900_000, 600_500, 600_500, 1),
        (8_100_000, 7_860_500, 8_040_500, 4), (8_400_000, 8_100_500, 8_340_500, 5),
        (8_700_000, 8_400_500, 8_400_500, 1),
    ]

    /// First, last, min, max, fallen and sum of each window with samples.
    private static let values: [String: [[Double]]] = [
        "temp": [
            [21.75, 21.5, 21.5, 22.25, 22.25, 87.5], [21.75, 21.75, 21.5, 22.25, 22.25, 109.25],
            [22, 22, 22, 22, 0, 22], [22.25, 22, 21.5, 22.25, 22.25, 87.5],
            [22.25, 22.25, 21.5, 22.25, 22.25, 109.75],
        ],
        "up": [4, 5, 1, 4, 5, 1].map { [1, 1, 1, 1, 0, $0] },
        "work_total": [
            [7, 28, 7, 28, 0, 70], [35, 63, 35, 63, 0, 245], [70, 70, 70, 70, 0, 70],
            [77, 1, 1, 91, 91, 253], [2, 6, 2, 6, 0, 20], [7, 7, 7, 7, 0, 7],
        ],
    ]

    private static func rows(_ name: String) -> [String] {
        let values = values[name] ?? []
        return windows.indices.map { number in
            let window = windows[number]
            guard number < values.count else { return "\(start + window.end) ended true" }
            return
                "\(start + window.end) \(window.count) \(start + window.first) \(start + window.last) "
                + "\(values[number].map { "\($0)" }) ended false"
        }
    }

    private func write() throws -> TestStore {
        let start = TierFormatTests.start
        let test = try TestStore(clock: ManualClock(wallMilliseconds: start), TierFormatTests.options)
        let group = try test.store.group(Labels([("job", "plc")]))
        let ids = try ["temp", "up", "work_total"].map {
            try test.store.series(Labels([("__name__", $0), ("job", "plc")]), in: group)
        }
        for step in Int64(1)...20 {
            let time = start + step * 60_000 + 500
            test.clock.advance(milliseconds: 60_000)
            // Ten minutes of the twenty lie two hours later.
            var batch = SampleBatch(
                group: group,
                timestamp: Timestamp(milliseconds: step > 10 ? time + 2 * hour : time)
            )
            batch.append(ids[0], step == 20 ? StaleMarker.value : 21.5 + Double(step % 4) / 4)
            batch.append(ids[1], 1)
            batch.append(ids[2], Double(step < 14 ? step * 7 : step - 13))
            #expect(try test.store.append(batch).appended == 3)
        }
        test.clock.advance(milliseconds: 8 * hour)
        try test.store.buildTiers()
        return test
    }

    @Test func aSegmentOfATierIsWrittenAndRead() throws {
        let written = try write().files.contents("/data/warm-00")
        #expect(written.count % SegmentHeader.alignment == 0)
        let used = (written.lastIndex { $0 != 0 } ?? 0) + 1
        #expect(FormatTests.hex(written.prefix(used)) == TierFormatTests.segment)
        try check(written)
        let fixed = FormatTests.bytes(TierFormatTests.segment)
        try check(fixed + [UInt8](repeating: 0, count: SegmentHeader.padded(fixed.count) - fixed.count))
    }

    private func check(_ ring: [UInt8]) throws {
        let files = MemoryFileStore()
        files.withFile("/data/warm-00") { $0.written = ring }
        let clock = ManualClock(wallMilliseconds: TierFormatTests.start + day)
        let test = try TestStore(files: files, clock: clock, TierFormatTests.options)
        #expect(test.store.recovery.damagedSegments == 0)
        for name in ["temp", "up", "work_total"] {
            let rows = TierFormatTests.rows(name)
            let labels = Labels([("__name__", name), ("job", "plc")])
            #expect(try test.store.tierRows(0, labels).map(text) == rows, "\(name)")
        }
    }

    /// A segment of a later version is neither read nor called damaged.
    @Test func aSegmentOfALaterVersionIsLeftAlone() throws {
        let test = try write()
        let files = test.files.afterKill()
        files.withFile("/data/warm-00") { file in
            guard var header = SegmentHeader(file.written) else { return }
            header.version = 9
            let end = SegmentHeader.size + header.directoryLength
            let bytes = header.bytes(directory: Array(file.written[SegmentHeader.size..<end]))
            file.written.replaceSubrange(0..<SegmentHeader.size, with: bytes)
        }
        let later = try TestStore(files: files, clock: test.clock, TierFormatTests.options)
        #expect(later.store.recovery.unknownSegments == 1)
        #expect(later.store.recovery.damagedSegments == 0)
        #expect(later.store.statistics.tiers[0].rows == 0)
        // The samples are still there, so the rows are built again, behind it.
        try later.store.buildTiers()
        #expect(later.store.statistics.tiers[0].rows == 17)
        #expect(files.contents("/data/warm-00").count == 2 * test.files.contents("/data/warm-00").count)
    }

    @Test func aDamagedSegmentIsKeptAside() throws {
        let test = try write()
        let files = test.files.afterKill()
        files.withFile("/data/warm-00") { $0.written[90] ^= 1 }
        let again = try TestStore(files: files, clock: test.clock, TierFormatTests.options)
        #expect(again.store.recovery.damagedSegments == 1)
        #expect(again.store.recovery.quarantined == 1)
        let copies = files.state.withLock { $0.names.keys.filter { $0.hasSuffix(".damaged") } }
        #expect(copies.count == 1 && copies.allSatisfy { $0.hasPrefix("/data/warm-00-0-") })
    }
}
