// SPDX-License-Identifier: Apache-2.0
//
// Columns with few different values: states, enumerations, set points. The values once, sorted, and for each row its
// place among them.

internal import Bytes

/// Finds and lists the different values of a column.
struct ValueDictionary {
    /// The most values of a dictionary; more never pay.
    static let limit = 256

    /// The different values, ascending.
    private(set) var values: [Int64] = []
    /// The place in `values` of each value of the column.
    private(set) var places: [Int64] = []

    // Open addressing over four times as many slots as values, so that probes stay short.
    private var slots: [UInt16] = []
    private var order: [UInt16] = []
    private var ranks: [UInt16] = []
    private var found: [Int64] = []

    /// Collects the values; false when there are more than `most`.
    mutating func build(_ column: [Int64], most: Int) -> Bool {
        let most = min(most, ValueDictionary.limit)
        slots.removeAll(keepingCapacity: true)
        slots.append(contentsOf: repeatElement(0, count: 4 * ValueDictionary.limit))
        found.removeAll(keepingCapacity: true)
        places.removeAll(keepingCapacity: true)
        places.reserveCapacity(column.count)
        var last: (value: Int64, place: Int64)?
        for index in column.indices {
            let value = column[index]
            if let last, last.value == value {
                places.append(last.place)
                continue
            }
            guard let place = place(of: value, most: most) else { return false }
            places.append(place)
            last = (value, place)
        }
        sort()
        return true
    }

    private mutating func place(of value: Int64, most: Int) -> Int64? {
        // Fibonacci hashing: the upper bits of the product depend on all bits of the value.
        var slot = Int((UInt64(bitPattern: value) &* 0x9e37_79b9_7f4a_7c15) >> 54)
        while slots[slot] != 0 {
            let place = Int(slots[slot]) - 1
            if found[place] == value { return Int64(place) }
            slot = (slot + 1) & (slots.count - 1)
        }
        guard found.count < most else { return nil }
        found.append(value)
        slots[slot] = UInt16(found.count)
        return Int64(found.count - 1)
    }

    private mutating func sort() {
        order.removeAll(keepingCapacity: true)
        for index in found.indices { order.append(UInt16(index)) }
        let found = self.found
        order.sort { found[Int($0)] < found[Int($1)] }
        values.removeAll(keepingCapacity: true)
        ranks.removeAll(keepingCapacity: true)
        ranks.append(contentsOf: repeatElement(0, count: order.count))
        for (rank, index) in order.enumerated() {
            ranks[Int(index)] = UInt16(rank)
            values.append(found[Int(index)])
        }
        for index in places.indices { places[index] = Int64(ranks[Int(places[index])]) }
    }

    /// Bits that `append` would write.
    var bits: Int {
        var total = 16 + 7
        for index in values.indices.dropFirst() {
            let gap = UInt64(bitPattern: values[index] &- values[index - 1])
            total += 8 * ((64 - gap.leadingZeroBitCount + 6) / 7)
        }
        return total
    }

    /// Appends count, first value and gaps.
    func append(to out: inout [UInt8]) {
        guard let first = values.first else { return }
        out.append(varint: UInt64(values.count))
        out.append(zigzag: first)
        for index in values.indices.dropFirst() {
            out.append(varint: UInt64(bitPattern: values[index] &- values[index - 1]))
        }
    }

    /// Reads what `append` wrote into an array.
    static func read(_ reader: inout ByteReader, into values: inout [Int64]) throws(CorruptionError) {
        let place = reader.offset
        let count = try reader.count(limit: limit)
        guard count > 0 else { throw CorruptionError("a dictionary of at least one value", at: place) }
        values.removeAll(keepingCapacity: true)
        var value = try reader.zigzag()
        values.append(value)
        for _ in 1..<count {
            value = value &+ Int64(bitPattern: try reader.varint())
            values.append(value)
        }
    }
}
