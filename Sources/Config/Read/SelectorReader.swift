// SPDX-License-Identifier: Apache-2.0
//
// PromQL's vector selector without what follows it: a name, matchers in braces, or both.
//
//     selector = name ["{" matchers "}"] | "{" matchers "}"
//     matcher  = (word | quoted) ("=" | "!=" | "=~" | "!~") quoted | quoted        the last one is a name
//     quoted   = "…" | '…' with Go's escapes | `…` without
//
// The language itself lives above this module; Tests/SyncRuleTests holds the two against each other. A text has at
// most 4 KiB, and every step moves on in it, so no text takes long.

internal import Samples

/// Why a text is no selector, and where.
public struct SelectorError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Counted in characters from 1.
    public let column: Int
    /// What is wrong there.
    public let message: String

    /// `column 7: expected a matcher such as job="node"`.
    public var description: String { "column \(column): \(message)" }
}

/// Reads one selector.
struct SelectorReader {
    /// Nobody writes longer ones; bounds what expressions of a hostile file can cost.
    static let sizeLimit = 4096

    private let bytes: [UInt8]
    private var offset = 0

    /// - Throws: `SelectorError` when the text is too long.
    init(_ text: String) throws(SelectorError) {
        bytes = Array(text.utf8)
        guard bytes.count <= SelectorReader.sizeLimit else {
            throw SelectorError(column: 1, message: "longer than \(SelectorReader.sizeLimit) bytes")
        }
    }

    /// The whole text as matchers, that of the name first.
    mutating func selector() throws(SelectorError) -> [LabelMatcher] {
        skipBlanks()
        let start = offset
        var found: [LabelMatcher] = []
        let name = word(colons: true)
        if let name {
            if let problem = SelectorReader.problem(ofName: name) { throw error(problem, at: start) }
            found.append(LabelMatcher(Labels.metricNameLabel, equals: name))
            skipBlanks()
        }
        if current == UInt8(ascii: "{") {
            try braces(into: &found)
        } else if name == nil {
            throw error("expected a metric's name or \"{\"")
        }
        try end()
        if name != nil, found.dropFirst().contains(where: { $0.name == Labels.metricNameLabel }) {
            throw error("the metric's name is set twice", at: start)
        }
        return found
    }

    /// What follows a word that is no metric's name: matchers in braces, or nothing.
    mutating func matchers(after prefix: String) throws(SelectorError) -> [LabelMatcher] {
        skipBlanks()
        offset += prefix.utf8.count
        skipBlanks()
        var found: [LabelMatcher] = []
        if current == UInt8(ascii: "{") { try braces(into: &found) }
        try end()
        return found
    }

    /// The word that the text begins with, when only braces may follow it; nil otherwise.
    func leadingWord() -> String? {
        var copy = self
        copy.skipBlanks()
        guard let word = copy.word(colons: true) else { return nil }
        copy.skipBlanks()
        return copy.current == nil || copy.current == UInt8(ascii: "{") ? word : nil
    }

    /// Words that the language keeps for itself.
    private static func problem(ofName name: String) -> String? {
        switch name.lowercased() {
        case "inf", "nan": "\"\(name)\" is a number"
        case "atan2", "on", "ignoring", "bool", "group_left", "group_right":
            "\"\(name)\" is a word of the query language; write {__name__=\"\(name)\"}"
        default: nil
        }
    }

    // MARK: - Matchers

    private mutating func braces(into found: inout [LabelMatcher]) throws(SelectorError) {
        offset += 1
        skipBlanks()
        while !take("}") {
            found.append(try matcher())
            skipBlanks()
            if take(",") {
                skipBlanks()
            } else if current != UInt8(ascii: "}") {
                let start = offset
                let isAlternative = word(colons: false)?.lowercased() == "or"
                throw error(
                    isAlternative
                        ? "alternatives are written as a list of selectors" : "expected \",\" or \"}\"",
                    at: start
                )
            }
        }
    }

    private mutating func matcher() throws(SelectorError) -> LabelMatcher {
        let start = offset
        let quotedName = try quoted()
        guard let name = quotedName ?? word(colons: false) else {
            throw error("expected a matcher such as job=\"node\", or \"}\"")
        }
        skipBlanks()
        guard let operation = try operation() else {
            // A text alone is the metric's name.
            if quotedName != nil { return LabelMatcher(Labels.metricNameLabel, equals: name) }
            throw error("expected one of =, !=, =~, !~")
        }
        skipBlanks()
        guard let value = try quoted() else { throw error("expected a value in quotes") }
        do {
            return try LabelMatcher(name, operation, value)
        } catch let problem {
            throw error("\(problem)", at: start)
        }
    }

    private mutating func operation() throws(SelectorError) -> LabelMatcher.Operation? {
        if take("=") { return take("~") ? .matches : .equal }
        guard take("!") else { return nil }
        if take("=") { return .notEqual }
        if take("~") { return .notMatches }
        throw error("expected \"!=\" or \"!~\"")
    }

    /// Refuses what may follow a selector in a query but has no meaning here.
    private mutating func end() throws(SelectorError) {
        skipBlanks()
        guard let byte = current else { return }
        let start = offset
        if byte == UInt8(ascii: "[") { throw error("a selector has no range") }
        if byte == UInt8(ascii: "@") { throw error("a selector has no time") }
        if byte == UInt8(ascii: "(") { throw error("only selectors are taken here, not functions") }
        switch word(colons: false)?.lowercased() {
        case "offset"?: throw error("a selector has no offset", at: start)
        case "or"?: throw error("alternatives are written as a list of selectors", at: start)
        default: throw error("expected the end of the selector", at: start)
        }
    }

    // MARK: - Bytes

    private var current: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private func error(_ message: String, at place: Int? = nil) -> SelectorError {
        let before = bytes[..<min(place ?? offset, bytes.count)]
        return SelectorError(column: String(decoding: before, as: UTF8.self).count + 1, message: message)
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard current == UInt8(ascii: character) else { return false }
        offset += 1
        return true
    }

    /// Blanks, line ends, and comments up to the end of their line.
    private mutating func skipBlanks() {
        while let byte = current {
            if byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d {
                offset += 1
            } else if byte == UInt8(ascii: "#") {
                while let next = current, next != 0x0a, next != 0x0d { offset += 1 }
            } else {
                return
            }
        }
    }

    private mutating func word(colons: Bool) -> String? {
        let start = offset
        while let byte = current {
            let isDigit = byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
            let isColon = colons && byte == UInt8(ascii: ":")
            guard SelectorReader.isLetter(byte) || isColon || (isDigit && offset > start) else { break }
            offset += 1
        }
        return offset > start ? String(decoding: bytes[start..<offset], as: UTF8.self) : nil
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        let letter = byte | 0x20
        return byte == UInt8(ascii: "_") || (letter >= UInt8(ascii: "a") && letter <= UInt8(ascii: "z"))
    }
}

// MARK: - Quoted texts

extension SelectorReader {
    /// A text in quotes; nil when none begins here.
    private mutating func quoted() throws(SelectorError) -> String? {
        guard let quote = current, "\"'`".utf8.contains(quote) else { return nil }
        let start = offset
        let isRaw = quote == UInt8(ascii: "`")
        offset += 1
        var text: [UInt8] = []
        while let byte = current {
            offset += 1
            // What escapes make need not be UTF-8; then it is replaced, as in queries.
            if byte == quote { return String(decoding: text, as: UTF8.self) }
            if byte == 0xef, bytes[offset...].starts(with: [0xbf, 0xbd]) {
                throw error("the replacement character U+FFFD", at: offset - 1)
            }
            switch byte {
            case 0x0d where isRaw: break
            case 0x0a where !isRaw: throw error("the quote is not closed on its line", at: start)
            case UInt8(ascii: "\\") where !isRaw: try escape(quote, into: &text)
            default: text.append(byte)
            }
        }
        throw error("the quote is not closed", at: start)
    }

    /// What follows a backslash, by Go's rules.
    private mutating func escape(_ quote: UInt8, into text: inout [UInt8]) throws(SelectorError) {
        let start = offset - 1
        guard let byte = current else { throw error("the quote is not closed", at: start) }
        offset += 1
        switch byte {
        case quote, UInt8(ascii: "\\"): text.append(byte)
        case UInt8(ascii: "a"): text.append(0x07)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0c)
        case UInt8(ascii: "n"): text.append(0x0a)
        case UInt8(ascii: "r"): text.append(0x0d)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "v"): text.append(0x0b)
        case UInt8(ascii: "0")...UInt8(ascii: "7"):
            offset -= 1
            text.append(try escapedByte(digits: 3, base: 8, from: start))
        case UInt8(ascii: "x"): text.append(try escapedByte(digits: 2, base: 16, from: start))
        case UInt8(ascii: "u"), UInt8(ascii: "U"):
            let digits = byte == UInt8(ascii: "u") ? 4 : 8
            guard let scalar = Unicode.Scalar(try number(digits: digits, base: 16, from: start)) else {
                throw error("the escape is no character", at: start)
            }
            text.append(contentsOf: Array(String(Character(scalar)).utf8))
        default: throw error("unknown escape; a backslash itself is written \\\\", at: start)
        }
    }

    private mutating func escapedByte(
        digits: Int,
        base: UInt32,
        from start: Int
    ) throws(SelectorError) -> UInt8 {
        guard let byte = UInt8(exactly: try number(digits: digits, base: base, from: start)) else {
            throw error("the escape is beyond \\377", at: start)
        }
        return byte
    }

    private mutating func number(
        digits: Int,
        base: UInt32,
        from start: Int
    ) throws(SelectorError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<digits {
            guard let byte = current, let digit = SelectorReader.digit(byte), digit < base else {
                throw error("the escape needs \(digits) digits", at: start)
            }
            // At most eight digits of four bits.
            value = value &* base &+ digit
            offset += 1
        }
        return value
    }

    private static func digit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }
}
