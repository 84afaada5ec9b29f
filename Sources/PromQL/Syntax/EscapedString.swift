// SPDX-License-Identifier: Apache-2.0
//
// Between strings in quotes and the bytes they mean, by Go's rules. `\xff` may write bytes that are not UTF-8; such
// a string is legal until something needs it as a label name.

/// Reads and writes quoted strings.
enum EscapedString {
    /// The bytes a quoted string means; the lexer has checked its escapes.
    static func unquote(_ quoted: ArraySlice<UInt8>) -> [UInt8] {
        let body = quoted.dropFirst().dropLast()
        if quoted.first == UInt8(ascii: "`") { return body.filter { $0 != 0x0d } }
        var out: [UInt8] = []
        out.reserveCapacity(body.count)
        var index = body.startIndex
        while index < body.endIndex {
            let byte = body[index]
            index += 1
            if byte == UInt8(ascii: "\\"), index < body.endIndex {
                appendEscape(body, at: &index, to: &out)
            } else {
                out.append(byte)
            }
        }
        return out
    }

    private static func appendEscape(_ body: ArraySlice<UInt8>, at index: inout Int, to out: inout [UInt8]) {
        let byte = body[index]
        index += 1
        switch byte {
        case UInt8(ascii: "a"): out.append(0x07)
        case UInt8(ascii: "b"): out.append(0x08)
        case UInt8(ascii: "f"): out.append(0x0c)
        case UInt8(ascii: "n"): out.append(0x0a)
        case UInt8(ascii: "r"): out.append(0x0d)
        case UInt8(ascii: "t"): out.append(0x09)
        case UInt8(ascii: "v"): out.append(0x0b)
        case UInt8(ascii: "x"): out.append(UInt8(truncatingIfNeeded: number(body, at: &index, 2, base: 16)))
        case UInt8(ascii: "u"): append(scalar: number(body, at: &index, 4, base: 16), to: &out)
        case UInt8(ascii: "U"): append(scalar: number(body, at: &index, 8, base: 16), to: &out)
        case UInt8(ascii: "0")...UInt8(ascii: "7"):
            index -= 1
            out.append(UInt8(truncatingIfNeeded: number(body, at: &index, 3, base: 8)))
        default: out.append(byte)
        }
    }

    private static func number(
        _ body: ArraySlice<UInt8>,
        at index: inout Int,
        _ digits: Int,
        base: UInt32
    ) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<digits where index < body.endIndex {
            // At most eight hex digits, so 32 bits hold the value.
            value = value &* base &+ (digit(body[index]) ?? 0)
            index += 1
        }
        return value
    }

    private static func append(scalar value: UInt32, to out: inout [UInt8]) {
        guard let scalar = Unicode.Scalar(value) else { return }
        out.append(contentsOf: Array(String(Character(scalar)).utf8))
    }

    /// The value of a hex digit.
    static func digit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }

    /// The bytes in double quotes, as Go's %q prints them: what is not UTF-8 as `\xNN`.
    static func quote(_ bytes: [UInt8]) -> String {
        var out = "\""
        var index = 0
        while index < bytes.count {
            var end = index + 1
            while end < bytes.count, end - index < 4, bytes[end] & 0xc0 == 0x80 { end += 1 }
            if let text = String(validating: bytes[index..<end], as: UTF8.self) {
                appendQuoted(text, to: &out)
                index = end
            } else {
                out += "\\x" + hex(UInt32(bytes[index]), width: 2)
                index += 1
            }
        }
        return out + "\""
    }

    private static func appendQuoted(_ text: String, to out: inout String) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": out += "\\\\"
            case "\"": out += "\\\""
            case "\u{07}": out += "\\a"
            case "\u{08}": out += "\\b"
            case "\u{0c}": out += "\\f"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case "\u{0b}": out += "\\v"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f:
                out += "\\x" + hex(scalar.value, width: 2)
            default: out.unicodeScalars.append(scalar)
            }
        }
    }

    private static func hex(_ value: UInt32, width: Int) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
