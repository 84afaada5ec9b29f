// SPDX-License-Identifier: Apache-2.0
//
// The measured data sets beside the package, block for block: bit-exact, and no larger than promised.

import Bytes
import Foundation
import Testing

@testable import TSDB

struct EW2DataTests {
    /// Names and the most bytes a value may take at 1024 rows when all series are coded.
    static let sets: [(name: String, most: Double)] = [
        ("cap1s", 0.371), ("edge", 3.33), ("meters", 0.428), ("modbus", 0.459), ("modbus_mul", 0.459),
        ("onoff", 0.040), ("temp", 0.397), ("vib", 4.25),
    ]

    @Test(arguments: EW2DataTests.sets.indices)
    func measuredDataComesBack(index: Int) throws {
        let set = EW2DataTests.sets[index]
        guard let bytes = try EW2DataTests.contents(set.name) else { return }
        var reader = ByteReader(bytes)
        let groups = Int(try reader.integer(UInt32.self))
        let series = Int(try reader.integer(UInt32.self))
        for _ in 0..<groups {
            let count = Int(try reader.integer(UInt32.self))
            _ = try reader.take(count * 8)
        }
        var encoder = BlockEncoder()
        var decoder = BlockDecoder()
        var block: [UInt8] = []
        var samples = 0
        var payload = 0
        // Without optimisation all of it takes minutes; a few series of each set say as much.
        let step = EW2Tests.isThorough ? 1 : max(1, series / 6)
        for number in 0..<series {
            _ = try reader.integer(UInt32.self)
            let count = Int(try reader.integer(UInt32.self))
            guard number % step == 0 else {
                _ = try reader.take(count * 8)
                continue
            }
            var values: [Double] = []
            for row in 0..<count {
                values.append(try reader.double())
                guard values.count == 1024 || row == count - 1 else { continue }
                block.removeAll(keepingCapacity: true)
                encoder.append(values, effort: .segment, to: &block)
                payload += block.count
                samples += values.count
                let isExact = try decodes(block, values, &decoder)
                #expect(isExact, "\(set.name) series \(number) up to row \(row)")
                values.removeAll(keepingCapacity: true)
            }
        }
        #expect(samples > 0)
        if EW2Tests.isThorough { #expect(Double(payload) / Double(samples) <= set.most) }
    }

    private func decodes(_ block: [UInt8], _ values: [Double], _ decoder: inout BlockDecoder) throws -> Bool {
        var decoded = [Double](repeating: 0, count: values.count)
        var span = decoded.mutableSpan
        var reader = ByteReader(block)
        try decoder.read(&reader, into: &span)
        return reader.isAtEnd && values.indices.allSatisfy { values[$0].bitPattern == decoded[$0].bitPattern }
    }

    /// A data set, nil with a loud line when the shared material is not there.
    private static func contents(_ name: String) throws -> [UInt8]? {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let path = root.appending(path: "../shared/data/codec/\(name).bin.zst").standardized.path
        guard let frame = FileManager.default.contents(atPath: path) else {
            print("SKIPPED: no \(path), so the measured data set \(name) was not checked")
            return nil
        }
        return try Zstd.decompress([UInt8](frame)[...], limit: 64 << 20)
    }
}
