// SPDX-License-Identifier: Apache-2.0
//
// The 4 KiB page of the log ring and its fragments, as docs/formats/log.md draws them.
//
// A page is rewritten in place while it fills, so a torn write can leave the new head before an old rest. Every
// fragment therefore has a checksum of its own, seeded with the page's sequence: what was there before a torn
// rewrite is byte for byte there after it, and what an earlier use of the slot left never verifies.

internal import Bytes

/// The layout of a page.
enum LogPage {
    static let size = 4096
    static let headerSize = 40
    static let fragmentHeaderSize = 7
    static let magic: UInt32 = 0x314c_5745  // "EWL1" in file order

    /// Where a fragment stands in its record.
    enum Part: UInt8 {
        case whole = 1
        case first = 2
        case middle = 3
        case last = 4

        var beginsRecord: Bool { self == .whole || self == .first }
        var endsRecord: Bool { self == .whole || self == .last }
    }

    /// The decoded header.
    struct Header: Sendable, Equatable {
        var sequence: UInt64
        /// The oldest page still needed when this one was written.
        var tail: UInt64
        /// The commit sequence of the first row that begins in this page.
        var firstRow: UInt64
        /// Bytes used, header included.
        var length: Int
        /// Whether the checksum over everything used holds.
        var isWhole: Bool
    }

    /// Writes the header of a page image whose payload is in place.
    static func finish(_ image: inout [UInt8], sequence: UInt64, tail: UInt64, firstRow: UInt64) {
        var header: [UInt8] = []
        header.reserveCapacity(headerSize)
        header.append(littleEndian: magic)
        header.append(littleEndian: UInt32(0))
        header.append(littleEndian: sequence)
        header.append(littleEndian: tail)
        header.append(littleEndian: firstRow)
        header.append(littleEndian: UInt16(image.count))
        header.append(contentsOf: [0, 0, 0, 0, 0, 0])
        image.replaceSubrange(0..<headerSize, with: header)
        image.overwrite(littleEndian: CRC32C.checksum(image[8...]), at: 4)
    }

    /// Reads a page's header; nil when this is no page at all.
    static func header(_ bytes: [UInt8]) -> Header? {
        var reader = ByteReader(bytes)
        guard bytes.count >= headerSize, (try? reader.integer(UInt32.self)) == magic,
            let checksum = try? reader.integer(UInt32.self), let sequence = try? reader.integer(UInt64.self),
            let tail = try? reader.integer(UInt64.self), let firstRow = try? reader.integer(UInt64.self),
            let length = try? reader.integer(UInt16.self)
        else { return nil }
        let isLengthSane = Int(length) >= headerSize && Int(length) <= min(size, bytes.count)
        let isWhole = isLengthSane && CRC32C.checksum(bytes[8..<Int(length)]) == checksum
        // In a damaged page only the sequence matters, which its fragments confirm.
        guard sequence <= Numbering.limit, !isWhole || max(tail, firstRow) <= Numbering.limit else {
            return nil
        }
        return Header(
            sequence: sequence,
            tail: tail,
            firstRow: firstRow,
            length: Int(length),
            isWhole: isWhole
        )
    }

    /// The checksum a fragment of this page begins with.
    static func seed(_ sequence: UInt64) -> UInt32 {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: sequence)
        return CRC32C.checksum(bytes)
    }

    /// Appends a fragment to a page image.
    static func append(_ part: Part, _ payload: ArraySlice<UInt8>, seed: UInt32, to image: inout [UInt8]) {
        let start = image.count
        image.append(littleEndian: UInt32(0))
        image.append(littleEndian: UInt16(payload.count))
        image.append(part.rawValue)
        image.append(contentsOf: payload)
        image.overwrite(littleEndian: checksum(image[(start + 4)...], seed: seed), at: start)
    }

    /// The fragments of a page up to the first that does not verify.
    struct Fragments {
        var list: [(part: Part, payload: ArraySlice<UInt8>)] = []
        /// Where the last one ends.
        var end = headerSize
        /// Whether a process began with this page.
        var beginWithGap: Bool {
            guard let first = list.first, first.part.beginsRecord else { return false }
            return first.payload.first == LogRecord.Kind.gap.rawValue
        }
        /// Whether they fill the page, so that none can be missing.
        var fillPage: Bool { end + fragmentHeaderSize >= size }
    }

    /// The fragments of a page up to the first that does not verify.
    static func fragments(_ bytes: [UInt8], _ header: Header) -> Fragments {
        let seed = seed(header.sequence)
        let end = header.isWhole ? header.length : min(size, bytes.count)
        var result = Fragments()
        var reader = ByteReader(bytes, in: headerSize..<end)
        while reader.remaining > fragmentHeaderSize {
            guard let expected = try? reader.integer(UInt32.self) else { break }
            let start = reader.offset
            guard let length = try? reader.integer(UInt16.self), let kind = try? reader.byte(),
                let part = Part(rawValue: kind), let payload = try? reader.take(Int(length)),
                checksum(bytes[start..<reader.offset], seed: seed) == expected
            else { break }
            result.list.append((part, payload))
            result.end = reader.offset
        }
        return result
    }

    private static func checksum(_ bytes: ArraySlice<UInt8>, seed: UInt32) -> UInt32 {
        unsafe CRC32C.checksum(bytes.span.bytes, continuing: seed)
    }
}
