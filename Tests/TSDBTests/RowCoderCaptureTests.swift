// SPDX-License-Identifier: Apache-2.0
//
// The shared captures through the row coder: bit for bit, and within the bytes they took when this was written. A
// change to the model that costs more than a few per cent fails here.

import Bytes
import Foundation
import Samples
import Testing

@testable import TSDB

struct RowCoderCaptureTests {
    /// The first group of a file, only series present in all of it.
    struct Capture {
        var times: [Int64] = []
        var series: [[UInt64]] = []

        init?(_ name: String) throws {
            let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent()
            let file = root.appendingPathComponent("../shared/data/codec/\(name).bin.zst")
            guard let data = try? Data(contentsOf: file) else { return nil }
            var reader = ByteReader(try Zstd.decompress([UInt8](data)[...], limit: 64 << 20))
            let groups = try reader.integer(UInt32.self)
            let count = try reader.integer(UInt32.self)
            for group in 0..<groups {
                for _ in 0..<(try reader.integer(UInt32.self)) {
                    let time = try reader.integer(Int64.self)
                    if group == 0 { times.append(time) }
                }
            }
            for _ in 0..<count {
                let group = try reader.integer(UInt32.self)
                let length = Int(try reader.integer(UInt32.self))
                var values: [UInt64] = []
                for _ in 0..<length { values.append(try reader.integer(UInt64.self)) }
                if group == 0, length == times.count { series.append(values) }
            }
        }
    }

    /// Bytes a sample of the first 600 rows, page framing and record head included.
    @Test(arguments: [
        ("cap1s", 0.60), ("modbus", 0.60), ("modbus_mul", 0.60), ("meters", 0.78), ("temp", 0.72),
        ("onoff", 0.20), ("vib", 5.1), ("edge", 5.0),
    ])
    func aCaptureComesBackAndIsSmall(name: String, limit: Double) throws {
        guard let capture = try Capture(name) else {
            print(
                "SKIPPED: ../shared/data/codec/\(name).bin.zst is not there, the row coder is not tested on it"
            )
            return
        }
        var coded = CodedRows()
        let rows = min(600, capture.times.count)
        for row in 0..<rows { coded.append(capture.times[row], capture.series.map { $0[row] }) }
        try coded.check()
        let framing = rows * (LogPage.fragmentHeaderSize + 2)
        let perSample = Double(coded.bytes + framing) / Double(rows * capture.series.count)
        print("row coder: \(name) \(perSample) B/sample")
        #expect(perSample < limit)
    }
}
