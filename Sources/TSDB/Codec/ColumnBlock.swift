// SPDX-License-Identifier: Apache-2.0
//
// One series' rows of one window or chunk: which rows it was absent from or ended in (the stale marker), then
// the remaining values by a block codec. Markers are states, not values, so that they do not spoil a coding.

internal import Bytes
internal import Samples

/// What a series has in a row.
enum CellState {
    static let absent: UInt8 = 0
    static let value: UInt8 = 1
    static let stale: UInt8 = 2
}

/// A decoded column: one state a row, one value for each row in state `value`.
struct ColumnCells: Sendable {
    var states: [UInt8] = []
    var values: [Double] = []

    mutating func removeAll() {
        states.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
    }

    @inline(__always)
    mutating func append(bits: UInt64) {
        if bits == StaleMarker.bits {
            states.append(CellState.stale)
        } else {
            states.append(CellState.value)
            values.append(Double(bitPattern: bits))
        }
    }

    /// Appends rows of one value.
    mutating func append(bits: UInt64, rows: Int) {
        let isStale = bits == StaleMarker.bits
        let state = isStale ? CellState.stale : CellState.value
        states.append(contentsOf: repeatElement(state, count: rows))
        if !isStale { values.append(contentsOf: repeatElement(Double(bitPattern: bits), count: rows)) }
    }

    mutating func appendAbsent(_ count: Int = 1) {
        states.append(contentsOf: repeatElement(CellState.absent, count: count))
    }
}

/// The bytes of a column.
enum ColumnBlock {
    private enum Form {
        static let plain: UInt8 = 0
        static let states: UInt8 = 1
    }

    /// Appends the block of a column and returns its codec's identifier; the reader must know the number of rows.
    @discardableResult
    static func append(_ cells: ColumnCells, effort: CodingEffort, to out: inout [UInt8]) -> UInt8 {
        var encoder = BlockEncoder()
        return append(cells, effort: effort, using: &encoder, to: &out)
    }

    /// The same with the buffers of an encoder that codes more than one block.
    @discardableResult
    static func append(
        _ cells: ColumnCells,
        effort: CodingEffort,
        using encoder: inout BlockEncoder,
        to out: inout [UInt8]
    ) -> UInt8 {
        let isPlain = cells.values.count == cells.states.count
        let form = out.count
        out.append(isPlain ? Form.plain : Form.states)
        if !isPlain { appendStates(cells.states, to: &out) }
        guard !cells.values.isEmpty else { return ConstantCodec.identifier }
        let codec = out.count
        encoder.append(cells.values.span, effort: effort, to: &out)
        guard EW2.isCodecByte(out[codec]) else { return out[codec] }
        // No form has EW2's low bits, so its codec byte says "every row has a value" by itself.
        if isPlain { out.remove(at: form) }
        return EW2.identifier
    }

    /// Reads a block of `rows` rows behind what the cells already hold.
    static func read(
        _ reader: inout ByteReader,
        rows: Int,
        into cells: inout ColumnCells
    ) throws(CorruptionError) {
        var decoder = BlockDecoder()
        try read(&reader, rows: rows, using: &decoder, into: &cells)
    }

    /// The same with the buffers of a decoder that reads more than one block.
    static func read(
        _ reader: inout ByteReader,
        rows: Int,
        using decoder: inout BlockDecoder,
        into cells: inout ColumnCells
    ) throws(CorruptionError) {
        let place = reader.offset
        var count = rows
        var ahead = reader
        let form = try ahead.byte()
        switch form {
        case Form.states:
            reader = ahead
            count = try readStates(&reader, rows: rows, into: &cells.states)
        case Form.plain:
            reader = ahead
            cells.states.append(contentsOf: repeatElement(CellState.value, count: rows))
        case _ where EW2.isCodecByte(form):
            cells.states.append(contentsOf: repeatElement(CellState.value, count: rows))
        default: throw CorruptionError("a form of column block", at: place)
        }
        guard count > 0 else { return }
        let start = cells.values.count
        cells.values.append(contentsOf: repeatElement(0, count: count))
        var all = cells.values.mutableSpan
        var added = all._mutatingExtracting(start..<(start + count))
        try decoder.read(&reader, into: &added)
    }

    /// Runs of equal state: varint (length × 4 + state), until every row is covered; or, when that is more than eight
    /// bytes longer and nothing is stale, a zero and a bit a row.
    static func appendStates(_ states: [UInt8], to out: inout [UInt8]) {
        let place = out.count
        var start = 0
        while start < states.count {
            var end = start + 1
            while end < states.count, states[end] == states[start] { end += 1 }
            out.append(varint: UInt64(end - start) << 2 | UInt64(states[start]))
            start = end
        }
        let bitmap = (states.count + 7) / 8
        guard out.count - place > bitmap + 8, !states.contains(CellState.stale) else { return }
        out.removeLast(out.count - place)
        out.append(0)
        for first in stride(from: 0, to: states.count, by: 8) {
            var byte: UInt8 = 0
            for row in first..<min(first + 8, states.count) { byte |= states[row] << UInt8(row & 7) }
            out.append(byte)
        }
    }

    static func readStates(
        _ reader: inout ByteReader,
        rows: Int,
        into states: inout [UInt8]
    ) throws(CorruptionError) -> Int {
        var left = rows
        var values = 0
        while left > 0 {
            let place = reader.offset
            let run = try reader.varint()
            if run == 0, left == rows { return try readBitmap(&reader, rows: rows, into: &states) }
            let state = UInt8(run & 3)
            guard state <= CellState.stale, run >> 2 >= 1, run >> 2 <= UInt64(left) else {
                throw CorruptionError("a run of states within \(left) rows", at: place)
            }
            let length = Int(run >> 2)
            states.append(contentsOf: repeatElement(state, count: length))
            if state == CellState.value { values += length }
            left -= length
        }
        return values
    }

    private static func readBitmap(
        _ reader: inout ByteReader,
        rows: Int,
        into states: inout [UInt8]
    ) throws(CorruptionError) -> Int {
        let bytes = try reader.take((rows + 7) / 8)
        var values = 0
        for row in 0..<rows {
            let state = bytes[bytes.startIndex + row >> 3] >> UInt8(row & 7) & 1
            states.append(state)
            values += Int(state)
        }
        return values
    }
}
