// SPDX-License-Identifier: Apache-2.0

internal import Samples

/// Reads segments.
final class SegmentReader: Sendable {
    func times(_ segment: Segment, _ window: Int) throws(SourceError) -> RowTimes {
        RowTimes()
    }
    func cells(
        _ segment: Segment,
        _ window: Int,
        _ column: Int,
        into cells: inout ColumnCells
    ) throws(SourceError) {
    }
}
