// SPDX-License-Identifier: Apache-2.0
//
// Finds the segments of a ring without a list of them: a valid header says how far to the next one, anything else
// is searched for the next magic number. Costs one small read per segment and one per 64 KiB of garbage.

internal import Bytes
internal import Platform

/// What the ring files hold.
struct RingScan {
    struct Found {
        var fileNumber: Int
        /// As it is on disk.
        var file: any StorageFile
        var offset: Int64
        var header: SegmentHeader
        /// Through which a sealed segment is read.
        var unsealed: EnvelopeFile?

        /// Where the segment reads as it was before it was sealed.
        var readable: any StorageFile { unsealed ?? file }
        /// Bytes on disk, without padding.
        var storedLength: Int { unsealed?.sealedLength ?? header.length }
    }

    /// A stretch of a file that is in no segment, and should be or looks as if it had been.
    struct Region {
        var fileNumber: Int
        var file: any StorageFile
        var offset: Int64
        var length: Int
    }

    /// Segments whose header and directory verify, oldest first.
    private(set) var found: [Found] = []
    /// Segments that begin like one but whose directory does not verify, the torn newest one included.
    private(set) var damaged = 0
    /// What to keep aside before it is overwritten.
    private(set) var regions: [Region] = []
    /// By file number, what lies behind the last segment: left by an earlier round, or damaged.
    private(set) var rests: [Int: Region] = [:]
    /// Places that could not be read.
    private(set) var unreadable = 0

    /// More are not worth a start's time; a device that fails everywhere takes long for each.
    private static let unreadableLimit = 16
    /// Bounds the memory that a ring full of garbage takes.
    private static let regionLimit = 256

    /// Looks through all files of the ring.
    static func scan(_ ring: inout Ring, existing: Set<String>) -> RingScan {
        var scan = RingScan()
        var kept: [[Found]] = []
        // Also files and places beyond the bounds: these may have been larger once.
        for number in Ring.numbers where existing.contains(ring.name(number)) {
            do throws(FileError) {
                try scan.scan(number, of: &ring)
            } catch {
                ring.block(number, error, lasts: true)
            }
            kept.append(scan.found)
            scan.found = []
        }
        let newest = kept.indices.max { newestSequence(kept[$0]) < newestSequence(kept[$1]) }
        for place in kept.indices {
            guard place == newest else {
                kept[place] = withoutLeftovers(kept[place])
                continue
            }
            // Before the place of the next write lies what was written in this round, and what was given up when a
            // place between refused a write; behind it the oldest of all.
            let last = newestSequence(kept[place])
            let end = (kept[place].firstIndex { $0.header.ringSequence == last } ?? -1) + 1
            kept[place] = withoutLeftovers(Array(kept[place][..<end])) + kept[place][end...]
        }
        for found in kept.flatMap({ $0 }).sorted(by: { $0.header.ringSequence < $1.header.ringSequence }) {
            // A file that was copied over another has segments that are there twice.
            if scan.found.last?.header.ringSequence != found.header.ringSequence { scan.found.append(found) }
        }
        return scan
    }

    /// Opens and scans a file; once more when that fails, for it may have been chance.
    private mutating func scan(_ number: Int, of ring: inout Ring) throws(FileError) {
        let before = self
        do throws(FileError) {
            let file = try ring.existingFile(number)
            try scan(file, number, ring.encryption)
        } catch {
            guard unreadable < RingScan.unreadableLimit else { throw error }
            (found, damaged, regions) = (before.found, before.damaged, before.regions)
            let file = try ring.existingFile(number)
            try scan(file, number, ring.encryption)
        }
    }

    private mutating func scan(
        _ file: any StorageFile,
        _ number: Int,
        _ encryption: StoreEncryption?
    ) throws(FileError) {
        let size = try file.size()
        var offset: Int64 = 0
        // A stretch without a segment: where it began, whether it has data, and whether a header is in it.
        var stretch: (start: Int64, hasData: Bool, hasHeader: Bool) = (0, false, false)
        while offset < size {
            switch try look(at: offset, of: file, number, size, encryption) {
            case .segment(let candidate):
                let isBehind =
                    found.last.map { $0.header.ringSequence < candidate.header.ringSequence } ?? true
                // Where the sequence steps down the next write goes, behind what is left of an overwritten segment.
                if stretch.hasHeader || (stretch.hasData && isBehind) {
                    note(Region(file, number, stretch.start..<offset))
                }
                found.append(candidate)
                offset += Int64(SegmentHeader.padded(candidate.storedLength))
                stretch = (offset, false, false)
                continue
            case .damagedHeader:
                damaged += 1
                stretch.hasHeader = true
            case .nothing: break
            }
            let (next, hasData) = try nextMagic(file, after: offset, size: size)
            if hasData { stretch.hasData = true }
            offset = next
        }
        // The padding of the last segment may be cut off.
        guard stretch.start < size else { return }
        let rest = Region(file, number, stretch.start..<size)
        if stretch.hasHeader || (stretch.hasData && found.isEmpty) {
            note(rest)
        } else if stretch.hasData {
            rests[number] = rest
        }
    }

    /// What is at a place of a file.
    enum Place {
        case segment(Found)
        case damagedHeader
        case nothing
    }

    private mutating func look(
        at offset: Int64,
        of file: any StorageFile,
        _ number: Int,
        _ size: Int64,
        _ encryption: StoreEncryption?
    ) throws(FileError) -> Place {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try file.read(at: offset, count: RingScan.headBytes)
        } catch {
            try noteUnreadable(error)
            return .nothing
        }
        return Found.look(at: bytes, file, number, offset, size, encryption)
    }

    /// The next place after an offset where a segment may begin, and whether there is anything up to it.
    private mutating func nextMagic(
        _ file: any StorageFile,
        after offset: Int64,
        size: Int64
    ) throws(FileError) -> (place: Int64, hasData: Bool) {
        var place = offset
        var hasData = false
        while place < size {
            var count = RingScan.garbageBytes
            var piece = try? file.read(at: place, count: count)
            if piece == nil {
                // As little as can be read alone is passed over.
                count = RingScan.headBytes
                do throws(FileError) {
                    piece = try file.read(at: place, count: count)
                } catch {
                    try noteUnreadable(error)
                }
            }
            if let piece {
                for start in stride(from: 0, to: piece.count, by: SegmentHeader.alignment) {
                    var reader = ByteReader(piece, in: start..<piece.count)
                    if place + Int64(start) > offset, RingScan.isMagic(try? reader.integer(UInt32.self)) {
                        return (place + Int64(start), hasData)
                    }
                    let end = min(start + SegmentHeader.alignment, piece.count)
                    if !hasData, piece[start..<end].contains(where: { $0 != 0 }) { hasData = true }
                }
            }
            place += Int64(count)
        }
        return (size, hasData)
    }

    private mutating func noteUnreadable(_ error: FileError) throws(FileError) {
        unreadable += 1
        if unreadable >= RingScan.unreadableLimit { throw error }
    }

    private mutating func note(_ region: Region) {
        if regions.count < RingScan.regionLimit { regions.append(region) }
    }

    static func isMagic(_ word: UInt32?) -> Bool {
        word == SegmentHeader.magic || word == Envelope.magic
    }

    private static func newestSequence(_ found: [Found]) -> UInt64 {
        found.reduce(0) { max($0, $1.header.ringSequence) }
    }

    /// The segments of one file, as they lie there, without those of an earlier round behind a newer one: they were
    /// given up when the ring moved on.
    private static func withoutLeftovers(_ found: [Found]) -> [Found] {
        var newest: UInt64 = 0
        return found.filter { candidate in
            defer { newest = max(newest, candidate.header.ringSequence) }
            return candidate.header.ringSequence >= newest
        }
    }
}

extension RingScan.Region {
    fileprivate init(_ file: any StorageFile, _ number: Int, _ range: Range<Int64>) {
        self.init(fileNumber: number, file: file, offset: range.lowerBound, length: Int(range.count))
    }

    /// A bundle of a segment of which nothing can be read.
    init(_ found: RingScan.Found, _ layout: SegmentBundle.Layout) {
        self.init(
            fileNumber: found.fileNumber,
            file: found.file,
            offset: found.offset + Int64(layout.offset),
            length: Int(layout.end) - Int(layout.offset)
        )
    }

    /// The bytes of a segment that was found and is not used.
    init(_ found: RingScan.Found) {
        self.init(
            fileNumber: found.fileNumber,
            file: found.file,
            offset: found.offset,
            length: found.storedLength
        )
    }
}

extension RingScan.Found {
    /// The directory; nil when it is damaged.
    ///
    /// Read when asked for: the directories of a whole ring are more than a start may hold.
    func outline() -> SegmentOutline? {
        directoryBytes(start: []).flatMap { try? SegmentOutline(header, $0) }
    }

    /// The directory of a segment of version 1; nil when it is damaged.
    func directoryVersion1() -> SegmentDirectoryV1? {
        directoryBytes(start: []).flatMap { try? SegmentDirectoryV1(header, $0) }
    }

    /// Bytes of the segment; nil when they cannot be read.
    func bytes(_ range: Range<Int>) -> [UInt8]? {
        let bytes = try? readable.read(at: offset + Int64(range.lowerBound), count: range.count)
        return bytes?.count == range.count ? bytes : nil
    }

    /// The windows of a bundle; nil when their table is damaged.
    func windows(_ bundle: SegmentOutline.Bundle) -> [SegmentWindow]? {
        let start = Int(bundle.layout.offset)
        guard let section = bytes(start..<(start + Int(bundle.layout.windowBytes))),
            let plain = try? SegmentSection.contents(section)
        else { return nil }
        return try? WindowTable.read(
            plain,
            count: Int(bundle.layout.windowCount),
            series: bundle.series.count,
            bundle.bounds
        )
    }

    /// Whether the checksum over the data holds.
    func hasWholeData() -> Bool {
        var checksum = CRC32C.checksum([])
        var place = SegmentHeader.size + header.directoryLength
        while place < header.length {
            let count = min(RingScan.pieceBytes, header.length - place)
            guard let piece = try? readable.read(at: offset + Int64(place), count: count),
                piece.count == count
            else { return false }
            checksum = unsafe CRC32C.checksum(piece.span.bytes, continuing: checksum)
            place += count
        }
        return checksum == header.dataChecksum
    }

    /// Writes the segment once more and makes it durable: after a failed sync the kernel may call pages clean that
    /// never reached the device.
    func rewrite() throws(FileError) {
        var place = 0
        while place < storedLength {
            let end = min(place + RingScan.pieceBytes, storedLength)
            // As it is on disk, sealed or not.
            guard let piece = try? file.read(at: offset + Int64(place), count: end - place),
                piece.count == end - place
            else {
                throw FileError(operation: "pread", path: "a segment", code: ErrorNumber.inputOutput)
            }
            try file.write(piece, at: offset + Int64(place))
            place = end
        }
        try file.syncData()
    }

    /// What begins with these bytes at a place of a file; sealed or plain as the store has it.
    static func look(
        at bytes: [UInt8],
        _ file: any StorageFile,
        _ number: Int,
        _ offset: Int64,
        _ size: Int64,
        _ encryption: StoreEncryption?
    ) -> RingScan.Place {
        let envelope = Envelope(bytes)
        if envelope == nil, SegmentHeader(bytes) == nil { return .nothing }
        var plain = bytes
        var unsealed: EnvelopeFile?
        if let envelope {
            guard let key = encryption?.key, key.fingerprint == envelope.fingerprint else {
                return .damagedHeader
            }
            let file = EnvelopeFile(file, at: offset, envelope, key)
            plain = (try? file.read(at: offset, count: RingScan.headBytes)) ?? []
            unsealed = file
        } else if let encryption, !encryption.acceptsPlaintext {
            return .damagedHeader
        }
        guard let header = SegmentHeader(plain), envelope.map({ $0.length == header.length }) ?? true else {
            return .damagedHeader
        }
        let found = RingScan.Found(
            fileNumber: number,
            file: file,
            offset: offset,
            header: header,
            unsealed: unsealed
        )
        let isWithin = offset + Int64(found.storedLength) <= size
        return isWithin && found.directoryBytes(start: plain) != nil ? .segment(found) : .damagedHeader
    }

    /// Header and directory when their checksum holds.
    fileprivate func directoryBytes(start: [UInt8]) -> [UInt8]? {
        let count = SegmentHeader.size + header.directoryLength
        let bytes =
            count <= start.count
            ? Array(start.prefix(count)) : ((try? readable.read(at: offset, count: count)) ?? [])
        return bytes.count == count && SegmentHeader.isWhole(bytes) ? bytes : nil
    }
}

extension RingScan {
    fileprivate static let pieceBytes = 256 << 10
    /// Read at the place of a header: it, and mostly the directory.
    static let headBytes = 4096
    fileprivate static let garbageBytes = 64 << 10
}
