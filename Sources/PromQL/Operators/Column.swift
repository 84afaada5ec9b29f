// SPDX-License-Identifier: Apache-2.0
//
// The form in which operators hand on data: for each series one value per step and a bit that says whether there is
// one. A column is filled, read and refilled; nothing is allocated per step, and per series only where a result has
// to be kept.

internal import Samples

/// One series' values over all steps.
struct Column {
    /// Meaningful where the bit in `presence` is set.
    var values: [Double]
    /// Bit `step % 64` of word `step / 64`.
    var presence: [UInt64]

    init(count: Int) {
        values = [Double](repeating: 0, count: count)
        presence = [UInt64](repeating: 0, count: Self.words(count))
    }

    static func words(_ count: Int) -> Int { (count + 63) >> 6 }

    var count: Int { values.count }

    /// Whether no step has a value.
    var isEmpty: Bool { presence.allSatisfy { $0 == 0 } }

    /// The number of steps with a value.
    var population: Int { presence.reduce(0) { $0 + $1.nonzeroBitCount } }

    func has(_ step: Int) -> Bool { presence[step >> 6] >> UInt64(step & 63) & 1 != 0 }

    mutating func set(_ step: Int, _ value: Double) {
        values[step] = value
        presence[step >> 6] |= 1 << UInt64(step & 63)
    }

    mutating func remove(_ step: Int) {
        presence[step >> 6] &= ~(1 << UInt64(step & 63))
    }

    mutating func removeAll() {
        for word in presence.indices { presence[word] = 0 }
    }

    /// Sets every step.
    mutating func fill(_ value: Double) {
        for step in values.indices { set(step, value) }
    }

    /// Copies the one step of a narrower column to all of this one.
    mutating func broadcast(_ other: Column) {
        removeAll()
        if other.has(0) { fill(other.values[0]) }
    }

    /// Calls `body` with each step that has a value.
    @inline(__always)
    func visit<Failure: Error>(_ body: (Int, Double) throws(Failure) -> Void) throws(Failure) {
        for word in presence.indices {
            var bits = presence[word]
            while bits != 0 {
                let step = word << 6 + bits.trailingZeroBitCount
                bits &= bits - 1
                try body(step, values[step])
            }
        }
    }

    /// Replaces each value; nil takes it away.
    @inline(__always)
    mutating func update(_ change: (Int, Double) -> Double?) {
        for word in presence.indices {
            var bits = presence[word]
            while bits != 0 {
                let bit = bits & (~bits &+ 1)
                let step = word << 6 + bits.trailingZeroBitCount
                bits &= bits - 1
                if let value = change(step, values[step]) {
                    values[step] = value
                } else {
                    presence[word] &= ~bit
                }
            }
        }
    }
}

/// What identifies a series on its way through the operators.
struct SeriesHeader {
    var labels: Labels
    /// With delayed name removal: the metric name goes at the end of the query.
    var dropsName = false
}

/// Series with their columns, kept.
struct VectorColumns {
    let count: Int
    var headers: [SeriesHeader] = []
    var columns: [Column] = []

    init(count: Int) {
        self.count = count
    }

    mutating func append(_ header: SeriesHeader, _ column: Column) {
        headers.append(header)
        columns.append(column)
    }
}
