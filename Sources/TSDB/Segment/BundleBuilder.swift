// SPDX-License-Identifier: Apache-2.0
//
// The windows of one bundle while a segment is built: blocks are coded one behind the other, and cut into runs when
// the bundle is complete.

internal import Bytes
internal import Samples

/// Gathers windows with their blocks.
struct BundleBuilder {
    /// A run ends before the block that would make it longer than this.
    ///
    /// Reading one block reads and verifies a run, so runs are as short as their checksum allows.
    static let runBytes = 8 << 10
    /// Fewer common bytes than this are not worth a reference.
    private static let sharedBytes = 16

    private(set) var windows: [SegmentWindow] = []
    private(set) var columns = 0
    private var bounds = SegmentBundle.Bounds()
    private var table = BlockTable()
    private var summaries = SummaryWriter()
    /// Row times and blocks in order, and where each ends.
    private var plain: [UInt8] = []
    private var pieceEnds: [Int] = []
    /// Where whole blocks lie in `plain`, by the last bytes of the block.
    private var endings: [UInt64: (column: Int, range: Range<Int>)] = [:]
    private var encoder = BlockEncoder()
    /// Bytes of values and of times in the runs, once the bundle is closed; a run's compression is shared evenly.
    private(set) var valueBytes = 0
    private(set) var timeBytes = 0
    private var plainTimeBytes = 0

    var byteCount: Int { plain.count }

    /// Forgets the bundle and keeps the buffers.
    mutating func reset() {
        windows.removeAll(keepingCapacity: true)
        columns = 0
        bounds = SegmentBundle.Bounds()
        table = BlockTable()
        summaries = SummaryWriter()
        plain.removeAll(keepingCapacity: true)
        pieceEnds.removeAll(keepingCapacity: true)
        endings.removeAll(keepingCapacity: true)
        (valueBytes, timeBytes, plainTimeBytes) = (0, 0, 0)
    }

    mutating func begin(_ description: WindowDescription, firstSeries: Int, identity: UInt32) {
        let times = description.times
        var window = SegmentWindow()
        window.stream = description.stream
        window.identity = identity
        window.firstSeries = UInt32(firstSeries)
        window.columns = UInt32(description.labels.count)
        window.firstColumn = UInt32(columns)
        window.rows = UInt32(times.count)
        window.samples = times.counts.reduce(0) { $0 + UInt64($1) }
        window.minTime = times.timestamps.min() ?? 0
        window.maxTime = times.timestamps.max() ?? 0
        window.minSequence = times.sequences.min() ?? 0
        window.maxSequence = times.sequences.max() ?? 0
        let start = plain.count
        times.append(window, using: &encoder, to: &plain)
        window.timesLength = UInt32(plain.count - start)
        plainTimeBytes += plain.count - start
        pieceEnds.append(plain.count)
        bounds.include(
            .init(
                minTime: window.minTime,
                maxTime: window.maxTime,
                minSequence: window.minSequence,
                maxSequence: window.maxSequence,
                samples: window.samples
            )
        )
        windows.append(window)
        columns += Int(window.columns)
    }

    mutating func append(_ cells: borrowing ColumnCells) {
        let column = table.flags.count
        let first = cells.values.first?.bitPattern ?? 0
        var flags: UInt8 = 0
        if !cells.values.contains(where: { $0.bitPattern != first }) { flags |= BlockTable.Flag.constant }
        let missing = cells.states.count - cells.values.count
        let start = plain.count
        if missing > 0 {
            flags |= BlockTable.Flag.states
            ColumnBlock.appendStates(cells.states, to: &plain)
            summaries.append(missing: missing)
        }
        if flags & BlockTable.Flag.constant == 0 {
            encoder.append(cells.values, effort: .segment, to: &plain)
            summaries.append(cells.values)
            if let shared = shareEnd(of: start..<plain.count, column) {
                flags |= BlockTable.Flag.shared
                table.shared[UInt32(column)] = shared
                plain.removeLast(Int(shared.length))
            }
        }
        table.flags.append(flags)
        table.lengths.append(UInt32(plain.count - start))
        table.constants.append(flags & BlockTable.Flag.constant == 0 ? 0 : first)
        if plain.count > start { pieceEnds.append(plain.count) }
    }

    /// Looks for an earlier block with the same end; notes this one when there is none.
    private mutating func shareEnd(of block: Range<Int>, _ column: Int) -> BlockTable.Shared? {
        guard block.count >= BundleBuilder.sharedBytes else { return nil }
        var key: UInt64 = 0
        for offset in 1...8 { key = key << 8 | UInt64(plain[block.upperBound - offset]) }
        var before: UInt64 = 0
        for offset in 9...16 { before = before << 8 | UInt64(plain[block.upperBound - offset]) }
        key ^= before &* 0x9e37_79b9_7f4a_7c15
        guard let candidate = endings[key] else {
            endings[key] = (column, block)
            return nil
        }
        var length = 0
        let limit = min(block.count, candidate.range.count)
        while length < limit,
            plain[block.upperBound - 1 - length] == plain[candidate.range.upperBound - 1 - length]
        {
            length += 1
        }
        guard length >= BundleBuilder.sharedBytes else { return nil }
        return BlockTable.Shared(column: UInt32(candidate.column), length: UInt32(length))
    }

    /// Appends the bundle's sections and runs; the sizes are in the result.
    mutating func close(firstSeries: Int, to out: inout [UInt8]) -> SegmentOutline.Bundle {
        var entry = SegmentOutline.Bundle()
        for index in windows.indices { windows[index].firstSeries -= UInt32(firstSeries) }
        let runs = codeRuns()
        entry.bounds = bounds
        entry.layout.windowCount = UInt32(windows.count)
        entry.layout.windowBytes = UInt32(
            SegmentSection.append(WindowTable.bytes(windows, bounds), to: &out)
        )
        entry.layout.blockBytes = UInt32(SegmentSection.append(table.bytes(windows), to: &out))
        entry.layout.summaryBytes = UInt32(SegmentSection.append(summaries.bytes(), to: &out))
        entry.layout.runBytes = UInt32(runs.count)
        out += runs
        timeBytes = plain.isEmpty ? 0 : runs.count * plainTimeBytes / plain.count
        valueBytes = runs.count - timeBytes
        return entry
    }

    private mutating func codeRuns() -> [UInt8] {
        var runs: [UInt8] = []
        runs.reserveCapacity(plain.count)
        var start = 0
        for (index, end) in pieceEnds.enumerated() {
            let next = index + 1 < pieceEnds.count ? pieceEnds[index + 1] : nil
            if let next, next - start <= BundleBuilder.runBytes { continue }
            codeRun(Array(plain[start..<end]), to: &runs)
            start = end
        }
        return runs
    }

    private mutating func codeRun(_ bytes: [UInt8], to out: inout [UInt8]) {
        var stored = bytes
        // Decompressing costs every reader; 3 % is what a changing series' entropy coder leaves at most.
        if let frame = Zstd.compress(bytes), frame.count * 100 <= bytes.count * 97 { stored = frame }
        table.runs.append(
            BlockTable.Run(
                plainLength: UInt32(bytes.count),
                storedLength: UInt32(stored.count),
                isCompressed: stored.count < bytes.count,
                checksum: CRC32C.checksum(stored)
            )
        )
        out += stored
    }
}
