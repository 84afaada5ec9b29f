// SPDX-License-Identifier: Apache-2.0
//
// Tokens to tree, by precedence climbing. It stops at the first error. Error texts name the innermost construct
// that Prometheus' grammar has an error rule for, so that they read the same.
//
// Bounds: the recursion of the parser and the depth of the tree are each limited to `depthLimit`, so neither a
// thousand parentheses nor a thousand operators in a row can overflow a stack here or in whoever walks the tree.

internal import Samples

/// Parses one query.
struct ExpressionParser {
    /// The deepest tree; a level costs below 2 KiB of stack in any walker, and threads have at least 1 MiB.
    static let depthLimit = 256

    let source: [UInt8]
    private let features: QueryFeatures
    private let tokens: [Token]
    private var index = 0
    /// Open recursive calls.
    private var nesting = 0
    /// The depth of the node parsed last.
    private var depth = 0
    /// The construct an unexpected token is blamed on; empty outside of any.
    private var context = ""

    init(_ source: [UInt8], _ features: QueryFeatures) {
        self.source = source
        self.features = features
        tokens = Lexer.tokens(of: source)
    }

    // MARK: - Tokens

    /// The token to be read next; the last one stays current for ever.
    var current: Token { tokens[min(index, tokens.count - 1)] }

    /// The token after the current one.
    var following: Token { tokens[min(index + 1, tokens.count - 1)] }

    /// Where the token before the current one ends.
    var lastEnd: Int { index > 0 ? tokens[min(index, tokens.count) - 1].range.end : 0 }

    @discardableResult
    mutating func advance() -> Token {
        let token = current
        if index < tokens.count { index += 1 }
        return token
    }

    mutating func take(_ kind: Token.Kind) -> Token? {
        current.kind == kind ? advance() : nil
    }

    func text(_ token: Token) -> String {
        String(decoding: source[token.range.start..<token.range.end], as: UTF8.self)
    }

    // MARK: - Errors

    func error(_ range: SourceRange, _ message: String) -> QueryError {
        QueryError(.badData, "\(range.position(in: source)): parse error: \(message)")
    }

    /// The current token stands where it may not.
    func unexpected(in place: String? = nil, expected: String = "") -> QueryError {
        if case .error(let message) = current.kind { return error(current.range, message) }
        var message = "unexpected \(current.description(in: source))"
        let place = place ?? context
        if !place.isEmpty { message += " in \(place)" }
        if !expected.isEmpty { message += ", expected \(expected)" }
        return error(current.range, message)
    }

    private func tooDeep() -> QueryError {
        error(current.range, "expression is nested more than \(Self.depthLimit) levels deep")
    }

    private mutating func deepen(to depth: Int) throws(QueryError) {
        guard depth <= Self.depthLimit else { throw tooDeep() }
        self.depth = depth
    }

    // MARK: - Expressions

    mutating func parseWhole() throws(QueryError) -> Node {
        if case .end = current.kind { throw error(.none, "no expression found in input") }
        let node = try parseExpression(minimum: 0)
        guard case .end = current.kind else { throw unexpected() }
        return node
    }

    mutating func parseWholeSelector() throws(QueryError) -> VectorSelector {
        guard current.isMetricName || current.kind == .leftBrace else { throw unexpected() }
        let selector = try parseSelector()
        guard case .end = current.kind else { throw unexpected() }
        return selector
    }

    /// Parses operators that bind at least as tightly as `minimum`.
    mutating func parseExpression(minimum: Int) throws(QueryError) -> Node {
        nesting += 1
        defer { nesting -= 1 }
        guard nesting <= Self.depthLimit else { throw tooDeep() }
        var left = try parseUnary()
        while case .binary(let op) = current.kind, op.precedence >= minimum {
            advance()
            let leftDepth = depth
            let modifiers = try parseBinaryModifiers()
            let right = try parseExpression(minimum: op == .power ? op.precedence : op.precedence + 1)
            let binary = Binary(
                op: op,
                left: left,
                right: right,
                returnsBool: modifiers.returnsBool,
                matching: modifiers.matching
            )
            if modifiers.matching.hasFill, !features.fillModifiers {
                throw error(binary.range, "binop fill modifiers are experimental and not enabled")
            }
            left = .binary(binary)
            try deepen(to: max(leftDepth, depth) + 1)
        }
        return left
    }

    private mutating func parseUnary() throws(QueryError) -> Node {
        let sign = current
        guard sign.kind == .binary(.add) || sign.kind == .binary(.subtract) else { return try parsePostfix() }
        advance()
        let isNegation = sign.kind == .binary(.subtract)
        let operand = try parseExpression(minimum: BinaryOperator.unaryPrecedence + 1)
        if case .number(var literal) = operand {
            if isNegation { literal.value = -literal.value }
            literal.range.start = sign.range.start
            return .number(literal)
        }
        try deepen(to: depth + 1)
        return .unary(
            Unary(isNegation: isNegation, operand: operand, range: sign.range.through(operand.range))
        )
    }

    private mutating func parsePostfix() throws(QueryError) -> Node {
        var node = try parsePrimary()
        while true {
            switch current.kind {
            case .leftBracket:
                node = try parseBrackets(after: node)
                try deepen(to: depth + 1)
            case .keyword(.offset): node = try parseOffset(after: node)
            case .at: node = try parseAt(after: node)
            case .keyword(.anchored): node = try parseEdges(.anchored, after: node)
            case .keyword(.smoothed): node = try parseEdges(.smoothed, after: node)
            default: return node
            }
        }
    }

    /// Parses `anchored` or `smoothed` after a selector.
    private mutating func parseEdges(_ edges: RangeEdges, after node: Node) throws(QueryError) -> Node {
        guard features.extendedRangeSelectors else {
            throw error(node.range, "\(edges.rawValue) modifier is experimental and not enabled")
        }
        advance()
        func setting(_ selector: VectorSelector) throws(QueryError) -> VectorSelector {
            if let other = selector.edges {
                let words =
                    other == edges
                    ? "may not be set multiple times" : "cannot be combined with \(other.rawValue)"
                throw error(node.range, "\(edges.rawValue) modifier \(words)")
            }
            var selector = selector
            selector.edges = edges
            return selector
        }
        switch node {
        case .selector(let selector):
            var changed = try setting(selector)
            changed.range.end = lastEnd
            return .selector(changed)
        case .matrix(var matrix):
            matrix.selector = try setting(matrix.selector)
            matrix.range.end = lastEnd
            return .matrix(matrix)
        default:
            let words = "modifier must be preceded by an instant vector selector or range vector selector"
            throw error(node.range, "\(edges.rawValue) \(words), but follows a \(node.kindName) instead")
        }
    }

    private mutating func parsePrimary() throws(QueryError) -> Node {
        let token = current
        depth = 1
        switch token.kind {
        case .number, .duration:
            advance()
            return .number(try number(token))
        case .string:
            advance()
            return .string(StringLiteral(bytes: unquoted(token), range: token.range))
        case .leftParenthesis: return try parseParentheses()
        case .aggregator(let aggregator):
            switch following.kind {
            case .leftParenthesis, .keyword(.by), .keyword(.without): return try parseAggregation(aggregator)
            default: return .selector(try parseSelector())
            }
        case .identifier, .preprocessor:
            if following.kind == .leftParenthesis { return try parseCall() }
            return .selector(try parseSelector())
        case .leftBrace: return .selector(try parseSelector())
        default:
            guard token.isMetricName else { throw unexpected() }
            return .selector(try parseSelector())
        }
    }

    private mutating func parseParentheses() throws(QueryError) -> Node {
        let open = advance()
        let inner = try parseExpression(minimum: 0)
        guard let close = take(.rightParenthesis) else { throw unexpected() }
        try deepen(to: depth + 1)
        return .parentheses(Parentheses(expression: inner, range: open.range.through(close.range)))
    }

    // MARK: - Calls and aggregations

    private mutating func parseCall() throws(QueryError) -> Node {
        let name = advance()
        var arguments = try parseArguments()
        let word = text(name)
        guard let function = FunctionSignature.all[word] else {
            throw error(name.range, "unknown function with name \(Labels.quoted(word))")
        }
        if function.function.isExperimental, !features.experimentalFunctions {
            throw error(name.range, "function \(Labels.quoted(word)) is not enabled")
        }
        let range = SourceRange(start: name.range.start, end: lastEnd)
        if function.function == .info { try markLabelSelector(&arguments) }
        return .call(Call(function: function, arguments: arguments, range: range))
    }

    /// The second argument of `info` selects labels, so it needs no matcher that must match something.
    private func markLabelSelector(_ arguments: inout [Node]) throws(QueryError) {
        guard arguments.count > 1 else { return }
        guard case .selector(var selector) = arguments[1], selector.name == nil, selector.edges == nil else {
            throw error(arguments[1].range, "expected label selectors only")
        }
        selector.isLabelSelector = true
        arguments[1] = .selector(selector)
    }

    private mutating func parseArguments() throws(QueryError) -> [Node] {
        guard take(.leftParenthesis) != nil else { throw unexpected() }
        var arguments: [Node] = []
        var deepest = 0
        if take(.rightParenthesis) == nil {
            while true {
                arguments.append(try parseExpression(minimum: 0))
                deepest = max(deepest, depth)
                if let comma = take(.comma) {
                    guard current.kind != .rightParenthesis else {
                        throw error(comma.range, "trailing commas not allowed in function call args")
                    }
                } else if take(.rightParenthesis) != nil {
                    break
                } else {
                    throw unexpected()
                }
            }
        }
        try deepen(to: deepest + 1)
        return arguments
    }

    private mutating func parseAggregation(_ aggregator: Aggregator) throws(QueryError) -> Node {
        let word = advance()
        let outer = context
        context = "aggregation"
        defer { context = outer }
        var grouping = try parseGrouping()
        let arguments = try parseArguments()
        if grouping == nil { grouping = try parseGrouping() }
        let range = SourceRange(start: word.range.start, end: lastEnd)
        guard let last = arguments.last else {
            throw error(range, "no arguments for aggregate expression provided")
        }
        if aggregator.isExperimental, !features.experimentalFunctions {
            let flag = "--enable-feature=promql-experimental-functions"
            throw error(range, "\(aggregator.rawValue)() is experimental and must be enabled with \(flag)")
        }
        let wanted = aggregator.takesParameter ? 2 : 1
        guard arguments.count == wanted else {
            throw error(
                range,
                "wrong number of arguments for aggregate expression provided, expected \(wanted), got \(arguments.count)"
            )
        }
        return .aggregate(
            Aggregation(
                aggregator: aggregator,
                expression: last,
                parameter: aggregator.takesParameter ? arguments.first : nil,
                grouping: grouping?.labels ?? [],
                isWithout: grouping?.isWithout ?? false,
                range: range
            )
        )
    }

    private mutating func parseGrouping() throws(QueryError) -> (labels: [String], isWithout: Bool)? {
        let isWithout = current.kind == .keyword(.without)
        guard isWithout || current.kind == .keyword(.by) else { return nil }
        advance()
        return (try parseLabelList(), isWithout)
    }

    // MARK: - Literals

    mutating func number(_ token: Token) throws(QueryError) -> NumberLiteral {
        let bytes = source[token.range.start..<token.range.end]
        guard token.kind == .duration else {
            switch NumberText.read(bytes) {
            case .success(let value):
                return NumberLiteral(value: value, isDuration: false, range: token.range)
            case .failure(let failure):
                let words = "strconv.ParseFloat: parsing \(Labels.quoted(text(token))): \(failure.rawValue)"
                throw error(token.range, "error parsing number: \(words)")
            }
        }
        switch DurationText.parse(bytes) {
        case .success(let milliseconds):
            return NumberLiteral(value: Double(milliseconds) / 1000, isDuration: true, range: token.range)
        case .failure(let failure): throw error(token.range, failure.message)
        }
    }

    func unquoted(_ token: Token) -> [UInt8] {
        EscapedString.unquote(source[token.range.start..<token.range.end])
    }
}
