// SPDX-License-Identifier: Apache-2.0
//
// A part of a segment that can be read alone: CRC32C of the rest, form, bytes. Where it is and how long stands in the
// directory.

internal import Bytes

/// A part of a segment with a checksum of its own.
enum SegmentSection {
    /// The most a section may decode to; the labels of a million series.
    private static let limit = 256 << 20
    /// Sections are written once in hours and small, so a slow level is worth its bytes.
    private static let level: Int32 = 9

    /// Appends a section, compressed where that helps; returns its size.
    static func append(_ plain: [UInt8], to out: inout [UInt8]) -> Int {
        let start = out.count
        out.append(littleEndian: UInt32(0))
        if let frame = Zstd.compress(plain, level: level), frame.count < plain.count {
            out.append(1)
            out += frame
        } else {
            out.append(0)
            out += plain
        }
        out.overwrite(littleEndian: CRC32C.checksum(out[(start + 4)...]), at: start)
        return out.count - start
    }

    /// Reads a section from its checksum on.
    static func contents(_ bytes: [UInt8]) throws(CorruptionError) -> [UInt8] {
        var reader = ByteReader(bytes)
        let expected = try reader.integer(UInt32.self)
        guard CRC32C.checksum(bytes[4...]) == expected else {
            throw CorruptionError("a section whose checksum holds", at: 0)
        }
        let form = try reader.byte()
        let stored = try reader.take(reader.remaining)
        switch form {
        case 0: return Array(stored)
        case 1: return try Zstd.decompress(stored, limit: limit)
        default: throw CorruptionError("a form of section", at: 4)
        }
    }
}
