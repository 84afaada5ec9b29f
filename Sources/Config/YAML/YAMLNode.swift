// SPDX-License-Identifier: Apache-2.0
//
// A YAML document as a tree whose every node knows where it was written. Types of plain scalars follow Go's yaml
// package (YAML 1.2 core schema, and what 1.1 spellings it still accepts), as Prometheus uses it; a quoted
// scalar is always a string.

/// A node of a YAML document.
public struct YAMLNode: Sendable, Equatable {
    /// What a node is.
    public indirect enum Content: Sendable, Equatable {
        /// Text; `isPlain` when written without quotes and without block indicator.
        case scalar(String, isPlain: Bool)
        /// A list.
        case sequence([YAMLNode])
        /// Keys with values in file order, each key once.
        case mapping([Entry])
    }

    /// A key with its value.
    public struct Entry: Sendable, Equatable {
        /// The key; a scalar.
        public let key: YAMLNode
        /// Its value.
        public let value: YAMLNode

        /// Creates an entry.
        public init(key: YAMLNode, value: YAMLNode) {
            self.key = key
            self.value = value
        }
    }

    /// What it is.
    public let content: Content
    /// The file it was written in.
    public let file: String
    /// Counted from 1.
    public let line: Int
    /// Counted in characters from 1.
    public let column: Int

    /// Creates a node.
    public init(_ content: Content, file: String, line: Int, column: Int) {
        self.content = content
        self.file = file
        self.line = line
        self.column = column
    }

    /// An error at this node's place.
    public func error(_ message: String, remedy: String = "") -> ConfigError {
        ConfigError(file: file, line: line, column: column, message: message, remedy: remedy)
    }
}

// MARK: - Scalars

extension YAMLNode {
    /// Whether the node is nothing at all: empty, `~` or `null`.
    public var isNull: Bool {
        guard case .scalar(let text, isPlain: true) = content else { return false }
        return text.isEmpty || text == "~" || text == "null" || text == "Null" || text == "NULL"
    }

    /// The text of any scalar but null, as Go's yaml package puts a scalar into a string.
    public var string: String? {
        guard case .scalar(let text, _) = content, !isNull else { return nil }
        return text
    }

    /// The truth value of a plain `true`, `yes`, `on` or their opposites.
    public var bool: Bool? {
        guard case .scalar(let text, isPlain: true) = content else { return nil }
        switch text {
        case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y": return true
        case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N": return false
        default: return nil
        }
    }

    /// The whole number of a plain scalar: decimal, `0x`, `0o`, `0b`, with optional sign and `_` between digits.
    public var integer: Int64? {
        guard case .scalar(let text, isPlain: true) = content else { return nil }
        var digits = text.replacingUnderscores
        let isNegative = digits.hasPrefix("-")
        if isNegative || digits.hasPrefix("+") { digits.removeFirst() }
        guard let first = digits.utf8.first, first >= UInt8(ascii: "0"), first <= UInt8(ascii: "9") else {
            return nil
        }
        let signed = isNegative ? "-" : ""
        for (prefix, radix) in [("0x", 16), ("0X", 16), ("0o", 8), ("0b", 2)] where digits.hasPrefix(prefix) {
            return Int64(signed + digits.dropFirst(2), radix: radix)
        }
        // YAML 1.1 octal; Go's yaml package still reads it.
        if digits.utf8.count > 1, first == UInt8(ascii: "0") { return Int64(signed + digits, radix: 8) }
        return Int64(signed + digits)
    }

    /// The number of a plain scalar: whole, with fraction or exponent, `.inf`, `.nan`.
    public var number: Double? {
        if let integer { return Double(integer) }
        guard case .scalar(let text, isPlain: true) = content else { return nil }
        switch text {
        case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .infinity
        case "-.inf", "-.Inf", "-.INF": return -.infinity
        case ".nan", ".NaN", ".NAN": return .nan
        default: break
        }
        let digits = text.replacingUnderscores
        guard digits.utf8.allSatisfy({ "0123456789+-.eE".utf8.contains($0) }) else { return nil }
        guard let value = Double(digits), value.isFinite else { return nil }
        return value
    }
}

// MARK: - Collections

extension YAMLNode {
    /// The items of a list; nil for anything else.
    public var items: [YAMLNode]? {
        if case .sequence(let items) = content { items } else { nil }
    }

    /// The entries of a mapping; nil for anything else.
    public var entries: [Entry]? {
        if case .mapping(let entries) = content { entries } else { nil }
    }

    /// The value of a key of a mapping.
    public subscript(_ key: String) -> YAMLNode? {
        entries?.first { $0.key.string == key }?.value
    }

    /// What the node is, for messages: "a list", "a mapping", "the text \"x\"".
    public var words: String {
        switch content {
        case .sequence: "a list"
        case .mapping: "a mapping"
        case .scalar where isNull: "nothing"
        case .scalar(let text, _): text.count > 40 ? "\"\(text.prefix(40))…\"" : "\"\(text)\""
        }
    }
}

extension String {
    /// Without the `_` that stand between digits.
    fileprivate var replacingUnderscores: String { contains("_") ? filter { $0 != "_" } : self }
}
