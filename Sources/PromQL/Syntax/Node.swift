// SPDX-License-Identifier: Apache-2.0
//
// The tree the parser builds. Values only; every node knows its place in the text. The parser bounds the depth
// (`ExpressionParser.depthLimit`), so walking the tree recursively is safe.

internal import Samples

/// An expression.
indirect enum Node: Sendable {
    case number(NumberLiteral)
    case string(StringLiteral)
    case selector(VectorSelector)
    case matrix(MatrixSelector)
    case subquery(Subquery)
    case call(Call)
    case unary(Unary)
    case binary(Binary)
    case aggregate(Aggregation)
    case parentheses(Parentheses)
}

/// `12.5`, `5m`.
struct NumberLiteral: Sendable {
    var value: Double
    /// Written as a duration; printed as one.
    var isDuration: Bool
    var range: SourceRange
}

/// `"text"`; the bytes need not be UTF-8.
struct StringLiteral: Sendable {
    let bytes: [UInt8]
    let range: SourceRange

    var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// `offset 5m`, `@ 1609746000`, `@ end()`.
struct TimeModifiers: Sendable {
    /// What the evaluation time is replaced by.
    enum At: Sendable, Equatable {
        case time(Int64)
        case start
        case end
    }

    /// Milliseconds to look back further; negative looks ahead.
    var offset: Int64 = 0
    /// An offset that depends on the query, resolved by `Planner`.
    var offsetExpression: DurationNode?
    var at: At?
}

/// A length of time in brackets.
struct WindowLength: Sendable {
    var milliseconds: Int64
    /// A length that depends on the query, resolved by `Planner`.
    var expression: DurationNode?
}

/// `name{label="value"}`.
struct VectorSelector: Sendable {
    /// The name written before the braces; its matcher is the last of `matchers`.
    var name: String?
    var matchers: [LabelMatcher]
    var modifiers = TimeModifiers()
    /// `anchored` or `smoothed`; of a range selector these are the window's.
    var edges: RangeEdges?
    var range: SourceRange
    /// Whether it is the second argument of `info`, which selects labels rather than series.
    var isLabelSelector = false
    /// Whether what is not known of counter resets is to be found out from the sample before; set by `Planner`.
    var detectsResets = false
}

/// `selector[5m]`.
struct MatrixSelector: Sendable {
    var selector: VectorSelector
    var window: WindowLength
    var range: SourceRange
}

/// `expression[30m:1m]`.
struct Subquery: Sendable {
    var expression: Node
    var window: WindowLength
    /// Nil: the engine's default.
    var step: WindowLength?
    var modifiers = TimeModifiers()
    var range: SourceRange
}

/// `function(arguments)`.
struct Call: Sendable {
    var function: FunctionSignature
    var arguments: [Node]
    var range: SourceRange
}

/// `-expression`.
struct Unary: Sendable {
    var isNegation: Bool
    var operand: Node
    var range: SourceRange
}

/// `left op right`.
struct Binary: Sendable {
    var op: BinaryOperator
    var left: Node
    var right: Node
    /// `bool`: 0 and 1 instead of filtering.
    var returnsBool: Bool
    var matching: VectorMatching
    var range: SourceRange { left.range.through(right.range) }
}

/// How elements of two vectors find each other.
struct VectorMatching: Sendable {
    enum Cardinality: Sendable {
        case oneToOne, manyToOne, oneToMany
    }

    var cardinality = Cardinality.oneToOne
    /// Compare only `labels` rather than all but them.
    var isOn = false
    var labels: [String] = []
    /// Labels taken over from the "one" side.
    var include: [String] = []
    /// What stands for a missing element of the left side, and of the right.
    var fillLeft: Double?
    var fillRight: Double?

    var hasFill: Bool { fillLeft != nil || fillRight != nil }
}

/// `sum by (label) (expression)`.
struct Aggregation: Sendable {
    var aggregator: Aggregator
    var expression: Node
    var parameter: Node?
    var grouping: [String]
    var isWithout: Bool
    var range: SourceRange
}

/// `(expression)`.
struct Parentheses: Sendable {
    var expression: Node
    var range: SourceRange
}

/// Arithmetic on lengths of time.
indirect enum DurationNode: Sendable {
    case number(NumberLiteral)
    case step(SourceRange)
    case range(SourceRange)
    case unary(isNegation: Bool, DurationNode, SourceRange)
    case binary(BinaryOperator, DurationNode, DurationNode)
    case minOf(DurationNode, DurationNode, SourceRange)
    case maxOf(DurationNode, DurationNode, SourceRange)
    case parentheses(DurationNode, SourceRange)

    var sourceRange: SourceRange {
        switch self {
        case .number(let literal): literal.range
        case .step(let range), .range(let range), .unary(_, _, let range), .minOf(_, _, let range),
            .maxOf(_, _, let range), .parentheses(_, let range):
            range
        case .binary(_, let left, let right): left.sourceRange.through(right.sourceRange)
        }
    }
}

extension Node {
    /// Where the expression stands in the text.
    var range: SourceRange {
        switch self {
        case .number(let node): node.range
        case .string(let node): node.range
        case .selector(let node): node.range
        case .matrix(let node): node.range
        case .subquery(let node): node.range
        case .call(let node): node.range
        case .unary(let node): node.range
        case .binary(let node): node.range
        case .aggregate(let node): node.range
        case .parentheses(let node): node.range
        }
    }

    /// The kind of value the expression has.
    var type: ValueType {
        switch self {
        case .number: .scalar
        case .string: .string
        case .selector, .aggregate: .vector
        case .matrix, .subquery: .matrix
        case .call(let call): call.function.result
        case .unary(let unary): unary.operand.type
        case .binary(let binary):
            binary.left.type == .scalar && binary.right.type == .scalar ? .scalar : .vector
        case .parentheses(let inner): inner.expression.type
        }
    }

    /// The expression without the parentheses around it.
    var unwrapped: Node {
        var node = self
        while case .parentheses(let inner) = node { node = inner.expression }
        return node
    }

    /// The expressions directly inside.
    var children: [Node] {
        switch self {
        case .number, .string, .selector, .matrix: []
        case .subquery(let node): [node.expression]
        case .call(let node): node.arguments
        case .unary(let node): [node.operand]
        case .binary(let node): [node.left, node.right]
        case .aggregate(let node): (node.parameter.map { [$0] } ?? []) + [node.expression]
        case .parentheses(let node): [node.expression]
        }
    }
}

extension Node {
    /// What messages call the kind of expression.
    var kindName: String {
        switch self {
        case .number: "numberLiteral"
        case .string: "stringLiteral"
        case .selector: "vectorSelector"
        case .matrix: "matrixSelector"
        case .subquery: "subquery"
        case .call: "call"
        case .unary: "unaryExpr"
        case .binary: "binaryExpr"
        case .aggregate: "aggregation"
        case .parentheses: "parenExpr"
        }
    }
}
