// SPDX-License-Identifier: Apache-2.0
//
// The trial of files of series: what comes back is compared with what went in, and files that are none are refused.

import Bytes
import Testing

@testable import TSDB

struct CodecTrialTests {
    /// Two groups; a series that begins late, one that is not there at all, markers and NaN among the values.
    private static var file: [UInt8] {
        var out: [UInt8] = []
        out.append(littleEndian: UInt32(2))
        out.append(littleEndian: UInt32(5))
        for rows in [300, 3] {
            out.append(littleEndian: UInt32(rows))
            for row in 0..<rows { out.append(littleEndian: Int64(row) * 1000 + Int64(row % 3)) }
        }
        func series(_ group: UInt32, _ values: [Double]) {
            out.append(littleEndian: group)
            out.append(littleEndian: UInt32(values.count))
            for value in values { out.append(double: value) }
        }
        series(0, (0..<300).map { Double($0 % 17) / 10 })
        series(0, (0..<120).map { $0 == 50 ? Double(bitPattern: 0x7ff0_0000_0000_0002) : Double($0) })
        series(0, [])
        series(0, (0..<300).map { $0 % 7 == 0 ? .nan : -0.0 })
        series(1, [.infinity, .leastNonzeroMagnitude, 1e308])
        return out
    }

    @Test(arguments: [1, 7, 64, 1024])
    func everythingComesBack(rows: Int) throws {
        let report = try CodecTrial(file: CodecTrialTests.file, rowsPerWindow: rows).run(passes: 1)
        #expect(report.samples == 723)
        #expect(report.mismatch == nil)
        #expect(report.valueBytes > 0 && report.timeBytes > 0 && report.directoryBytes > SegmentHeader.size)
        #expect(report.decodeRate > 0 && report.encodeRate > 0)
    }

    @Test func aCompressedFileIsRead() throws {
        let frame = try #require(Zstd.compress(CodecTrialTests.file))
        #expect(try CodecTrial(file: frame, rowsPerWindow: 64).run(passes: 1).samples == 723)
        #expect(throws: CorruptionError.self) {
            try CodecTrial(file: Array(frame.dropLast(5)), rowsPerWindow: 64)
        }
    }

    @Test func anEmptySetIsASet() throws {
        let report = try CodecTrial(file: [UInt8](repeating: 0, count: 8), rowsPerWindow: 64).run(passes: 1)
        #expect(report.samples == 0 && report.mismatch == nil)
    }

    @Test func everyCutAndEveryHostileCountIsRefused() {
        let file = CodecTrialTests.file
        for count in file.indices {
            #expect(throws: CorruptionError.self) { try DataSet(Array(file[..<count])) }
        }
        #expect(throws: CorruptionError("the end of the file, not 1 more bytes", at: file.count)) {
            try DataSet(file + [0])
        }
        for place in [0, 4, 8] {
            var hostile = file
            hostile.overwrite(littleEndian: UInt32.max, at: place)
            #expect(throws: CorruptionError.self) { try DataSet(hostile) }
        }
        var hostile = file
        hostile.overwrite(littleEndian: 2, at: 12 + 300 * 8 + 4 + 3 * 8)
        #expect(throws: CorruptionError("one of 2 groups, not 2", at: 12 + 300 * 8 + 4 + 3 * 8)) {
            try DataSet(hostile)
        }
    }
}
