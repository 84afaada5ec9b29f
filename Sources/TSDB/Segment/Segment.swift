// SPDX-License-Identifier: Apache-2.0
//
// What is kept in memory of a segment in the ring: where it is, and per window its bounds and which series it has.
// Everything else is read when asked for.

internal import Platform
internal import Samples

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
    let minTime: Int64
    let maxTime: Int64
    let minSequence: UInt64
    let maxSequence: UInt64
}

/// A readable segment of the ring.
final class Segment: Sendable {
    let windows: [SegmentWindow]
    let minTime: Int64
    let maxTime: Int64
    let minSequence: UInt64
    let maxSequence: UInt64

    init(windows: [SegmentWindow]) {
        self.windows = windows
        minTime = windows.reduce(.max) { min($0, $1.minTime) }
        maxTime = windows.reduce(.min) { max($0, $1.maxTime) }
        minSequence = windows.reduce(.max) { min($0, $1.minSequence) }
        maxSequence = windows.reduce(0) { max($0, $1.maxSequence) }
    }
}
