// SPDX-License-Identifier: Apache-2.0
//
// Frozen windows → the bytes of one segment. Columns are sorted by labels, late rows are put where they belong, and
// each window is decoded a column at a time, so that the peak is one column and the segment itself.

internal import Bytes
internal import Samples

/// A window on its way into a segment.
struct SealingWindow: Sendable {
    let lane: Int
    let identity: Labels
    let window: HeadWindow
    /// Labels and references in column order of the window.
    let labels: [Labels]
    let references: [SeriesReference]
}

/// Codes windows into a segment.
struct SegmentWriter {
    private var builder = SegmentBuilder()
    private var cells = ColumnCells()
    private var merged = ColumnCells()

    /// Codes the windows, which have at least one row each.
    mutating func encode(
        _ windows: [SealingWindow],
        gaps: [Range<UInt64>]
    ) throws(CorruptionError) -> SealedSegment {
        do throws(CorruptionError) {
            for window in windows { try append(window) }
        } catch {
            builder = SegmentBuilder()
            throw error
        }
        return builder.finish(gaps: gaps)
    }

    private mutating func append(_ sealing: SealingWindow) throws(CorruptionError) {
        let window = sealing.window
        let order = sealing.labels.indices.sorted { sealing.labels[$0] < sealing.labels[$1] }
        let rows = try MergedRows(window)
        builder.begin(
            WindowDescription(
                stream: window.stream,
                identity: sealing.identity,
                labels: order.map { sealing.labels[$0] },
                references: order.map { sealing.references[$0] },
                times: rows.times
            )
        )
        for column in order {
            try decode(column, of: window, rows)
            builder.append(cells)
        }
    }

    /// Leaves the column's cells, late rows included, in `cells`.
    private mutating func decode(
        _ column: Int,
        of window: HeadWindow,
        _ rows: MergedRows
    ) throws(CorruptionError) {
        cells.removeAll()
        try window.regularCells(column, into: &cells)
        guard !window.late.isEmpty else { return }
        merged.removeAll()
        var value = 0
        for source in rows.sources {
            switch source {
            case .regular(let row):
                merged.states.append(cells.states[row])
                if cells.states[row] == CellState.value {
                    merged.values.append(cells.values[value])
                    value += 1
                }
            case .late(let number):
                if let bits = window.late[number].bits(of: column) {
                    merged.append(bits: bits)
                } else {
                    merged.appendAbsent()
                }
            }
        }
        swap(&cells, &merged)
    }
}

/// The rows of a window with late ones where they belong: by time, then by sequence.
struct MergedRows {
    enum Source {
        case regular(Int)
        case late(Int)
    }

    let times: RowTimes
    /// Where each row comes from; empty when there are no late rows.
    let sources: [Source]

    init(_ window: HeadWindow) throws(CorruptionError) {
        let regular = try window.regularTimes()
        guard !window.late.isEmpty else {
            times = regular
            sources = []
            return
        }
        var rows: [(time: Int64, sequence: UInt64, count: UInt32, source: Source)] = []
        for row in 0..<regular.count {
            rows.append(
                (regular.timestamps[row], regular.sequences[row], regular.counts[row], .regular(row))
            )
        }
        for (number, row) in window.late.enumerated() {
            rows.append((row.timestamp, row.sequence, UInt32(row.columns.count), .late(number)))
        }
        rows.sort { ($0.time, $0.sequence) < ($1.time, $1.sequence) }
        times = RowTimes(
            timestamps: rows.map { $0.time },
            sequences: rows.map { $0.sequence },
            counts: rows.map { $0.count }
        )
        sources = rows.map { $0.source }
    }
}
