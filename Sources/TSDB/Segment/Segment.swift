// SPDX-License-Identifier: Apache-2.0
//
// What is kept in memory of a segment in the ring: where it is, and per window its bounds and which series it has.
// Everything else is read when asked for.

internal import Platform
internal import Samples
internal import Synchronization

/// The series of a window in column order; windows with the same series share one.
final class ColumnSet: Sendable {
    /// References in column order, which is the order of labels.
    let references: [SeriesReference]
    private let byReference: [UInt32]

    init(_ references: [SeriesReference]) {
        self.references = references
        byReference = references.indices.map { UInt32($0) }.sorted {
            references[Int($0)] < references[Int($1)]
        }
    }

    /// The column of a series, nil when the window does not have it.
    ///
    /// O(log n).
    func position(of reference: SeriesReference) -> Int? {
        var low = 0
        var high = byReference.count
        while low < high {
            let middle = (low + high) / 2
            let candidate = references[Int(byReference[middle])]
            if candidate == reference { return Int(byReference[middle]) }
            if candidate < reference { low = middle + 1 } else { high = middle }
        }
        return nil
    }
}

/// A window of one group in a segment.
struct SegmentWindow: Sendable {
    let columns: ColumnSet
    let rows: Int
    let samples: UInt64
    let minTime: Int64
    let maxTime: Int64
    let minSequence: UInt64
    let maxSequence: UInt64
    /// The block directory's section, from the segment's start.
    let blocksOffset: UInt32
    let blocksCount: UInt32
    /// The first block, from the segment's start.
    let dataOffset: UInt32
}

/// A readable segment of the ring.
final class Segment: Sendable {
    let file: any StorageFile
    let fileNumber: Int
    /// Where it begins in its file.
    let offset: Int64
    /// Bytes it takes there.
    let length: Int
    let ringSequence: UInt64
    let windows: [SegmentWindow]
    /// Samples in all windows.
    let samples: UInt64
    let minTime: Int64
    let maxTime: Int64
    let minSequence: UInt64
    let maxSequence: UInt64
    /// Set before the segment's bytes are overwritten; what a late reader then fails to read is gone, not damaged.
    let isEvicted = Atomic(false)

    init(
        file: any StorageFile,
        fileNumber: Int,
        offset: Int64,
        length: Int,
        ringSequence: UInt64,
        windows: [SegmentWindow]
    ) {
        self.file = file
        self.fileNumber = fileNumber
        self.offset = offset
        self.length = length
        self.ringSequence = ringSequence
        self.windows = windows
        samples = windows.reduce(0) { $0 + $1.samples }
        minTime = windows.reduce(.max) { min($0, $1.minTime) }
        maxTime = windows.reduce(.min) { max($0, $1.maxTime) }
        minSequence = windows.reduce(.max) { min($0, $1.minSequence) }
        maxSequence = windows.reduce(0) { max($0, $1.maxSequence) }
    }

    /// Bytes of the segment.
    func read(_ start: Int, _ count: Int) throws(FileError) -> [UInt8] {
        guard count > 0, start >= 0, start + count <= length else { return [] }
        return try file.read(at: offset + Int64(start), count: count)
    }
}
