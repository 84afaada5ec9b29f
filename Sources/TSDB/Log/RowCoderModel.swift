// SPDX-License-Identifier: Apache-2.0
//
// The model of a row's values (docs/formats/log.md, "Value"), written once for both directions.

/// Contexts that the columns of a window share.
enum RowShared {
    /// Fine: every column is in the state it had in the row before.
    static let sameRow = 0
    static let moreColumns = 1
    /// Fine: 64 columns are in the states they had.
    static let sameWord = 2
    /// By the state before.
    static let present = 3
    static let stale = 6
    /// Fine: none of 64 columns that never changed does.
    static let steadyWord = 9
    static let steady = 10
    static let fits = 11
    static let remap = 12
    static let repeatedException = 13
    static let sameMap = 14
    static let sign = 15
    /// A time too far from the one before to be a change of a column.
    static let jump = 16
    /// A tree of seven bits.
    static let lengthTree = 17
    /// The contexts of a column, for columns that are young.
    static let young = lengthTree + 128
    static let count = young + RowColumn.Context.count

    static let fine = [sameRow, sameWord, steadyWord, young, young + 1, young + 2, young + 3]
}

/// A row's values on their way through the range coder.
///
struct RowModel<Bits: RowBits> {
    var coder: Bits
    let shared: RowContexts
    /// The map of the value coded whole before.
    private var lastMap = RowMap(kind: 0, exponent: 0)
    private var lastWhole: UInt64 = 0

    init(_ coder: Bits, shared: RowContexts) {
        self.coder = coder
        self.shared = shared
    }

    // MARK: - Whole values

    /// Codes a value that builds on nothing, and the map it is coded in.
    mutating func codeWhole(_ bits: UInt64, _ map: RowMap) -> (bits: UInt64, integer: Int64, map: RowMap) {
        var map = map
        if coder.code(map == lastMap, shared, RowShared.sameMap) {
            map = lastMap
        } else {
            map = RowMap(code: UInt8(truncatingIfNeeded: coder.codeRaw(UInt64(map.code), count: 8)))
        }
        lastMap = map
        var integer = Bits.isReader ? 0 : map.integer(bits) ?? 0
        var magnitude = integer.magnitude
        let length = codeTree(UInt32(64 - magnitude.leadingZeroBitCount), RowShared.lengthTree, 7)
        let count = min(length, 64)
        if count > 0 {
            let isNegative = coder.code(integer < 0, shared, RowShared.sign)
            let top: UInt64 = 1 << UInt64(count - 1)
            magnitude = coder.codeRaw(magnitude, count: count - 1) & (top - 1) | top
            integer = Int64(bitPattern: isNegative ? 0 &- magnitude : magnitude)
        }
        return (Bits.isReader ? map.value(integer) : bits, integer, map)
    }

    private mutating func codeTree(_ value: UInt32, _ base: Int, _ depth: Int) -> Int {
        var node = 1
        for bit in (0..<depth).reversed() {
            let one = coder.code(value >> UInt32(bit) & 1 == 1, shared, base + node)
            node = node << 1 | (one ? 1 : 0)
        }
        return node - (1 << depth)
    }

    // MARK: - Changing values

    /// Codes a column's next value and learns from it.
    @inline(__always)
    mutating func code(
        _ bits: UInt64,
        _ column: inout RowColumn,
        _ own: RowContexts,
        isKnownToChange: Bool
    ) -> UInt64 {
        var contexts = own
        if column.age <= RowColumn.youngAge {
            if column.age == RowColumn.youngAge {
                inherit(own)
            } else {
                contexts = shared.from(RowShared.young)
            }
        }
        let map = column.map
        let found = Bits.isReader ? 0 : map.isBits && column.wantsHome(bits) ? nil : map.integer(bits)
        let wanted = found ?? 0
        let fits = found != nil
        let choice = column.choice
        if choice == 2, map.isBits {
            return codeDirect(bits, fits, &column, contexts)
        }
        let p0 = column.integer
        let p1 = p0 &+ column.change
        let p2 = column.meanPrediction
        let p3 = column.driftPrediction
        let prediction = choice == 0 ? p0 : choice == 1 ? p1 : choice == 2 ? p2 : p3
        let residual = wanted &- prediction
        var isChanged = isKnownToChange || !fits || residual != 0
        if !isKnownToChange {
            isChanged = coder.codeFine(
                isChanged,
                contexts,
                RowColumn.Context.changed + Int(column.history),
                shift: column.shift
            )
        }
        column.history = (column.history << 1 | (isChanged ? 1 : 0)) & 3
        guard isChanged else {
            column.learn(prediction, p0, p1, p2, p3)
            return Bits.isReader ? map.value(prediction) : bits
        }
        var magnitude = residual.magnitude
        var shift: UInt64 = 0
        if column.isStepped {
            let isOff = coder.code(
                fits && magnitude.trailingZeroBitCount < Int(column.step),
                contexts,
                RowColumn.Context.step
            )
            if !isOff { shift = UInt64(column.step) }
            magnitude >>= shift
        }
        let middle = Int(column.middle) - Int(RowColumn.classCenter)
        var length = 63 - (magnitude | 1).leadingZeroBitCount
        var kind = length - middle
        if !fits || kind < 0 || kind >= RowColumn.escapeClass { kind = RowColumn.escapeClass }
        kind = codeClass(kind, contexts.from(RowColumn.Context.classTree))
        if kind == RowColumn.escapeClass {
            guard coder.code(fits, shared, RowShared.fits) else {
                return codeEscape(bits, &column)
            }
            length = Int(coder.codeRaw(UInt64(length), count: 6)) & 63
        } else {
            length = min(kind + middle, 63)
        }
        let isNegative = coder.code(residual < 0, contexts, RowColumn.Context.sign + choice)
        var rest = length
        var value: UInt64 = 1
        if rest > 0 {
            rest -= 1
            let tree = contexts.from(RowColumn.Context.mantissa + kind * 3)
            let first = coder.code(magnitude >> UInt64(rest) & 1 == 1, tree, 0)
            value = 2 | (first ? 1 : 0)
            if rest > 0 {
                rest -= 1
                let second = coder.code(
                    magnitude >> UInt64(rest) & 1 == 1,
                    tree,
                    first ? 2 : 1
                )
                value = value << 1 | (second ? 1 : 0)
            }
        }
        if rest > 0 {
            let low = coder.codeRaw(magnitude, count: rest)
            value = value << UInt64(rest) | low & ((1 << UInt64(rest)) &- 1)
        }
        column.learn(length: length)
        let change = Int64(bitPattern: value << shift)
        let integer = prediction &+ (isNegative ? 0 &- change : change)
        column.learn(integer, p0, p1, p2, p3)
        return Bits.isReader ? map.value(integer) : bits
    }

    /// Gives a column what young columns have learned together.
    @inline(never)
    private func inherit(_ own: RowContexts) {
        let young = shared.from(RowShared.young)
        for place in 0..<4 { own[place] = young[place] }
        for place in 4..<RowColumn.Context.count {
            own[place] = young[place] & 0xfff0 | min(young[place] & 15, RowColumn.inheritedCount)
        }
    }

    @inline(__always)
    mutating func codeClass(_ kind: Int, _ tree: RowContexts) -> Int {
        var node = 1
        node = node << 1 | (coder.code(kind & 8 != 0, tree, node) ? 1 : 0)
        node = node << 1 | (coder.code(kind & 4 != 0, tree, node) ? 1 : 0)
        node = node << 1 | (coder.code(kind & 2 != 0, tree, node) ? 1 : 0)
        node = node << 1 | (coder.code(kind & 1 != 0, tree, node) ? 1 : 0)
        return node & 15
    }
}
