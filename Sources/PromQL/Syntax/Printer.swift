// SPDX-License-Identifier: Apache-2.0
//
// A tree printed back as PromQL, in the one-line form Prometheus uses in its API, rule files and messages.

internal import Samples

/// Prints expressions.
enum Printer {
    static func text(_ node: Node) -> String {
        switch node {
        case .number(let literal): return text(literal)
        case .string(let literal): return EscapedString.quote(literal.bytes)
        case .selector(let selector): return text(selector) + after(selector)
        case .matrix(let matrix):
            return "\(text(matrix.selector))[\(text(matrix.window))]\(after(matrix.selector))"
        case .subquery(let subquery):
            return text(subquery.expression) + suffix(subquery)
        case .call(let call):
            return "\(call.function.name)(\(call.arguments.map(text).joined(separator: ", ")))"
        case .unary(let unary): return (unary.isNegation ? "-" : "+") + text(unary.operand)
        case .binary(let binary):
            return "\(text(binary.left)) \(words(binary)) \(text(binary.right))"
        case .aggregate(let aggregation): return text(aggregation)
        case .parentheses(let inner): return "(\(text(inner.expression)))"
        }
    }

    /// What follows the expression of a subquery.
    static func suffix(_ subquery: Subquery) -> String {
        let step = subquery.step.map(text) ?? ""
        return "[\(text(subquery.window)):\(step)]\(text(subquery.modifiers))"
    }

    /// What stands between the two sides of a binary expression.
    static func words(_ binary: Binary) -> String {
        // Where a scalar takes part nothing is matched, whatever was written.
        let isOfVectors = binary.left.type == .vector && binary.right.type == .vector
        let matching = isOfVectors ? text(binary.matching) : ""
        return binary.op.rawValue + (binary.returnsBool ? " bool" : "") + matching
    }

    private static func text(_ literal: NumberLiteral) -> String {
        guard literal.isDuration else { return NumberText.plain(literal.value) }
        return duration(Int64(exactly: (literal.value * 1000).rounded()) ?? 0)
    }

    private static func duration(_ milliseconds: Int64) -> String {
        let sign = milliseconds < 0 ? "-" : ""
        return sign + PromDuration.format(.milliseconds(milliseconds.magnitude))
    }

    private static func after(_ selector: VectorSelector) -> String {
        text(selector.modifiers) + (selector.edges.map { " \($0.rawValue)" } ?? "")
    }

    private static func text(_ selector: VectorSelector) -> String {
        let matchers = selector.matchers.filter { matcher in
            !(matcher.name == Labels.metricNameLabel && matcher.operation == .equal
                && matcher.value == selector.name && !matcher.value.isEmpty)
        }
        let name = selector.name ?? ""
        guard !matchers.isEmpty else { return name.isEmpty ? "{}" : name }
        let words = matchers.map(text).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        return "\(name){\(words.joined(separator: ","))}"
    }

    private static func text(_ matcher: LabelMatcher) -> String {
        let value = EscapedString.quote(Array(matcher.value.utf8))
        return label(matcher.name) + matcher.operation.rawValue + value
    }

    private static func label(_ name: String) -> String {
        Labels.isLegacyLabelName(name) ? name : EscapedString.quote(Array(name.utf8))
    }

    private static func labels(_ names: [String]) -> String {
        names.map(label).joined(separator: ", ")
    }

    private static func text(_ modifiers: TimeModifiers) -> String {
        var out = ""
        switch modifiers.at {
        case .time(let milliseconds)?:
            out += " @ \(NumberText.fixed(Double(milliseconds) / 1000, decimals: 3))"
        case .start?: out += " @ start()"
        case .end?: out += " @ end()"
        case nil: break
        }
        if let expression = modifiers.offsetExpression {
            out += " offset \(text(expression))"
        } else if modifiers.offset != 0 {
            out += " offset \(duration(modifiers.offset))"
        }
        return out
    }

    private static func text(_ window: WindowLength) -> String {
        window.expression.map(text) ?? duration(window.milliseconds)
    }

    private static func text(_ matching: VectorMatching) -> String {
        var out = ""
        if !matching.labels.isEmpty || matching.isOn || matching.cardinality != .oneToOne {
            out += " \(matching.isOn ? "on" : "ignoring") (\(labels(matching.labels)))"
        }
        if matching.cardinality != .oneToOne {
            let side = matching.cardinality == .manyToOne ? "left" : "right"
            out += " group_\(side) (\(labels(matching.include)))"
        }
        switch (matching.fillLeft, matching.fillRight) {
        case (let left?, let right?) where left.bitPattern == right.bitPattern:
            out += " fill (\(NumberText.plain(left)))"
        case (let left, let right):
            if let left { out += " fill_left (\(NumberText.plain(left)))" }
            if let right { out += " fill_right (\(NumberText.plain(right)))" }
        }
        return out
    }

    /// The operator of an aggregation with its labels.
    static func head(_ aggregation: Aggregation) -> String {
        var out = aggregation.aggregator.rawValue
        if aggregation.isWithout {
            out += " without (\(labels(aggregation.grouping))) "
        } else if !aggregation.grouping.isEmpty {
            out += " by (\(labels(aggregation.grouping))) "
        }
        return out
    }

    private static func text(_ aggregation: Aggregation) -> String {
        let parameter = aggregation.parameter.map { text($0) + ", " } ?? ""
        return "\(head(aggregation))(\(parameter)\(text(aggregation.expression)))"
    }

    private static func text(_ node: DurationNode) -> String {
        switch node {
        case .number(let literal): text(literal)
        case .step: "step()"
        case .range: "range()"
        case .unary(let isNegation, let operand, _): (isNegation ? "-" : "") + text(operand)
        case .binary(let op, let left, let right): "\(text(left)) \(op.rawValue) \(text(right))"
        case .minOf(let left, let right, _): "min_of(\(text(left)), \(text(right)))"
        case .maxOf(let left, let right, _): "max_of(\(text(left)), \(text(right)))"
        case .parentheses(let inner, _): "(\(text(inner)))"
        }
    }
}
