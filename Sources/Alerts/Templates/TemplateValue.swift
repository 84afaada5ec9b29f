// SPDX-License-Identifier: Apache-2.0

internal import Samples

/// What a template expression can be: the types Prometheus hands to its templates.
indirect enum TemplateValue: Sendable, Equatable {
    /// Nothing: a missing key of a map that is not a label set.
    case none
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    /// A label set; a missing label is "".
    case labels(Labels)
    /// One element of a query's result, with the fields `Labels` and `Value`.
    case sample(Labels, Double)
    case list([TemplateValue])
    case map([String: TemplateValue])

    /// Go's notion of truth: zero values and empty collections are false.
    var isTrue: Bool {
        switch self {
        case .none: false
        case .bool(let value): value
        case .integer(let value): value != 0
        case .number(let value): value != 0
        case .string(let value): !value.isEmpty
        case .labels(let value): !value.isEmpty
        case .sample: true
        case .list(let values): !values.isEmpty
        case .map(let values): !values.isEmpty
        }
    }

    /// Go's name of the type, for messages.
    var typeName: String {
        switch self {
        case .none: "nil"
        case .bool: "bool"
        case .integer: "int"
        case .number: "float64"
        case .string: "string"
        case .labels: "map[string]string"
        case .sample: "template.sample"
        case .list: "template.queryResult"
        case .map: "map[string]interface {}"
        }
    }

    /// The value as `{{ … }}` prints it (Go's `%v`).
    var printed: String {
        switch self {
        case .none: "<no value>"
        case .bool(let value): value ? "true" : "false"
        case .integer(let value): String(value)
        case .number(let value): GoFormat.general(value)
        case .string(let value): value
        case .labels(let set):
            "map[" + set.pairs.map { "\($0.name):\($0.value)" }.joined(separator: " ") + "]"
        case .sample(let set, let value):
            "{" + TemplateValue.labels(set).printed + " " + GoFormat.general(value) + "}"
        case .list(let values): "[" + values.map(\.printed).joined(separator: " ") + "]"
        case .map(let values):
            "map["
                + values.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value.printed)" }
                .joined(separator: " ") + "]"
        }
    }

    /// The field or key of a value, as `.name` after it means.
    ///
    /// - Throws: `TemplateError` when values of this type have no such field.
    func field(_ name: String) throws(TemplateError) -> TemplateValue {
        switch self {
        case .labels(let set): return .string(set[name] ?? "")
        case .map(let values): return values[name] ?? .none
        case .sample(let set, let value):
            if name == "Labels" { return .labels(set) }
            if name == "Value" { return .number(value) }
            throw TemplateError("can't evaluate field \(name) in type *template.sample")
        case .none:
            throw TemplateError("nil pointer evaluating interface {}.\(name)")
        case .bool, .integer, .number, .string, .list:
            throw TemplateError("can't evaluate field \(name) in type \(typeName)")
        }
    }

    /// A number, or a text that is one, as the humanize functions accept it.
    func asNumber() throws(TemplateError) -> Double {
        switch self {
        case .number(let value): return value
        case .integer(let value): return Double(value)
        case .string(let text):
            if let value = PromNumber.parse(text) { return value }
            throw TemplateError("strconv.ParseFloat: parsing \(Labels.quoted(text)): invalid syntax")
        default:
            throw TemplateError("can't convert \(typeName) to float")
        }
    }

    /// A text argument.
    func asString(of function: String) throws(TemplateError) -> String {
        guard case .string(let text) = self else {
            throw TemplateError("wrong type for value; expected string; got \(typeName) in \(function)")
        }
        return text
    }

    /// A result of `query`.
    func asList(of function: String) throws(TemplateError) -> [TemplateValue] {
        guard case .list(let values) = self else {
            throw TemplateError("wrong type for value; expected queryResult; got \(typeName) in \(function)")
        }
        return values
    }
}

/// Why a template could not be parsed or expanded.
struct TemplateError: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
