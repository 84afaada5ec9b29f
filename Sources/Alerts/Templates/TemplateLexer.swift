// SPDX-License-Identifier: Apache-2.0
//
// Cuts a template into plain text and the tokens of its actions, trimming as `{{-` and `-}}` ask.
// Grammar: Go, package text/template, "Actions" and "Text and spaces". Works on bytes; quotes may hold `}}`.

internal import Samples

/// Splits a template's text.
struct TemplateLexer {
    private let bytes: [UInt8]
    private var offset = 0

    init(_ text: String) {
        bytes = Array(text.utf8)
    }

    /// The pieces in order.
    ///
    /// - Throws: `TemplateError` in Go's words for an action that does not end or holds something unreadable.
    mutating func pieces() throws(TemplateError) -> [TemplatePiece] {
        var pieces: [TemplatePiece] = []
        var trimsStart = false
        while offset < bytes.count {
            let open = find("{{", from: offset) ?? bytes.count
            var text = bytes[offset..<open]
            if trimsStart { text = text.drop(while: TemplateLexer.isSpace) }
            guard open < bytes.count else {
                append(text, to: &pieces)
                break
            }
            offset = open + 2
            if peek(0) == UInt8(ascii: "-"), let next = peek(1), TemplateLexer.isSpace(next) {
                offset += 1
                while let last = text.last, TemplateLexer.isSpace(last) { text.removeLast() }
            }
            append(text, to: &pieces)
            trimsStart = try action(into: &pieces)
        }
        return pieces
    }

    private func append(_ text: ArraySlice<UInt8>, to pieces: inout [TemplatePiece]) {
        if !text.isEmpty { pieces.append(.text(String(decoding: text, as: UTF8.self))) }
    }

    /// Reads up to and with `}}`; returns whether the text behind is to be trimmed.
    private mutating func action(into pieces: inout [TemplatePiece]) throws(TemplateError) -> Bool {
        var tokens: [TemplateToken] = []
        var isComment = false
        while true {
            let start = offset
            while let byte = peek(0), TemplateLexer.isSpace(byte) { offset += 1 }
            let followsSpace = offset > start
            if followsSpace, peek(0) == UInt8(ascii: "-"), at("-}}") {
                offset += 3
                if !isComment { pieces.append(.action(tokens)) }
                return true
            }
            if at("}}") {
                offset += 2
                if !isComment { pieces.append(.action(tokens)) }
                return false
            }
            guard let byte = peek(0) else { throw TemplateError("unclosed action") }
            if byte == UInt8(ascii: "/"), peek(1) == UInt8(ascii: "*"), tokens.isEmpty {
                guard let end = find("*/", from: offset + 2) else { throw TemplateError("unclosed comment") }
                offset = end + 2
                isComment = true
                continue
            }
            tokens.append(TemplateToken(kind: try token(byte), followsSpace: followsSpace))
        }
    }

    private mutating func token(_ byte: UInt8) throws(TemplateError) -> TemplateToken.Kind {
        switch byte {
        case UInt8(ascii: "("): return single(.openParenthesis)
        case UInt8(ascii: ")"): return single(.closeParenthesis)
        case UInt8(ascii: "|"): return single(.pipe)
        case UInt8(ascii: ","): return single(.comma)
        case UInt8(ascii: "="): return single(.assign)
        case UInt8(ascii: ":"):
            guard peek(1) == UInt8(ascii: "=") else { throw TemplateError("expected :=") }
            offset += 2
            return .declare
        case UInt8(ascii: "\""): return .literal(.string(try quoted()))
        case UInt8(ascii: "`"): return .literal(.string(try raw()))
        case UInt8(ascii: "'"): return .literal(try character())
        case UInt8(ascii: "$"):
            offset += 1
            return .variable(word())
        case UInt8(ascii: "."):
            if let next = peek(1), TemplateLexer.isDigit(next) { return .literal(try number()) }
            offset += 1
            let name = word()
            return name.isEmpty ? .dot : .field(name)
        default:
            if TemplateLexer.isDigit(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") {
                return .literal(try number())
            }
            let name = word()
            guard name.isEmpty else { return keyword(name) }
            throw TemplateError("unrecognized character in action: \(scalarName())")
        }
    }

    private func keyword(_ name: String) -> TemplateToken.Kind {
        switch name {
        case "true": .literal(.bool(true))
        case "false": .literal(.bool(false))
        case "nil": .literal(.none)
        default: .identifier(name)
        }
    }

    private mutating func single(_ kind: TemplateToken.Kind) -> TemplateToken.Kind {
        offset += 1
        return kind
    }

    // MARK: - Literals

    private mutating func number() throws(TemplateError) -> TemplateValue {
        let start = offset
        if let sign = peek(0), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { offset += 1 }
        while let byte = peek(0) {
            let previous = bytes[offset - 1] | 0x20
            let isExponentSign =
                (byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-")) && previous == UInt8(ascii: "e")
            guard TemplateLexer.isWord(byte) || byte == UInt8(ascii: ".") || isExponentSign else { break }
            offset += 1
        }
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        if let value = Int(text) { return .integer(value) }
        if text.hasPrefix("0x"), let value = Int(text.dropFirst(2), radix: 16) { return .integer(value) }
        if let value = PromNumber.parse(text) { return .number(value) }
        throw TemplateError("bad number syntax: \(Labels.quoted(text))")
    }

    private mutating func raw() throws(TemplateError) -> String {
        let start = offset + 1
        guard let end = find("`", from: start) else { throw TemplateError("unterminated raw quoted string") }
        offset = end + 1
        return String(decoding: bytes[start..<end], as: UTF8.self)
    }

    private mutating func character() throws(TemplateError) -> TemplateValue {
        offset += 1
        let text = try quotedBody(until: UInt8(ascii: "'"), kind: "character constant")
        guard let scalar = text.unicodeScalars.first, text.unicodeScalars.count == 1 else {
            throw TemplateError("malformed character constant: '\(text)'")
        }
        return .integer(Int(scalar.value))
    }

    private mutating func quoted() throws(TemplateError) -> String {
        offset += 1
        return try quotedBody(until: UInt8(ascii: "\""), kind: "quoted string")
    }

    private mutating func quotedBody(until quote: UInt8, kind: String) throws(TemplateError) -> String {
        var out: [UInt8] = []
        while let byte = peek(0), byte != UInt8(ascii: "\n") {
            offset += 1
            if byte == quote { return String(decoding: out, as: UTF8.self) }
            if byte == UInt8(ascii: "\\") { try escape(into: &out) } else { out.append(byte) }
        }
        throw TemplateError("unterminated \(kind)")
    }

    private mutating func escape(into out: inout [UInt8]) throws(TemplateError) {
        guard let byte = peek(0) else { throw TemplateError("unterminated quoted string") }
        offset += 1
        switch byte {
        case UInt8(ascii: "n"): out.append(0x0a)
        case UInt8(ascii: "t"): out.append(0x09)
        case UInt8(ascii: "r"): out.append(0x0d)
        case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "'"): out.append(byte)
        case UInt8(ascii: "x"): out.append(UInt8(truncatingIfNeeded: try hexadecimal(2)))
        case UInt8(ascii: "u"): try append(scalar: hexadecimal(4), to: &out)
        case UInt8(ascii: "U"): try append(scalar: hexadecimal(8), to: &out)
        default: throw TemplateError("invalid syntax in quoted string")
        }
    }

    private mutating func hexadecimal(_ count: Int) throws(TemplateError) -> UInt32 {
        let end = min(offset + count, bytes.count)
        let text = String(decoding: bytes[offset..<end], as: UTF8.self)
        guard text.count == count, let value = UInt32(text, radix: 16) else {
            throw TemplateError("invalid syntax in quoted string")
        }
        offset = end
        return value
    }

    private func append(scalar value: UInt32, to out: inout [UInt8]) throws(TemplateError) {
        guard let scalar = Unicode.Scalar(value) else {
            throw TemplateError("invalid syntax in quoted string")
        }
        out.append(contentsOf: String(Character(scalar)).utf8)
    }

    // MARK: - Bytes

    private func peek(_ ahead: Int) -> UInt8? {
        offset + ahead < bytes.count ? bytes[offset + ahead] : nil
    }

    private func at(_ text: StaticString) -> Bool {
        find(text, from: offset, limit: offset + 1) != nil
    }

    private func find(_ text: StaticString, from start: Int, limit: Int? = nil) -> Int? {
        let wanted = Array("\(text)".utf8)
        var place = start
        while place + wanted.count <= bytes.count, place < limit ?? bytes.count {
            if bytes[place..<(place + wanted.count)].elementsEqual(wanted) { return place }
            place += 1
        }
        return nil
    }

    private mutating func word() -> String {
        let start = offset
        while let byte = peek(0), TemplateLexer.isWord(byte) { offset += 1 }
        return String(decoding: bytes[start..<offset], as: UTF8.self)
    }

    private func scalarName() -> String {
        let text = String(decoding: bytes[offset..<min(offset + 4, bytes.count)], as: UTF8.self)
        guard let scalar = text.unicodeScalars.first else { return "end of text" }
        let digits = String(scalar.value, radix: 16, uppercase: true)
        let padded = String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        return scalar.value > 0x20 && scalar.value < 0x7f ? "U+\(padded) '\(scalar)'" : "U+\(padded)"
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        let lower = byte | 0x20
        return isDigit(byte) || byte == UInt8(ascii: "_")
            || (lower >= UInt8(ascii: "a") && lower <= UInt8(ascii: "z"))
    }
}
