// SPDX-License-Identifier: Apache-2.0
//
// The first bytes of a segment, as docs/formats/segment.md draws them. They mean the same in every version, so that a
// start can step over a segment that a newer program wrote and give its place away only when the ring comes round.

internal import Bytes

/// The head of a segment.
struct SegmentHeader: Sendable, Equatable {
    static let magic: UInt32 = 0x3153_5745  // "EWS1" in file order
    /// What this program writes.
    static let version: UInt16 = 2
    static let size = 80
    /// Segments begin at multiples of this within a ring file; version 1 used 4096.
    static let alignment = 64

    var version = SegmentHeader.version
    var ringSequence: UInt64
    /// Bytes of header, directory and data, without padding.
    var length: Int
    var directoryLength: Int
    /// CRC32C of what follows the directory, for the one segment that a power cut may have left half written.
    var dataChecksum: UInt32
    var windowCount: Int
    var minTime: Int64
    var maxTime: Int64
    var minSequence: UInt64
    var maxSequence: UInt64

    /// Whether this program can read what follows.
    var isKnown: Bool { version <= SegmentHeader.version }

    /// The bytes a segment takes in its file.
    static func padded(_ length: Int) -> Int { (length + alignment - 1) / alignment * alignment }

    /// Header bytes with the checksum over the rest of the header and the directory.
    func bytes(directory: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.append(littleEndian: SegmentHeader.magic)
        out.append(littleEndian: UInt32(0))
        out.append(littleEndian: version)
        out.append(littleEndian: UInt16(0))
        out.append(littleEndian: UInt32(windowCount))
        out.append(littleEndian: ringSequence)
        out.append(littleEndian: UInt64(length))
        out.append(littleEndian: UInt32(directoryLength))
        out.append(littleEndian: dataChecksum)
        out.append(littleEndian: minTime)
        out.append(littleEndian: maxTime)
        out.append(littleEndian: minSequence)
        out.append(littleEndian: maxSequence)
        out.append(littleEndian: UInt64(0))
        let checksum = unsafe CRC32C.checksum(
            directory.span.bytes,
            continuing: CRC32C.checksum(out[8...])
        )
        out.overwrite(littleEndian: checksum, at: 4)
        return out
    }

    /// Reads a header without its checksum; nil when these are not the first bytes of a segment.
    init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard bytes.count >= SegmentHeader.size,
            (try? reader.integer(UInt32.self)) == SegmentHeader.magic,
            (try? reader.integer(UInt32.self)) != nil,
            let version = try? reader.integer(UInt16.self), version > 0,
            (try? reader.integer(UInt16.self)) != nil,
            let windowCount = try? reader.integer(UInt32.self),
            let ringSequence = try? reader.integer(UInt64.self),
            let length = try? reader.integer(UInt64.self),
            let directoryLength = try? reader.integer(UInt32.self),
            let dataChecksum = try? reader.integer(UInt32.self),
            let minTime = try? reader.integer(Int64.self), let maxTime = try? reader.integer(Int64.self),
            let minSequence = try? reader.integer(UInt64.self),
            let maxSequence = try? reader.integer(UInt64.self),
            max(ringSequence, minSequence, maxSequence) <= Numbering.limit,
            length <= UInt64(Int32.max), UInt64(directoryLength) + UInt64(SegmentHeader.size) <= length
        else { return nil }
        self.version = version
        self.ringSequence = ringSequence
        self.length = Int(length)
        self.directoryLength = Int(directoryLength)
        self.dataChecksum = dataChecksum
        self.windowCount = Int(windowCount)
        self.minTime = minTime
        self.maxTime = maxTime
        self.minSequence = minSequence
        self.maxSequence = maxSequence
    }

    init(
        ringSequence: UInt64,
        length: Int,
        directoryLength: Int,
        dataChecksum: UInt32,
        windowCount: Int,
        times: ClosedRange<Int64>,
        sequences: ClosedRange<UInt64>
    ) {
        self.ringSequence = ringSequence
        self.length = length
        self.directoryLength = directoryLength
        self.dataChecksum = dataChecksum
        self.windowCount = windowCount
        minTime = times.lowerBound
        maxTime = times.upperBound
        minSequence = sequences.lowerBound
        maxSequence = sequences.upperBound
    }

    /// Whether the checksum in `bytes`, header and directory, holds.
    static func isWhole(_ bytes: [UInt8]) -> Bool {
        var reader = ByteReader(bytes, in: 4..<bytes.count)
        guard bytes.count >= size, let expected = try? reader.integer(UInt32.self) else { return false }
        return CRC32C.checksum(bytes[8...]) == expected
    }
}
