// SPDX-License-Identifier: Apache-2.0
//
// A bundle whose directory was read: its windows, and for every column where its block is. A reader keeps the ones
// used last.

internal import Bytes

/// The directory of a bundle, ready for looking up blocks.
final class OpenedBundle: Sendable {
    /// Where something is in the bytes of all runs.
    struct Place: Sendable {
        let run: Int
        /// Within the run.
        let range: Range<Int>
    }

    let windows: [SegmentWindow]
    let blocks: BlockTable
    /// Whether blocks begin with a form, as in version 1.
    let isLegacy: Bool
    /// Per window and per column where its bytes begin.
    private let timeOffsets: [UInt32]
    private let offsets: [UInt32]
    /// Per run where it begins among the bytes of all runs, and where in the segment.
    private let runStarts: [UInt32]
    private let runOffsets: [UInt32]

    init(
        windows: [SegmentWindow],
        blocks: BlockTable,
        runsOffset: Int,
        limit: Int,
        isLegacy: Bool = false
    ) throws(CorruptionError) {
        self.windows = windows
        self.blocks = blocks
        self.isLegacy = isLegacy
        var total = 0
        var timeOffsets: [UInt32] = []
        var offsets: [UInt32] = []
        offsets.reserveCapacity(blocks.flags.count)
        for window in windows {
            timeOffsets.append(UInt32(truncatingIfNeeded: total))
            total += Int(window.timesLength)
            for column in Int(window.firstColumn)..<(Int(window.firstColumn) + Int(window.columns)) {
                offsets.append(UInt32(truncatingIfNeeded: total))
                total += Int(blocks.lengths[column])
            }
        }
        var runStarts: [UInt32] = []
        var runOffsets: [UInt32] = []
        var plain = 0
        var stored = runsOffset
        for run in blocks.runs {
            runStarts.append(UInt32(truncatingIfNeeded: plain))
            runOffsets.append(UInt32(truncatingIfNeeded: stored))
            plain += Int(run.plainLength)
            stored += Int(run.storedLength)
            guard stored <= limit else { throw CorruptionError("runs within the bundle", at: runsOffset) }
        }
        guard plain == total, total <= Int(Int32.max) else {
            throw CorruptionError("runs of \(total) bytes", at: runsOffset)
        }
        self.timeOffsets = timeOffsets
        self.offsets = offsets
        self.runStarts = runStarts
        self.runOffsets = runOffsets
    }

    /// Bytes in memory, roughly.
    var byteCount: Int {
        windows.count * 84 + blocks.flags.count * 17 + blocks.shared.count * 24 + blocks.runs.count * 24 + 200
    }

    /// Where a window's row times are.
    func times(_ window: Int) throws(CorruptionError) -> Place {
        try place(Int(timeOffsets[window]), Int(windows[window].timesLength))
    }

    /// Where a column's own bytes are.
    func block(_ column: Int) throws(CorruptionError) -> Place {
        try place(Int(offsets[column]), Int(blocks.lengths[column]))
    }

    /// Where a run is in the segment.
    func offset(ofRun run: Int) -> Int { Int(runOffsets[run]) }

    private func place(_ offset: Int, _ length: Int) throws(CorruptionError) -> Place {
        var low = 0
        var high = runStarts.count
        while low < high {
            let middle = (low + high) / 2
            if Int(runStarts[middle]) <= offset { low = middle + 1 } else { high = middle }
        }
        let run = low - 1
        guard run >= 0 else { throw CorruptionError("a run", at: offset) }
        let start = offset - Int(runStarts[run])
        guard start + length <= Int(blocks.runs[run].plainLength) else {
            throw CorruptionError("a block within its run", at: offset)
        }
        return Place(run: run, range: start..<(start + length))
    }
}
