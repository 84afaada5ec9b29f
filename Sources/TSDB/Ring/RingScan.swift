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
        var file: any StorageFile
        var offset: Int64
        var header: SegmentHeader
    }

    /// Segments whose header and directory verify, oldest first.
    private(set) var found: [Found] = []
    /// Segments that begin like one but whose directory does not verify, the torn newest one included.
    private(set) var damaged = 0

    /// Looks through all files of the ring.
    static func scan(_ ring: inout Ring, existing: Set<String>) -> RingScan {
        var scan = RingScan()
        var kept: [[Found]] = []
        for number in 0..<ring.fileCount where existing.contains(ring.name(number)) {
            guard let file = try? ring.file(number) else { continue }
            scan.scan(file, number, limit: ring.fileBytes)
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
        scan.found = kept.flatMap { $0 }.sorted { $0.header.ringSequence < $1.header.ringSequence }
        return scan
    }

    private mutating func scan(_ file: any StorageFile, _ number: Int, limit: Int64) {
        let size = min((try? file.size()) ?? 0, limit)
        var offset: Int64 = 0
        while offset + Int64(SegmentHeader.size) <= size {
            if let bytes = try? file.read(at: offset, count: RingScan.headBytes),
                let header = SegmentHeader(bytes)
            {
                let candidate = Found(fileNumber: number, file: file, offset: offset, header: header)
                if offset + Int64(header.length) <= size, candidate.directoryBytes(start: bytes) != nil {
                    found.append(candidate)
                    offset += Int64(SegmentHeader.padded(header.length))
                    continue
                }
                damaged += 1
            }
            offset = RingScan.nextMagic(file, after: offset, size: size)
        }
    }

    /// The next place after an offset where a segment may begin.
    private static func nextMagic(_ file: any StorageFile, after offset: Int64, size: Int64) -> Int64 {
        var place = offset + Int64(SegmentHeader.alignment)
        while place < size {
            guard let piece = try? file.read(at: place, count: garbageBytes), !piece.isEmpty else {
                // A part that cannot be read costs the segments that begin in it.
                place += Int64(garbageBytes)
                continue
            }
            for start in stride(from: 0, to: piece.count - 3, by: SegmentHeader.alignment) {
                var reader = ByteReader(piece, in: start..<piece.count)
                if (try? reader.integer(UInt32.self)) == SegmentHeader.magic { return place + Int64(start) }
            }
            place += Int64(garbageBytes)
        }
        return size
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
        let bytes = try? file.read(at: offset + Int64(range.lowerBound), count: range.count)
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
            guard let piece = try? file.read(at: offset + Int64(place), count: count), piece.count == count
            else { return false }
            checksum = unsafe CRC32C.checksum(piece.span.bytes, continuing: checksum)
            place += count
        }
        return checksum == header.dataChecksum
    }

    /// Header and directory when their checksum holds.
    fileprivate func directoryBytes(start: [UInt8]) -> [UInt8]? {
        let count = SegmentHeader.size + header.directoryLength
        let bytes =
            count <= start.count
            ? Array(start.prefix(count)) : ((try? file.read(at: offset, count: count)) ?? [])
        return bytes.count == count && SegmentHeader.isWhole(bytes) ? bytes : nil
    }
}

extension RingScan {
    fileprivate static let pieceBytes = 256 << 10
    /// Read at the place of a header: it, and mostly the directory.
    fileprivate static let headBytes = 4096
    fileprivate static let garbageBytes = 64 << 10
}
