// SPDX-License-Identifier: Apache-2.0
//
// Finds the segments of a ring without a list of them: a valid header says how far to the next one, anything else
// is passed over a page at a time. Costs one small read per segment and one per 4 KiB of garbage.

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
        for place in kept.indices where place != newest { kept[place] = withoutLeftovers(kept[place]) }
        scan.found = kept.flatMap { $0 }.sorted { $0.header.ringSequence < $1.header.ringSequence }
        return scan
    }

    private mutating func scan(_ file: any StorageFile, _ number: Int, limit: Int64) {
        let size = min((try? file.size()) ?? 0, limit)
        var offset: Int64 = 0
        while offset + Int64(SegmentHeader.size) <= size {
            var step = Int64(SegmentHeader.alignment)
            if let bytes = try? file.read(at: offset, count: SegmentHeader.alignment),
                let header = SegmentHeader(bytes)
            {
                let candidate = Found(fileNumber: number, file: file, offset: offset, header: header)
                if offset + Int64(header.length) <= size, candidate.directoryBytes(start: bytes) != nil {
                    found.append(candidate)
                    step = Int64(SegmentHeader.padded(header.length))
                } else {
                    damaged += 1
                }
            }
            offset += step
        }
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
    func directory() -> SegmentDirectory? {
        directoryBytes(start: []).flatMap { try? SegmentDirectory(header, $0) }
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
}
