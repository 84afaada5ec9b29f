// SPDX-License-Identifier: Apache-2.0
//
// `printf` with the verbs rule files use. Like Go's it never fails: what does not fit is named in the text
// (`%!d(string=x)`).

internal import Samples

extension GoFormat {
    /// Widths beyond this are nobody's intention.
    private static let widthLimit = 200

    private struct Verb {
        var letter: Character = "v"
        var width = 0
        var precision: Int?
        var isLeft = false
        var showsPlus = false
        var padsZero = false
        var isSharp = false
        var showsSpace = false
    }

    /// Go's `fmt.Sprint`: a blank between operands when neither is a string.
    static func print(_ values: [TemplateValue]) -> String {
        var out = ""
        for (index, value) in values.enumerated() {
            if index > 0, !value.isString, !values[index - 1].isString { out += " " }
            out += value.printed
        }
        return out
    }

    /// Go's `fmt.Sprintf`.
    static func printf(_ format: String, _ arguments: [TemplateValue]) -> String {
        var out = ""
        var rest = Substring(format)
        var next = 0
        while let character = rest.popFirst() {
            guard character == "%" else {
                out.append(character)
                continue
            }
            if rest.first == "%" {
                rest.removeFirst()
                out.append("%")
                continue
            }
            guard let verb = verb(&rest) else {
                out += "%!(NOVERB)"
                break
            }
            guard next < arguments.count else {
                out += "%!\(verb.letter)(MISSING)"
                continue
            }
            out += text(of: arguments[next], verb)
            next += 1
        }
        guard next < arguments.count else { return out }
        let extra = arguments[next...].map { "\($0.typeName)=\($0.printed)" }.joined(separator: ", ")
        return out + "%!(EXTRA \(extra))"
    }

    private static func verb(_ rest: inout Substring) -> Verb? {
        var verb = Verb()
        flags: while let character = rest.first {
            switch character {
            case "-": verb.isLeft = true
            case "+": verb.showsPlus = true
            case "0": verb.padsZero = true
            case "#": verb.isSharp = true
            case " ": verb.showsSpace = true
            default: break flags
            }
            rest.removeFirst()
        }
        verb.width = digits(&rest) ?? 0
        if rest.first == "." {
            rest.removeFirst()
            verb.precision = digits(&rest) ?? 0
        }
        guard let letter = rest.popFirst() else { return nil }
        verb.letter = letter
        return verb
    }

    private static func digits(_ rest: inout Substring) -> Int? {
        let text = rest.prefix { $0.isASCII && $0.isNumber }
        rest = rest[text.endIndex...]
        return text.isEmpty ? nil : min(Int(text) ?? widthLimit, widthLimit)
    }

    private static func text(of value: TemplateValue, _ verb: Verb) -> String {
        switch (verb.letter, value) {
        case ("v", .number), ("e", .number), ("E", .number), ("f", .number), ("F", .number), ("g", .number),
            ("G", .number):
            return pad(number(value, verb), verb, isNumber: true)
        case ("v", .integer(let number)), ("d", .integer(let number)):
            return pad(signed(number, radix: 10, verb), verb, isNumber: true)
        case ("x", .integer(let number)): return pad(signed(number, radix: 16, verb), verb, isNumber: true)
        case ("o", .integer(let number)): return pad(signed(number, radix: 8, verb), verb, isNumber: true)
        case ("b", .integer(let number)): return pad(signed(number, radix: 2, verb), verb, isNumber: true)
        case ("q", .string(let text)): return pad(Labels.quoted(text), verb, isNumber: false)
        case ("t", .bool), ("v", _), ("s", .string), ("s", .list), ("s", .labels), ("s", .map):
            let text = value.printed
            guard let precision = verb.precision, verb.letter == "s" else {
                return pad(text, verb, isNumber: false)
            }
            return pad(String(text.prefix(precision)), verb, isNumber: false)
        case ("T", _): return pad(value.typeName, verb, isNumber: false)
        default: return "%!\(verb.letter)(\(value.typeName)=\(value.printed))"
        }
    }

    private static func number(_ value: TemplateValue, _ verb: Verb) -> String {
        guard case .number(let number) = value else { return value.printed }
        let text: String
        switch (verb.letter, verb.precision) {
        case ("v", nil), ("g", nil), ("G", nil): text = general(number)
        case ("v", let precision?): text = float(number, verb: "g", precision: precision)
        case (let letter, let precision): text = float(number, verb: letter, precision: precision ?? 6)
        }
        return withSign(text, verb)
    }

    private static func signed(_ value: Int, radix: Int, _ verb: Verb) -> String {
        withSign(String(value, radix: radix), verb)
    }

    private static func withSign(_ text: String, _ verb: Verb) -> String {
        guard let first = text.first, first != "-", first != "+" else { return text }
        return verb.showsPlus ? "+" + text : verb.showsSpace ? " " + text : text
    }

    private static func pad(_ text: String, _ verb: Verb, isNumber: Bool) -> String {
        let missing = verb.width - text.count
        guard missing > 0 else { return text }
        if verb.isLeft { return text + String(repeating: " ", count: missing) }
        guard verb.padsZero, isNumber else { return String(repeating: " ", count: missing) + text }
        let zeros = String(repeating: "0", count: missing)
        guard let first = text.first, first == "-" || first == "+" else { return zeros + text }
        return String(first) + zeros + text.dropFirst()
    }
}

extension TemplateValue {
    fileprivate var isString: Bool {
        if case .string = self { return true }
        return false
    }
}
