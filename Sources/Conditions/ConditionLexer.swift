// SPDX-License-Identifier: Apache-2.0
//
// Words of the condition language with their columns. Numbers carry their unit; they come out in base units.

internal import Samples

/// A word of a condition.
struct ConditionToken: Sendable {
    enum Kind: Sendable, Equatable {
        case name(String)
        case number(Double, Dimension, text: String)
        case text(String)
        case comparison(Condition.Comparison)
        case and
        case or
        case not
        case open
        case close
        case end
    }

    let kind: Kind
    /// In bytes from 1.
    let column: Int

    /// The name in messages.
    var words: String {
        switch kind {
        case .name(let name): "\"\(name)\""
        case .number(_, _, let text): "\"\(text)\""
        case .text(let text): "'\(text)'"
        case .comparison(let comparison): "\"\(comparison.rawValue)\""
        case .and: "AND"
        case .or: "OR"
        case .not: "NOT"
        case .open: "\"(\""
        case .close: "\")\""
        case .end: "the end of the condition"
        }
    }
}

/// Splits a condition into words.
struct ConditionLexer {
    /// Longer than anyone writes by hand; bounds the work on hostile configuration.
    static let lengthLimit = 4096

    private let bytes: [UInt8]
    private var offset = 0

    init(_ text: String) throws(ConditionError) {
        bytes = Array(text.utf8)
        guard bytes.count <= ConditionLexer.lengthLimit else {
            throw ConditionError(
                column: 1,
                message: "a condition has at most \(ConditionLexer.lengthLimit) bytes"
            )
        }
    }

    /// The next word; `.end` from the end on.
    mutating func next() throws(ConditionError) -> ConditionToken {
        while let byte = peek(), byte == 0x20 || (byte >= 9 && byte <= 13) { offset += 1 }
        let column = offset + 1
        guard let byte = peek() else { return ConditionToken(kind: .end, column: column) }
        let kind: ConditionToken.Kind
        switch byte {
        case UInt8(ascii: "("), UInt8(ascii: ")"):
            offset += 1
            kind = byte == UInt8(ascii: "(") ? .open : .close
        case UInt8(ascii: "'"), UInt8(ascii: "\""): kind = try quoted(by: byte)
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "+"):
            kind = try number()
        case UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "="), UInt8(ascii: "!"):
            kind = try comparison()
        case _ where isLetter(byte): kind = word()
        default: throw unexpected(at: column)
        }
        return ConditionToken(kind: kind, column: column)
    }

    private func peek(_ distance: Int = 0) -> UInt8? {
        offset + distance < bytes.count ? bytes[offset + distance] : nil
    }

    private func isLetter(_ byte: UInt8) -> Bool {
        (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z")) || byte == UInt8(ascii: "_")
    }

    private func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    private func text(from start: Int) -> String { String(decoding: bytes[start..<offset], as: UTF8.self) }

    private func unexpected(at column: Int) -> ConditionError {
        switch peek() {
        case UInt8(ascii: "&"): return ConditionError(column: column, message: "write AND instead of \"&&\"")
        case UInt8(ascii: "|"): return ConditionError(column: column, message: "write OR instead of \"||\"")
        default:
            let rest = String(decoding: bytes[offset...], as: UTF8.self)
            return ConditionError(column: column, message: "unexpected character \"\(rest.prefix(1))\"")
        }
    }

    private mutating func word() -> ConditionToken.Kind {
        let start = offset
        // Colons as in metric names.
        while let byte = peek(), isLetter(byte) || isDigit(byte) || byte == UInt8(ascii: ":") { offset += 1 }
        let word = text(from: start)
        switch word.lowercased() {
        case "and": return .and
        case "or": return .or
        case "not": return .not
        default: return .name(word)
        }
    }

    private mutating func quoted(by quote: UInt8) throws(ConditionError) -> ConditionToken.Kind {
        let column = offset + 1
        offset += 1
        let start = offset
        while let byte = peek(), byte != quote { offset += 1 }
        guard peek() != nil else {
            throw ConditionError(column: column, message: "the quote is never closed")
        }
        defer { offset += 1 }
        return .text(text(from: start))
    }

    private mutating func comparison() throws(ConditionError) -> ConditionToken.Kind {
        let column = offset + 1
        let start = offset
        offset += 1
        if peek() == UInt8(ascii: "=") { offset += 1 }
        if let comparison = Condition.Comparison(rawValue: text(from: start)) {
            return .comparison(comparison)
        }
        let remedy = text(from: start) == "=" ? "write == to compare" : "write NOT, or != to compare"
        throw ConditionError(column: column, message: remedy)
    }

    private mutating func number() throws(ConditionError) -> ConditionToken.Kind {
        let start = offset
        if let byte = peek(), byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+") { offset += 1 }
        while let byte = peek(), isDigit(byte) || byte == UInt8(ascii: ".") { offset += 1 }
        if let exponent = exponentLength() {
            offset += exponent
            while let byte = peek(), isDigit(byte) { offset += 1 }
        }
        guard let number = PromNumber.parse(bytes[start..<offset]) else {
            throw ConditionError(column: start + 1, message: "\"\(text(from: start))\" is not a number")
        }
        let unitStart = offset
        while let byte = peek(), isLetter(byte) || byte == UInt8(ascii: "%") { offset += 1 }
        if unitStart == offset { takeSpacedUnit() }
        let unitText = text(from: unitStart).trimmingSpaces
        guard let unit = ConditionUnit(unitText) else {
            let message = "unknown unit \"\(unitText)\"; known are \(ConditionUnit.known)"
            throw ConditionError(column: unitStart + 1, message: message)
        }
        return .number(number * unit.factor, unit.dimension, text: text(from: start))
    }

    /// The length of `e`, sign and what must follow when an exponent begins here.
    private func exponentLength() -> Int? {
        guard let mark = peek(), mark | 0x20 == UInt8(ascii: "e"), let next = peek(1) else { return nil }
        if isDigit(next) { return 1 }
        guard next == UInt8(ascii: "-") || next == UInt8(ascii: "+"), let digit = peek(2), isDigit(digit)
        else {
            return nil
        }
        return 2
    }

    /// Takes the unit of `10 Mbps`, `30 %`, but not the word of `10 AND`.
    private mutating func takeSpacedUnit() {
        var end = offset
        while end < bytes.count, bytes[end] == 0x20 { end += 1 }
        let start = end
        while end < bytes.count, isLetter(bytes[end]) || bytes[end] == UInt8(ascii: "%") { end += 1 }
        guard end > start, ConditionUnit(String(decoding: bytes[start..<end], as: UTF8.self)) != nil else {
            return
        }
        offset = end
    }
}

/// A unit a number may carry.
struct ConditionUnit {
    let dimension: Dimension
    /// How many base units one of this is.
    let factor: Double

    /// For the message about an unknown one.
    static let known = "us, ms, s, m, h, d, bps, kbps, Mbps, Gbps and %"

    /// The unit of this name, nil when there is none; no name is a plain number.
    init?(_ name: String) {
        switch name {
        case "": (dimension, factor) = (.plain, 1)
        case "%": (dimension, factor) = (.ratio, 0.01)
        case "us": (dimension, factor) = (.time, 1e-6)
        case "ms": (dimension, factor) = (.time, 1e-3)
        case "s": (dimension, factor) = (.time, 1)
        case "m", "min": (dimension, factor) = (.time, 60)
        case "h": (dimension, factor) = (.time, 3600)
        case "d": (dimension, factor) = (.time, 86_400)
        default:
            switch name.lowercased() {
            case "bps": (dimension, factor) = (.bitRate, 1)
            case "kbps": (dimension, factor) = (.bitRate, 1e3)
            case "mbps": (dimension, factor) = (.bitRate, 1e6)
            case "gbps": (dimension, factor) = (.bitRate, 1e9)
            default: return nil
            }
        }
    }
}

extension String {
    /// Without the blanks before it.
    fileprivate var trimmingSpaces: String { String(drop { $0 == " " }) }
}
