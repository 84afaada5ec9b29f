// SPDX-License-Identifier: Apache-2.0
//
// Bits into bytes, least significant first: the order of every bit stream in docs/formats/block.md.

/// Collects bits and appends them to an array as bytes fill.
struct BitWriter {
    private var pending: UInt64 = 0
    private var count = 0

    /// Appends the `width` low bits of a value, 0...64; bits above them must be zero.
    @inline(__always)
    mutating func write(_ value: UInt64, _ width: Int, to out: inout [UInt8]) {
        // At most 7 bits wait between calls, so 56 more always fit.
        guard width > 56 else {
            put(value, width, to: &out)
            return
        }
        put(value & 0xffff_ffff, 32, to: &out)
        put(value >> 32, width - 32, to: &out)
    }

    @inline(__always)
    private mutating func put(_ value: UInt64, _ width: Int, to out: inout [UInt8]) {
        pending |= value << UInt64(count)
        count += width
        while count >= 8 {
            out.append(UInt8(truncatingIfNeeded: pending))
            pending >>= 8
            count -= 8
        }
    }

    /// Pads the last byte with zeros; the next bit begins a byte.
    mutating func finish(to out: inout [UInt8]) {
        if count > 0 { out.append(UInt8(truncatingIfNeeded: pending)) }
        pending = 0
        count = 0
    }
}
