// SPDX-License-Identifier: Apache-2.0
//
// What follows a selector: brackets with lengths of time, `offset`, `@`. Lengths may be computed
// (`[step() * 2]`); those stay trees until the planner knows the query's step and range.

extension ExpressionParser {
    // MARK: - Brackets

    /// Parses `[5m]` or `[30m:1m]` after an expression.
    mutating func parseBrackets(after node: Node) throws(QueryError) -> Node {
        let open = advance()
        if startsDuration == false {
            throw unexpected(
                in: "subquery or range selector",
                expected: "number, duration, step(), or range()"
            )
        }
        let window = try parsePositiveLength()
        if let close = take(.rightBracket) {
            return try matrix(node, window, open.range.through(close.range))
        }
        guard take(.colon) != nil else {
            throw unexpected(in: "subquery or range", expected: "\":\" or \"]\"")
        }
        var step: WindowLength?
        if current.kind != .rightBracket {
            guard startsDuration else {
                throw unexpected(
                    in: "subquery selector",
                    expected: "number, duration, step(), range(), or \"]\""
                )
            }
            step = try parsePositiveLength()
        }
        guard let close = take(.rightBracket) else {
            throw unexpected(in: "subquery selector", expected: "\"]\"")
        }
        return .subquery(
            Subquery(expression: node, window: window, step: step, range: node.range.through(close.range))
        )
    }

    private func matrix(
        _ node: Node,
        _ window: WindowLength,
        _ brackets: SourceRange
    ) throws(QueryError) -> Node {
        guard case .selector(let selector) = node else {
            throw error(brackets, "ranges only allowed for vector selectors")
        }
        if selector.modifiers.offset != 0 {
            throw error(brackets, "no offset modifiers allowed before range")
        }
        // As in Prometheus, `@ start()` may stand before the brackets, `@ 5` may not.
        if case .time? = selector.modifiers.at {
            throw error(brackets, "no @ modifiers allowed before range")
        }
        let range = selector.range.through(brackets)
        return .matrix(MatrixSelector(selector: selector, window: window, range: range))
    }

    private mutating func parsePositiveLength() throws(QueryError) -> WindowLength {
        let node = try parseDuration(minimum: 0, nesting: 0)
        guard case .number(let literal) = node else { return WindowLength(milliseconds: 0, expression: node) }
        guard literal.value > 0 else { throw error(literal.range, "duration must be greater than 0") }
        return WindowLength(milliseconds: Self.milliseconds(literal.value), expression: nil)
    }

    /// Seconds to whole milliseconds through nanoseconds, as Prometheus rounds them.
    static func milliseconds(_ seconds: Double) -> Int64 {
        Int64(exactly: ((seconds * 1e9).rounded() / 1e6).rounded(.towardZero)) ?? 0
    }

    // MARK: - Modifiers

    /// Parses `offset 5m` after a selector.
    mutating func parseOffset(after node: Node) throws(QueryError) -> Node {
        advance()
        guard startsDuration else {
            throw unexpected(in: "offset", expected: "number, duration, step(), or range()")
        }
        let offset = try parseOffsetLength()
        return try withModifiers(node, "offset modifier") {
            (modifiers: inout TimeModifiers) throws(QueryError) in
            guard modifiers.offset == 0, modifiers.offsetExpression == nil else {
                throw error(node.range, "offset may not be set multiple times")
            }
            if case .number(let literal) = offset {
                modifiers.offset = Self.milliseconds(literal.value)
            } else {
                modifiers.offsetExpression = offset
            }
        }
    }

    /// Parses `@ 1609746000`, `@ start()` or `@ end()` after a selector.
    mutating func parseAt(after node: Node) throws(QueryError) -> Node {
        advance()
        let at: TimeModifiers.At
        switch current.kind {
        case .preprocessor(.start), .preprocessor(.end):
            at = advance().kind == .preprocessor(.start) ? .start : .end
            guard take(.leftParenthesis) != nil, take(.rightParenthesis) != nil else {
                throw unexpected(in: "@", expected: "timestamp")
            }
        default:
            let isNegative = take(.binary(.subtract)) != nil
            if !isNegative { _ = take(.binary(.add)) }
            guard current.kind == .number || current.kind == .duration else {
                throw unexpected(in: "@", expected: "timestamp")
            }
            let magnitude = try number(advance()).value
            let seconds = isNegative ? -magnitude : magnitude
            guard let time = Int64(exactly: (seconds * 1000).rounded()) else {
                let shown = NumberText.fixed(seconds, decimals: 6)
                throw error(node.range, "timestamp out of bounds for @ modifier: \(shown)")
            }
            at = .time(time)
        }
        return try withModifiers(node, "@ modifier") { (modifiers: inout TimeModifiers) throws(QueryError) in
            guard modifiers.at == nil else {
                throw error(node.range, "@ <timestamp> may not be set multiple times")
            }
            modifiers.at = at
        }
    }

    private func withModifiers(
        _ node: Node,
        _ what: String,
        _ change: (inout TimeModifiers) throws(QueryError) -> Void
    ) throws(QueryError) -> Node {
        switch node {
        case .selector(var selector):
            try change(&selector.modifiers)
            selector.range.end = lastEnd
            return .selector(selector)
        case .matrix(var matrix):
            try change(&matrix.selector.modifiers)
            matrix.range.end = lastEnd
            return .matrix(matrix)
        case .subquery(var subquery):
            try change(&subquery.modifiers)
            subquery.range.end = lastEnd
            return .subquery(subquery)
        default:
            throw error(
                node.range,
                "\(what) must be preceded by an instant vector selector or range vector selector or a subquery"
            )
        }
    }

    // MARK: - Lengths

    private var startsDuration: Bool {
        switch current.kind {
        case .number, .duration, .binary(.add), .binary(.subtract), .leftParenthesis: true
        case .preprocessor(let word): word != .start && word != .end
        default: false
        }
    }

    /// One term, so that `foo offset -2^2` is `(foo offset -2)^2`.
    private mutating func parseOffsetLength() throws(QueryError) -> DurationNode {
        let sign = current
        guard sign.kind == .binary(.add) || sign.kind == .binary(.subtract) else {
            return try parseDurationTerm(nesting: 0)
        }
        advance()
        return try signed(sign, parseDurationTerm(nesting: 0))
    }

    private mutating func parseDuration(minimum: Int, nesting: Int) throws(QueryError) -> DurationNode {
        guard nesting < Self.depthLimit else {
            throw error(current.range, "expression is nested more than \(Self.depthLimit) levels deep")
        }
        var left: DurationNode
        let sign = current
        if sign.kind == .binary(.add) || sign.kind == .binary(.subtract) {
            advance()
            let operand = try parseDuration(
                minimum: BinaryOperator.unaryPrecedence + 1,
                nesting: nesting + 1
            )
            left = try signed(sign, operand)
        } else {
            left = try parseDurationTerm(nesting: nesting)
        }
        var operators = nesting
        while case .binary(let op) = current.kind, op.isDurationArithmetic, op.precedence >= minimum {
            let place = advance().range
            operators += 1
            let right = try parseDuration(
                minimum: op == .power ? op.precedence : op.precedence + 1,
                nesting: operators
            )
            if case .number(let literal) = right, literal.value == 0 {
                if op == .divide { throw error(place, "division by zero") }
                if op == .modulo { throw error(place, "modulo by zero") }
            }
            left = .binary(op, left, right)
        }
        return left
    }

    private func signed(_ sign: Token, _ operand: DurationNode) throws(QueryError) -> DurationNode {
        let isNegation = sign.kind == .binary(.subtract)
        if case .number(var literal) = operand {
            if isNegation { literal.value = -literal.value }
            literal.range.start = sign.range.start
            return .number(literal)
        }
        let range = sign.range.through(operand.sourceRange)
        return isNegation ? .unary(isNegation: true, operand, range) : operand
    }

    private mutating func parseDurationTerm(nesting: Int) throws(QueryError) -> DurationNode {
        let token = current
        switch token.kind {
        case .number, .duration:
            advance()
            let literal = try number(token)
            // Go's durations are int64 nanoseconds, about 292 years.
            guard abs(literal.value) <= 9_223_372_036.854_775 else {
                throw error(token.range, "duration out of range")
            }
            return .number(literal)
        case .preprocessor(.step), .preprocessor(.range):
            advance()
            guard take(.leftParenthesis) != nil, let close = take(.rightParenthesis) else {
                throw unexpected()
            }
            let range = token.range.through(close.range)
            return token.kind == .preprocessor(.step) ? .step(range) : .range(range)
        case .preprocessor(.minOf), .preprocessor(.maxOf):
            advance()
            guard take(.leftParenthesis) != nil else { throw unexpected() }
            let left = try parseDuration(minimum: 0, nesting: nesting + 1)
            guard take(.comma) != nil else { throw unexpected() }
            let right = try parseDuration(minimum: 0, nesting: nesting + 1)
            guard let close = take(.rightParenthesis) else { throw unexpected() }
            let range = token.range.through(close.range)
            return token.kind == .preprocessor(.minOf)
                ? .minOf(left, right, range) : .maxOf(left, right, range)
        case .leftParenthesis:
            advance()
            let inner = try parseDuration(minimum: 0, nesting: nesting + 1)
            guard let close = take(.rightParenthesis) else { throw unexpected() }
            return .parentheses(inner, token.range.through(close.range))
        default: throw unexpected()
        }
    }
}

extension BinaryOperator {
    fileprivate var isDurationArithmetic: Bool {
        switch self {
        case .add, .subtract, .multiply, .divide, .modulo, .power: true
        default: false
        }
    }
}
