// SPDX-License-Identifier: Apache-2.0
//
// The functions templates may call: Go's predefined ones and Prometheus' additions (template/template.go). `query` is
// not here, since it waits.

internal import Samples
internal import Wire

/// Functions by name.
enum TemplateFunctions {
    /// Applies a function.
    ///
    /// - Throws: `TemplateError` for an unknown name, a wrong number or type of arguments, or a failing call.
    static func call(
        _ name: String,
        _ arguments: [TemplateValue],
        _ data: TemplateData
    ) throws(TemplateError) -> TemplateValue {
        if let value = try logic(name, arguments) { return value }
        if let value = try collection(name, arguments) { return value }
        if let value = try text(name, arguments) { return value }
        if let value = try number(name, arguments) { return value }
        if let value = try place(name, arguments, data) { return value }
        throw TemplateError("function \(Labels.quoted(name)) not defined")
    }

    /// The only argument of a function that takes one.
    private static func one(
        _ name: String,
        _ arguments: [TemplateValue]
    ) throws(TemplateError) -> TemplateValue {
        try exactly(1, name, arguments)
        return arguments[0]
    }

    private static func exactly(
        _ count: Int,
        _ name: String,
        _ arguments: [TemplateValue]
    ) throws(TemplateError) {
        guard arguments.count == count else {
            throw TemplateError("wrong number of args for \(name): want \(count) got \(arguments.count)")
        }
    }

    // MARK: - Logic

    private static func logic(
        _ name: String,
        _ arguments: [TemplateValue]
    ) throws(TemplateError) -> TemplateValue? {
        switch name {
        case "and", "or":
            // The deciding argument was returned before; here the last one is left.
            guard let last = arguments.last else {
                throw TemplateError("wrong number of args for \(name): want at least 1 got 0")
            }
            return last
        case "not": return .bool(!(try one(name, arguments)).isTrue)
        case "eq":
            guard arguments.count >= 2 else { throw TemplateError("missing argument for comparison") }
            for other in arguments.dropFirst() where try areEqual(arguments[0], other) { return .bool(true) }
            return .bool(false)
        case "ne":
            try exactly(2, name, arguments)
            return .bool(!(try areEqual(arguments[0], arguments[1])))
        case "lt", "le", "gt", "ge":
            try exactly(2, name, arguments)
            return .bool(try isOrdered(name, arguments[0], arguments[1]))
        default: return nil
        }
    }

    private static func areEqual(_ left: TemplateValue, _ right: TemplateValue) throws(TemplateError) -> Bool
    {
        switch (left, right) {
        case (.string(let one), .string(let other)): return one == other
        case (.bool(let one), .bool(let other)): return one == other
        case (.none, .none): return true
        case (.none, _), (_, .none): return false
        case (.integer, .integer), (.integer, .number), (.number, .integer), (.number, .number):
            return try left.asNumber() == right.asNumber()
        default: throw TemplateError("incompatible types for comparison")
        }
    }

    private static func isOrdered(
        _ name: String,
        _ left: TemplateValue,
        _ right: TemplateValue
    ) throws(TemplateError) -> Bool {
        switch (left, right) {
        case (.string(let one), .string(let other)):
            let precedes = one.utf8.lexicographicallyPrecedes(other.utf8)
            switch name {
            case "lt": return precedes
            case "le": return precedes || one == other
            case "gt": return !precedes && one != other
            default: return !precedes
            }
        case (.integer, .integer), (.integer, .number), (.number, .integer), (.number, .number):
            let one = try left.asNumber()
            let other = try right.asNumber()
            switch name {
            case "lt": return one < other
            case "le": return one <= other
            case "gt": return one > other
            default: return one >= other
            }
        default: throw TemplateError("incompatible types for comparison")
        }
    }

    // MARK: - Collections

    private static func collection(
        _ name: String,
        _ arguments: [TemplateValue]
    ) throws(TemplateError) -> TemplateValue? {
        switch name {
        case "len":
            switch try one(name, arguments) {
            case .string(let text): return .integer(text.utf8.count)
            case .list(let values): return .integer(values.count)
            case .labels(let set): return .integer(set.count)
            case .map(let values): return .integer(values.count)
            case let other: throw TemplateError("error calling len: len of type \(other.typeName)")
            }
        case "index": return try index(arguments)
        case "first":
            guard let first = try one(name, arguments).asList(of: name).first else {
                throw TemplateError("error calling first: first() called on vector with no elements")
            }
            return first
        case "label":
            try exactly(2, name, arguments)
            let label = try arguments[0].asString(of: name)
            guard case .sample(let set, _) = arguments[1] else { throw notASample(name, arguments[1]) }
            return .string(set[label] ?? "")
        case "value", "strvalue":
            let argument = try one(name, arguments)
            guard case .sample(let set, let value) = argument else { throw notASample(name, argument) }
            return name == "value" ? .number(value) : .string(set["__value__"] ?? "")
        case "sortByLabel":
            try exactly(2, name, arguments)
            let label = try arguments[0].asString(of: name)
            return .list(sorted(try arguments[1].asList(of: name), by: label))
        case "args":
            var map: [String: TemplateValue] = [:]
            for (index, value) in arguments.enumerated() { map["arg\(index)"] = value }
            return .map(map)
        default: return nil
        }
    }

    private static func notASample(_ name: String, _ value: TemplateValue) -> TemplateError {
        TemplateError("wrong type for value; expected *template.sample; got \(value.typeName) in \(name)")
    }

    private static func index(_ arguments: [TemplateValue]) throws(TemplateError) -> TemplateValue {
        guard var value = arguments.first else {
            throw TemplateError("wrong number of args for index: want at least 1 got 0")
        }
        for key in arguments.dropFirst() {
            switch (value, key) {
            case (.list(let values), .integer(let place)):
                guard values.indices.contains(place) else {
                    throw TemplateError("error calling index: index out of range: \(place)")
                }
                value = values[place]
            case (.labels, .string(let name)), (.map, .string(let name)):
                value = try value.field(name)
            default:
                throw TemplateError("error calling index: can't index item of type \(value.typeName)")
            }
        }
        return value
    }

    /// Stable, by the label's bytes.
    private static func sorted(_ values: [TemplateValue], by label: String) -> [TemplateValue] {
        let keyed = values.enumerated().map { element in
            var key = ""
            if case .sample(let set, _) = element.element { key = set[label] ?? "" }
            return (key: Array(key.utf8), place: element.offset, value: element.element)
        }
        return keyed.sorted {
            if $0.key == $1.key { return $0.place < $1.place }
            return $0.key.lexicographicallyPrecedes($1.key)
        }.map(\.value)
    }

    // MARK: - Text

    private static func text(
        _ name: String,
        _ arguments: [TemplateValue]
    ) throws(TemplateError) -> TemplateValue? {
        switch name {
        case "print": return .string(GoFormat.print(arguments))
        case "println": return .string(arguments.map(\.printed).joined(separator: " ") + "\n")
        case "printf":
            guard let format = arguments.first else {
                throw TemplateError("wrong number of args for printf: want at least 1 got 0")
            }
            return .string(GoFormat.printf(try format.asString(of: name), Array(arguments.dropFirst())))
        case "html", "js", "safeHtml":
            // Annotations are plain text; escaping is the receiver's affair except where asked for.
            let text = try one(name, arguments).printed
            return .string(name == "html" ? TextFunctions.escapedHTML(text) : text)
        case "urlquery", "urlQueryEscape":
            return .string(LinkText.queryEscaped(arguments.map(\.printed).joined()))
        case "title": return .string(TextFunctions.title(try one(name, arguments).asString(of: name)))
        case "toUpper": return .string(try one(name, arguments).asString(of: name).uppercased())
        case "toLower": return .string(try one(name, arguments).asString(of: name).lowercased())
        case "stripPort": return .string(TextFunctions.stripPort(try one(name, arguments).asString(of: name)))
        case "stripDomain":
            return .string(TextFunctions.stripDomain(try one(name, arguments).asString(of: name)))
        case "match":
            try exactly(2, name, arguments)
            let pattern = try pattern(arguments[0].asString(of: name), name)
            return .bool(pattern.matchesPart(of: try arguments[1].asString(of: name)))
        case "reReplaceAll":
            try exactly(3, name, arguments)
            let pattern = try pattern(arguments[0].asString(of: name), name)
            let replacement = try arguments[1].asString(of: name)
            return .string(pattern.replaceAll(in: try arguments[2].asString(of: name), with: replacement))
        default: return nil
        }
    }

    private static func pattern(_ source: String, _ function: String) throws(TemplateError) -> Pattern {
        do {
            return try Pattern(source)
        } catch {
            throw TemplateError("error calling \(function): \(error.message)")
        }
    }

    // MARK: - Numbers and places

    private static func number(
        _ name: String,
        _ arguments: [TemplateValue]
    ) throws(TemplateError) -> TemplateValue? {
        let format: (Double) throws(TemplateError) -> String
        switch name {
        case "humanize": format = Humanize.metric
        case "humanize1024": format = Humanize.binary
        case "humanizeDuration": format = Humanize.duration
        case "humanizePercentage": format = Humanize.percentage
        case "humanizeTimestamp": format = Humanize.timestamp
        case "parseDuration":
            let text = try one(name, arguments).asString(of: name)
            guard let duration = PromDuration.parse(text) else {
                throw TemplateError(
                    "error calling parseDuration: not a valid duration string: \(Labels.quoted(text))"
                )
            }
            return .number(duration.inSeconds)
        default: return nil
        }
        let argument = try one(name, arguments)
        do {
            return .string(try format(try argument.asNumber()))
        } catch {
            throw TemplateError("error calling \(name): \(error)")
        }
    }

    private static func place(
        _ name: String,
        _ arguments: [TemplateValue],
        _ data: TemplateData
    ) throws(TemplateError) -> TemplateValue? {
        switch name {
        case "externalURL": return .string(data.externalURL)
        case "pathPrefix": return .string(LinkText.path(of: data.externalURL))
        case "graphLink", "tableLink":
            let expression = LinkText.queryEscaped(try one(name, arguments).asString(of: name))
            return .string("/graph?g0.expr=\(expression)&g0.tab=\(name == "tableLink" ? 1 : 0)")
        case "now": return .number(data.now.seconds)
        default: return nil
        }
    }
}
