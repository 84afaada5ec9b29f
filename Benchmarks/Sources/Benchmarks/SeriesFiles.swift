// SPDX-License-Identifier: Apache-2.0
//
// The series to code: the files of ../shared/data/codec where they are, else some made up.

import Bytes
import Platform

/// A file of series, in the form that `edgewatch tsdb codec` reads.
struct SeriesFile {
    let name: String
    let bytes: [UInt8]
}

enum SeriesFiles {
    private static let names = ["cap1s", "modbus", "modbus_mul", "temp", "meters", "onoff", "vib"]

    static func all() throws -> [SeriesFile] {
        // Four folders up from here is the repository.
        let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        let folder = "/\(root)/../shared/data/codec"
        let found = names.compactMap { name in
            (try? TextFile.read("\(folder)/\(name).bin.zst", limit: 1 << 30)).map {
                SeriesFile(name: name, bytes: $0)
            }
        }
        if !found.isEmpty { return found }
        print("../shared/data/codec is not there; made-up series instead")
        return [made]
    }

    /// Temperatures that drift, counters and states, 64 of them for 8192 seconds.
    private static var made: SeriesFile {
        var random = LinearGenerator()
        let rows = 8192
        var out: [UInt8] = []
        out.append(littleEndian: UInt32(1))
        out.append(littleEndian: UInt32(64))
        out.append(littleEndian: UInt32(rows))
        for row in 0..<rows { out.append(littleEndian: 1_700_000_000_000 + Int64(row) * 1000) }
        for series in 0..<64 {
            out.append(littleEndian: UInt32(0))
            out.append(littleEndian: UInt32(rows))
            var level = 2000.0
            for _ in 0..<rows {
                switch series % 3 {
                case 0: level += Double(random.next(7)) - 3
                case 1: level += Double(random.next(100))
                default: if random.next(200) == 0 { level = 2000 - level }
                }
                out.append(double: level / (series % 3 == 0 ? 100 : 1))
            }
        }
        return SeriesFile(name: "made", bytes: out)
    }
}

/// Numbers that look random and are the same every time.
struct LinearGenerator {
    private var state: UInt64 = 7

    /// A number below the bound.
    mutating func next(_ bound: UInt64) -> UInt64 {
        // Knuth's MMIX multiplier.
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state >> 33) % bound
    }
}
