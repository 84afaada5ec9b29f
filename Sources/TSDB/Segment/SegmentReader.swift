// SPDX-License-Identifier: Apache-2.0
//
// Reads blocks of segments. Queries come back to the same window for series after series, so the directories and
// row times of the windows read last are kept, within a bound.

internal import Bytes
internal import Platform
internal import Samples
internal import Synchronization

/// Reads segments, verifying everything it hands out.
final class SegmentReader: Sendable {
    /// A window's directory with its row times.
    private struct Opened: Sendable {
        let directory: BlockDirectory
        /// Offsets of the columns' blocks from the segment's start.
        let offsets: [UInt32]
        let times: RowTimes

        var byteCount: Int { offsets.count * 24 + times.count * 20 }
    }

    private struct Key: Hashable {
        let segment: ObjectIdentifier
        let window: Int
    }

    private struct Cache {
        var entries: [(key: Key, segment: Segment, opened: Opened)] = []
        var bytes = 0
    }

    /// Windows of a few thousand series; one query touches one window at a time.
    private static let cacheBytes = 512 << 10
    private static let cacheEntries = 64

    private let cache = Mutex(Cache())
    private let corruptBlocks: Counter

    init(corruptBlocks: Counter) {
        self.corruptBlocks = corruptBlocks
    }

    /// Timestamps, sequences and counts of a window's rows.
    func times(_ segment: Segment, _ window: Int) throws(SourceError) -> RowTimes {
        try open(segment, window)?.times ?? RowTimes()
    }

    /// Appends a column's cells; none when the segment was overwritten meanwhile.
    func cells(
        _ segment: Segment,
        _ window: Int,
        _ column: Int,
        into cells: inout ColumnCells
    ) throws(SourceError) {
        guard let opened = try open(segment, window), column < opened.offsets.count else { return }
        let rows = opened.times.count
        let length = Int(opened.directory.lengths[column])
        guard length > 0 else {
            let bits = opened.directory.constants[column]
            cells.states.append(contentsOf: repeatElement(CellState.value, count: rows))
            cells.values.append(contentsOf: repeatElement(Double(bitPattern: bits), count: rows))
            return
        }
        let start = (cells.states.count, cells.values.count)
        try guarded(segment) { () throws(CorruptionError) in
            let bytes = try SegmentReader.block(
                segment,
                Int(opened.offsets[column]),
                length,
                opened.directory.checksums[column]
            )
            var reader = ByteReader(bytes)
            do throws(CorruptionError) {
                try ColumnBlock.read(&reader, rows: rows, into: &cells)
            } catch {
                cells.states.removeLast(cells.states.count - start.0)
                cells.values.removeLast(cells.values.count - start.1)
                throw error
            }
        }
    }

    private func open(_ segment: Segment, _ window: Int) throws(SourceError) -> Opened? {
        let key = Key(segment: ObjectIdentifier(segment), window: window)
        let known = cache.withLock { cache in cache.entries.last { $0.key == key }?.opened }
        if let known { return known }
        var opened: Opened?
        try guarded(segment) { () throws(CorruptionError) in
            opened = try SegmentReader.load(segment, segment.windows[window])
        }
        guard let opened else { return nil }
        cache.withLock { cache in
            cache.entries.append((key, segment, opened))
            cache.bytes += opened.byteCount
            while cache.entries.count > 1,
                cache.bytes > SegmentReader.cacheBytes || cache.entries.count > SegmentReader.cacheEntries
            {
                cache.bytes -= cache.entries.removeFirst().opened.byteCount
            }
        }
        return opened
    }

    private static func load(
        _ segment: Segment,
        _ window: SegmentWindow
    ) throws(CorruptionError) -> Opened {
        let bytes = try read(segment, Int(window.blocksOffset), Int(window.blocksCount))
        let columns = window.columns.references.count
        let directory = try BlockDirectory(try SegmentSection.contents(bytes), columns: columns)
        var next = window.dataOffset &+ UInt32(directory.timesLength)
        var offsets: [UInt32] = []
        offsets.reserveCapacity(columns)
        for length in directory.lengths {
            offsets.append(next)
            next = next &+ length
        }
        let times = try block(
            segment,
            Int(window.dataOffset),
            directory.timesLength,
            directory.timesChecksum
        )
        var reader = ByteReader(times)
        return Opened(
            directory: directory,
            offsets: offsets,
            times: try RowTimes.read(window.rows, from: &reader)
        )
    }

    private static func block(
        _ segment: Segment,
        _ offset: Int,
        _ length: Int,
        _ checksum: UInt32
    ) throws(CorruptionError) -> [UInt8] {
        let bytes = try read(segment, offset, length)
        guard bytes.count == length, CRC32C.checksum(bytes) == checksum else {
            throw CorruptionError("a block whose checksum holds", at: offset)
        }
        return bytes
    }

    private static func read(
        _ segment: Segment,
        _ offset: Int,
        _ count: Int
    ) throws(CorruptionError) -> [UInt8] {
        do throws(FileError) {
            return try segment.read(offset, count)
        } catch {
            throw CorruptionError("a readable block (\(error))", at: offset)
        }
    }

    /// Runs a read; damage is an error unless the segment was overwritten meanwhile.
    private func guarded(
        _ segment: Segment,
        _ body: () throws(CorruptionError) -> Void
    ) throws(SourceError) {
        do throws(CorruptionError) {
            try body()
        } catch {
            if segment.isEvicted.load(ordering: .acquiring) { return }
            corruptBlocks.add()
            throw .unreadable("segment \(segment.ringSequence) in ring file \(segment.fileNumber): \(error)")
        }
    }
}
