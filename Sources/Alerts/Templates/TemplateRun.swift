// SPDX-License-Identifier: Apache-2.0
//
// Expands one template once. Every loop and call counts against a bound, since templates see whatever series and
// label values there are.

internal import Samples

/// The state of one expansion.
struct TemplateRun {
    /// Nodes and commands executed; a range over the largest sensible query result stays far below.
    static let stepLimit = 100_000
    /// Bytes of text produced; receivers cut or refuse longer annotations anyway.
    static let outputLimit = 64 << 10
    /// Depth of `{{template}}` calls.
    static let callLimit = 16

    private enum Flow {
        case onward
        case breakLoop
        case continueLoop
    }

    private let template: Template
    let data: TemplateData
    private var variables: [(name: String, value: TemplateValue)] = []
    private var output = ""
    private var steps = 0
    private var calls = 0

    init(template: Template, data: TemplateData) {
        self.template = template
        self.data = data
    }

    /// The expanded text.
    mutating func text() async throws(TemplateError) -> String {
        let root = TemplateValue.map([
            "Labels": .labels(data.labels), "Value": .number(data.value),
            "ExternalLabels": .labels(data.externalLabels), "ExternalURL": .string(data.externalURL),
        ])
        variables = [
            ("", root), ("labels", .labels(data.labels)), ("value", .number(data.value)),
            ("externalLabels", .labels(data.externalLabels)), ("externalURL", .string(data.externalURL)),
        ]
        for (name, value) in data.variables { variables.append((name, value)) }
        _ = try await run(template.nodes, dot: root)
        return output
    }

    private mutating func count() throws(TemplateError) {
        steps += 1
        guard steps <= TemplateRun.stepLimit else { throw TemplateError("template runs too long") }
    }

    private mutating func write(_ text: String) throws(TemplateError) {
        output += text
        guard output.utf8.count <= TemplateRun.outputLimit else {
            throw TemplateError("template output exceeds \(TemplateRun.outputLimit) bytes")
        }
    }

    // MARK: - Nodes

    private mutating func run(
        _ nodes: [TemplateNode],
        dot: TemplateValue
    ) async throws(TemplateError) -> Flow {
        for node in nodes {
            try count()
            let flow = try await run(node, dot: dot)
            if flow != .onward { return flow }
        }
        return .onward
    }

    private mutating func run(
        _ node: TemplateNode,
        dot: TemplateValue
    ) async throws(TemplateError) -> Flow {
        switch node {
        case .text(let text):
            try write(text)
        case .action(let pipeline):
            let value = try await evaluate(pipeline, dot: dot)
            if pipeline.variables.isEmpty { try write(value.printed) }
        case .branch(let condition, let then, let otherwise):
            let mark = variables.count
            defer { variables.removeLast(variables.count - mark) }
            let value = try await evaluate(condition, dot: dot)
            return try await run(value.isTrue ? then : otherwise, dot: dot)
        case .with(let condition, let then, let otherwise):
            let mark = variables.count
            defer { variables.removeLast(variables.count - mark) }
            let value = try await evaluate(condition, dot: dot)
            return value.isTrue ? try await run(then, dot: value) : try await run(otherwise, dot: dot)
        case .range(let pipeline, let body, let otherwise):
            return try await loop(pipeline, body, otherwise, dot: dot)
        case .template(let name, let pipeline):
            try await call(name, with: pipeline, dot: dot)
        case .breakLoop: return .breakLoop
        case .continueLoop: return .continueLoop
        }
        return .onward
    }

    private mutating func loop(
        _ pipeline: TemplatePipeline,
        _ body: [TemplateNode],
        _ otherwise: [TemplateNode],
        dot: TemplateValue
    ) async throws(TemplateError) -> Flow {
        var source = pipeline
        source.variables = []
        let mark = variables.count
        defer { variables.removeLast(variables.count - mark) }
        let elements = try TemplateRun.elements(of: try await evaluate(source, dot: dot))
        if elements.isEmpty { return try await run(otherwise, dot: dot) }
        for (key, element) in elements {
            try count()
            let inner = variables.count
            defer { variables.removeLast(variables.count - inner) }
            switch pipeline.variables.count {
            case 2:
                bind(pipeline.variables[0], key, assigns: pipeline.assigns)
                bind(pipeline.variables[1], element, assigns: pipeline.assigns)
            case 1: bind(pipeline.variables[0], element, assigns: pipeline.assigns)
            default: break
            }
            if try await run(body, dot: element) == .breakLoop { break }
        }
        return .onward
    }

    private static func elements(
        of value: TemplateValue
    ) throws(TemplateError) -> [(key: TemplateValue, element: TemplateValue)] {
        switch value {
        case .none: return []
        case .list(let values):
            return values.enumerated().map { (.integer($0.offset), $0.element) }
        case .labels(let set): return set.pairs.map { (.string($0.name), .string($0.value)) }
        case .map(let values):
            return values.sorted { $0.key < $1.key }.map { (.string($0.key), $0.value) }
        default: throw TemplateError("range can't iterate over \(value.printed)")
        }
    }

    private mutating func call(
        _ name: String,
        with pipeline: TemplatePipeline?,
        dot: TemplateValue
    ) async throws(TemplateError) {
        guard let nodes = template.definitions[name] else {
            throw TemplateError("template \(Labels.quoted(name)) not defined")
        }
        calls += 1
        defer { calls -= 1 }
        guard calls <= TemplateRun.callLimit else {
            throw TemplateError("templates call each other too deeply")
        }
        var argument = TemplateValue.none
        if let pipeline { argument = try await evaluate(pipeline, dot: dot) }
        // A template sees only its argument, which is also its `$`.
        let outer = variables
        variables = [("", argument)]
        defer { variables = outer }
        _ = try await run(nodes, dot: argument)
    }

    // MARK: - Values

    private mutating func evaluate(
        _ pipeline: TemplatePipeline,
        dot: TemplateValue
    ) async throws(TemplateError) -> TemplateValue {
        var value: TemplateValue?
        for command in pipeline.commands {
            try count()
            value = try await evaluate(command, piped: value, dot: dot)
        }
        let result = value ?? .none
        if let name = pipeline.variables.first { bind(name, result, assigns: pipeline.assigns) }
        return result
    }

    private mutating func evaluate(
        _ command: TemplateCommand,
        piped: TemplateValue?,
        dot: TemplateValue
    ) async throws(TemplateError) -> TemplateValue {
        guard let first = command.operands.first else { throw TemplateError("missing value for command") }
        guard case .function(let name) = first else {
            guard command.operands.count == 1, piped == nil else {
                throw TemplateError("can't give argument to non-function")
            }
            return try await evaluate(first, dot: dot)
        }
        var arguments: [TemplateValue] = []
        for operand in command.operands.dropFirst() {
            let value = try await evaluate(operand, dot: dot)
            arguments.append(value)
            // `and` and `or` stop at the first argument that decides.
            if name == "and", !value.isTrue { return value }
            if name == "or", value.isTrue { return value }
        }
        if let piped { arguments.append(piped) }
        return try await apply(name, arguments)
    }

    private mutating func evaluate(
        _ operand: TemplateOperand,
        dot: TemplateValue
    ) async throws(TemplateError) -> TemplateValue {
        try count()
        switch operand {
        case .literal(let value): return value
        case .dot(let fields): return try TemplateRun.follow(fields, from: dot)
        case .variable(let name, let fields):
            guard let found = variables.last(where: { $0.name == name }) else {
                throw TemplateError("undefined variable \"$\(name)\"")
            }
            return try TemplateRun.follow(fields, from: found.value)
        case .function(let name): return try await apply(name, [])
        case .nested(let pipeline, let fields):
            return try TemplateRun.follow(fields, from: try await evaluate(pipeline, dot: dot))
        }
    }

    private func apply(
        _ name: String,
        _ arguments: [TemplateValue]
    ) async throws(TemplateError) -> TemplateValue {
        guard name == "query" else {
            return try TemplateFunctions.call(name, arguments, data)
        }
        guard arguments.count == 1 else {
            throw TemplateError("wrong number of args for query: want 1 got \(arguments.count)")
        }
        let text = try arguments[0].asString(of: "query")
        guard let query = data.query else { throw TemplateError("error calling query: no queries here") }
        switch await query(text) {
        case .success(let samples): return .list(samples)
        case .failure(let error): throw TemplateError("error calling query: \(error)")
        }
    }

    private static func follow(
        _ fields: [String],
        from start: TemplateValue
    ) throws(TemplateError) -> TemplateValue {
        var value = start
        for field in fields { value = try value.field(field) }
        return value
    }

    private mutating func bind(_ name: String, _ value: TemplateValue, assigns: Bool) {
        if assigns, let place = variables.lastIndex(where: { $0.name == name }) {
            variables[place].value = value
        } else {
            variables.append((name, value))
        }
    }
}
