// SPDX-License-Identifier: Apache-2.0
//
// What the model of a column does not foresee: values its map does not take, other maps, and doubles that jump about
// (docs/formats/log.md, "Escape" and "Direct").

extension RowModel {
    /// Codes a value that the column's map does not take: alone, or with another map from here on.
    @inline(never)
    mutating func codeEscape(_ bits: UInt64, _ column: inout RowColumn) -> UInt64 {
        let next = Bits.isReader ? nil : column.mapAfterMiss(bits)
        if coder.code(next != nil, shared, RowShared.remap) {
            let whole = codeWhole(bits, next ?? .bits)
            column.restart(integer: whole.integer, map: whole.map)
            return whole.bits
        }
        if !coder.code(bits == column.exception, shared, RowShared.repeatedException) {
            column.exception = coder.codeRaw(bits, count: 64)
        }
        return column.exception
    }

    /// Codes a double by sign, exponent and mantissa: neither the last one nor its change tell of it.
    @inline(never)
    mutating func codeDirect(
        _ bits: UInt64,
        _ fits: Bool,
        _ column: inout RowColumn,
        _ contexts: RowContexts
    ) -> UInt64 {
        let last = column.integer
        let lastBits = column.map.value(last)
        let isChanged = coder.codeFine(
            bits != lastBits || !fits,
            contexts,
            RowColumn.Context.changed + Int(column.history),
            shift: column.shift
        )
        column.history = (column.history << 1 | (isChanged ? 1 : 0)) & 3
        guard isChanged else {
            column.learn(last, last, last &+ column.change, last, last)
            return lastBits
        }
        var zeros = 0
        if column.isStepped {
            let step = min(Int(column.step), 50)
            let isOff = coder.code(
                fits && bits.trailingZeroBitCount < step,
                contexts,
                RowColumn.Context.step
            )
            if !isOff { zeros = step }
        }
        let exponent = Int(bits >> 52 & 0x7ff)
        let middle = Int(column.middle) - Int(RowColumn.classCenter)
        // As long as the difference to its predecessor would be if the double is near one.
        var length = exponent - RowColumn.directBias
        var kind = length - middle
        if !fits || kind < 0 || kind >= RowColumn.escapeClass { kind = RowColumn.escapeClass }
        kind = codeClass(kind, contexts.from(RowColumn.Context.classTree))
        if kind == RowColumn.escapeClass {
            guard coder.code(fits, shared, RowShared.fits) else { return codeEscape(bits, &column) }
            length = Int(coder.codeRaw(UInt64(exponent), count: 11)) - RowColumn.directBias
        } else {
            length = kind + middle
        }
        let isNegative = coder.code(bits >> 63 == 1, contexts, RowColumn.Context.sign + 2)
        let tree = contexts.from(RowColumn.Context.mantissa + kind * 3)
        let first = coder.code(bits >> 51 & 1 == 1, tree, 0)
        let second = coder.code(bits >> 50 & 1 == 1, tree, first ? 2 : 1)
        let low = coder.codeRaw(bits >> UInt64(zeros), count: 50 - zeros)
        // The number of bits says it all when writing; reading, the exponent of damaged bytes is cut to its field.
        let mantissa =
            (first ? 1 << 51 : 0) | (second ? 1 << 50 : 0)
            | (low & ((1 << UInt64(50 - zeros)) - 1)) << UInt64(zeros)
        let field = UInt64(truncatingIfNeeded: length + RowColumn.directBias) & 0x7ff
        let result = (isNegative ? 1 << 63 : 0) | field << 52 | mantissa
        let integer = column.map.integer(result) ?? 0
        column.learn(length: max(0, min(length, 62)))
        column.learn(integer, last, last &+ column.change, last, last)
        return result
    }
}

extension RowColumn {
    static let directBias = 1023 - 50

    /// Writer: the map for a value that the column's does not take; nil to keep it and write the value alone.
    mutating func mapAfterMiss(_ bits: UInt64) -> RowMap? {
        if map.isBits {
            misses = 0
            return home
        }
        misses = min(misses + 1, 8)
        let value = Double(bitPattern: bits)
        // Not a number, infinite or a negative zero: nothing to build on.
        guard value.isFinite, bits != 1 << 63 else { return nil }
        guard let found = RowMap.find(bits, from: map.exponent), misses < 8 else {
            guard misses > 2 else { return nil }
            home = map
            misses = 0
            return .bits
        }
        return found
    }

    /// Writer: whether a column of ordered bits should go home.
    mutating func wantsHome(_ bits: UInt64) -> Bool {
        guard home.integer(bits) != nil else {
            misses = 0
            if age & 7 == 7, age < 255, let found = RowMap.find(bits) { home = found }
            return false
        }
        misses = min(misses + 1, 8)
        return misses == 8
    }
}
