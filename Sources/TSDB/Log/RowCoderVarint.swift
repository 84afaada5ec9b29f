// SPDX-License-Identifier: Apache-2.0
//
// Reads the rows of version 0.1.0, so that a log survives the upgrade (docs/formats/log.md, "Row of version 0.1.0").
// Nothing writes them any more.
//
// Per column: the last bits, and the integer behind them when they are a decimal at the column's exponent.

internal import Bytes
internal import Samples

/// The state that turns a row of varints back into values.
struct VarintRows: Sendable {
    private struct Column {
        var bits: UInt64 = 0
        var mantissa: Int64 = 0
        var exponent: UInt8 = 0
    }

    private enum Token {
        /// Low bits of a token that is not a mantissa difference.
        static let xor: UInt64 = 0b001
        static let decimal: UInt64 = 0b011
        static let stale: UInt64 = 0b101
    }

    private var columns: [Column] = []
    private var previousTime: Int64 = 0
    private var previousDelta: Int64 = 0

    /// Reads a row into the scratch; returns its time.
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
        if isKey { columns.removeAll(keepingCapacity: true) }
        while columns.count < count { columns.append(Column()) }
        let time = try reader.zigzag()
        let delta = isKey ? 0 : time &+ previousDelta
        previousTime = isKey ? time : previousTime &+ delta
        previousDelta = delta
        row.begin(columns: count)
        let present = try VarintRows.bitmap(&reader, bits: count, when: flags & RowFlag.presence != 0)
        let changed = try VarintRows.bitmap(&reader, bits: count, when: !isKey)
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
        return previousTime
    }

    private mutating func readValue(
        _ reader: inout ByteReader,
        _ column: Int
    ) throws(CorruptionError) -> UInt64 {
        let place = reader.offset
        let token = try reader.varint()
        if token & 1 == 0 {
            let raw = token >> 1
            columns[column].mantissa &+= Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
        } else {
            switch token & 7 {
            case Token.stale:
                return StaleMarker.bits
            case Token.decimal:
                guard token >> 3 <= UInt64(RowMap.decimalLimit) else {
                    throw CorruptionError("a decimal exponent of at most \(RowMap.decimalLimit)", at: place)
                }
                columns[column].exponent = UInt8(token >> 3)
                columns[column].mantissa = try reader.zigzag()
            case Token.xor:
                columns[column].bits ^= try XORBytes.read(&reader)
                return columns[column].bits
            default:
                throw CorruptionError("a value token", at: place)
            }
        }
        let map = RowMap(kind: RowMap.Kind.quotient, exponent: Int(columns[column].exponent))
        columns[column].bits = map.value(columns[column].mantissa)
        return columns[column].bits
    }

    private static func bitmap(
        _ reader: inout ByteReader,
        bits: Int,
        when isThere: Bool
    ) throws(CorruptionError) -> ArraySlice<UInt8>? {
        isThere ? try reader.take((bits + 7) / 8) : nil
    }
}
