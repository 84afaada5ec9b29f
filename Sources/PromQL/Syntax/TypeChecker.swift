// SPDX-License-Identifier: Apache-2.0
//
// The rules a tree must keep beyond its grammar. The order of the checks is Prometheus', so that a query with
// several faults gets the same first complaint.

internal import Samples

/// Checks types, arity and the rules of operators.
struct TypeChecker {
    let source: [UInt8]

    private func error(_ range: SourceRange, _ message: String) -> QueryError {
        QueryError(.badData, "\(range.position(in: source)): parse error: \(message)")
    }

    func check(_ node: Node) throws(QueryError) {
        switch node {
        case .number, .string: return
        case .selector(let selector): try check(selector)
        case .matrix(let matrix): try check(matrix.selector)
        case .parentheses(let inner): try check(inner.expression)
        case .call(let call): try check(call)
        case .binary(let binary): try check(binary)
        case .aggregate(let aggregation): try check(aggregation)
        case .unary(let unary):
            try check(unary.operand)
            let type = unary.operand.type
            guard type == .scalar || type == .vector else {
                let words = "unary expression only allowed on expressions of type scalar or instant vector"
                throw error(unary.range, "\(words), got \"\(type.documented)\"")
            }
        case .subquery(let subquery):
            try check(subquery.expression)
            let type = subquery.expression.type
            guard type == .vector else {
                throw error(
                    subquery.range,
                    "subquery is only allowed on instant vector, got \(type.rawValue) instead"
                )
            }
        }
    }

    private func expect(_ node: Node, _ wanted: ValueType, _ place: String) throws(QueryError) {
        try check(node)
        guard node.type == wanted else {
            throw error(
                node.range,
                "expected type \(wanted.documented) in \(place), got \(node.type.documented)"
            )
        }
    }

    private func check(_ selector: VectorSelector) throws(QueryError) {
        if let name = selector.name {
            if let other = selector.matchers.dropLast().first(where: { $0.name == Labels.metricNameLabel }) {
                let names = "\(Labels.quoted(name)) or \(Labels.quoted(other.value))"
                throw error(selector.range, "metric name must not be set twice: \(names)")
            }
            return
        }
        guard selector.isLabelSelector || selector.matchers.contains(where: { !$0.matchesEmpty }) else {
            throw error(selector.range, "vector selector must contain at least one non-empty matcher")
        }
    }

    private func check(_ aggregation: Aggregation) throws(QueryError) {
        try expect(aggregation.expression, .vector, "aggregation expression")
        guard let parameter = aggregation.parameter else { return }
        let isText = aggregation.aggregator == .countValues
        try expect(parameter, isText ? .string : .scalar, "aggregation parameter")
    }

    private func check(_ call: Call) throws(QueryError) {
        let signature = call.function
        let name = Labels.quoted(signature.name)
        let count = call.arguments.count
        let listed = signature.arguments.count
        if signature.variadic == 0 {
            guard count == listed else {
                throw error(call.range, "expected \(listed) argument(s) in call to \(name), got \(count)")
            }
        } else {
            let least = listed - 1
            guard count >= least else {
                throw error(
                    call.range,
                    "expected at least \(least) argument(s) in call to \(name), got \(count)"
                )
            }
            let most = least + signature.variadic
            guard signature.variadic < 0 || count <= most else {
                throw error(
                    call.range,
                    "expected at most \(most) argument(s) in call to \(name), got \(count)"
                )
            }
        }
        for (index, argument) in call.arguments.enumerated() {
            let wanted = signature.arguments[min(index, listed - 1)]
            try expect(argument, wanted, "call to function \(name)")
        }
    }

    private func check(_ binary: Binary) throws(QueryError) {
        try check(binary.left)
        try check(binary.right)
        let left = binary.left.type
        let right = binary.right.type
        let op = binary.op
        let matching = binary.matching
        let operatorRange = operatorRange(binary)
        if binary.returnsBool, !op.isComparison {
            throw error(operatorRange, "bool modifier can only be used on comparison operators")
        }
        if op.isComparison, !binary.returnsBool, left == .scalar, right == .scalar {
            throw error(operatorRange, "comparisons between scalars must use BOOL modifier")
        }
        if matching.isOn, let both = matching.labels.first(where: matching.include.contains) {
            let label = Labels.quoted(both)
            throw error(operatorRange, "label \(label) must not occur in ON and GROUP clause at once")
        }
        for operand in [binary.left, binary.right] where operand.type != .scalar && operand.type != .vector {
            throw error(
                operand.range,
                "binary expression must contain only scalar and instant vector types"
            )
        }
        if left != .vector || right != .vector {
            if !matching.labels.isEmpty {
                throw error(binary.range, "vector matching only allowed between instant vectors")
            }
            if matching.hasFill {
                throw error(binary.range, "filling in missing series only allowed between instant vectors")
            }
        } else if op.isSet, matching.cardinality != .oneToOne {
            throw error(binary.range, "no grouping allowed for \"\(op.rawValue)\" operation")
        } else if op.isSet, matching.hasFill {
            throw error(binary.range, "filling in missing series not allowed for set operators")
        }
        if op.isSet, left == .scalar || right == .scalar {
            throw error(
                binary.range,
                "set operator \"\(op.rawValue)\" not allowed in binary scalar expression"
            )
        }
    }

    private func operatorRange(_ binary: Binary) -> SourceRange {
        var start = binary.left.range.end
        while start < source.count, Lexer.isSpace(source[start]) { start += 1 }
        return SourceRange(start: start, end: binary.right.range.start)
    }
}
