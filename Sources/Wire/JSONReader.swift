// SPDX-License-Identifier: Apache-2.0
//
// A strict reader of RFC 8259 for answers of other programs. Nesting is limited, because the reader recurses and an
// answer of a million `[` must not eat the stack; the size is limited by whoever received the bytes, and memory
// grows with the size only (every value costs at least one byte of input).

public import Bytes
internal import Samples

/// Reads JSON.
public enum JSONReader {
    /// Reads one document.
    ///
    /// - Parameters:
    ///   - bytes: the document, UTF-8.
    ///   - depthLimit: how deep arrays and objects may nest.
    /// - Returns: the value.
    /// - Throws: `CorruptionError` with the offset of what is not JSON.
    public static func parse(_ bytes: [UInt8], depthLimit: Int = 64) throws(CorruptionError) -> JSONValue {
        var cursor = JSONCursor(bytes: bytes)
        let value = try cursor.value(depth: depthLimit)
        cursor.skipBlanks()
        guard cursor.offset == bytes.count else { throw cursor.error("the end of the document") }
        return value
    }
}

/// The place reached in a document.
struct JSONCursor {
    let bytes: [UInt8]
    var offset = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    func error(_ expected: String) -> CorruptionError { CorruptionError(expected, at: offset) }

    var current: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    mutating func skipBlanks() {
        while let byte = current, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { offset += 1 }
    }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard current == UInt8(ascii: character) else { return false }
        offset += 1
        return true
    }

    mutating func value(depth: Int) throws(CorruptionError) -> JSONValue {
        skipBlanks()
        switch current {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    mutating func word(_ text: String, _ value: JSONValue) throws(CorruptionError) -> JSONValue {
        guard bytes[offset...].starts(with: text.utf8) else { throw error("a JSON value") }
        offset += text.utf8.count
        return value
    }

    private mutating func object(depth: Int) throws(CorruptionError) -> JSONValue {
        guard depth > 0 else { throw error("fewer nested values") }
        offset += 1
        var members: [String: JSONValue] = [:]
        skipBlanks()
        if take("}") { return .object(members) }
        repeat {
            skipBlanks()
            guard current == UInt8(ascii: "\"") else { throw error("a member name in quotes") }
            let name = try string()
            skipBlanks()
            guard take(":") else { throw error("a colon") }
            members[name] = try value(depth: depth - 1)
            skipBlanks()
        } while take(",")
        guard take("}") else { throw error("a comma or a closing brace") }
        return .object(members)
    }

    private mutating func array(depth: Int) throws(CorruptionError) -> JSONValue {
        guard depth > 0 else { throw error("fewer nested values") }
        offset += 1
        var elements: [JSONValue] = []
        skipBlanks()
        if take("]") { return .array(elements) }
        repeat {
            elements.append(try value(depth: depth - 1))
            skipBlanks()
        } while take(",")
        guard take("]") else { throw error("a comma or a closing bracket") }
        return .array(elements)
    }
}

// MARK: - Strings and numbers

extension JSONCursor {
    mutating func number() throws(CorruptionError) -> JSONValue {
        guard let value = PromNumber.parse(bytes[try numberText()]) else {
            throw error("a number in the range of a double")
        }
        return .number(value)
    }

    /// Passes over a number.
    ///
    /// - Returns: where its text is.
    mutating func numberText() throws(CorruptionError) -> Range<Int> {
        let start = offset
        _ = take("-")
        if !take("0") { try digits() }
        if take(".") { try digits() }
        if take("e") || take("E") {
            _ = take("+") || take("-")
            try digits()
        }
        return start..<offset
    }

    private mutating func digits() throws(CorruptionError) {
        let start = offset
        while let byte = current, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { offset += 1 }
        guard offset > start else { throw error("a JSON value") }
    }

    mutating func string() throws(CorruptionError) -> String {
        let start = offset
        offset += 1
        var text: [UInt8] = []
        while true {
            guard let byte = current, byte >= 0x20 else { throw error("the end of the string") }
            offset += 1
            if byte == UInt8(ascii: "\"") { break }
            if byte == UInt8(ascii: "\\") { try escape(into: &text) } else { text.append(byte) }
        }
        guard let string = String(validating: text, as: UTF8.self) else {
            throw CorruptionError("a string of valid UTF-8", at: start)
        }
        return string
    }

    private mutating func escape(into text: inout [UInt8]) throws(CorruptionError) {
        guard let byte = current else { throw error("the end of the string") }
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0c)
        case UInt8(ascii: "n"): text.append(0x0a)
        case UInt8(ascii: "r"): text.append(0x0d)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text.append(contentsOf: String(try scalar()).utf8)
        default: throw error("a known escape")
        }
    }

    /// The scalar of `\uXXXX`, joining a surrogate pair; a lone surrogate becomes U+FFFD, as in Go.
    private mutating func scalar() throws(CorruptionError) -> Unicode.Scalar {
        let first = try hexUnit()
        if (0xd800..<0xdc00).contains(first) {
            let mark = offset
            if take("\\"), take("u"), case let second = try hexUnit(), (0xdc00..<0xe000).contains(second),
                let joined = Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
            {
                return joined
            }
            offset = mark
        }
        return Unicode.Scalar(first) ?? "\u{fffd}"
    }

    private mutating func hexUnit() throws(CorruptionError) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = current, let digit = JSONCursor.hexDigit(byte) else {
                throw error("four hexadecimal digits")
            }
            unit = unit << 4 | digit
            offset += 1
        }
        return unit
    }

    private static func hexDigit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }
}
