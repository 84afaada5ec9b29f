// SPDX-License-Identifier: Apache-2.0
//
// The tree of a query for those who draw it: `/api/v1/parse_query`, as Perses and Prometheus' own page use it. The
// members and their words are Prometheus' (web/api/v1/translate_ast.go); they stand in alphabetical order, as Go writes
// maps.

internal import Samples

/// A value of JSON's kinds.
public indirect enum ExpressionOutline: Sendable, Equatable {
    /// Members in the order to be written.
    case object([Member])
    /// Values in order.
    case array([ExpressionOutline])
    /// A text.
    case string(String)
    /// A number.
    case number(Double)
    /// A whole number.
    case integer(Int64)
    /// A truth value.
    case bool(Bool)
    /// Nothing.
    case null

    /// A member of an object.
    public struct Member: Sendable, Equatable {
        /// Its name.
        public let name: String
        /// Its value.
        public let value: ExpressionOutline

        init(_ name: String, _ value: ExpressionOutline) {
            self.name = name
            self.value = value
        }
    }
}

extension Expression {
    /// The tree of the query.
    public var outline: ExpressionOutline { .node(root) }
}

extension ExpressionOutline {
    fileprivate static func node(_ node: Node) -> ExpressionOutline {
        switch node {
        case .number(let literal): typed(node, [("val", .string(NumberText.plain(literal.value)))])
        case .string(let literal): typed(node, [("val", .string(literal.text))])
        case .selector(let selector): typed(node, members(selector))
        case .matrix(let matrix):
            typed(node, members(matrix.selector) + length("range", "rangeExpr", matrix.window))
        case .subquery(let subquery): typed(node, members(subquery))
        case .call(let call): typed(node, members(call))
        case .unary(let unary):
            typed(
                node,
                [("expr", .node(unary.operand)), ("op", .string(unary.isNegation ? "-" : "+"))]
            )
        case .binary(let binary): typed(node, members(binary))
        case .aggregate(let aggregation):
            typed(
                node,
                [
                    ("expr", .node(aggregation.expression)), ("grouping", strings(aggregation.grouping)),
                    ("op", .string(aggregation.aggregator.rawValue)),
                    ("param", aggregation.parameter.map { .node($0) } ?? .null),
                    ("without", .bool(aggregation.isWithout)),
                ]
            )
        case .parentheses(let inner): typed(node, [("expr", .node(inner.expression))])
        }
    }

    // MARK: - Members

    private typealias Members = [(name: String, value: ExpressionOutline)]

    private static func typed(_ node: Node, _ members: Members) -> ExpressionOutline {
        object(members + [("type", .string(node.kindName))])
    }

    private static func object(_ members: Members) -> ExpressionOutline {
        .object(members.sorted { $0.name < $1.name }.map { Member($0.name, $0.value) })
    }

    private static func strings(_ texts: [String]) -> ExpressionOutline {
        .array(texts.map { .string($0) })
    }

    private static func members(_ selector: VectorSelector) -> Members {
        let matchers = selector.matchers.map { matcher in
            object([
                ("name", .string(matcher.name)), ("type", .string(matcher.operation.rawValue)),
                ("value", .string(matcher.value)),
            ])
        }
        return members(selector.modifiers) + [
            ("anchored", .bool(selector.edges == .anchored)), ("matchers", .array(matchers)),
            ("name", .string(selector.name ?? "")), ("smoothed", .bool(selector.edges == .smoothed)),
        ]
    }

    private static func members(_ modifiers: TimeModifiers) -> Members {
        var timestamp = ExpressionOutline.null
        var edge = ExpressionOutline.null
        switch modifiers.at {
        case .time(let milliseconds)?: timestamp = .integer(milliseconds)
        case .start?: edge = .string("start")
        case .end?: edge = .string("end")
        case nil: break
        }
        let offset = WindowLength(milliseconds: modifiers.offset, expression: modifiers.offsetExpression)
        return [("startOrEnd", edge), ("timestamp", timestamp)] + length("offset", "offsetExpr", offset)
    }

    private static func members(_ subquery: Subquery) -> Members {
        let step = subquery.step ?? WindowLength(milliseconds: 0)
        return members(subquery.modifiers) + length("range", "rangeExpr", subquery.window)
            + length("step", "stepExpr", step) + [("expr", .node(subquery.expression))]
    }

    private static func members(_ call: Call) -> Members {
        let function = object([
            ("argTypes", .array(call.function.arguments.map { .string($0.rawValue) })),
            ("name", .string(call.function.name)), ("returnType", .string(call.function.result.rawValue)),
            ("variadic", .integer(Int64(call.function.variadic))),
        ])
        return [("args", .array(call.arguments.map { .node($0) })), ("func", function)]
    }

    private static func members(_ binary: Binary) -> Members {
        let isOfVectors = binary.left.type == .vector && binary.right.type == .vector
        return [
            ("bool", .bool(binary.returnsBool)), ("lhs", .node(binary.left)),
            ("matching", isOfVectors ? matching(binary) : .null), ("op", .string(binary.op.rawValue)),
            ("rhs", .node(binary.right)),
        ]
    }

    private static func matching(_ binary: Binary) -> ExpressionOutline {
        let matching = binary.matching
        let cardinality =
            switch matching.cardinality {
            case .oneToOne: binary.op.isSet ? "many-to-many" : "one-to-one"
            case .manyToOne: "many-to-one"
            case .oneToMany: "one-to-many"
            }
        return object([
            ("card", .string(cardinality)),
            (
                "fillValues",
                object([
                    ("lhs", matching.fillLeft.map { .number($0) } ?? .null),
                    ("rhs", matching.fillRight.map { .number($0) } ?? .null),
                ])
            ),
            ("include", strings(matching.include)), ("labels", strings(matching.labels)),
            ("on", .bool(matching.isOn)),
        ])
    }

    // MARK: - Durations

    /// A length in milliseconds, and what it is worked out from where that depends on the query.
    private static func length(_ name: String, _ expressionName: String, _ length: WindowLength) -> Members {
        let milliseconds: Members = [(name, .integer(length.milliseconds))]
        guard let expression = length.expression else { return milliseconds }
        return milliseconds + [(expressionName, duration(expression))]
    }

    private static func duration(_ node: DurationNode) -> ExpressionOutline {
        func expression(_ op: String, _ left: DurationNode?, _ right: DurationNode?) -> ExpressionOutline {
            object([
                ("lhs", left.map(duration) ?? .null), ("op", .string(op)),
                ("rhs", right.map(duration) ?? .null), ("type", .string("durationExpr")),
            ])
        }
        switch node {
        case .number(let literal):
            return object([
                ("type", .string("numberLiteral")), ("val", .string(NumberText.plain(literal.value))),
            ])
        case .step: return expression("step", nil, nil)
        case .range: return expression("range", nil, nil)
        case .unary(let isNegation, let operand, _): return expression(isNegation ? "-" : "+", nil, operand)
        case .binary(let op, let left, let right): return expression(op.rawValue, left, right)
        case .minOf(let left, let right, _): return expression("min_of", left, right)
        case .maxOf(let left, let right, _): return expression("max_of", left, right)
        case .parentheses(let inner, _):
            return object([("expr", duration(inner)), ("type", .string("parenExpr"))])
        }
    }
}
