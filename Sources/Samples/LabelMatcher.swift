// SPDX-License-Identifier: Apache-2.0
//
// What a selector asks of one label. A missing label has the value "".

/// One matcher of a selector: `name="value"`, `!=`, `=~`, `!~`.
public struct LabelMatcher: Sendable, Hashable, CustomStringConvertible {
    /// The four ways to compare.
    public enum Operation: String, Sendable {
        case equal = "="
        case notEqual = "!="
        case matches = "=~"
        case notMatches = "!~"
    }

    /// The label's name.
    public let name: String
    /// How to compare.
    public let operation: Operation
    /// The value or the regular expression.
    public let value: String
    private let pattern: Pattern?

    /// Creates a matcher, compiling the expression of a regex operation.
    ///
    /// - Throws: `PatternError` when the expression is not valid RE2.
    public init(_ name: String, _ operation: Operation, _ value: String) throws(PatternError) {
        self.name = name
        self.operation = operation
        self.value = value
        switch operation {
        case .equal, .notEqual: pattern = nil
        case .matches, .notMatches: pattern = try Pattern(value)
        }
    }

    /// A matcher for one exact value; cannot fail.
    public init(_ name: String, equals value: String) {
        self.name = name
        operation = .equal
        self.value = value
        pattern = nil
    }

    /// The values that the expression matches; nil for other operations, and when there are too many to list.
    ///
    /// They satisfy `=~`, and all others `!~`.
    public var texts: [String]? { pattern?.texts }

    /// Whether a value satisfies the matcher; pass "" for a missing label.
    public func matches(_ candidate: String) -> Bool {
        switch operation {
        case .equal: Labels.sameBytes(candidate, value)
        case .notEqual: !Labels.sameBytes(candidate, value)
        case .matches: pattern?.matches(candidate) ?? false
        case .notMatches: !(pattern?.matches(candidate) ?? false)
        }
    }

    /// Whether the series' label satisfies the matcher.
    public func matches(_ labels: Labels) -> Bool {
        matches(labels[name] ?? "")
    }

    /// Whether a series without the label would match.
    public var matchesEmpty: Bool { matches("") }

    /// The value as text for messages.
    public var description: String { "\(name)\(operation.rawValue)\(Labels.quoted(value))" }
}
