// SPDX-License-Identifier: Apache-2.0
//
// Reads rows of tiers. Like SegmentReader it keeps the directories read last, within a bound, because a query comes
// back to the same segments for series after series.

internal import Bytes
internal import Platform
internal import Samples
internal import Synchronization

/// Reads segments of tiers, verifying everything it hands out.
final class TierReader: Sendable {
    private struct Opened: Sendable {
        let directory: TierDirectory
        /// Offsets of the blocks from the segment's start.
        let offsets: [UInt32]

        var byteCount: Int {
            offsets.count * 12 + 256
                + directory.shapes.reduce(0) { $0 + $1.states.count + $1.counts.count * 24 }
        }
    }

    private struct Cache {
        var entries: [(segment: TierSegment, opened: Opened)] = []
        var bytes = 0
    }

    /// A month of spans of a few hundred series; a query goes through all of them for each series.
    private static let cacheBytes = 768 << 10
    private static let cacheEntries = 256

    private let cache = Mutex(Cache())
    private let corruptBlocks: Counter
    private let damage: FoundDamage

    init(corruptBlocks: Counter, damage: FoundDamage = FoundDamage()) {
        self.corruptBlocks = corruptBlocks
        self.damage = damage
    }

    /// Appends the rows of a block whose windows end within `low...high`; none when the segment was overwritten
    /// meanwhile.
    func rows(
        _ segment: TierSegment,
        _ block: Int,
        _ low: Int64,
        _ high: Int64,
        into rows: inout [CoarseRow]
    ) throws(SourceError) {
        var part = 0..<segment.directoryLength
        do throws(CorruptionError) {
            let opened = try open(segment)
            guard block < opened.offsets.count else { return }
            let offset = Int(opened.offsets[block])
            part = offset..<(offset + Int(opened.directory.lengths[block]))
            let bytes = try TierReader.read(segment, offset, Int(opened.directory.lengths[block]))
            guard CRC32C.checksum(bytes) == opened.directory.checksums[block] else {
                throw CorruptionError("a block whose checksum holds", at: offset)
            }
            var reader = ByteReader(bytes)
            var decoder = BlockDecoder()
            let shapes = opened.directory.shapes
            let shape = try reader.count(limit: shapes.count)
            guard shape < shapes.count else {
                throw CorruptionError("one of \(shapes.count) shapes", at: offset)
            }
            var found: [CoarseRow] = []
            var coder = TierBlock()
            try coder.read(
                &reader,
                shapes[shape],
                segment.span,
                resolution: opened.directory.head.resolution,
                &decoder,
                into: &found
            )
            for row in found where row.end >= low && row.end <= high { rows.append(row) }
        } catch {
            if segment.place.isEvicted.load(ordering: .acquiring) { return }
            corruptBlocks.add()
            damage.note(segment.place, part)
            throw .unreadable(
                "tier segment \(segment.place.ringSequence) in file \(segment.place.fileNumber): \(error)"
            )
        }
    }

    private func open(_ segment: TierSegment) throws(CorruptionError) -> Opened {
        let known = cache.withLock { cache in cache.entries.last { $0.segment === segment }?.opened }
        if let known { return known }
        let bytes = try TierReader.read(segment, 0, segment.directoryLength)
        guard SegmentHeader.isWhole(bytes),
            SegmentHeader(bytes)?.ringSequence == segment.place.ringSequence
        else { throw CorruptionError("a directory whose checksum holds", at: 0) }
        var decoder = BlockDecoder()
        let directory = try TierDirectory(bytes, &decoder)
        var offsets: [UInt32] = []
        offsets.reserveCapacity(directory.lengths.count)
        var next = UInt32(segment.directoryLength)
        for length in directory.lengths {
            offsets.append(next)
            next = next &+ length
        }
        let opened = Opened(directory: directory, offsets: offsets)
        cache.withLock { cache in
            cache.entries.append((segment, opened))
            cache.bytes += opened.byteCount
            while cache.entries.count > 1,
                cache.bytes > TierReader.cacheBytes || cache.entries.count > TierReader.cacheEntries
            {
                cache.bytes -= cache.entries.removeFirst().opened.byteCount
            }
        }
        return opened
    }

    private static func read(
        _ segment: TierSegment,
        _ offset: Int,
        _ count: Int
    ) throws(CorruptionError) -> [UInt8] {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try segment.place.read(offset, count)
        } catch {
            throw CorruptionError("a readable block (\(error))", at: offset)
        }
        guard bytes.count == count else { throw CorruptionError("\(count) bytes", at: offset) }
        return bytes
    }
}
