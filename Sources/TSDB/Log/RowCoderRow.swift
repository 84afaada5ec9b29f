// SPDX-License-Identifier: Apache-2.0
//
// The parts of a row in their order: time, states, values by 64 columns (docs/formats/log.md, "Row"). Each part is
// one function for both directions; the writer's inputs are ignored when reading.

internal import Samples

extension RowCoder {
    /// Codes the time as the difference to the row before, which is a column like others.
    mutating func codeTime<Bits: RowBits>(_ timestamp: Int64, _ model: inout RowModel<Bits>) -> Int64 {
        if rowsSinceKey == 1 {
            previousTime = Int64(bitPattern: model.coder.codeRaw(UInt64(bitPattern: timestamp), count: 64))
            return previousTime
        }
        let difference = timestamp &- previousTime
        if model.coder.code(difference.magnitude >= RowCoder.jump, model.shared, RowShared.jump) {
            let raw = model.coder.codeRaw(UInt64(bitPattern: difference), count: 64)
            previousTime = previousTime &+ Int64(bitPattern: raw)
            return previousTime
        }
        _ = code(0, Double(difference).bitPattern, &model, isKnownToChange: false)
        // The column's map has the difference itself for its integer.
        previousTime = previousTime &+ columns[0].integer
        return previousTime
    }

    /// Differences of times are coded as doubles up to here: 35 000 years.
    private static let jump: UInt64 = 1 << 50

    /// Codes which columns are there and which are stale; false when the bytes are damaged.
    mutating func codeStates<Bits: RowBits>(
        _ row: borrowing RowScratch,
        _ model: inout RowModel<Bits>
    ) -> Bool {
        let before = count
        if !Bits.isReader { take(row) }
        let shared = model.shared
        var isSame = before == count
        if !Bits.isReader, isSame {
            for word in words.indices where !isUnchanged(word) { isSame = false }
        }
        isSame = model.coder.codeFine(!isSame, shared, RowShared.sameRow, shift: 5) == false
        guard !isSame else {
            return true
        }
        if model.coder.code(count > before, shared, RowShared.moreColumns) {
            let added = Int(model.coder.codeRaw(UInt64(count - before), count: 20))
            if Bits.isReader {
                guard before + added <= RowCoder.columnLimit else { return false }
                grow(to: before + added)
            }
        }
        for word in words.indices {
            let isOther = model.coder.codeFine(
                Bits.isReader || !isUnchanged(word),
                shared,
                RowShared.sameWord,
                shift: 5
            )
            if isOther { codeStates(word, &model) }
            if model.coder.isExhausted { return false }
        }
        return true
    }

    private mutating func codeStates<Bits: RowBits>(_ place: Int, _ model: inout RowModel<Bits>) {
        var word = words[place]
        let shared = model.shared
        for bit in 0..<min(64, count - place * 64) {
            let mask: UInt64 = 1 << UInt64(bit)
            let before = word.present & mask == 0 ? 0 : word.stale & mask == 0 ? 1 : 2
            let isPresent = model.coder.code(
                word.nextPresent & mask != 0,
                shared,
                RowShared.present + before
            )
            var isStale = false
            if isPresent {
                isStale = model.coder.code(
                    word.nextStale & mask != 0,
                    shared,
                    RowShared.stale + before
                )
            }
            word.present = isPresent ? word.present | mask : word.present & ~mask
            word.stale = isStale ? word.stale | mask : word.stale & ~mask
        }
        words[place] = word
    }

    private func isUnchanged(_ place: Int) -> Bool {
        let word = words[place]
        let mask = self.mask(place)
        return (word.present ^ word.nextPresent) & mask == 0 && (word.stale ^ word.nextStale) & mask == 0
    }

    /// The columns there are in a word.
    func mask(_ place: Int) -> UInt64 {
        let rest = count - place * 64
        return rest >= 64 ? .max : (1 << UInt64(rest)) &- 1
    }

    /// Codes the values of 64 columns.
    mutating func codeWord<Bits: RowBits>(
        _ place: Int,
        _ values: UnsafeBufferPointer<UInt64>,
        _ model: inout RowModel<Bits>
    ) {
        let word = words[place]
        let here = word.present & ~word.stale & mask(place)
        let varying = here & word.varies
        if here & ~word.known != 0 { unsafe codeFirst(place, here & ~word.known, values, &model) }
        let steady = here & word.known & ~word.varies
        if steady != 0 { unsafe codeSteady(place, steady, values, &model) }
        guard varying != 0 else { return }
        let first = place << 6
        unsafe columns.withUnsafeMutableBufferPointer { columns in
            unsafe contexts.withUnsafeMutableBufferPointer { contexts in
                unsafe last.withUnsafeMutableBufferPointer { last in
                    var rest = varying
                    while rest != 0 {
                        let column = first | rest.trailingZeroBitCount
                        rest &= rest &- 1
                        let state = Int(places[column])
                        let size = RowColumn.Context.count
                        guard let own = unsafe RowContexts(contexts, at: state &* size, count: size) else {
                            continue
                        }
                        unsafe last[column] = unsafe model.code(
                            Bits.isReader ? 0 : values[column],
                            &columns[state],
                            own,
                            isKnownToChange: false
                        )
                    }
                }
            }
        }
    }

    private mutating func codeFirst<Bits: RowBits>(
        _ place: Int,
        _ mask: UInt64,
        _ values: UnsafeBufferPointer<UInt64>,
        _ model: inout RowModel<Bits>
    ) {
        var rest = mask
        while rest != 0 {
            let column = place << 6 | rest.trailingZeroBitCount
            rest &= rest &- 1
            let bits = Bits.isReader ? 0 : unsafe values[column]
            if !Bits.isReader, maps[column].integer(bits) == nil { maps[column] = RowMap.find(bits) ?? .bits }
            let whole = model.codeWhole(bits, maps[column])
            maps[column] = whole.map
            last[column] = whole.bits
        }
        words[place].known |= mask
    }

    private mutating func codeSteady<Bits: RowBits>(
        _ place: Int,
        _ mask: UInt64,
        _ values: UnsafeBufferPointer<UInt64>,
        _ model: inout RowModel<Bits>
    ) {
        var changed: UInt64 = 0
        if !Bits.isReader {
            var rest = mask
            while rest != 0 {
                let bit = rest.trailingZeroBitCount
                rest &= rest &- 1
                if unsafe values[place << 6 | bit] != last[place << 6 | bit] { changed |= 1 << UInt64(bit) }
            }
        }
        let shared = model.shared
        guard model.coder.codeFine(changed != 0, shared, RowShared.steadyWord, shift: 5) else { return }
        var rest = mask
        while rest != 0 {
            let bit = rest.trailingZeroBitCount
            rest &= rest &- 1
            guard model.coder.code(changed >> UInt64(bit) & 1 == 1, shared, RowShared.steady) else {
                continue
            }
            let column = place << 6 | bit
            let map = maps[column]
            var state = RowColumn(integer: map.integer(last[column]) ?? 0, map: map)
            if map.isBits { state.home = RowMap(kind: 0, exponent: 0) }
            let index = addColumn(state)
            places[column] = index
            words[place].varies |= 1 << UInt64(bit)
            let bits = Bits.isReader ? 0 : unsafe values[column]
            last[column] = code(Int(index), bits, &model, isKnownToChange: true)
        }
    }

    /// Codes a value of one of `columns`.
    private mutating func code<Bits: RowBits>(
        _ index: Int,
        _ bits: UInt64,
        _ model: inout RowModel<Bits>,
        isKnownToChange: Bool
    ) -> UInt64 {
        unsafe columns.withUnsafeMutableBufferPointer { columns in
            unsafe contexts.withUnsafeMutableBufferPointer { contexts in
                let size = RowColumn.Context.count
                guard let own = unsafe RowContexts(contexts, at: index * size, count: size) else { return 0 }
                return unsafe model.code(
                    bits,
                    &columns[index],
                    own,
                    isKnownToChange: isKnownToChange
                )
            }
        }
    }

    private mutating func take(_ row: borrowing RowScratch) {
        grow(to: max(count, row.columns))
        for place in words.indices {
            let present = place < row.present.count ? row.present[place] : 0
            var stale: UInt64 = 0
            for bit in 0..<min(64, count - place * 64) where row.bits[place << 6 | bit] == StaleMarker.bits {
                stale |= 1 << UInt64(bit)
            }
            words[place].nextPresent = present
            words[place].nextStale = stale & present
        }
    }

    /// Makes room for columns.
    private mutating func grow(to count: Int) {
        let added = count - self.count
        guard added > 0 else { return }
        self.count = count
        last.append(contentsOf: repeatElement(0, count: added))
        places.append(contentsOf: repeatElement(0, count: added))
        while maps.count < count { maps.append(RowMap(kind: 0, exponent: 0)) }
        while words.count * 64 < count { words.append(Word()) }
    }
}
