// SPDX-License-Identifier: Apache-2.0
//
// The model of one column that changes (docs/formats/log.md, "Value"): four predictions, of which the one that has
// cost least lately is used, a step that all changes have been multiples of, and contexts for what is then coded.
// Only integers, so that every machine computes the same. Arithmetic wraps: damaged bytes may say anything.

/// What is known of a column that has changed since the last key row.
struct RowColumn: Sendable {
    /// The last value as an integer of the map.
    private(set) var integer: Int64
    /// The last change.
    private(set) var change: Int64 = 0
    /// Running mean of the integers, times 256; for ordered bits unused.
    private var mean: Int64
    /// The last value the map did not take.
    var exception: UInt64 = 0
    /// Running cost of the predictions, in 1/256 bit.
    private var cost0: Int32 = 0
    private var cost1: Int32 = 0
    private var cost2: Int32 = 0
    private var cost3: Int32 = 0
    /// Running mean of the changes, times 256.
    private var meanChange: Int64 = 0
    /// Running mean of bit lengths, in sixteenths.
    private var length: UInt16 = 0
    private(set) var map: RowMap
    /// The values coded, up to 255.
    private(set) var age: UInt8 = 0
    /// Whether the last two values were other than predicted.
    var history: UInt8 = 0
    /// Trailing zero bits of all changes so far; 64 before the first.
    private(set) var step: UInt8 = 64
    /// The bit length in the middle of the classes.
    private(set) var middle: UInt8 = RowColumn.classCenter
    /// Writer only: values the map did not take; under ordered bits values in a row that `home` takes.
    var misses: UInt8 = 0
    /// Writer only: the map to go back to from ordered bits.
    var home = RowMap(kind: 0, exponent: 0)

    init(integer: Int64, map: RowMap) {
        self.integer = integer
        self.map = map
        mean = integer &<< 8
    }

    /// From this age on a column has contexts of its own; before, the young columns of a window learn together.
    static let youngAge: UInt8 = 6
    /// How often a context counts as used when a column takes it over.
    static let inheritedCount: UInt16 = 2
    static let classCenter: UInt8 = 7
    /// The class of a value that has none.
    static let escapeClass = 15

    /// Places of the contexts of a column.
    enum Context {
        /// By history.
        static let changed = 0
        static let step = 4
        /// By prediction.
        static let sign = 5
        /// A tree of four bits.
        static let classTree = 9
        /// Three for each class.
        static let mantissa = classTree + 16
        static let count = mantissa + 48
    }

    /// The prediction in use: 0 last value, 1 last value and change, 2 mean (of ordered bits: none), 3 last value and mean
    /// change.
    @inline(__always) var choice: Int {
        if age < 4 { return 0 }
        var best = cost0
        var choice = 0
        if cost1 < best - 64 { (best, choice) = (cost1, 1) }
        if cost3 < best { (best, choice) = (cost3, 3) }
        if cost2 < best + 24 { choice = 2 }
        return choice
    }

    /// How slowly the fine contexts learn.
    @inline(__always) var shift: UInt16 { age < 24 ? 3 : age < 48 ? 4 : 5 }

    /// Whether changes are taken to be multiples of the step.
    @inline(__always) var isStepped: Bool { age > 8 && step &- 1 < 63 }

    @inline(__always) var meanPrediction: Int64 {
        let prediction = mean >> 8
        guard isStepped else { return prediction }
        return integer &+ ((prediction &- integer) >> Int64(step)) << Int64(step)
    }

    @inline(__always) var driftPrediction: Int64 {
        let drift = (meanChange &+ 128) >> 8
        guard isStepped else { return integer &+ drift }
        return integer &+ (drift >> Int64(step)) << Int64(step)
    }

    /// Learns from a value that was coded with these predictions.
    @inline(__always)
    mutating func learn(_ next: Int64, _ p0: Int64, _ p1: Int64, _ p2: Int64, _ p3: Int64) {
        let difference = next &- p0
        change = difference
        cost0 += (RowColumn.cost(difference) - cost0) >> 4
        cost1 += (RowColumn.cost(next &- p1) - cost1) >> 4
        if map.isBits {
            cost3 = .max / 2
            cost2 = (51 - Int32(min(step, 50))) << 8
        } else {
            cost3 += (RowColumn.cost(next &- p3) - cost3) >> 4
            meanChange = age == 0 ? difference &<< 8 : meanChange &+ ((difference &<< 8) &- meanChange) >> 3
            cost2 += (RowColumn.cost(next &- p2) - cost2) >> 4
            mean = mean &+ ((next &<< 8) &- mean) >> 3
        }
        if difference != 0 { step = min(step, UInt8(truncatingIfNeeded: difference.trailingZeroBitCount)) }
        integer = next
        age = age < 255 ? age + 1 : 255
    }

    /// Bits that coding a difference takes, roughly, in 1/256 bit.
    ///
    /// Its length and the bits below the first as a fraction.
    @inline(__always)
    private static func cost(_ difference: Int64) -> Int32 {
        let zeros = difference.magnitude.leadingZeroBitCount
        let fraction = (difference.magnitude << UInt64(zeros)) >> 55 & 255
        return Int32(truncatingIfNeeded: (64 - zeros) << 8) + Int32(truncatingIfNeeded: fraction)
    }

    /// Moves the classes when bit lengths have.
    @inline(__always)
    mutating func learn(length next: Int) {
        let sixteenths = UInt16(truncatingIfNeeded: next << 4)
        if length == 0 {
            length = sixteenths
        } else {
            length = UInt16(truncatingIfNeeded: (Int(length) * 7 + Int(sixteenths)) >> 3)
        }
        let mean = Int(length >> 4)
        let distance = mean - Int(middle)
        if distance > 4 || distance < -4 {
            middle = UInt8(truncatingIfNeeded: max(Int(RowColumn.classCenter), mean))
        }
    }

    /// Begins again in another map.
    mutating func restart(integer: Int64, map: RowMap) {
        var next = RowColumn(integer: integer, map: map)
        next.exception = exception
        next.history = history
        next.misses = misses
        next.home = home
        self = next
    }
}
