// SPDX-License-Identifier: Apache-2.0

/// Base64 of RFC 4648, as it stands in files: with padding, line ends anywhere.
enum Base64Text {
    /// The bytes, nil for what is no base64.
    static func decode(_ text: String) -> [UInt8]? {
        var out: [UInt8] = []
        var group: UInt32 = 0
        var digits = 0
        var padding = 0
        for byte in text.utf8 where byte != 0x0a && byte != 0x0d && byte != 0x20 && byte != 0x09 {
            if byte == UInt8(ascii: "=") {
                padding += 1
                continue
            }
            guard padding == 0, let digit = digit(byte) else { return nil }
            group = group << 6 | digit
            digits += 1
            if digits % 4 == 0 {
                out += [UInt8(truncatingIfNeeded: group >> 16), UInt8(truncatingIfNeeded: group >> 8)]
                out.append(UInt8(truncatingIfNeeded: group))
                group = 0
            }
        }
        switch digits % 4 {
        case 0: return padding == 0 ? out : nil
        case 2 where padding == 2: return out + [UInt8(truncatingIfNeeded: group >> 4)]
        case 3 where padding == 1:
            return out + [UInt8(truncatingIfNeeded: group >> 10), UInt8(truncatingIfNeeded: group >> 2)]
        default: return nil
        }
    }

    private static func digit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a") + 26)
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0") + 52)
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
