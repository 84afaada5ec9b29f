// SPDX-License-Identifier: Apache-2.0
//
// Rows, pages, windows and segments are numbered for ever upwards. A number from a file is believed only as far as
// counting on from it cannot overflow; no store comes near the limit.

internal import Bytes

/// The bound on numbers read from files.
enum Numbering {
    static let limit: UInt64 = 1 << 62
}

extension ByteReader {
    /// A varint that numbers a row, a page or a window.
    mutating func number() throws(CorruptionError) -> UInt64 {
        let place = offset
        let value = try varint()
        guard value <= Numbering.limit else { throw CorruptionError("a number of at most 2^62", at: place) }
        return value
    }
}
