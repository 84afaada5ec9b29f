// SPDX-License-Identifier: Apache-2.0
//
// Series of one group lie side by side: a read of several goes through their segments in step, so that directory, row
// times and run are looked up once for all of them and not once for each.

internal import Bytes

/// What a read of several series used last.
struct ReadMemo {
    var workspace = SegmentReader.Workspace()
    /// The bundle at hand; the rest belongs to it.
    var segment: Segment?
    var bundle = -1
    var opened: OpenedBundle?
    var window = -1
    var times: [Int64] = []
    var run = -1
    var bytes: [UInt8] = []
    /// Timestamps of a chunk in memory, named by its window's number in the log and its first row.
    var chunk: (stream: UInt64, sequence: UInt64)?
    var chunkTimes: [Int64] = []

    /// Forgets the bundle.
    mutating func forget() {
        segment = nil
        bundle = -1
        opened = nil
        window = -1
        run = -1
    }

    /// A chunk's timestamps.
    mutating func timestamps(
        _ chunk: HeadChunk,
        of stream: UInt64
    ) throws(CorruptionError) -> [Int64] {
        if let known = self.chunk, known.stream == stream, known.sequence == chunk.firstSequence {
            return chunkTimes
        }
        chunkTimes = try chunk.timestamps()
        self.chunk = (stream, chunk.firstSequence)
        return chunkTimes
    }
}

/// Row times that lie on a grid, as those of most groups do.
struct TimeGrid: Sendable {
    let first: Int64
    let step: Int64
    let count: Int

    /// Nil when the times do not lie on a grid.
    init?(_ times: [Int64]) {
        guard times.count >= 2, let first = times.first else { return nil }
        let (step, overflow) = times[1].subtractingReportingOverflow(first)
        guard !overflow else { return nil }
        for place in times.indices.dropFirst() {
            let (gap, overflow) = times[place].subtractingReportingOverflow(times[place - 1])
            guard !overflow, gap == step else { return nil }
        }
        self.first = first
        self.step = step
        count = times.count
    }

    /// The times again; none overflows, as none did when they were read.
    var timestamps: [Int64] { (0..<count).map { first &+ Int64($0) &* step } }
}
