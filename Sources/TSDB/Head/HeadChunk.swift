// SPDX-License-Identifier: Apache-2.0
//
// A full tail, coded: one allocation for 64 rows of all columns of a group.
//
//     timestamps, sequences, sample counts    integer columns
//     columns × u32                           where each column's block ends, from the first block on
//     blocks                                  nothing for a series that still has the window's base value
//
// Only ever in memory, so it may change without notice.

internal import Bytes

/// The rows of one window part without their values.
struct RowTimes: Sendable {
    var timestamps: [Int64] = []
    var sequences: [UInt64] = []
    var counts: [UInt32] = []

    var count: Int { timestamps.count }

    mutating func append(_ other: RowTimes) {
        timestamps += other.timestamps
        sequences += other.sequences
        counts += other.counts
    }

    func append(to out: inout [UInt8], effort: CodingEffort) {
        IntegerColumn.append(timestamps, effort: effort, to: &out)
        IntegerColumn.append(sequences.map { Int64(bitPattern: $0) }, effort: effort, to: &out)
        IntegerColumn.append(counts.map { Int64($0) }, effort: effort, to: &out)
    }

    static func read(_ rows: Int, from reader: inout ByteReader) throws(CorruptionError) -> RowTimes {
        RowTimes(
            timestamps: try IntegerColumn.read(rows, from: &reader),
            sequences: try IntegerColumn.read(rows, from: &reader).map { UInt64(bitPattern: $0) },
            counts: try IntegerColumn.read(rows, from: &reader).map { UInt32(truncatingIfNeeded: $0) }
        )
    }
}

/// An immutable part of an open window.
struct HeadChunk: Sendable {
    let rows: Int
    let columns: Int
    let firstTime: Int64
    let lastTime: Int64
    let firstSequence: UInt64
    let lastSequence: UInt64
    private let offsetsStart: Int
    private let bytes: [UInt8]

    var byteCount: Int { bytes.count }

    /// Codes a tail that has at least one row; `bases` is each column's value while it never varied.
    init(_ tail: TailRows, bases: [UInt64], cells: inout ColumnCells) {
        rows = tail.rows
        columns = tail.columns
        firstTime = tail.timestamps.first ?? 0
        lastTime = tail.timestamps.last ?? 0
        firstSequence = tail.sequences.first ?? 0
        lastSequence = tail.sequences.last ?? 0
        var out: [UInt8] = []
        RowTimes(timestamps: tail.timestamps, sequences: tail.sequences, counts: tail.counts)
            .append(to: &out, effort: .head)
        offsetsStart = out.count
        out.append(contentsOf: repeatElement(0, count: columns * 4))
        let blocksStart = out.count
        for column in 0..<columns {
            if tail.steadyBits(column) != bases[column] {
                cells.removeAll()
                tail.append(column, to: &cells)
                ColumnBlock.append(cells, effort: .head, to: &out)
            }
            out.overwrite(littleEndian: UInt32(out.count - blocksStart), at: offsetsStart + column * 4)
        }
        // Growing by doubling leaves up to half unused; chunks live for hours.
        bytes = out.fitted()
    }

    private init(_ other: HeadChunk, delta: Int64, offsetsStart: Int, bytes: [UInt8]) {
        rows = other.rows
        columns = other.columns
        firstTime = other.firstTime + delta
        lastTime = other.lastTime + delta
        firstSequence = other.firstSequence
        lastSequence = other.lastSequence
        self.offsetsStart = offsetsStart
        self.bytes = bytes
    }

    /// The same rows at other times; the caller sees to it that none overflows.
    func shifted(by delta: Int64) throws(CorruptionError) -> HeadChunk {
        var times = try self.times()
        for row in times.timestamps.indices { times.timestamps[row] += delta }
        var out: [UInt8] = []
        times.append(to: &out, effort: .head)
        let start = out.count
        out += bytes[offsetsStart...]
        return HeadChunk(self, delta: delta, offsetsStart: start, bytes: out.fitted())
    }

    /// Timestamps, sequences and counts.
    func times() throws(CorruptionError) -> RowTimes {
        var reader = ByteReader(bytes)
        return try RowTimes.read(rows, from: &reader)
    }

    /// Timestamps alone.
    func timestamps() throws(CorruptionError) -> [Int64] {
        var reader = ByteReader(bytes)
        return try IntegerColumn.read(rows, from: &reader)
    }

    /// Appends a column's rows to the cells; a column younger than the chunk is absent in all of them.
    func append(_ column: Int, base: UInt64, to cells: inout ColumnCells) throws(CorruptionError) {
        var decoder = BlockDecoder()
        try append(column, base: base, using: &decoder, to: &cells)
    }

    /// The same with the buffers of a decoder that reads more than one block.
    func append(
        _ column: Int,
        base: UInt64,
        using decoder: inout BlockDecoder,
        to cells: inout ColumnCells
    ) throws(CorruptionError) {
        guard column < columns else {
            cells.appendAbsent(rows)
            return
        }
        var offsets = ByteReader(bytes, in: (offsetsStart + max(0, column - 1) * 4)..<bytes.count)
        let start = column == 0 ? 0 : Int(try offsets.integer(UInt32.self))
        let end = Int(try offsets.integer(UInt32.self))
        guard end > start else {
            cells.append(bits: base, rows: rows)
            return
        }
        let blocksStart = offsetsStart + columns * 4
        var reader = ByteReader(bytes, in: (blocksStart + start)..<(blocksStart + end))
        try ColumnBlock.read(&reader, rows: rows, using: &decoder, into: &cells)
    }
}

extension [UInt8] {
    /// The same bytes in a buffer of just their size.
    fileprivate func fitted() -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            for index in indices { unsafe buffer[index] = self[index] }
            filled = count
        }
    }
}
