// SPDX-License-Identifier: Apache-2.0
//
// Fixed bytes of log page and segment: what these tests read must stay readable.

import Bytes
import Platform
import Samples
import Synchronization
import Testing

@testable import TSDB

struct FormatTests {
    static func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }

    static func bytes(_ hex: String) -> [UInt8] {
        let digits = Array(hex.utf8)
        return stride(from: 0, to: digits.count, by: 2).compactMap {
            UInt8(String(decoding: digits[$0..<($0 + 2)], as: UTF8.self), radix: 16)
        }
    }

    /// One page: the beginning of a process, the columns of a window and three of its rows, then an orderly end.
    static let page = """
        45574c3124e2443a010000000000000001000000000000000000000000000000b600100000000000c73b42310b0001\
        04000000ca9a3b0000000032df1f0b380001010001000208036a6f6203706c6315085f5f6e616d655f5f0474656d70\
        04756e6974013113085f5f6e616d655f5f026f6e04756e69740131fda1e041120001060100000000000003e8bc1748\
        00f069d485f7253dc3090001050165e85b705c24a0002b2c3905000105013ee66056a0a6c701000103
        """

    /// The same as version 0.1.0 wrote it, but for the mark in the gap: the beginning of a process, the columns of a window and three of its rows, then an orderly end.
    static let earlierPage = """
        45574c314fcd914a010000000000000001000000000000000000000000000000b200000000000000c73b42310b000104\
        000000ca9a3b0000000032df1f0b380001010001000208036a6f6203706c6315085f5f6e616d655f5f0474656d700475\
        6e6974013113085f5f6e616d655f5f026f6e04756e69740131e01435130a000102010102d00f0bae03041ee8cd7f0b00\
        0102010202d00f010113fe215b5705e70700010201000200016256a0a6c701000103
        """

    /// One segment with one window of three rows of two series, as version 1 had it.
    static let segmentVersion1 = """
        45575331c8ef7ae401000000010000000100000000000000e400000000000000730000006194c35de803000000000000\
        b80b0000000000000000000000000000020000000000000000000000000000000008036a6f6203706c6301030205d00f\
        f02e00022128a73121e20005085f5f6e616d655f5f026f6e04756e697401310474656d70020001020302000402031451\
        be44600012070807078a02c74fe129ee18cc3c1f91a9f66600000200020000000004030302cc21003200010000000000\
        30504005d00f08d00f000502080000050008020105010504050000022b481900ac010102
        """
    /// The same rows as segments had them before EW2.
    static let segmentBeforeEW2 = """
        455753317989175601000000010000000100000000000000e400000000000000730000003938039de803000000000000\
        b80b0000000000000000000000000000020000000000000000000000000000000008036a6f6203706c6301030205d00f\
        f02e00022128a73121e20005085f5f6e616d655f5f026f6e04756e697401310474656d700200010203020004020314de\
        df38e500110709678c31a3c74fe1298661c9901f2f113fd900000200020000000004010302cc21003200010000000000\
        30504001d00fd00f0100010002010002020101050105040500000200010202cc21190102
        """

    /// The same in version 2.
    static let segment = """
        455753319174ac3e02000000010000000100000000000000e700000000000000110000001e47cf84e8030000000000\
        00b80b000000000000000000000000000002000000000000000000000000000000003d0101000205d00fd00f000211\
        120d19af17f99d000700013100085f5f6e616d655f5f00036a6f6200026f6e0003706c63000474656d700004756e69\
        740202010601020201000001060004000839576e810002000002030e0100d00f00027bcc47be000101000002030801\
        32cf992db4b6fdf7b8000102cc21001919150105d00f08d00f000500080201050504052b481900ac010102
        """

    static func store() throws -> TestStore {
        let test = try TestStore { $0.logBytes = 16 * 4096 }
        let group = try test.store.group(Labels([("job", "plc")]))
        let temperature = try test.store.series(
            Labels([(name: "__name__", value: "temp"), (name: "unit", value: "1")]),
            in: group
        )
        let state = try test.store.series(
            Labels([(name: "__name__", value: "on"), (name: "unit", value: "1")]),
            in: group
        )
        for (time, value) in [(Int64(1000), 21.5), (2000, 21.75), (3000, 21.5)] {
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: time))
            batch.append(temperature, value)
            if time != 2000 { batch.append(state, 1) }
            _ = try test.store.append(batch)
        }
        return test
    }

    @Test func aLogPageOfVersionOneIsWrittenAndRead() throws {
        let test = try FormatTests.store()
        test.store.close()
        let written = test.files.contents("/data/log").prefix(4096)
        let used = (written.lastIndex { $0 != 0 } ?? 0) + 1
        #expect(FormatTests.hex(written.prefix(used)) == FormatTests.page)
        let files = MemoryFileStore()
        var log = FormatTests.bytes(FormatTests.page)
        log += [UInt8](repeating: 0, count: 16 * 4096 - log.count)
        files.withFile("/data/log") { $0.written = log }
        let read = try TestStore(files: files) { $0.logBytes = 16 * 4096 }
        try check(read.store)
        #expect(read.store.recovery.wasClosedCleanly)
        #expect(read.store.recovery.rows == 3)
    }

    @Test func aLogPageOfTheFirstReleaseIsRead() throws {
        let files = MemoryFileStore()
        var log = FormatTests.bytes(FormatTests.earlierPage)
        log += [UInt8](repeating: 0, count: 16 * 4096 - log.count)
        files.withFile("/data/log") { $0.written = log }
        let read = try TestStore(files: files) { $0.logBytes = 16 * 4096 }
        try check(read.store)
        #expect(read.store.recovery.rows == 3)
    }

    @Test(arguments: [FormatTests.segment, FormatTests.segmentVersion1, FormatTests.segmentBeforeEW2])
    func aSegmentIsRead(hex: String) throws {
        let files = MemoryFileStore()
        var ring = FormatTests.bytes(hex)
        ring += [UInt8](repeating: 0, count: 4096 - ring.count)
        files.withFile("/data/ring-00") { $0.written = ring }
        let read = try TestStore(files: files) { $0.logBytes = 16 * 4096 }
        try check(read.store)
        #expect(read.store.recovery.segments == 1)
        #expect(read.store.statistics.segmentSamples == 5)
        let segment = try #require(read.store.head.withLock { $0.segments.first })
        let summary = try #require(try read.store.reader.summary(segment, 0, 1))
        #expect(summary == BlockSummary([21.5, 21.75, 21.5]))
        #expect(summary.sum == 64.75 && summary.max == 21.75 && summary.count == 3)
        #expect(try read.store.reader.summary(segment, 0, 0) == BlockSummary([1, 1]))
    }

    @Test func aSegmentOfVersionTwoIsWritten() throws {
        let test = try FormatTests.store()
        try test.store.sealAll()
        let written = test.files.contents("/data/ring-00")
        #expect(written.count % SegmentHeader.alignment == 0)
        let used = (written.lastIndex { $0 != 0 } ?? 0) + 1
        #expect(FormatTests.hex(written.prefix(used)) == FormatTests.segment)
    }

    private func check(_ store: Store) throws {
        let selection = try store.select([LabelMatcher("unit", equals: "1")], from: .min, through: .max)
        #expect(
            (0..<selection.count).map { selection.labels($0).description } == [
                "on{unit=\"1\"}", "temp{unit=\"1\"}",
            ]
        )
        #expect(try store.all("temp").timestamps == [1000, 2000, 3000])
        #expect(try store.all("temp").values == [21.5, 21.75, 21.5])
        #expect(try store.all("on").timestamps == [1000, 3000])
    }
}
