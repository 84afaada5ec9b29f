// SPDX-License-Identifier: Apache-2.0
//
// CRC-32C (Castagnoli), the checksum of iSCSI (RFC 3720 appendix B.4), ext4 and Prometheus' chunks:
// reflected polynomial 0x82f63b78, initial and final value all ones. Eight bytes a step by Kounavis and
// Berry's slicing ("A systematic approach to building high performance software-based CRC generators", 2005), or by the
// processor's own instruction.

internal import CPlatform

/// CRC-32C over bytes.
public enum CRC32C {
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for index in 0..<256 {
            var value = UInt32(index)
            for _ in 0..<8 { value = (value >> 1) ^ (value & 1 == 1 ? 0x82f6_3b78 : 0) }
            tables[index] = value
        }
        for index in 0..<256 {
            for slice in 1..<8 {
                let before = tables[(slice - 1) * 256 + index]
                tables[slice * 256 + index] = (before >> 8) ^ tables[Int(before & 0xff)]
            }
        }
        return tables
    }()

    private static let hasInstruction = ew_has_crc32c() == 1

    /// The checksum of bytes, optionally continuing from the checksum of what came before.
    ///
    /// O(n).
    public static func checksum(_ bytes: RawSpan, continuing previous: UInt32 = 0) -> UInt32 {
        guard hasInstruction else { return bySlicing(bytes, continuing: previous) }
        return unsafe bytes.withUnsafeBytes { unsafe ~ew_crc32c($0.baseAddress, $0.count, ~previous) }
    }

    /// The same where the processor has no instruction for it.
    static func bySlicing(_ bytes: RawSpan, continuing previous: UInt32 = 0) -> UInt32 {
        let table = tables.span
        var crc = ~previous
        var offset = 0
        let count = bytes.byteCount
        while offset + 8 <= count {
            let word = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self)
            let low = UInt32(truncatingIfNeeded: word) ^ crc
            let high = UInt32(truncatingIfNeeded: word >> 32)
            crc =
                table[7 * 256 + Int(low & 0xff)] ^ table[6 * 256 + Int((low >> 8) & 0xff)]
                ^ table[5 * 256 + Int((low >> 16) & 0xff)] ^ table[4 * 256 + Int(low >> 24)]
            crc ^=
                table[3 * 256 + Int(high & 0xff)] ^ table[2 * 256 + Int((high >> 8) & 0xff)]
                ^ table[256 + Int((high >> 16) & 0xff)] ^ table[Int(high >> 24)]
            offset += 8
        }
        while offset < count {
            let byte = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
            crc = (crc >> 8) ^ table[Int((crc ^ UInt32(byte)) & 0xff)]
            offset += 1
        }
        return ~crc
    }

    /// The checksum of an array's bytes.
    public static func checksum(_ bytes: [UInt8]) -> UInt32 {
        unsafe checksum(bytes.span.bytes)
    }

    /// The checksum of part of an array.
    public static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        unsafe checksum(bytes.span.bytes)
    }
}
