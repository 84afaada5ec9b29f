// SPDX-License-Identifier: Apache-2.0
//
// Text to tokens. The lexer never fails: what it cannot read becomes an error token that ends the list, so that
// the parser reports whichever of the two troubles comes first in the text. It knows three places: between
// expressions, inside braces (where keywords are plain names) and inside brackets (where only durations live).

internal import Samples

/// Cuts a query into tokens.
struct Lexer {
    let source: [UInt8]
    var position = 0
    private var start = 0
    private var parenthesisDepth = 0
    private var isInBraces = false
    private var isInBrackets = false
    /// Right after `[` or an operator inside brackets, before a number was read.
    private var expectsDuration = false
    private var sawDuration = false
    private var sawColon = false
    private var tokens: [Token] = []

    private init(_ source: [UInt8]) {
        self.source = source
    }

    /// All tokens of a query, ending with `.end` or `.error`.
    static func tokens(of source: [UInt8]) -> [Token] {
        var lexer = Lexer(source)
        while true {
            lexer.scan()
            switch lexer.tokens.last?.kind {
            case .end, .error: return lexer.tokens
            default: continue
            }
        }
    }

    // MARK: - Bytes

    /// The byte at an offset from the position; nil at the end.
    func peek(_ offset: Int = 0) -> UInt8? {
        position + offset < source.count ? source[position + offset] : nil
    }

    /// Takes the next byte when it is one of a set.
    mutating func accept(_ isWanted: (UInt8) -> Bool) -> Bool {
        guard let byte = peek(), isWanted(byte) else { return false }
        position += 1
        return true
    }

    private mutating func emit(_ kind: Token.Kind) {
        tokens.append(Token(kind: kind, range: SourceRange(start: start, end: position)))
    }

    private mutating func fail(_ message: String) {
        emit(.error(message))
    }

    /// The character at an offset as Go prints a rune.
    private func quotedCharacter(at offset: Int) -> String {
        guard offset < source.count else { return "'\\x00'" }
        var end = offset + 1
        while end < source.count, source[end] & 0xc0 == 0x80 { end += 1 }
        let text = String(decoding: source[offset..<end], as: UTF8.self)
        switch text.unicodeScalars.first {
        case nil, "\"": return "'\(text)'"
        case "'": return "'\\''"
        case let scalar?: return "'\(Labels.quoted(String(scalar)).dropFirst().dropLast())'"
        }
    }

    // MARK: - Scanning

    private mutating func scan() {
        skipBlanks()
        start = position
        if isInBraces { return scanInsideBraces() }
        if isInBrackets { return scanInsideBrackets() }
        scanStatement()
    }

    private mutating func skipBlanks() {
        while let byte = peek() {
            if Self.isSpace(byte) {
                position += 1
            } else if byte == UInt8(ascii: "#") {
                while let next = peek(), next != UInt8(ascii: "\n"), next != UInt8(ascii: "\r") {
                    position += 1
                }
            } else {
                return
            }
        }
    }

    private mutating func scanStatement() {
        guard let byte = peek() else { return scanEnd() }
        if Self.isDigit(byte) || (byte == UInt8(ascii: ".") && peek(1).map(Self.isDigit) == true) {
            return scanNumberOrDuration()
        }
        if Self.isAlpha(byte) || byte == UInt8(ascii: ":") { return scanWord() }
        if scanQuoted(byte) { return }
        position += 1
        switch byte {
        case UInt8(ascii: "{"):
            emit(.leftBrace)
            isInBraces = true
        case UInt8(ascii: "["):
            emit(.leftBracket)
            isInBrackets = true
            expectsDuration = true
            sawDuration = false
            sawColon = false
        case UInt8(ascii: "]"): fail("unexpected right bracket ']'")
        case UInt8(ascii: "@"): emit(.at)
        default: scanPunctuation(byte)
        }
    }

    private mutating func scanEnd() {
        if parenthesisDepth > 0 { return fail("unclosed left parenthesis") }
        if isInBrackets { return fail("unclosed left bracket") }
        emit(.end)
    }

    private mutating func scanPunctuation(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "("):
            parenthesisDepth += 1
            emit(.leftParenthesis)
        case UInt8(ascii: ")"):
            parenthesisDepth -= 1
            if parenthesisDepth < 0 {
                // Prometheus takes it for read.
                start = position
                return fail("unexpected right parenthesis ')'")
            }
            emit(.rightParenthesis)
        case UInt8(ascii: ","): emit(.comma)
        case UInt8(ascii: "+"): emit(.binary(.add))
        case UInt8(ascii: "-"): emit(.binary(.subtract))
        case UInt8(ascii: "*"): emit(.binary(.multiply))
        case UInt8(ascii: "/"): emit(.binary(.divide))
        case UInt8(ascii: "%"): emit(.binary(.modulo))
        case UInt8(ascii: "^"): emit(.binary(.power))
        case UInt8(ascii: "="): scanEquals()
        case UInt8(ascii: "!"):
            guard accept({ $0 == UInt8(ascii: "=") }) else {
                return fail("unexpected character after '!': \(quotedCharacter(at: position))")
            }
            emit(.binary(.notEqual))
        case UInt8(ascii: "<"): scanAngle(plain: .less, orEqual: .lessOrEqual, trim: .trimUpper)
        case UInt8(ascii: ">"): scanAngle(plain: .greater, orEqual: .greaterOrEqual, trim: .trimLower)
        default: fail("unexpected character: \(quotedCharacter(at: start))")
        }
    }

    private mutating func scanEquals() {
        if accept({ $0 == UInt8(ascii: "=") }) { return emit(.binary(.equal)) }
        if peek() == UInt8(ascii: "~") {
            return fail("unexpected character after '=': \(quotedCharacter(at: position))")
        }
        emit(.assign)
    }

    private mutating func scanAngle(plain: BinaryOperator, orEqual: BinaryOperator, trim: BinaryOperator) {
        if accept({ $0 == UInt8(ascii: "=") }) { return emit(.binary(orEqual)) }
        if accept({ $0 == UInt8(ascii: "/") }) { return emit(.binary(trim)) }
        emit(.binary(plain))
    }

    private mutating func scanInsideBraces() {
        guard let byte = peek() else { return fail("unexpected end of input inside braces") }
        if Self.isAlpha(byte) {
            while accept({ Self.isAlpha($0) || Self.isDigit($0) }) {}
            return emit(.identifier)
        }
        if scanQuoted(byte) { return }
        position += 1
        switch byte {
        case UInt8(ascii: ","): emit(.comma)
        case UInt8(ascii: "="): emit(accept { $0 == UInt8(ascii: "~") } ? .matches : .assign)
        case UInt8(ascii: "!"):
            if accept({ $0 == UInt8(ascii: "~") }) { return emit(.notMatches) }
            if accept({ $0 == UInt8(ascii: "=") }) { return emit(.binary(.notEqual)) }
            fail("unexpected character after '!' inside braces: \(quotedCharacter(at: position))")
        case UInt8(ascii: "{"): fail("unexpected left brace '{'")
        case UInt8(ascii: "}"):
            isInBraces = false
            emit(.rightBrace)
        default: fail("unexpected character inside braces: \(quotedCharacter(at: start))")
        }
    }

    private mutating func scanInsideBrackets() {
        guard let byte = peek() else {
            return fail(
                expectsDuration ? "unexpected end of input in duration expression" : "unclosed left bracket"
            )
        }
        if Self.isDigit(byte) || (byte == UInt8(ascii: ".") && peek(1).map(Self.isDigit) == true) {
            expectsDuration = false
            sawDuration = true
            return scanNumberOrDuration()
        }
        if Self.isAlpha(byte) { return scanDurationWord() }
        position += 1
        switch byte {
        case UInt8(ascii: "]"):
            isInBrackets = false
            emit(.rightBracket)
        case UInt8(ascii: ":"):
            if !sawDuration { return fail("unexpected colon before duration in duration expression") }
            if sawColon { return fail("unexpected colon ':'") }
            sawColon = true
            emit(.colon)
        case UInt8(ascii: "["): fail("unexpected left bracket '['")
        case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: ","), UInt8(ascii: "+"), UInt8(ascii: "-"),
            UInt8(ascii: "*"), UInt8(ascii: "/"), UInt8(ascii: "%"), UInt8(ascii: "^"):
            scanPunctuation(byte)
        default:
            if expectsDuration {
                return fail("unexpected character in duration expression: \(quotedCharacter(at: start))")
            }
            position -= 1
            scanStatement()
        }
    }

    private mutating func scanDurationWord() {
        while accept(Self.isAlpha) {}
        let word = String(decoding: source[start..<position], as: UTF8.self).lowercased()
        switch Token.Preprocessor(rawValue: word) {
        case .step?, .range?, .minOf?, .maxOf?:
            sawDuration = true
            if let word = Token.Preprocessor(rawValue: word) { emit(.preprocessor(word)) }
        default:
            let character = quotedCharacter(at: start)
            fail(
                expectsDuration
                    ? "unexpected character in duration expression: \(character)"
                    : "unexpected character: \(character), expected ':'"
            )
        }
    }

    private mutating func scanWord() {
        while accept({ Self.isAlpha($0) || Self.isDigit($0) || $0 == UInt8(ascii: ":") }) {}
        let word = String(decoding: source[start..<position], as: UTF8.self)
        emit(kind(ofWord: word))
    }

    private func kind(ofWord word: String) -> Token.Kind {
        let lower = word.lowercased()
        if lower == "inf" || lower == "nan" { return .number }
        switch lower {
        case "and", "or", "unless", "atan2":
            if let op = BinaryOperator(rawValue: lower) { return .binary(op) }
        default: break
        }
        if let aggregator = Aggregator(rawValue: lower) { return .aggregator(aggregator) }
        if let keyword = Token.Keyword(rawValue: lower) {
            switch keyword {
            case .fill, .fillLeft, .fillRight:
                return isFollowedByParenthesis ? .keyword(keyword) : .identifier
            default: return .keyword(keyword)
            }
        }
        if let preprocessor = Token.Preprocessor(rawValue: lower) { return .preprocessor(preprocessor) }
        return word.utf8.contains(UInt8(ascii: ":")) ? .metricIdentifier : .identifier
    }

    private var isFollowedByParenthesis: Bool {
        var index = position
        while index < source.count, Self.isSpace(source[index]) { index += 1 }
        return index < source.count && source[index] == UInt8(ascii: "(")
    }

    private mutating func scanNumberOrDuration() {
        if scanNumber() { return emit(.number) }
        if scanDurationRest() { return emit(.duration) }
        let text = String(decoding: source[start..<position], as: UTF8.self)
        fail("bad number or duration syntax: \(Labels.quoted(text))")
    }

    /// Reads a string when the byte opens one.
    private mutating func scanQuoted(_ quote: UInt8) -> Bool {
        switch quote {
        case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "`"): break
        default: return false
        }
        position += 1
        if let message = scanString(quote) { fail(message) } else { emit(.string) }
        return true
    }
}

// MARK: - Classes of bytes

extension Lexer {
    static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d
    }

    static func isDigit(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }

    static func isAlpha(_ byte: UInt8) -> Bool {
        let letter = byte | 0x20
        return byte == UInt8(ascii: "_") || (letter >= UInt8(ascii: "a") && letter <= UInt8(ascii: "z"))
    }

    static func isAlphaNumeric(_ byte: UInt8) -> Bool { isAlpha(byte) || isDigit(byte) }

    static func isHexDigit(_ byte: UInt8) -> Bool {
        let letter = byte | 0x20
        return isDigit(byte) || (letter >= UInt8(ascii: "a") && letter <= UInt8(ascii: "f"))
    }
}
