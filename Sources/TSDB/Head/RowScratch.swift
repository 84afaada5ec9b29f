// SPDX-License-Identifier: Apache-2.0
//
// One row in column order, between the batch's order and the coders'. One instance is reused for every append.

/// A row being taken apart.
struct RowScratch: Sendable {
    /// Bit patterns by column; meaningful where present.
    private(set) var bits: [UInt64] = []
    /// One bit a column, 64 columns a word.
    private(set) var present: [UInt64] = []
    private(set) var columns = 0
    private(set) var count = 0

    /// Begins a row of a group with this many columns.
    mutating func begin(columns: Int) {
        for word in present.indices { present[word] = 0 }
        self.columns = 0
        count = 0
        grow(to: columns)
    }

    mutating func grow(to columns: Int) {
        self.columns = columns
        while bits.count < columns { bits.append(0) }
        while present.count * 64 < columns { present.append(0) }
    }

    /// Sets a column; a second value for the same column replaces the first.
    @inline(__always)
    mutating func set(_ column: Int, _ value: UInt64) {
        let bit: UInt64 = 1 << UInt64(column & 63)
        let word = present[column >> 6]
        if word & bit == 0 {
            present[column >> 6] = word | bit
            count += 1
        }
        bits[column] = value
    }

    /// Forgets the columns that `isUnwanted` names.
    mutating func drop(_ isUnwanted: (Int) -> Bool) {
        for column in 0..<columns where contains(column) && isUnwanted(column) {
            present[column >> 6] &= ~(1 << UInt64(column & 63))
            count -= 1
        }
    }

    /// Forgets the columns from a number on.
    mutating func drop(from limit: Int) {
        guard limit < columns else { return }
        for column in limit..<columns where contains(column) {
            present[column >> 6] &= ~(1 << UInt64(column & 63))
            count -= 1
        }
        columns = limit
    }

    @inline(__always)
    func contains(_ column: Int) -> Bool {
        present[column >> 6] >> UInt64(column & 63) & 1 == 1
    }
}
