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
    /// What the tag in a sealed page's header is of: sequence, tail, row and length.
    private static let tagged = 8..<34

    /// Where a fragment stands in its record.
    enum Part: UInt8 {
        case whole = 1
        case first = 2
        case middle = 3
        case last = 4
        /// No record: says which session sealed the page.
        case session = 5

        var beginsRecord: Bool { self == .whole || self == .first }
        var endsRecord: Bool { self == .whole || self == .last }
    }

    /// Set in the part of a fragment whose payload is sealed.
    static let sealedBit: UInt8 = 0x80

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
        /// Pages that the file had place for; 0 when it does not say.
        var slots: UInt32 = 0
    }

    /// Writes the header of a page image whose payload is in place; its tag when there is a session, else `slots`.
    static func finish(
        _ image: inout [UInt8],
        sequence: UInt64,
        tail: UInt64,
        firstRow: UInt64,
        slots: UInt32 = 0,
        session: LogSession? = nil
    ) {
        var header: [UInt8] = []
        header.reserveCapacity(headerSize)
        header.append(littleEndian: magic)
        header.append(littleEndian: UInt32(0))
        header.append(littleEndian: sequence)
        header.append(littleEndian: tail)
        header.append(littleEndian: firstRow)
        header.append(littleEndian: UInt16(image.count))
        if let session {
            header += session.tag(header[tagged])
        } else {
            header.append(littleEndian: slots)
            header.append(littleEndian: UInt16(0))
        }
        image.replaceSubrange(0..<headerSize, with: header)
        image.overwrite(littleEndian: CRC32C.checksum(image[8...]), at: 4)
    }

    /// Reads a page's header; nil when this is no page at all.
    ///
    /// Whole is the header of a sealed page only with its tag.
    static func header(_ bytes: [UInt8], _ sessions: inout LogSessions) -> Header? {
        guard var header = header(bytes) else { return nil }
        guard header.isWhole else { return header }
        if let description = description(bytes, header) {
            guard let session = sessions.session(description) else { return header }
            header.isWhole = session.tag(bytes[tagged]) == Array(bytes[tagged.upperBound..<headerSize])
        } else {
            header.isWhole = sessions.acceptsPlaintext
            var reader = ByteReader(bytes, in: tagged.upperBound..<headerSize)
            header.slots = (try? reader.integer(UInt32.self)) ?? 0
        }
        return header
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

    /// Appends a fragment to the image of page `sequence`, sealed when there is a session.
    static func append(
        _ part: Part,
        _ payload: ArraySlice<UInt8>,
        sequence: UInt64,
        seed: UInt32,
        session: LogSession? = nil,
        to image: inout [UInt8]
    ) {
        let start = image.count
        image.append(littleEndian: UInt32(0))
        image.append(littleEndian: UInt16(payload.count + (session == nil ? 0 : SealingKey.tagBytes)))
        image.append(part.rawValue | (session == nil ? 0 : sealedBit))
        if let session {
            session.seal(payload, part, page: sequence, offset: start, to: &image)
        } else {
            image.append(contentsOf: payload)
        }
        image.overwrite(littleEndian: checksum(image[(start + 4)...], seed: seed), at: start)
    }

    /// A part of a page that does not verify, before fragments that do.
    struct Hole {
        /// Where in the page it begins.
        var offset: Int
        /// Number of the first fragment behind it.
        var place: Int
        /// Rows that began in it; where that cannot be told, the most there may have been.
        var rows: Int
        /// Whether that many began in it.
        var isExact: Bool
    }

    /// The fragments of a page that verify.
    struct Fragments {
        var list: [(part: Part, payload: ArraySlice<UInt8>)] = []
        /// What is missing between them, ascending.
        var holes: [Hole] = []
        /// Where the last one ends.
        var end = headerSize
        /// Where the last one ends before which nothing is missing.
        var unbrokenEnd: Int { holes.first?.offset ?? end }
        /// The key that the page asks for; nil when it is plain.
        var fingerprint: [UInt8]?
        /// Whether a fragment whose checksum holds is not what was sealed, was sealed with another key, or is plain where
        /// nothing plain is read.
        var isForeign = false
        /// Whether a process began with this page.
        var beginWithGap: Bool {
            guard let first = list.first, first.part.beginsRecord else { return false }
            return first.payload.first == LogRecord.Kind.gap.rawValue
        }
        /// Whether the last thing a process wrote is in the page.
        var endWithClosed: Bool {
            guard let last = list.last, last.part.beginsRecord else { return false }
            return last.payload.first == LogRecord.Kind.closed.rawValue
        }
        /// Whether they reach the page's end, so that none can be missing there.
        var fillPage: Bool {
            end + fragmentHeaderSize + (fingerprint == nil ? 0 : SealingKey.tagBytes) >= size
        }
    }

    /// The fragments of a page that verify.
    ///
    /// Behind one that does not, every place is tried: what was not touched still verifies, and says that a record was
    /// damaged rather than cut off.
    static func fragments(
        _ bytes: [UInt8],
        _ header: Header,
        _ sessions: inout LogSessions
    ) -> Fragments {
        let seed = seed(header.sequence)
        let end = header.isWhole ? header.length : min(size, bytes.count)
        var result = Fragments()
        var session: LogSession?
        var offset = headerSize
        while let raw = rawFragment(bytes, from: offset, below: end, seed: seed) {
            let (start, kind, payload) = (raw.offset + 4, raw.kind, raw.payload)
            guard let part = Part(rawValue: kind & ~sealedBit) else { break }
            if start - 4 > offset {
                result.holes.append(hole(bytes, offset..<(start - 4), before: result.list.count))
            }
            if part == .session {
                result.fingerprint = LogSession.fingerprint(Array(payload))
                session = sessions.session(Array(payload))
            } else if kind & sealedBit == 0, result.fingerprint == nil, sessions.acceptsPlaintext {
                result.list.append((part, payload))
            } else if kind & sealedBit != 0,
                let plain = session?.open(payload, part, page: header.sequence, offset: start - 4)
            {
                result.list.append((part, plain[...]))
            } else {
                result.isForeign = true
                break
            }
            offset = payload.endIndex
            result.end = offset
        }
        result.holes.removeAll { $0.place >= result.list.count }
        return result
    }

    /// The next fragment whose checksum holds.
    private static func rawFragment(
        _ bytes: [UInt8],
        from first: Int,
        below end: Int,
        seed: UInt32
    ) -> (offset: Int, kind: UInt8, payload: ArraySlice<UInt8>)? {
        var offset = first
        while offset + fragmentHeaderSize < end {
            if let found = claim(bytes, at: offset, below: end) {
                var reader = ByteReader(bytes, in: offset..<end)
                let expected = try? reader.integer(UInt32.self)
                if checksum(bytes[(offset + 4)..<found.payload.endIndex], seed: seed) == expected {
                    return (offset, found.kind, found.payload)
                }
            }
            offset += 1
        }
        return nil
    }

    /// What a fragment at a place says of itself; nil when there can be none.
    private static func claim(
        _ bytes: [UInt8],
        at offset: Int,
        below end: Int
    ) -> (kind: UInt8, payload: ArraySlice<UInt8>)? {
        var reader = ByteReader(bytes, in: min(offset + 4, end)..<end)
        guard let length = try? reader.integer(UInt16.self), let kind = try? reader.byte(),
            Part(rawValue: kind & ~sealedBit) != nil, let payload = try? reader.take(Int(length))
        else { return nil }
        return (kind, payload)
    }

    /// How many rows began in a hole: as many as its fragments say when they fill it, else at most as there is room for.
    private static func hole(_ bytes: [UInt8], _ hole: Range<Int>, before place: Int) -> Hole {
        var (rows, offset) = (0, hole.lowerBound)
        while offset < hole.upperBound, let found = claim(bytes, at: offset, below: hole.upperBound) {
            let part = Part(rawValue: found.kind & ~sealedBit)
            let kind = found.payload.first.flatMap { LogRecord.Kind(rawValue: $0) }
            let isSealed = found.kind & sealedBit != 0
            if part?.beginsRecord ?? true, isSealed || kind?.isRow ?? true { rows += 1 }
            offset = found.payload.endIndex
        }
        let isExact = offset == hole.upperBound
        let most = hole.count / smallestRow
        return Hole(offset: hole.lowerBound, place: place, rows: isExact ? rows : most, isExact: isExact)
    }

    /// Bytes of the shortest row with its fragment's header: kind and window, and no less than nothing of the coder.
    private static let smallestRow = fragmentHeaderSize + 2

    /// Whether the first fragment lies in the header's sector and does not verify, which no cut does.
    static func hasDamagedStart(_ bytes: [UInt8], _ header: Header) -> Bool {
        guard let first = claim(bytes, at: headerSize, below: min(sector, bytes.count)) else { return false }
        var reader = ByteReader(bytes, in: headerSize..<bytes.count)
        let expected = try? reader.integer(UInt32.self)
        let seed = seed(header.sequence)
        return checksum(bytes[(headerSize + 4)..<first.payload.endIndex], seed: seed) != expected
    }

    /// What devices write whole.
    static let sector = 512

    /// The key that a page asks for; nil when it is plain, or too damaged to say.
    static func fingerprint(_ bytes: [UInt8], _ header: Header) -> [UInt8]? {
        description(bytes, header).flatMap { LogSession.fingerprint($0) }
    }

    /// Where the bytes end that tell whether a page may have a session.
    static let sessionMarkEnd = headerSize + fragmentHeaderSize

    /// Whether a page that begins so looks like one with a session.
    static func mayHaveSession(_ start: [UInt8]) -> Bool {
        // The last byte of the magic, and the part of the first fragment.
        start.count >= sessionMarkEnd && start[3] == UInt8(truncatingIfNeeded: magic >> 24)
            && start[headerSize + 6] == Part.session.rawValue
    }

    /// What a page says of the session that sealed it.
    private static func description(_ bytes: [UInt8], _ header: Header) -> [UInt8]? {
        let start = headerSize + fragmentHeaderSize
        let end = start + LogSession.descriptionBytes
        // Most pages are plain or not; most bytes need not be looked at to know.
        guard bytes.count >= end, bytes[headerSize + 6] == Part.session.rawValue else { return nil }
        var reader = ByteReader(bytes, in: headerSize..<end)
        guard let expected = try? reader.integer(UInt32.self),
            (try? reader.integer(UInt16.self)) == UInt16(LogSession.descriptionBytes),
            checksum(bytes[(headerSize + 4)..<end], seed: seed(header.sequence)) == expected
        else { return nil }
        return Array(bytes[start..<end])
    }

    private static func checksum(_ bytes: ArraySlice<UInt8>, seed: UInt32) -> UInt32 {
        unsafe CRC32C.checksum(bytes.span.bytes, continuing: seed)
    }
}
