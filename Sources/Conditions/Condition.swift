// SPDX-License-Identifier: Apache-2.0
//
// A condition over signals, for example
//
//     network_latency > 100ms OR bandwidth < 10Mbps
//     power_source == 'battery' AND NOT (battery_level >= 30%)
//
// Signals may be unknown (never published, stale). Logic has three values then, Kleene's: `false AND unknown` is false,
// `true OR unknown` is true, whatever else touches unknown is unknown.

/// A parsed condition.
public struct Condition: Sendable, Hashable, CustomStringConvertible {
    /// How two operands are compared.
    enum Comparison: String, Sendable {
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
        case equal = "=="
        case notEqual = "!="

        /// Whether the comparison needs no order.
        var isEquality: Bool { self == .equal || self == .notEqual }
    }

    /// A signal or a literal with the text it was written as.
    enum Operand: Sendable, Hashable {
        case signal(String)
        case number(Double, text: String)
        case text(String)
    }

    /// The tree; `all` and `any` hold at least two.
    indirect enum Node: Sendable, Hashable {
        case compare(Operand, Comparison, Operand)
        case not(Node)
        case all([Node])
        case any([Node])
    }

    let root: Node

    init(root: Node) {
        self.root = root
    }

    /// Reads a condition.
    ///
    /// - Parameter text: at most 4 KiB, parentheses nested at most 32 deep.
    /// - Returns: the condition.
    /// - Throws: `ConditionError` with the column of what is wrong.
    public static func parse(_ text: String) throws(ConditionError) -> Condition {
        var parser = try ConditionParser(text)
        return Condition(root: try parser.condition())
    }

    /// The names of the signals the condition looks at, sorted.
    public var signals: [String] {
        var names: Set<String> = []
        Condition.collect(root, into: &names)
        return names.sorted()
    }

    /// Whether the condition holds; nil when the signals known do not decide it.
    public func evaluate(_ board: SignalBoard) -> Bool? {
        Condition.evaluate(root, board)
    }

    /// The condition with normalised spacing and only the parentheses it needs.
    public var description: String { Condition.print(root, within: 0) }
}

// MARK: - Evaluation

extension Condition {
    private static func evaluate(_ node: Node, _ board: SignalBoard) -> Bool? {
        switch node {
        case .compare(let left, let comparison, let right):
            guard let left = value(left, board), let right = value(right, board) else { return nil }
            return compare(left, comparison, right)
        case .not(let inner): return evaluate(inner, board).map { !$0 }
        case .all(let nodes): return fold(nodes, board, decisive: false)
        case .any(let nodes): return fold(nodes, board, decisive: true)
        }
    }

    /// The decisive value if any node has it, else unknown if any node is, else the opposite.
    private static func fold(_ nodes: [Node], _ board: SignalBoard, decisive: Bool) -> Bool? {
        var isKnown = true
        for node in nodes {
            switch evaluate(node, board) {
            case decisive?: return decisive
            case nil: isKnown = false
            default: break
            }
        }
        return isKnown ? !decisive : nil
    }

    private static func value(_ operand: Operand, _ board: SignalBoard) -> SignalValue? {
        switch operand {
        case .number(let number, _): return .number(number)
        case .text(let text): return .text(text)
        case .signal(let name):
            guard let signal = board.value(name), signal.quality == .good else { return nil }
            return signal.value
        }
    }

    /// Unknown for a word against a number and for an order between words.
    private static func compare(_ left: SignalValue, _ comparison: Comparison, _ right: SignalValue) -> Bool?
    {
        switch (left, right) {
        case (.number(let left), .number(let right)):
            switch comparison {
            case .less: left < right
            case .lessOrEqual: left <= right
            case .greater: left > right
            case .greaterOrEqual: left >= right
            case .equal: left == right
            case .notEqual: left != right
            }
        case (.text(let left), .text(let right)):
            switch comparison {
            case .equal: left == right
            case .notEqual: left != right
            default: nil
            }
        default: nil
        }
    }

    private static func collect(_ node: Node, into names: inout Set<String>) {
        switch node {
        case .compare(let left, _, let right):
            for case .signal(let name) in [left, right] { names.insert(name) }
        case .not(let inner): collect(inner, into: &names)
        case .all(let nodes), .any(let nodes):
            for node in nodes { collect(node, into: &names) }
        }
    }
}

// MARK: - Printing

extension Condition {
    private static func print(_ node: Node, within precedence: Int) -> String {
        switch node {
        case .compare(let left, let comparison, let right):
            return "\(print(left)) \(comparison.rawValue) \(print(right))"
        case .not(let inner): return "NOT \(print(inner, within: 3))"
        case .all(let nodes):
            return joined(nodes, by: " AND ", own: 2, within: precedence)
        case .any(let nodes):
            return joined(nodes, by: " OR ", own: 1, within: precedence)
        }
    }

    private static func joined(_ nodes: [Node], by word: String, own: Int, within precedence: Int) -> String {
        let text = nodes.map { print($0, within: own) }.joined(separator: word)
        return own < precedence ? "(\(text))" : text
    }

    private static func print(_ operand: Operand) -> String {
        switch operand {
        case .signal(let name): name
        case .number(_, let text): text
        case .text(let text): text.contains("'") ? "\"\(text)\"" : "'\(text)'"
        }
    }
}

/// A condition that could not be read.
public struct ConditionError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Where in the text, counted in bytes from 1.
    public let column: Int
    /// What is wrong and what would be right.
    public let message: String

    /// The value as text for messages.
    public var description: String { "column \(column): \(message)" }
}
