// SPDX-License-Identifier: Apache-2.0
//
// Pieces to nodes. Nesting is bounded, since templates come from files and the parser recurses.

/// Parses one template and the templates it defines.
struct TemplateParser {
    /// Deeper nesting than this is nobody's intention and would eat the stack.
    static let nestingLimit = 32

    private let pieces: [TemplatePiece]
    private var next = 0
    private var nesting = 0
    private(set) var definitions: [String: [TemplateNode]] = [:]

    init(_ pieces: [TemplatePiece]) {
        self.pieces = pieces
    }

    /// How a list of nodes ended.
    private enum End: Equatable {
        case endOfText
        case end
        /// `else`, with the tokens behind it (`else if …`).
        case otherwise([TemplateToken])
    }

    /// The whole template.
    mutating func parse() throws(TemplateError) -> [TemplateNode] {
        let (nodes, end) = try list()
        guard end == .endOfText else {
            throw TemplateError(end == .end ? "unexpected {{end}}" : "unexpected {{else}}")
        }
        return nodes
    }

    private mutating func list() throws(TemplateError) -> ([TemplateNode], End) {
        nesting += 1
        defer { nesting -= 1 }
        guard nesting <= TemplateParser.nestingLimit else { throw TemplateError("nested too deeply") }
        var nodes: [TemplateNode] = []
        while next < pieces.count {
            let piece = pieces[next]
            next += 1
            switch piece {
            case .text(let text): nodes.append(.text(text))
            case .action(let tokens):
                guard let first = tokens.first else { throw TemplateError("missing value for command") }
                if case .identifier("end") = first.kind { return (nodes, .end) }
                if case .identifier("else") = first.kind {
                    return (nodes, .otherwise(Array(tokens.dropFirst())))
                }
                if let node = try action(first, tokens) { nodes.append(node) }
            }
        }
        return (nodes, .endOfText)
    }

    private mutating func action(
        _ first: TemplateToken,
        _ tokens: [TemplateToken]
    ) throws(TemplateError) -> TemplateNode? {
        guard case .identifier(let name) = first.kind else {
            return .action(try pipeline(tokens[...], "command"))
        }
        let rest = tokens.dropFirst()
        switch name {
        case "if", "with", "range": return try block(name, rest)
        case "define":
            try define(rest)
            return nil
        case "block":
            let name = try templateName(rest, "block clause")
            try define(rest.prefix(1))
            return .template(name: name, try pipeline(rest.dropFirst(), "block clause"))
        case "template":
            let name = try templateName(rest, "template clause")
            let data = rest.dropFirst()
            return .template(name: name, data.isEmpty ? nil : try pipeline(data, "template clause"))
        case "break": return .breakLoop
        case "continue": return .continueLoop
        default: return .action(try pipeline(tokens[...], "command"))
        }
    }

    private mutating func block(
        _ keyword: String,
        _ tokens: ArraySlice<TemplateToken>
    ) throws(TemplateError) -> TemplateNode {
        let condition = try pipeline(tokens, keyword, isRange: keyword == "range")
        let (body, end) = try list()
        var otherwise: [TemplateNode] = []
        switch end {
        case .endOfText: throw TemplateError("unexpected EOF")
        case .end: break
        case .otherwise(let tokens): otherwise = try alternative(keyword, tokens)
        }
        switch keyword {
        case "range": return .range(condition, body: body, otherwise: otherwise)
        case "with": return .with(condition, then: body, otherwise: otherwise)
        default: return .branch(condition, then: body, otherwise: otherwise)
        }
    }

    /// What follows `{{else}}` or `{{else if …}}`, up to the matching end.
    private mutating func alternative(
        _ keyword: String,
        _ tokens: [TemplateToken]
    ) throws(TemplateError) -> [TemplateNode] {
        if let first = tokens.first {
            guard case .identifier(let chained) = first.kind, chained == keyword, keyword != "range" else {
                throw TemplateError("unexpected token in else")
            }
            nesting += 1
            defer { nesting -= 1 }
            guard nesting <= TemplateParser.nestingLimit else { throw TemplateError("nested too deeply") }
            return [try block(chained, tokens.dropFirst())]
        }
        let (nodes, end) = try list()
        guard end == .end else {
            throw TemplateError(end == .endOfText ? "unexpected EOF" : "expected end; found {{else}}")
        }
        return nodes
    }

    private mutating func define(_ tokens: ArraySlice<TemplateToken>) throws(TemplateError) {
        let name = try templateName(tokens, "define clause")
        let (nodes, end) = try list()
        guard end == .end else { throw TemplateError("unexpected EOF in define clause") }
        definitions[name] = nodes
    }

    private func templateName(
        _ tokens: ArraySlice<TemplateToken>,
        _ context: String
    ) throws(TemplateError) -> String {
        guard case .literal(.string(let name))? = tokens.first?.kind else {
            throw TemplateError("unexpected token in \(context); expected a quoted name")
        }
        return name
    }

    // MARK: - Pipelines

    private mutating func pipeline(
        _ tokens: ArraySlice<TemplateToken>,
        _ context: String,
        isRange: Bool = false
    ) throws(TemplateError) -> TemplatePipeline {
        var rest = tokens
        let result = try pipeline(&rest, context, isRange: isRange)
        guard rest.isEmpty else { throw TemplateError("unexpected \")\" in \(context)") }
        return result
    }

    /// Reads up to the end or an unmatched closing parenthesis.
    private mutating func pipeline(
        _ rest: inout ArraySlice<TemplateToken>,
        _ context: String,
        isRange: Bool = false
    ) throws(TemplateError) -> TemplatePipeline {
        nesting += 1
        defer { nesting -= 1 }
        guard nesting <= TemplateParser.nestingLimit else { throw TemplateError("nested too deeply") }
        var pipeline = TemplatePipeline()
        declaration(&rest, into: &pipeline, isRange: isRange)
        while true {
            let operands = try command(&rest)
            guard !operands.isEmpty else { throw TemplateError("missing value for \(context)") }
            if !pipeline.commands.isEmpty, case .literal = operands[0] {
                throw TemplateError("non executable command in pipeline stage \(pipeline.commands.count + 1)")
            }
            pipeline.commands.append(TemplateCommand(operands: operands))
            guard case .pipe? = rest.first?.kind else { return pipeline }
            rest.removeFirst()
        }
    }

    private func declaration(
        _ rest: inout ArraySlice<TemplateToken>,
        into pipeline: inout TemplatePipeline,
        isRange: Bool
    ) {
        let kinds = rest.prefix(4).map(\.kind)
        if isRange, kinds.count == 4, case .variable(let index) = kinds[0], kinds[1] == .comma,
            case .variable(let element) = kinds[2], kinds[3] == .declare || kinds[3] == .assign
        {
            pipeline.variables = [index, element]
            pipeline.assigns = kinds[3] == .assign
            rest = rest.dropFirst(4)
        } else if kinds.count >= 2, case .variable(let name) = kinds[0],
            kinds[1] == .declare || kinds[1] == .assign
        {
            pipeline.variables = [name]
            pipeline.assigns = kinds[1] == .assign
            rest = rest.dropFirst(2)
        }
    }

    private mutating func command(
        _ rest: inout ArraySlice<TemplateToken>
    ) throws(TemplateError) -> [TemplateOperand] {
        var operands: [TemplateOperand] = []
        while let token = rest.first {
            switch token.kind {
            case .pipe, .closeParenthesis: return operands
            case .literal(let value):
                rest.removeFirst()
                operands.append(.literal(value))
            case .identifier(let name):
                rest.removeFirst()
                operands.append(.function(name))
            case .dot:
                rest.removeFirst()
                operands.append(.dot(fields: []))
            case .field(let name):
                rest.removeFirst()
                operands.append(.dot(fields: [name] + fields(&rest)))
            case .variable(let name):
                rest.removeFirst()
                operands.append(.variable(name, fields: fields(&rest)))
            case .openParenthesis:
                rest.removeFirst()
                let inner = try pipeline(&rest, "parenthesized pipeline")
                guard case .closeParenthesis? = rest.first?.kind else {
                    throw TemplateError("unclosed left paren")
                }
                rest.removeFirst()
                operands.append(.nested(inner, fields: fields(&rest)))
            case .declare, .assign, .comma:
                throw TemplateError("unexpected declaration in command")
            }
        }
        return operands
    }

    /// The `.a.b` directly behind an operand.
    private func fields(_ rest: inout ArraySlice<TemplateToken>) -> [String] {
        var names: [String] = []
        while let token = rest.first, !token.followsSpace, case .field(let name) = token.kind {
            names.append(name)
            rest.removeFirst()
        }
        return names
    }
}
