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
        var directory: SegmentDirectory
    }

    /// Readable segments, oldest first.
    private(set) var found: [Found] = []
    /// Segments that begin like one but whose directory does not verify, the torn newest one included.
    private(set) var damaged = 0

    /// Looks through all files of the ring.
    static func scan(_ ring: inout Ring, existing: Set<String>) -> RingScan {
        var scan = RingScan()
        for number in 0..<ring.fileCount where existing.contains(Ring.name(number)) {
            guard let file = try? ring.file(number) else { continue }
            scan.scan(file, number, limit: ring.fileBytes)
        }
        scan.found.sort { $0.header.ringSequence < $1.header.ringSequence }
        scan.dropLeftovers()
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
                if offset + Int64(header.length) <= size, let directory = read(header, file, offset, bytes) {
                    found.append(
                        Found(
                            fileNumber: number,
                            file: file,
                            offset: offset,
                            header: header,
                            directory: directory
                        )
                    )
                    step = Int64(SegmentHeader.padded(header.length))
                } else {
                    damaged += 1
                }
            }
            offset += step
        }
    }

    private func read(
        _ header: SegmentHeader,
        _ file: any StorageFile,
        _ offset: Int64,
        _ start: [UInt8]
    ) -> SegmentDirectory? {
        let count = SegmentHeader.size + header.directoryLength
        let bytes =
            count <= start.count
            ? Array(start.prefix(count)) : ((try? file.read(at: offset, count: count)) ?? [])
        guard bytes.count == count, SegmentHeader.isWhole(bytes) else { return nil }
        return try? SegmentDirectory(header, bytes)
    }

    /// Segments of an earlier round behind the newest of their file were given up when the ring moved on.
    private mutating func dropLeftovers() {
        guard let newest = found.last else { return }
        let all = found
        found.removeAll { candidate in
            candidate.fileNumber != newest.fileNumber
                && all.contains { other in
                    other.fileNumber == candidate.fileNumber && other.offset < candidate.offset
                        && other.header.ringSequence > candidate.header.ringSequence
                }
        }
    }
}
