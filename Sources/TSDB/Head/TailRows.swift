// SPDX-License-Identifier: Apache-2.0
//
// The newest rows of a group, uncoded: at most 64, so that presence of a series is one machine word. A series whose
// value does not change within the tail takes no lane; most series of a node are like that.

internal import Samples

/// Up to 64 rows of one group.
struct TailRows: Sendable {
    static let capacity = 64

    private(set) var timestamps: [Int64] = []
    private(set) var sequences: [UInt64] = []
    /// Samples in each row.
    private(set) var counts: [UInt32] = []
    /// Per column, bit `row` is set when the series is present.
    private(set) var present: [UInt64] = []
    /// Per column without lane the bits of its one value; meaningless while nothing is present.
    private var steady: [UInt64] = []
    /// Per column the place of its lane, −1 for none.
    private var laneOf: [Int32] = []
    /// Lanes of 64 bit patterns each.
    private var lanes: [UInt64] = []

    var rows: Int { timestamps.count }
    var columns: Int { present.count }
    var isFull: Bool { rows == TailRows.capacity }
    /// Bytes held, for statistics.
    var byteCount: Int { lanes.count * 8 + columns * 20 + rows * 20 }

    /// Bytes of the values that vary, uncoded.
    var codedBytes: Int { lanes.count / TailRows.capacity * rows * 8 }

    mutating func addColumn() {
        present.append(0)
        steady.append(0)
        laneOf.append(-1)
    }

    /// Sets one value of the row that `endRow` will complete.
    @inline(__always)
    mutating func set(_ column: Int, _ bits: UInt64) {
        let row = timestamps.count
        let mask = present[column]
        present[column] = mask | (1 << UInt64(row))
        let lane = Int(laneOf[column])
        if lane >= 0 {
            lanes[lane * TailRows.capacity + row] = bits
        } else if mask == 0 {
            steady[column] = bits
        } else if steady[column] != bits {
            addLane(column, row, bits)
        }
    }

    mutating func endRow(timestamp: Int64, sequence: UInt64, count: Int) {
        timestamps.append(timestamp)
        sequences.append(sequence)
        counts.append(UInt32(count))
    }

    /// Forgets the rows, keeps the columns.
    mutating func removeRows() {
        timestamps.removeAll(keepingCapacity: true)
        sequences.removeAll(keepingCapacity: true)
        counts.removeAll(keepingCapacity: true)
        lanes.removeAll(keepingCapacity: true)
        for column in present.indices {
            present[column] = 0
            laneOf[column] = -1
        }
    }

    /// The bits a column has in a row where it is present.
    @inline(__always)
    func bits(_ column: Int, row: Int) -> UInt64 {
        let lane = Int(laneOf[column])
        return lane >= 0 ? lanes[lane * TailRows.capacity + row] : steady[column]
    }

    @inline(__always)
    func isPresent(_ column: Int, row: Int) -> Bool {
        present[column] >> UInt64(row) & 1 == 1
    }

    /// The bits that a present-in-every-row column has had all along, nil when it varies or is absent somewhere.
    func steadyBits(_ column: Int) -> UInt64? {
        guard laneOf[column] < 0, present[column].nonzeroBitCount == rows else { return nil }
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
    private mutating func addLane(_ column: Int, _ row: Int, _ bits: UInt64) {
        let lane = lanes.count / TailRows.capacity
        lanes.append(contentsOf: repeatElement(steady[column], count: TailRows.capacity))
        lanes[lane * TailRows.capacity + row] = bits
        laneOf[column] = Int32(lane)
    }
}
