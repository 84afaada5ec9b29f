// SPDX-License-Identifier: Apache-2.0
//
// Groups of series as a file of numbers, little endian, for measuring codecs on one's own data:
//
//     u32 groups, u32 series
//     groups × { u32 n, n × i64 timestamp in ms }
//     series × { u32 group, u32 n, n × f64 value }      n ≤ the group's n; fewer values belong to its last rows
//
// Counts are believed only as far as the file has bytes for them.

internal import Bytes

/// A file of series.
struct DataSet: Sendable {
    struct Series: Sendable {
        var group: Int
        var values: [Double]
    }

    /// Per group the times of its rows.
    private(set) var times: [[Int64]] = []
    private(set) var series: [Series] = []

    var sampleCount: Int { series.reduce(0) { $0 + $1.values.count } }

    /// The most a compressed file may decode to.
    private static let sizeLimit = 4 << 30

    /// Reads a file, compressed with zstd or not.
    init(_ file: [UInt8]) throws(CorruptionError) {
        let bytes =
            file.starts(with: Zstd.magic)
            ? try Zstd.decompressFile(file, limit: DataSet.sizeLimit) : file
        var reader = ByteReader(bytes)
        let groupCount = try DataSet.count(&reader, of: "groups", each: 4)
        let seriesCount = try DataSet.count(&reader, of: "series", each: 8)
        for _ in 0..<groupCount {
            let rows = try DataSet.count(&reader, of: "timestamps", each: 8)
            var stamps: [Int64] = []
            stamps.reserveCapacity(rows)
            for _ in 0..<rows { stamps.append(try reader.integer()) }
            times.append(stamps)
        }
        for _ in 0..<seriesCount {
            let place = reader.offset
            let group: UInt32 = try reader.integer()
            guard group < UInt32(groupCount) else {
                throw CorruptionError("one of \(groupCount) groups, not \(group)", at: place)
            }
            let countPlace = reader.offset
            let count = try DataSet.count(&reader, of: "values", each: 8)
            guard count <= times[Int(group)].count else {
                throw CorruptionError(
                    "at most the \(times[Int(group)].count) rows of group \(group), not \(count) values",
                    at: countPlace
                )
            }
            var values: [Double] = []
            values.reserveCapacity(count)
            for _ in 0..<count { values.append(try reader.double()) }
            series.append(Series(group: Int(group), values: values))
        }
        guard reader.isAtEnd else {
            throw CorruptionError(
                "the end of the file, not \(reader.remaining) more bytes",
                at: reader.offset
            )
        }
    }

    /// A set made in memory.
    init(times: [[Int64]], series: [Series]) {
        self.times = times
        self.series = series
    }

    private static func count(
        _ reader: inout ByteReader,
        of what: String,
        each bytes: Int
    ) throws(CorruptionError) -> Int {
        let place = reader.offset
        let count: UInt32 = try reader.integer()
        guard Int(count) <= reader.remaining / bytes else {
            throw CorruptionError(
                "bytes for \(count) \(what), of which \(reader.remaining) are left",
                at: place
            )
        }
        return Int(count)
    }
}
