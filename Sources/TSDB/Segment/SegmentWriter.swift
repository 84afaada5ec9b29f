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

/// A finished segment that has no place yet.
struct SealedSegment: Sendable {
    /// What a window looks like in memory once the place is known.
    struct Window: Sendable {
        var references: [SeriesReference]
        var rows: Int
        var samples: UInt64
        var times: ClosedRange<Int64>
        var sequences: ClosedRange<UInt64>
        var blocksOffset: Int
        var blocksCount: Int
        var dataOffset: Int
    }

    var windows: [Window] = []
    var directory: [UInt8] = []
    var data: [UInt8] = []

    var length: Int { SegmentHeader.size + directory.count + data.count }

    /// All bytes of the segment under a ring sequence.
    func bytes(ringSequence: UInt64) -> [UInt8] {
        let header = SegmentHeader(
            ringSequence: ringSequence,
            length: length,
            directoryLength: directory.count,
            dataChecksum: CRC32C.checksum(data),
            windowCount: windows.count,
            times: windows.reduce(Int64.max) {
                min($0, $1.times.lowerBound)
            }...windows.reduce(Int64.min) {
                max($0, $1.times.upperBound)
            },
            sequences: windows.reduce(UInt64.max) {
                min($0, $1.sequences.lowerBound)
            }...windows.reduce(0) { max($0, $1.sequences.upperBound) }
        )
        var out = header.bytes(directory: directory)
        out.reserveCapacity(SegmentHeader.padded(length))
        out += directory
        out += data
        out.append(contentsOf: repeatElement(0, count: SegmentHeader.padded(length) - out.count))
        return out
    }
}

/// Codes windows into a segment.
struct SegmentWriter {
    private var cells = ColumnCells()
    private var merged = ColumnCells()

    /// Codes the windows, which have at least one row each.
    mutating func encode(
        _ windows: [SealingWindow],
        gaps: [Range<UInt64>]
    ) throws(CorruptionError) -> SealedSegment {
        var segment = SealedSegment()
        segment.directory.append(varint: UInt64(gaps.count))
        for gap in gaps {
            segment.directory.append(varint: gap.lowerBound)
            segment.directory.append(varint: gap.upperBound)
        }
        for window in windows { try append(window, to: &segment) }
        // Offsets were counted from the directory's and the data's own beginning.
        for index in segment.windows.indices {
            segment.windows[index].blocksOffset += SegmentHeader.size
            segment.windows[index].dataOffset += SegmentHeader.size + segment.directory.count
        }
        return segment
    }

    private mutating func append(
        _ sealing: SealingWindow,
        to segment: inout SealedSegment
    ) throws(CorruptionError) {
        let window = sealing.window
        let order = sealing.labels.indices.sorted { sealing.labels[$0] < sealing.labels[$1] }
        let rows = try MergedRows(window)
        let dataStart = segment.data.count
        var directory = BlockDirectory()
        var summaries: [UInt8] = []
        rows.times.append(to: &segment.data, effort: .segment)
        directory.timesLength = segment.data.count - dataStart
        directory.timesChecksum = CRC32C.checksum(segment.data[dataStart...])
        for column in order {
            try decode(column, of: window, rows)
            appendBlock(to: &segment.data, &directory, &summaries)
        }
        let times = window.minTime...window.maxTime
        let sequences = window.minSequence...window.maxSequence
        var out = segment.directory
        out.append(prefixed: sealing.identity.bytes)
        out.append(varint: window.stream)
        out.append(varint: UInt64(rows.times.count))
        out.append(varint: UInt64(order.count))
        let samples = rows.times.counts.reduce(0) { $0 + UInt64($1) }
        out.append(varint: samples)
        out.append(zigzag: times.lowerBound)
        out.append(zigzag: times.upperBound)
        out.append(varint: sequences.lowerBound)
        out.append(varint: sequences.upperBound)
        out.append(varint: UInt64(segment.data.count - dataStart))
        _ = SegmentSection.append(LabelSection.bytes(order.map { sealing.labels[$0] }), to: &out)
        let blocks = SegmentSection.append(directory.bytes(), to: &out)
        _ = SegmentSection.append(summaries, to: &out)
        segment.directory = out
        segment.windows.append(
            SealedSegment.Window(
                references: order.map { sealing.references[$0] },
                rows: rows.times.count,
                samples: samples,
                times: times,
                sequences: sequences,
                blocksOffset: blocks.offset,
                blocksCount: blocks.count,
                dataOffset: dataStart
            )
        )
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

    private func appendBlock(
        to data: inout [UInt8],
        _ directory: inout BlockDirectory,
        _ summaries: inout [UInt8]
    ) {
        let start = data.count
        let first = cells.values.first?.bitPattern
        if let first, cells.values.count == cells.states.count,
            !cells.values.contains(where: { $0.bitPattern != first })
        {
            directory.lengths.append(0)
            directory.checksums.append(0)
            directory.constants.append(first)
            return
        }
        let codec = ColumnBlock.append(cells, effort: .segment, to: &data)
        directory.lengths.append(UInt32(data.count - start))
        directory.checksums.append(CRC32C.checksum(data[start...]))
        directory.constants.append(0)
        BlockSummary(cells.values, codec: codec).append(to: &summaries)
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
