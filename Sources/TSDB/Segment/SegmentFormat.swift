// SPDX-License-Identifier: Apache-2.0
//
// The bytes of a segment that are fixed: header and the sections of its directory, as docs/formats/segment.md draws
// them. Writer and reader both go through here.

internal import Bytes
internal import Samples

/// The head of a segment.
struct SegmentHeader: Sendable, Equatable {
    static let magic: UInt32 = 0x3153_5745  // "EWS1" in file order
    static let version: UInt16 = 1
    static let size = 80
    /// Segments begin at multiples of this within a ring file.
    static let alignment = 4096

    var ringSequence: UInt64
    /// Bytes of header, directory and data, without padding.
    var length: Int
    var directoryLength: Int
    /// CRC32C of the data, for the one segment that a power cut may have left half written.
    var dataChecksum: UInt32
    var windowCount: Int
    var minTime: Int64
    var maxTime: Int64
    var minSequence: UInt64
    var maxSequence: UInt64

    /// The bytes a segment takes in its file.
    static func padded(_ length: Int) -> Int { (length + alignment - 1) / alignment * alignment }

    /// Header bytes with the checksum over the rest of the header and the directory.
    func bytes(directory: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.append(littleEndian: SegmentHeader.magic)
        out.append(littleEndian: UInt32(0))
        out.append(littleEndian: SegmentHeader.version)
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

    /// Reads a header without its checksum; nil when these are not the first bytes of a segment of this version.
    init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard bytes.count >= SegmentHeader.size,
            (try? reader.integer(UInt32.self)) == SegmentHeader.magic,
            (try? reader.integer(UInt32.self)) != nil,
            (try? reader.integer(UInt16.self)) == SegmentHeader.version,
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

/// A part of the directory that can be read alone: varint length, CRC32C, form, bytes.
enum SegmentSection {
    private static let limit = 64 << 20

    /// Appends a section, compressed where that helps; returns where its checksum begins and its size from there.
    static func append(_ plain: [UInt8], to out: inout [UInt8]) -> (offset: Int, count: Int) {
        var stored: [UInt8] = [0]
        if let frame = Zstd.compress(plain, level: 6), frame.count < plain.count {
            stored = [1] + frame
        } else {
            stored += plain
        }
        out.append(varint: UInt64(stored.count + 4))
        let offset = out.count
        out.append(littleEndian: CRC32C.checksum(stored))
        out += stored
        return (offset, stored.count + 4)
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

/// The labels of a window's series: distinct strings once, series as pairs of their numbers.
enum LabelSection {
    private static let limit = 1 << 24

    static func bytes(_ series: [Labels]) -> [UInt8] {
        var numbers: [String: Int] = [:]
        var symbols: [String] = []
        var rows: [UInt8] = []
        func number(_ text: String) -> UInt64 {
            if let known = numbers[text] { return UInt64(known) }
            numbers[text] = symbols.count
            symbols.append(text)
            return UInt64(symbols.count - 1)
        }
        for labels in series {
            let pairs = labels.pairs
            rows.append(varint: UInt64(pairs.count))
            for pair in pairs {
                rows.append(varint: number(pair.name))
                rows.append(varint: number(pair.value))
            }
        }
        var out: [UInt8] = []
        out.append(varint: UInt64(symbols.count))
        for symbol in symbols { out.append(prefixed: Array(symbol.utf8)) }
        return out + rows
    }

    static func read(_ bytes: [UInt8], count: Int) throws(CorruptionError) -> [Labels] {
        var reader = ByteReader(bytes)
        var symbols: [String] = []
        for _ in 0..<(try reader.count(limit: limit)) {
            let place = reader.offset
            let text = try reader.prefixed(limit: reader.remaining)
            guard let symbol = String(validating: text, as: UTF8.self) else {
                throw CorruptionError("UTF-8", at: place)
            }
            symbols.append(symbol)
        }
        var result: [Labels] = []
        for _ in 0..<count {
            var pairs: [(name: String, value: String)] = []
            for _ in 0..<(try reader.count(limit: limit)) {
                let place = reader.offset
                let name = try reader.count(limit: limit)
                let value = try reader.count(limit: limit)
                guard name < symbols.count, value < symbols.count else {
                    throw CorruptionError("the numbers of two of \(symbols.count) symbols", at: place)
                }
                pairs.append((symbols[name], symbols[value]))
            }
            result.append(Labels(pairs))
        }
        return result
    }
}

/// Where the blocks of a window are.
struct BlockDirectory: Sendable {
    /// Bytes and checksum of the block of row times, which comes first.
    var timesLength = 0
    var timesChecksum: UInt32 = 0
    /// Per column the bytes of its block; 0 for a value constant over all rows, which is in `constants`.
    var lengths: [UInt32] = []
    /// Per column the checksum of its block, or 0.
    var checksums: [UInt32] = []
    /// Per column the constant's bits, or 0.
    var constants: [UInt64] = []

    func bytes() -> [UInt8] {
        var out: [UInt8] = []
        out.append(varint: UInt64(timesLength))
        for length in lengths { out.append(varint: UInt64(length)) }
        for (length, bits) in zip(lengths, constants) where length == 0 { out.append(littleEndian: bits) }
        out.append(littleEndian: timesChecksum)
        for (length, checksum) in zip(lengths, checksums) where length > 0 {
            out.append(littleEndian: checksum)
        }
        return out
    }

    init() {}

    init(_ bytes: [UInt8], columns: Int) throws(CorruptionError) {
        var reader = ByteReader(bytes)
        timesLength = try reader.count(limit: Int(Int32.max))
        for _ in 0..<columns { lengths.append(UInt32(try reader.count(limit: Int(Int32.max)))) }
        for length in lengths { constants.append(length == 0 ? try reader.integer() : 0) }
        timesChecksum = try reader.integer()
        for length in lengths { checksums.append(length == 0 ? 0 : try reader.integer()) }
    }
}
