// SPDX-License-Identifier: Apache-2.0
//
// The newest rows of a window, uncoded: at most 64, so that presence of a series is one machine word. A series whose
// value does not change within the tail takes no strip; most series of a node are like that.

internal import Samples

/// Up to 64 rows of one window.
struct TailRows: Sendable {
    static let capacity = 64

    private(set) var timestamps: [Int64] = []
    private(set) var sequences: [UInt64] = []
    /// Samples in each row.
    private(set) var counts: [UInt32] = []
    /// Per column, bit `row` is set when the series is present.
    private(set) var present: [UInt64] = []
    /// Per column without strip the bits of its one value; meaningless while nothing is present.
    private var steady: [UInt64] = []
    /// Per column the place of its strip, −1 for none.
    private var stripOf: [Int32] = []
    /// Strips of 64 bit patterns each.
    private var strips: [UInt64] = []

    var rows: Int { timestamps.count }
    var columns: Int { present.count }
    var isFull: Bool { rows == TailRows.capacity }
    /// Bytes held, for statistics.
    var byteCount: Int { strips.count * 8 + columns * 20 + rows * 20 }

    /// Bytes of the values that vary, uncoded.
    var codedBytes: Int { strips.count / TailRows.capacity * rows * 8 }

    mutating func addColumn() {
        present.append(0)
        steady.append(0)
        stripOf.append(-1)
    }

    /// Adds a row.
    mutating func append(_ row: borrowing RowScratch, timestamp: Int64, sequence: UInt64) {
        for word in row.present.indices {
            var rest = row.present[word]
            while rest != 0 {
                let column = word << 6 | rest.trailingZeroBitCount
                rest &= rest &- 1
                set(column, row.bits[column])
            }
        }
        timestamps.append(timestamp)
        sequences.append(sequence)
        counts.append(UInt32(row.count))
    }

    @inline(__always)
    private mutating func set(_ column: Int, _ bits: UInt64) {
        let row = timestamps.count
        let mask = present[column]
        present[column] = mask | (1 << UInt64(row))
        let strip = Int(stripOf[column])
        if strip >= 0 {
            strips[strip * TailRows.capacity + row] = bits
        } else if mask == 0 {
            steady[column] = bits
        } else if steady[column] != bits {
            addStrip(column, row, bits)
        }
    }

    /// The newest time of a column, nil when it has none here.
    @inline(__always)
    func newestTime(of column: Int) -> Int64? {
        let mask = present[column]
        return mask == 0 ? nil : timestamps[63 - mask.leadingZeroBitCount]
    }

    /// A column's newest sample that is not newer than a time, nil when it has none here.
    func newest(of column: Int, through time: Int64) -> (time: Int64, bits: UInt64)? {
        var mask = present[column]
        while mask != 0 {
            let row = 63 - mask.leadingZeroBitCount
            if timestamps[row] <= time { return (timestamps[row], bits(column, row: row)) }
            mask &= ~(1 << UInt64(row))
        }
        return nil
    }

    /// Moves all rows in time.
    mutating func shift(by delta: Int64) {
        for row in timestamps.indices { timestamps[row] += delta }
    }

    /// Forgets the rows, keeps the columns.
    mutating func removeRows() {
        timestamps.removeAll(keepingCapacity: true)
        sequences.removeAll(keepingCapacity: true)
        counts.removeAll(keepingCapacity: true)
        strips.removeAll(keepingCapacity: true)
        for column in present.indices {
            present[column] = 0
            stripOf[column] = -1
        }
    }

    /// The bits a column has in a row where it is present.
    @inline(__always)
    func bits(_ column: Int, row: Int) -> UInt64 {
        let strip = Int(stripOf[column])
        return strip >= 0 ? strips[strip * TailRows.capacity + row] : steady[column]
    }

    @inline(__always)
    func isPresent(_ column: Int, row: Int) -> Bool {
        present[column] >> UInt64(row) & 1 == 1
    }

    /// The bits that a present-in-every-row column has had all along, nil when it varies or is absent somewhere.
    func steadyBits(_ column: Int) -> UInt64? {
        guard stripOf[column] < 0, present[column].nonzeroBitCount == rows else { return nil }
        return steady[column]
    }

    /// Appends a column's rows to the cells.
    func append(_ column: Int, to cells: inout ColumnCells) {
        guard column < columns else {
            cells.appendAbsent(rows)
            return
        }
        for row in 0..<rows {
            if isPresent(column, row: row) {
                cells.append(bits: bits(column, row: row))
            } else {
                cells.appendAbsent()
            }
        }
    }

    @inline(never)
    private mutating func addStrip(_ column: Int, _ row: Int, _ bits: UInt64) {
        let strip = strips.count / TailRows.capacity
        strips.append(contentsOf: repeatElement(steady[column], count: TailRows.capacity))
        strips[strip * TailRows.capacity + row] = bits
        stripOf[column] = Int32(strip)
    }
}
