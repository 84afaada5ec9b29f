// SPDX-License-Identifier: Apache-2.0
//
// Reading the few members one wants of a large document, without a tree of all the others: an object of the Kubernetes
// API is some ten kilobytes, of which discovery keeps one. Members and elements are handed to a closure; what the
// closure leaves alone is skipped, and a value of another type than wanted counts as missing.
//
// What is skipped is checked as far as it is needed to find its end: strings, brackets by number, nothing more. Nesting
// is counted, not recursed into.

internal import Bytes

extension JSONCursor {
    /// How deep a skipped value may nest.
    private static let depthLimit = 256

    /// Starts at an offset of a document.
    init(bytes: [UInt8], at offset: Int) {
        self.init(bytes: bytes)
        self.offset = offset
    }

    /// Calls `body` at the value of each member; a value that is no object is skipped.
    mutating func members(
        _ body: (_ cursor: inout JSONCursor, _ name: String) throws(CorruptionError) -> Void
    ) throws(CorruptionError) {
        skipBlanks()
        guard current == UInt8(ascii: "{") else { return try skip() }
        offset += 1
        skipBlanks()
        if take("}") { return }
        repeat {
            skipBlanks()
            guard current == UInt8(ascii: "\"") else { throw error("a member name in quotes") }
            let name = try string()
            skipBlanks()
            guard take(":") else { throw error("a colon") }
            skipBlanks()
            let start = offset
            try body(&self, name)
            if offset == start { try skip() }
            skipBlanks()
        } while take(",")
        guard take("}") else { throw error("a comma or a closing brace") }
    }

    /// Calls `body` at each element; a value that is no array is skipped.
    mutating func elements(
        _ body: (_ cursor: inout JSONCursor) throws(CorruptionError) -> Void
    ) throws(CorruptionError) {
        skipBlanks()
        guard current == UInt8(ascii: "[") else { return try skip() }
        offset += 1
        skipBlanks()
        if take("]") { return }
        repeat {
            skipBlanks()
            let start = offset
            try body(&self)
            if offset == start { try skip() }
            skipBlanks()
        } while take(",")
        guard take("]") else { throw error("a comma or a closing bracket") }
    }

    /// The string here; nil for any other value, which is skipped.
    mutating func text() throws(CorruptionError) -> String? {
        skipBlanks()
        guard current == UInt8(ascii: "\"") else {
            try skip()
            return nil
        }
        return try string()
    }

    /// The truth value here; nil for any other value, which is skipped.
    mutating func truth() throws(CorruptionError) -> Bool? {
        skipBlanks()
        let first = current
        try skip()
        switch first {
        case UInt8(ascii: "t"): return true
        case UInt8(ascii: "f"): return false
        default: return nil
        }
    }

    /// The whole number of 32 bits here; nil for any other value, which is skipped.
    mutating func integer() throws(CorruptionError) -> Int? {
        skipBlanks()
        guard let first = current, first == UInt8(ascii: "-") || (0x30...0x39).contains(first) else {
            try skip()
            return nil
        }
        return try number().number.flatMap { Int32(exactly: $0) }.map(Int.init)
    }

    /// Goes behind the value here.
    mutating func skip() throws(CorruptionError) {
        var depth = 0
        repeat {
            skipBlanks()
            guard let byte = current else { throw error("a JSON value") }
            switch byte {
            case UInt8(ascii: "\""): try skipString()
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                guard depth <= JSONCursor.depthLimit else { throw error("fewer nested values") }
                offset += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ","), UInt8(ascii: ":"):
                guard depth > 0 else { throw error("a JSON value") }
                if byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]") { depth -= 1 }
                offset += 1
            default: try skipWord()
            }
        } while depth > 0
    }

    private mutating func skipString() throws(CorruptionError) {
        offset += 1
        while let byte = current {
            offset += 1
            if byte == UInt8(ascii: "\"") { return }
            if byte == UInt8(ascii: "\\") { offset += 1 }
        }
        throw error("the end of the string")
    }

    /// Goes behind a number, `true`, `false` or `null`.
    private mutating func skipWord() throws(CorruptionError) {
        let start = offset
        while let byte = current, byte != UInt8(ascii: ","), byte != UInt8(ascii: "}"),
            byte != UInt8(ascii: "]"), byte > 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: ":"),
            byte != UInt8(ascii: "{"), byte != UInt8(ascii: "[")
        {
            offset += 1
        }
        guard offset > start else { throw error("a JSON value") }
    }
}
