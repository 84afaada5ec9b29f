// SPDX-License-Identifier: Apache-2.0
//
// The rows of one lane that are not in a segment yet. The same value serves as the open window that grows, as the
// frozen window that waits for its segment, and as a reader's snapshot; copying it copies references.
//
// Invariants: rows of chunks and tail have ascending timestamps, equal ones when a row came in parts; sequences
// increase over rows and, apart from those, over late rows; a series has at most one column, and at most one value
// for a timestamp.

internal import Bytes
internal import Samples

/// A row that came behind its lane's newest one.
struct LateRow: Sendable {
    let timestamp: Int64
    let sequence: UInt64
    let columns: [UInt32]
    let bits: [UInt64]

    /// The value of a column; columns are ascending.
    func bits(of column: Int) -> UInt64? {
        let place = SortedReferences.position(of: UInt32(column), in: columns)
        return place < columns.count && columns[place] == UInt32(column) ? bits[place] : nil
    }
}

/// Part of a lane's rows in memory.
struct HeadWindow: Sendable {
    /// Names the window in the log and in its segment; never reused.
    let stream: UInt64
    /// Handles of the columns' series.
    private(set) var series: [SeriesID] = []
    /// Each column's first value; a chunk stores nothing for a column that always had it.
    private(set) var bases: [UInt64] = []
    /// Each column's newest time in `chunks`.
    private var codedTimes: [Int64] = []
    private(set) var chunks: [HeadChunk] = []
    private(set) var tail = TailRows()
    private(set) var late: [LateRow] = []
    /// Samples in all rows.
    private(set) var samples = 0
    /// Rows in chunks and tail.
    private(set) var rows = 0
    /// Time of the newest of them.
    private(set) var lastTime = Int64.min
    private(set) var minTime = Int64.max
    private(set) var maxTime = Int64.min
    private(set) var minSequence = UInt64.max
    private(set) var maxSequence: UInt64 = 0
    /// Columns that the log has.
    var loggedColumns = 0
    /// The clock was not trusted when the rows were stamped.
    var provisional: Provisional?
    /// The log page in which the window begins; pages from there on must be kept.
    var firstPage: UInt64

    init(stream: UInt64, firstPage: UInt64, provisional: Provisional? = nil) {
        self.stream = stream
        self.firstPage = firstPage
        self.provisional = provisional
    }

    var isEmpty: Bool { rows == 0 && late.isEmpty }
    var byteCount: Int {
        chunks.reduce(tail.byteCount) { $0 + $1.byteCount } + late.reduce(0) { $0 + 64 + $1.bits.count * 12 }
    }

    /// Bytes the window takes in a segment at most, roughly.
    var codedBytes: Int {
        chunks.reduce(tail.codedBytes) { $0 + $1.byteCount } + late.reduce(0) { $0 + 16 + $1.bits.count * 9 }
    }

    mutating func addColumn(_ id: SeriesID, base: UInt64) -> Int {
        series.append(id)
        bases.append(base)
        codedTimes.append(.min)
        tail.addColumn()
        return series.count - 1
    }

    /// Adds a row; codes the tail when it is full.
    mutating func append(
        _ row: borrowing RowScratch,
        timestamp: Int64,
        sequence: UInt64,
        cells: inout ColumnCells
    ) {
        tail.append(row, timestamp: timestamp, sequence: sequence)
        rows += 1
        lastTime = timestamp
        note(timestamp, sequence, row.count)
        guard tail.isFull else { return }
        for column in codedTimes.indices {
            if let time = tail.newestTime(of: column) { codedTimes[column] = time }
        }
        chunks.append(HeadChunk(tail, bases: bases, cells: &cells))
        tail.removeRows()
    }

    /// Whether a row of this time is not older than those in order.
    func accepts(_ timestamp: Int64) -> Bool { rows == 0 || timestamp >= lastTime }

    /// The newest time of a column's rows, late ones not included; `.min` when there is none.
    func newestTime(of column: Int) -> Int64 { tail.newestTime(of: column) ?? codedTimes[column] }

    /// Takes out of a row what rows of its time have already.
    func removeStored(from row: inout RowScratch) {
        row.drop { newestTime(of: $0) >= lastTime }
    }

    /// Sets a column's base while no chunk relies on it.
    mutating func setBase(_ column: Int, _ bits: UInt64) {
        if chunks.isEmpty { bases[column] = bits }
    }

    /// Moves all rows in time and settles the window; false when memory does not decode or times would overflow.
    mutating func shift(by delta: Int64) -> Bool {
        guard !minTime.addingReportingOverflow(delta).overflow,
            !maxTime.addingReportingOverflow(delta).overflow,
            let moved = try? chunks.map({ chunk throws(CorruptionError) in try chunk.shifted(by: delta) })
        else { return false }
        chunks = moved
        tail.shift(by: delta)
        for column in codedTimes.indices where codedTimes[column] != .min { codedTimes[column] += delta }
        late = late.map {
            LateRow(
                timestamp: $0.timestamp + delta,
                sequence: $0.sequence,
                columns: $0.columns,
                bits: $0.bits
            )
        }
        if rows > 0 { lastTime += delta }
        minTime += delta
        maxTime += delta
        provisional = nil
        return true
    }

    mutating func append(late row: LateRow) {
        late.append(row)
        note(row.timestamp, row.sequence, row.columns.count)
    }

    private mutating func note(_ timestamp: Int64, _ sequence: UInt64, _ count: Int) {
        samples += count
        minTime = min(minTime, timestamp)
        maxTime = max(maxTime, timestamp)
        minSequence = min(minSequence, sequence)
        maxSequence = max(maxSequence, sequence)
    }

    /// Times of the rows in chunks and tail, in time order; late rows not included.
    func regularTimes(skippingChunks skipped: Int = 0) throws(CorruptionError) -> RowTimes {
        var times = RowTimes()
        for chunk in chunks[skipped...] { times.append(try chunk.times()) }
        times.append(
            RowTimes(timestamps: tail.timestamps, sequences: tail.sequences, counts: tail.counts)
        )
        return times
    }

    /// A column's cells for the rows of `regularTimes`.
    func regularCells(
        _ column: Int,
        skippingChunks skipped: Int = 0,
        into cells: inout ColumnCells
    ) throws(CorruptionError) {
        for chunk in chunks[skipped...] { try chunk.append(column, base: bases[column], to: &cells) }
        tail.append(column, to: &cells)
    }

    /// What a query of one series needs, without keeping the tail alive.
    ///
    /// Inlined, so that the caller looks into its window and does not copy it for the call.
    @inline(__always)
    func column(_ column: Int, _ range: TimeRange) -> HeadColumn {
        var result = HeadColumn(stream: stream, column: column, base: bases[column], chunks: chunks)
        if let first = tail.timestamps.first, let last = tail.timestamps.last, range.overlaps(first, last) {
            result.tailTimes.reserveCapacity(tail.rows)
            result.tailBits.reserveCapacity(tail.rows)
            for row in 0..<tail.rows where tail.isPresent(column, row: row) {
                result.tailTimes.append(tail.timestamps[row])
                result.tailBits.append(tail.bits(column, row: row))
            }
        }
        for row in late where range.contains(row.timestamp) {
            if let bits = row.bits(of: column) { result.late.append((row.timestamp, bits)) }
        }
        return result
    }
}

/// One series of a window, as a reader takes it out of the lock.
struct HeadColumn: Sendable {
    /// The window's number in the log.
    let stream: UInt64
    let column: Int
    let base: UInt64
    let chunks: [HeadChunk]
    var tailTimes: [Int64] = []
    var tailBits: [UInt64] = []
    var late: [(time: Int64, bits: UInt64)] = []

    init(stream: UInt64, column: Int, base: UInt64, chunks: [HeadChunk]) {
        self.stream = stream
        self.column = column
        self.base = base
        self.chunks = chunks
    }
}
