// SPDX-License-Identifier: Apache-2.0
//
// The grammar, by recursive descent:
//
//     condition  = all { OR all }
//     all        = one { AND one }
//     one        = NOT one | "(" condition ")" | operand comparison operand
//     operand    = name | number [unit] | quoted word

/// Builds the tree of a condition.
struct ConditionParser {
    /// Bounds the stack on hostile configuration.
    static let depthLimit = 32

    private var lexer: ConditionLexer
    private var token: ConditionToken
    private var depth = 0

    init(_ text: String) throws(ConditionError) {
        lexer = try ConditionLexer(text)
        token = try lexer.next()
    }

    /// Reads the whole text.
    mutating func condition() throws(ConditionError) -> Condition.Node {
        if token.kind == .end { throw ConditionError(column: 1, message: "the condition is empty") }
        let root = try any()
        guard token.kind == .end else { throw failure("AND, OR or the end of the condition") }
        return root
    }

    private mutating func any() throws(ConditionError) -> Condition.Node {
        let first = try all()
        var nodes = [first]
        while token.kind == .or {
            try advance()
            nodes.append(try all())
        }
        return nodes.count == 1 ? first : .any(nodes)
    }

    private mutating func all() throws(ConditionError) -> Condition.Node {
        let first = try one()
        var nodes = [first]
        while token.kind == .and {
            try advance()
            nodes.append(try one())
        }
        return nodes.count == 1 ? first : .all(nodes)
    }

    private mutating func one() throws(ConditionError) -> Condition.Node {
        switch token.kind {
        case .not:
            try descend()
            defer { depth -= 1 }
            return .not(try one())
        case .open:
            let column = token.column
            try descend()
            defer { depth -= 1 }
            let inner = try any()
            guard token.kind == .close else {
                throw failure("\")\" for the \"(\" at column \(column)")
            }
            try advance()
            return inner
        default: return try comparison()
        }
    }

    private mutating func comparison() throws(ConditionError) -> Condition.Node {
        let left = token
        let leftOperand = try operand()
        guard case .comparison(let comparison) = token.kind else {
            throw failure("a comparison (<, <=, >, >=, ==, !=)")
        }
        let place = token
        try advance()
        let right = token
        let rightOperand = try operand()
        try check(left, place, right, needsOrder: !comparison.isEquality)
        return .compare(leftOperand, comparison, rightOperand)
    }

    private mutating func operand() throws(ConditionError) -> Condition.Operand {
        let operand: Condition.Operand
        switch token.kind {
        case .name(let name): operand = .signal(name)
        case .number(let number, _, let text): operand = .number(number, text: text)
        case .text(let text): operand = .text(text)
        default: throw failure("a signal, a number or a word in quotes")
        }
        try advance()
        return operand
    }

    /// Refuses what could never be true or false: literals only, words in an order, units that do not fit.
    private func check(
        _ left: ConditionToken,
        _ place: ConditionToken,
        _ right: ConditionToken,
        needsOrder: Bool
    ) throws(ConditionError) {
        if !isSignal(left), !isSignal(right) {
            throw ConditionError(column: left.column, message: "one side of a comparison must be a signal")
        }
        guard let leftDimension = dimension(left), let rightDimension = dimension(right) else { return }
        if needsOrder, leftDimension == .text || rightDimension == .text {
            throw ConditionError(column: place.column, message: "words can only be compared with == and !=")
        }
        let (signal, literal) = isSignal(left) ? (left, right) : (right, left)
        guard let wanted = dimension(signal), let given = dimension(literal), !given.fits(wanted) else {
            return
        }
        throw ConditionError(
            column: literal.column,
            message: "\(signal.words) is \(wanted.words), and \(literal.words) is not"
        )
    }

    private func isSignal(_ token: ConditionToken) -> Bool {
        if case .name = token.kind { true } else { false }
    }

    private func dimension(_ token: ConditionToken) -> Dimension? {
        switch token.kind {
        case .name(let name): SignalName.dimension(of: name)
        case .number(_, let dimension, _): dimension
        case .text: .text
        default: nil
        }
    }

    private mutating func descend() throws(ConditionError) {
        depth += 1
        guard depth <= ConditionParser.depthLimit else {
            throw ConditionError(
                column: token.column,
                message: "nested deeper than \(ConditionParser.depthLimit) levels"
            )
        }
        try advance()
    }

    private mutating func advance() throws(ConditionError) {
        token = try lexer.next()
    }

    private func failure(_ wanted: String) -> ConditionError {
        ConditionError(column: token.column, message: "expected \(wanted), found \(token.words)")
    }
}
