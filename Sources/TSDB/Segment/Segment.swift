// SPDX-License-Identifier: Apache-2.0
//
// What is kept in memory of a segment in the ring: where it is, and per bundle of windows its bounds and which series
// it has. Everything else, also of each window, is read when asked for: thousands of groups of one series each make
// millions of windows.

internal import Platform
internal import Samples
internal import Synchronization

/// The series of a bundle in the order of its table; bundles with the same series share one.
final class ColumnSet: Sendable {
    /// References in table order; one that is there twice belongs to two groups.
    let references: [SeriesReference]
    private let byReference: [UInt32]

    init(_ references: [SeriesReference]) {
        self.references = references
        byReference = references.indices.map { UInt32($0) }.sorted {
            (references[Int($0)], $0) < (references[Int($1)], $1)
        }
    }

    /// The first place of a series in the table, nil when it is not there.
    ///
    /// O(log n).
    func position(of reference: SeriesReference) -> Int? {
        var found: Int?
        forEachPlace(of: reference) { found = found ?? $0 }
        return found
    }

    /// Calls `body` with each place of a series in the table.
    ///
    /// O(log n).
    @inline(__always)
    func forEachPlace(of reference: SeriesReference, _ body: (Int) -> Void) {
        var low = 0
        var high = byReference.count
        while low < high {
            let middle = (low + high) / 2
            if references[Int(byReference[middle])] < reference { low = middle + 1 } else { high = middle }
        }
        while low < byReference.count, references[Int(byReference[low])] == reference {
            body(Int(byReference[low]))
            low += 1
        }
    }
}

/// Some windows of a segment that share directory and runs.
struct SegmentBundle: Sendable {
    /// Bounds over the windows.
    struct Bounds: Sendable {
        var minTime = Int64.max
        var maxTime = Int64.min
        var minSequence = UInt64.max
        var maxSequence: UInt64 = 0
        var samples: UInt64 = 0
    }

    /// Where the parts are, in bytes from the segment's start.
    struct Layout: Sendable {
        var firstWindow: UInt32 = 0
        var windowCount: UInt32 = 0
        /// The window table's section; block table, summaries and runs follow it.
        var offset: UInt32 = 0
        var windowBytes: UInt32 = 0
        var blockBytes: UInt32 = 0
        var summaryBytes: UInt32 = 0
        var runBytes: UInt32 = 0

        var end: UInt64 {
            UInt64(offset) + UInt64(windowBytes) + UInt64(blockBytes) + UInt64(summaryBytes)
                + UInt64(runBytes)
        }
    }

    let columns: ColumnSet
    let bounds: Bounds
    let layout: Layout
    /// Windows that a newer segment has too, by their number within the bundle; nearly always none.
    let hidden: [UInt32]
    /// The one window of a bundle of version 1.
    let legacy: SegmentWindowV1?

    init(
        columns: ColumnSet,
        bounds: Bounds,
        layout: Layout,
        hidden: [UInt32] = [],
        legacy: SegmentWindowV1? = nil
    ) {
        self.columns = columns
        self.bounds = bounds
        self.layout = layout
        self.hidden = hidden
        self.legacy = legacy
    }
}

/// A segment of the ring.
final class Segment: Sendable {
    let file: any StorageFile
    let fileNumber: Int
    /// Where it begins in its file.
    let offset: Int64
    /// Bytes it takes there.
    let length: Int
    /// Bytes it takes there, padding and what seals it included.
    let storedBytes: Int
    let ringSequence: UInt64
    /// None in a segment of a version that this program does not know.
    let bundles: [SegmentBundle]
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
        bundles: [SegmentBundle]
    ) {
        self.file = file
        self.fileNumber = fileNumber
        self.offset = offset
        self.length = length
        storedBytes = SegmentHeader.padded((file as? EnvelopeFile)?.sealedLength ?? length)
        self.ringSequence = ringSequence
        self.bundles = bundles
        samples = bundles.reduce(0) { $0 &+ $1.bounds.samples }
        minTime = bundles.reduce(.max) { min($0, $1.bounds.minTime) }
        maxTime = bundles.reduce(.min) { max($0, $1.bounds.maxTime) }
        minSequence = bundles.reduce(.max) { min($0, $1.bounds.minSequence) }
        maxSequence = bundles.reduce(0) { max($0, $1.bounds.maxSequence) }
    }

    /// The number of windows, hidden ones included.
    var windowCount: Int {
        bundles.last.map { Int($0.layout.firstWindow) + Int($0.layout.windowCount) } ?? 0
    }

    /// The bundle that has a window; nil when the segment has no such window.
    ///
    /// O(log bundles).
    func bundle(ofWindow window: Int) -> Int? {
        var low = 0
        var high = bundles.count
        while low < high {
            let middle = (low + high) / 2
            if Int(bundles[middle].layout.firstWindow) <= window { low = middle + 1 } else { high = middle }
        }
        guard low > 0, window < windowCount else { return nil }
        return low - 1
    }

    /// Bytes of the segment.
    func read(_ start: Int, _ count: Int) throws(FileError) -> [UInt8] {
        guard count > 0, start >= 0, start + count <= length else { return [] }
        return try file.read(at: offset + Int64(start), count: count)
    }
}
