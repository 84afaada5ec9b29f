// SPDX-License-Identifier: Apache-2.0
//
// Binds a parsed expression to one query's times: `@ start()` and `@ end()` become times, computed lengths become
// milliseconds. What comes out holds neither.

/// Resolves what depends on the query's start, end and step.
struct Planner {
    let start: Int64
    let end: Int64
    let step: Int64

    /// Whether the expression is inside of `histogram_count`, `histogram_sum` or `histogram_avg`.
    ///
    /// Prometheus reads count and sum only then, and looks for resets while it does.
    private var detectsResets = false

    init(start: Int64, end: Int64, step: Int64) {
        self.start = start
        self.end = end
        self.step = step
    }

    func bind(_ node: Node) throws(QueryError) -> Node {
        switch node {
        case .number, .string: return node
        case .selector(var selector):
            selector.modifiers = try bind(selector.modifiers)
            selector.detectsResets = detectsResets
            return .selector(selector)
        case .matrix(var matrix):
            matrix.selector.modifiers = try bind(matrix.selector.modifiers)
            matrix.window = try bind(matrix.window)
            matrix.selector.detectsResets = detectsResets
            return .matrix(matrix)
        case .subquery(var subquery):
            subquery.modifiers = try bind(subquery.modifiers)
            subquery.window = try bind(subquery.window)
            if let step = subquery.step { subquery.step = try bind(step) }
            subquery.expression = try detecting(false).bind(subquery.expression)
            return .subquery(subquery)
        case .call(var call):
            if let value = constant(call.function.function) {
                return .number(NumberLiteral(value: value, isDuration: false, range: call.range))
            }
            let inner = detecting(in: call.function.function)
            for index in call.arguments.indices {
                call.arguments[index] = try inner.bind(call.arguments[index])
            }
            return .call(call)
        case .unary(var unary):
            unary.operand = try bind(unary.operand)
            return .unary(unary)
        case .binary(var binary):
            binary.left = try bind(binary.left)
            binary.right = try bind(binary.right)
            return .binary(binary)
        case .aggregate(var aggregation):
            if let parameter = aggregation.parameter { aggregation.parameter = try bind(parameter) }
            aggregation.expression = try bind(aggregation.expression)
            return .aggregate(aggregation)
        case .parentheses(var inner):
            inner.expression = try bind(inner.expression)
            return .parentheses(inner)
        }
    }

    private func detecting(_ detects: Bool) -> Planner {
        var planner = self
        planner.detectsResets = detects
        return planner
    }

    private func detecting(in function: Function) -> Planner {
        switch function {
        case .histogramCount, .histogramSum, .histogramAvg: detecting(true)
        case .histogramQuantile, .histogramQuantiles, .histogramFraction: detecting(false)
        default: self
        }
    }

    /// What functions of the query's own times yield.
    private func constant(_ function: Function) -> Double? {
        switch function {
        case .start: Double(start) / 1000
        case .end: Double(end) / 1000
        case .range: Double(end &- start) / 1000
        case .step: Double(step) / 1000
        default: nil
        }
    }

    private func bind(_ modifiers: TimeModifiers) throws(QueryError) -> TimeModifiers {
        var bound = modifiers
        switch modifiers.at {
        case .start?: bound.at = .time(start)
        case .end?: bound.at = .time(end)
        case .time?, nil: break
        }
        if let expression = modifiers.offsetExpression {
            bound.offset = try milliseconds(expression, mayBeNegative: true)
            bound.offsetExpression = nil
        }
        return bound
    }

    private func bind(_ window: WindowLength) throws(QueryError) -> WindowLength {
        guard let expression = window.expression else { return window }
        return WindowLength(milliseconds: try milliseconds(expression, mayBeNegative: false), expression: nil)
    }

    private func milliseconds(_ node: DurationNode, mayBeNegative: Bool) throws(QueryError) -> Int64 {
        let seconds = try evaluate(node)
        let range = node.sourceRange
        func failure(_ words: String) -> QueryError {
            QueryError(.badData, "\(range.start):\(range.end): \(words)")
        }
        guard seconds.isFinite else { throw failure("duration is NaN or infinite") }
        guard mayBeNegative || seconds > 0 else { throw failure("duration must be greater than 0") }
        guard abs(seconds) <= 9_223_372_036.854_775 else { throw failure("duration is out of range") }
        return ExpressionParser.milliseconds(seconds)
    }

    private func evaluate(_ node: DurationNode) throws(QueryError) -> Double {
        switch node {
        case .number(let literal): return literal.value
        case .step: return Double(step) / 1000
        case .range: return Double(end &- start) / 1000
        case .unary(let isNegation, let operand, _):
            let value = try evaluate(operand)
            return isNegation ? -value : value
        case .parentheses(let inner, _): return try evaluate(inner)
        case .minOf(let left, let right, _): return GoMath.min(try evaluate(left), try evaluate(right))
        case .maxOf(let left, let right, _): return GoMath.max(try evaluate(left), try evaluate(right))
        case .binary(let op, let left, let right):
            let lower = try evaluate(left)
            let upper = try evaluate(right)
            let range = node.sourceRange
            if upper == 0, op == .divide || op == .modulo {
                let words = op == .divide ? "division by zero" : "modulo by zero"
                throw QueryError(.badData, "\(range.start):\(range.end): \(words)")
            }
            return BinaryArithmetic.apply(op, lower, upper)
        }
    }
}
