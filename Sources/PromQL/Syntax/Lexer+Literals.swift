// SPDX-License-Identifier: Apache-2.0
//
// Numbers, durations and strings. A number token is not yet known to be valid; `NumberText` and `DurationText`
// decide that. `5m` is one token, `5 m` is two.

internal import Samples

extension Lexer {
    /// Takes the longest number; false leaves the position where the trouble was seen.
    mutating func scanNumber() -> Bool {
        let begin = position
        var isHex = false
        if peek() == UInt8(ascii: "0"), let mark = peek(1), mark | 0x20 == UInt8(ascii: "x") {
            position += 2
            isHex = true
            _ = accept { $0 == UInt8(ascii: "_") }
        }
        func isDigit(_ byte: UInt8) -> Bool { isHex ? Self.isHexDigit(byte) : Self.isDigit(byte) }
        var sawDot = false
        var sawExponent = false
        while let byte = peek() {
            if isDigit(byte) {
                position += 1
            } else if byte == UInt8(ascii: ".") {
                position += 1
                if sawDot || isHex { return false }
                sawDot = true
                if accept({ $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") }) { return false }
            } else if byte | 0x20 == UInt8(ascii: "e"), !isHex {
                position += 1
                if sawExponent { return false }
                sawExponent = true
                _ = accept { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") }
                if accept(Self.cannotFollow) || peek() == nil { return false }
            } else if byte == UInt8(ascii: "_") {
                position += 1
                if accept(Self.cannotFollow) || peek() == nil { return false }
            } else {
                break
            }
        }
        guard position > begin else { return false }
        return peek().map(Self.isAlphaNumeric) != true
    }

    /// What may not follow an exponent mark or a digit separator.
    private static func cannotFollow(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") || byte | 0x20 == UInt8(ascii: "e")
    }

    /// Takes the unit after digits already read, and further digit-unit pairs.
    mutating func scanDurationRest() -> Bool {
        func isUnit(_ byte: UInt8) -> Bool { "smhdwy".utf8.contains(byte) }
        guard accept(isUnit) else { return false }
        _ = accept { $0 == UInt8(ascii: "s") }
        while accept(Self.isDigit) {
            while accept(Self.isDigit) {}
            guard accept({ isUnit($0) && $0 != UInt8(ascii: "y") }) else { return false }
            _ = accept { $0 == UInt8(ascii: "s") }
        }
        guard let next = peek(), Self.isAlphaNumeric(next) else { return true }
        position += 1
        return false
    }

    /// Reads on to the closing quote, checking escapes.
    ///
    /// - Parameter quote: the opening quote, already read.
    /// - Returns: what is wrong, nil when nothing is.
    mutating func scanString(_ quote: UInt8) -> String? {
        let isRaw = quote == UInt8(ascii: "`")
        while let byte = peek() {
            position += 1
            if byte == quote { return nil }
            if byte == 0xef, peek() == 0xbf, peek(1) == 0xbd { return "invalid UTF-8 rune" }
            if isRaw { continue }
            if byte == UInt8(ascii: "\n") { return "unterminated quoted string" }
            if byte == UInt8(ascii: "\\"), let message = scanEscape(quote) { return message }
        }
        return isRaw ? "unterminated raw string" : "unterminated quoted string"
    }

    private mutating func scanEscape(_ quote: UInt8) -> String? {
        guard let byte = peek() else { return "escape sequence not terminated" }
        var digits: Int
        var base: UInt32 = 16
        var limit: UInt32 = 0x10ffff
        switch byte {
        case quote, UInt8(ascii: "\\"):
            position += 1
            return nil
        case _ where "abfnrtv".utf8.contains(byte):
            position += 1
            return nil
        case UInt8(ascii: "0")...UInt8(ascii: "7"):
            (digits, base, limit) = (3, 8, 255)
        case UInt8(ascii: "x"):
            position += 1
            (digits, limit) = (2, 255)
        case UInt8(ascii: "u"):
            position += 1
            digits = 4
        case UInt8(ascii: "U"):
            position += 1
            digits = 8
        default: return "unknown escape sequence \(unicodeName(at: position))"
        }
        var value: UInt32 = 0
        while digits > 0 {
            guard let next = peek() else { return "escape sequence not terminated" }
            guard let digit = EscapedString.digit(next), digit < base else {
                return "illegal character \(unicodeName(at: position)) in escape sequence"
            }
            // At most eight hex digits, so 32 bits hold the value.
            value = value &* base &+ digit
            position += 1
            digits -= 1
        }
        if value > limit || (0xd800..<0xe000).contains(value) {
            return "escape sequence is an invalid Unicode code point"
        }
        return nil
    }

    /// `U+0041 'A'`, as Go's %#U prints.
    private func unicodeName(at offset: Int) -> String {
        var end = offset + 1
        while end < source.count, source[end] & 0xc0 == 0x80 { end += 1 }
        guard let scalar = String(decoding: source[offset..<end], as: UTF8.self).unicodeScalars.first else {
            return "U+0000"
        }
        let hex = String(scalar.value, radix: 16, uppercase: true)
        let name = "U+\(String(repeating: "0", count: max(0, 4 - hex.count)))\(hex)"
        let text = String(scalar)
        let isPrinted = text == "\"" || text == "\\" || Labels.quoted(text) == "\"\(text)\""
        return isPrinted ? "\(name) '\(text)'" : name
    }
}
