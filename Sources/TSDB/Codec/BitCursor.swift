// SPDX-License-Identifier: Apache-2.0
//
// Reading the bits a `BitWriter` wrote. A position may lie anywhere: beyond the end there are zeros, and the one who
// moved there asks `check` before believing what it read.

internal import Bytes

extension RawSpan {
    /// At least 57 bits from a bit position on, zeros beyond the end.
    @inline(__always)
    func bits(at position: Int) -> UInt64 {
        let byte = position >> 3
        guard byte >= 0, byte <= byteCount - 8 else { return bitsNearEnd(at: position) }
        // Rule: byte + 8 ≤ byteCount, checked above.
        let word = unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: byte, as: UInt64.self)
        return UInt64(littleEndian: word) >> UInt64(position & 7)
    }

    @inline(never)
    private func bitsNearEnd(at position: Int) -> UInt64 {
        let first = position >> 3
        guard first >= 0, first < byteCount else { return 0 }
        var word: UInt64 = 0
        for index in first..<Swift.min(first + 8, byteCount) {
            let byte = unsafe unsafeLoad(fromByteOffset: index, as: UInt8.self)
            word |= UInt64(byte) << UInt64((index - first) * 8)
        }
        return word >> UInt64(position & 7)
    }
}

/// A place in a stream of bits.
struct BitCursor {
    /// Bits before the place.
    var position: Int

    /// The next `width` bits, 0...64.
    @inline(__always)
    mutating func read(_ width: Int, in bytes: borrowing RawSpan) -> UInt64 {
        guard width > 56 else { return get(width, in: bytes) }
        let low = get(32, in: bytes)
        return low | get(width - 32, in: bytes) << 32
    }

    @inline(__always)
    private mutating func get(_ width: Int, in bytes: borrowing RawSpan) -> UInt64 {
        let value = bytes.bits(at: position) & ((1 << UInt64(width)) - 1)
        position += width
        return value
    }

    /// Throws when bits beyond the end were read.
    @inline(__always)
    func check(_ bytes: borrowing RawSpan) throws(CorruptionError) {
        guard position <= bytes.byteCount * 8 else {
            throw CorruptionError("\(position) bits", at: bytes.byteCount)
        }
    }

    /// The byte after the last begun one.
    var nextByte: Int { (position + 7) >> 3 }
}
