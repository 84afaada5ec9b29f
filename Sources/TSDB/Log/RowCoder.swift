// SPDX-License-Identifier: Apache-2.0
//
// Codes the rows of one window against each other, for the log (docs/formats/log.md, "row"). The same state machine
// runs in the writer and in recovery; a key row resets it, so that reading can begin there.
//
// Per column: the last bits, and the integer behind them when they are a decimal at the column's exponent.

internal import Bytes
internal import Samples

/// The state that turns a row into bytes and back.
struct RowCoder: Sendable {
    private struct Column {
        var bits: UInt64 = 0
        var mantissa: Int64 = 0
        var exponent: UInt8 = 0
        var isDecimal = true
        /// Not a decimal at any exponent lately; searching again waits for the next key row.
        var isHard = false
    }

    private enum Token {
        /// Low bits of a token that is not a mantissa difference.
        static let xor: UInt64 = 0b001
        static let decimal: UInt64 = 0b011
        static let stale: UInt64 = 0b101
    }

    private var columns: [Column] = []
    /// Rows since the last key row; a window begins with one.
    private(set) var rowsSinceKey = Int.max
    private(set) var previousTime: Int64 = 0
    private var previousDelta: Int64 = 0

    /// Makes the next row a key row.
    mutating func requireKey() {
        rowsSinceKey = .max
    }

    /// Rows from one key row to the next: what damage in the middle of the log may cost.
    static let keyInterval = 64

    var needsKey: Bool { rowsSinceKey >= RowCoder.keyInterval }

    /// Appends flags, time, presence and values of a row.
    mutating func append(_ row: borrowing RowScratch, timestamp: Int64, to out: inout [UInt8]) {
        let isKey = needsKey
        let isFull = row.count == row.columns
        out.append((isKey ? RowFlag.key : 0) | (isFull ? 0 : RowFlag.presence))
        out.append(varint: UInt64(row.columns))
        beginRow(isKey: isKey, columns: row.columns)
        let delta = timestamp &- previousTime
        out.append(zigzag: isKey ? timestamp : delta &- previousDelta)
        endTime(timestamp, delta: isKey ? 0 : delta)
        if !isFull { RowCoder.appendWords(row.present, bits: row.columns, to: &out) }
        let changedStart = out.count
        if !isKey { out.append(contentsOf: repeatElement(0, count: (row.columns + 7) / 8)) }
        for word in row.present.indices {
            var rest = row.present[word]
            while rest != 0 {
                let column = word << 6 | rest.trailingZeroBitCount
                rest &= rest &- 1
                let bits = row.bits[column]
                if !isKey {
                    guard bits != columns[column].bits else { continue }
                    out[changedStart + column >> 3] |= 1 << UInt8(column & 7)
                }
                append(bits, column, to: &out)
            }
        }
    }

    /// Reads a row written by `append` into the scratch; returns its time.
    mutating func read(
        _ reader: inout ByteReader,
        flags: UInt8,
        into row: inout RowScratch
    ) throws(CorruptionError) -> Int64 {
        let isKey = flags & RowFlag.key != 0
        let count = try reader.count(limit: RowCoder.columnLimit)
        guard isKey || count >= columns.count else {
            throw CorruptionError("at least \(columns.count) columns", at: reader.offset)
        }
        beginRow(isKey: isKey, columns: count)
        let time = try reader.zigzag()
        let delta = isKey ? 0 : time &+ previousDelta
        let timestamp = isKey ? time : previousTime &+ delta
        endTime(timestamp, delta: delta)
        row.begin(columns: count)
        let present = try RowCoder.bitmap(&reader, bits: count, when: flags & RowFlag.presence != 0)
        let changed = try RowCoder.bitmap(&reader, bits: count, when: !isKey)
        for column in 0..<count {
            if let present, present[present.startIndex + column >> 3] >> UInt8(column & 7) & 1 == 0 {
                continue
            }
            if let changed, changed[changed.startIndex + column >> 3] >> UInt8(column & 7) & 1 == 0 {
                row.set(column, columns[column].bits)
            } else {
                row.set(column, try readValue(&reader, column))
            }
        }
        return timestamp
    }

    /// More series than one group may have; a limit for readers of damaged input.
    static let columnLimit = 1 << 20

    // MARK: - Parts

    private mutating func beginRow(isKey: Bool, columns count: Int) {
        if isKey {
            columns.removeAll(keepingCapacity: true)
            rowsSinceKey = 0
        }
        rowsSinceKey += 1
        while columns.count < count { columns.append(Column()) }
    }

    private mutating func endTime(_ timestamp: Int64, delta: Int64) {
        previousTime = timestamp
        previousDelta = delta
    }

    /// One value as a token: varint with bit 0 clear is twice the zigzag mantissa difference.
    @inline(__always)
    private mutating func append(_ bits: UInt64, _ column: Int, to out: inout [UInt8]) {
        let state = columns[column]
        let value = Double(bitPattern: bits)
        if state.isDecimal, let mantissa = Decimal.mantissa(value, exponent: Int(state.exponent)) {
            // Mantissas are below 2^53, so difference, zigzag and the token bit fit in 64 bits.
            let difference = mantissa - state.mantissa
            out.append(varint: UInt64(bitPattern: (difference << 1) ^ (difference >> 63)) << 1)
            columns[column].bits = bits
            columns[column].mantissa = mantissa
            return
        }
        appendOther(bits, value, column, to: &out)
    }

    private mutating func appendOther(
        _ bits: UInt64,
        _ value: Double,
        _ column: Int,
        to out: inout [UInt8]
    ) {
        if bits == StaleMarker.bits {
            // The column keeps its state: a series that comes back mostly comes back near where it was.
            out.append(varint: Token.stale)
            return
        }
        if !columns[column].isHard {
            let start = columns[column].isDecimal ? Int(columns[column].exponent) + 1 : 0
            if let exponent = Decimal.exponent(value, from: start),
                let mantissa = Decimal.mantissa(value, exponent: exponent)
            {
                out.append(varint: UInt64(exponent) << 3 | Token.decimal)
                out.append(zigzag: mantissa)
                columns[column].bits = bits
                columns[column].mantissa = mantissa
                columns[column].exponent = UInt8(exponent)
                columns[column].isDecimal = true
                return
            }
            columns[column].isHard = true
        }
        out.append(varint: Token.xor)
        XORBytes.append(bits ^ columns[column].bits, to: &out)
        columns[column].bits = bits
        columns[column].isDecimal = false
    }

    private mutating func readValue(
        _ reader: inout ByteReader,
        _ column: Int
    ) throws(CorruptionError) -> UInt64 {
        let place = reader.offset
        let token = try reader.varint()
        if token & 1 == 0 {
            let raw = token >> 1
            let difference = Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
            let mantissa = columns[column].mantissa &+ difference
            let value = Decimal.value(mantissa, exponent: Int(columns[column].exponent))
            columns[column].mantissa = mantissa
            columns[column].bits = value.bitPattern
            return value.bitPattern
        }
        switch token & 7 {
        case Token.stale:
            return StaleMarker.bits
        case Token.decimal:
            let exponent = token >> 3
            guard exponent <= Decimal.exponentLimit else {
                throw CorruptionError("a decimal exponent of at most \(Decimal.exponentLimit)", at: place)
            }
            let mantissa = try reader.zigzag()
            let bits = Decimal.value(mantissa, exponent: Int(exponent)).bitPattern
            columns[column].mantissa = mantissa
            columns[column].exponent = UInt8(exponent)
            columns[column].isDecimal = true
            columns[column].bits = bits
            return bits
        case Token.xor:
            columns[column].bits ^= try XORBytes.read(&reader)
            columns[column].isDecimal = false
            return columns[column].bits
        default:
            throw CorruptionError("a value token", at: place)
        }
    }

    private static func appendWords(_ words: [UInt64], bits: Int, to out: inout [UInt8]) {
        for byte in 0..<((bits + 7) / 8) {
            out.append(UInt8(truncatingIfNeeded: words[byte >> 3] >> UInt64((byte & 7) * 8)))
        }
    }

    private static func bitmap(
        _ reader: inout ByteReader,
        bits: Int,
        when isThere: Bool
    ) throws(CorruptionError) -> ArraySlice<UInt8>? {
        isThere ? try reader.take((bits + 7) / 8) : nil
    }
}

/// Bits of a row record's flags.
enum RowFlag {
    /// Decodes without any row before it.
    static let key: UInt8 = 1
    /// A bitmap of the present columns follows.
    static let presence: UInt8 = 2
    /// Behind the newest row of its group, or completing a row; coded on its own.
    static let late: UInt8 = 4
}
