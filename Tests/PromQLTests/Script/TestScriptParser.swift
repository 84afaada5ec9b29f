// SPDX-License-Identifier: Apache-2.0
//
// Reads the promqltest language (Prometheus 3.14, promql/promqltest/test.go). A line that is empty, or a comment as
// a whole, ends a block.

import Samples

@testable import PromQL

/// Turns a file into a script.
struct TestScriptParser {
    struct Failure: Error, CustomStringConvertible {
        let line: Int
        let message: String

        var description: String { "line \(line): \(message)" }
    }

    private let lines: [String]
    private var index = 0

    private init(_ text: String) {
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let trimmed = Self.trim(line)
            return trimmed.hasPrefix("#") ? "" : trimmed
        }
    }

    static func parse(_ text: String) throws -> TestScript {
        var parser = TestScriptParser(text)
        var script = TestScript()
        while let command = try parser.nextCommand() { script.commands.append(command) }
        return script
    }

    private static func trim(_ text: some StringProtocol) -> String {
        var view = text[...]
        while let first = view.unicodeScalars.first, first.properties.isWhitespace { view = view.dropFirst() }
        while let last = view.unicodeScalars.last, last.properties.isWhitespace { view = view.dropLast() }
        return String(view)
    }

    private func failure(_ message: String) -> Failure { Failure(line: index, message: message) }

    private mutating func nextCommand() throws -> TestScript.Command? {
        while index < lines.count, lines[index].isEmpty { index += 1 }
        guard index < lines.count else { return nil }
        let line = lines[index]
        index += 1
        let word = Self.words(line).first?.lowercased() ?? ""
        if word == "clear" { return .clear }
        if word.hasPrefix("load") { return .load(try parseLoad(line)) }
        if word.hasPrefix("eval") { return .evaluate(try parseEvaluation(line)) }
        throw failure("invalid command \"\(line)\"")
    }

    private static func words(_ line: String, limit: Int = .max) -> [String] {
        line.split(maxSplits: limit, omittingEmptySubsequences: true) { $0 == " " || $0 == "\t" }.map(
            String.init
        )
    }

    private func duration(_ text: String) throws -> Int64 {
        if text == "0" { return 0 }
        guard let duration = PromDuration.parse(text) else { throw failure("invalid duration \"\(text)\"") }
        return duration.milliseconds
    }

    // MARK: - Load

    private mutating func parseLoad(_ line: String) throws -> Load {
        let words = Self.words(line)
        guard words.count == 2 else { throw failure("invalid load command") }
        var load = Load(step: try duration(words[1]), buildsHistograms: words[0] == "load_with_nhcb")
        while index < lines.count, !lines[index].isEmpty {
            load.series.append(try parseSeries(lines[index]))
            index += 1
        }
        return load
    }

    /// `name{label="value"} 1 2+3x4 _ stale {{count:1}}`.
    private func parseSeries(_ line: String) throws -> Load.Series {
        let bytes = Array(line.utf8)
        var end = 0
        while end < bytes.count, Lexer.isAlphaNumeric(bytes[end]) || bytes[end] == UInt8(ascii: ":") {
            end += 1
        }
        if end < bytes.count, bytes[end] == UInt8(ascii: "{") {
            var quote: UInt8?
            while end < bytes.count {
                let byte = bytes[end]
                end += 1
                if let open = quote {
                    if byte == UInt8(ascii: "\\"), open != UInt8(ascii: "`") { end += 1 }
                    if byte == open { quote = nil }
                } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") || byte == UInt8(ascii: "`")
                {
                    quote = byte
                } else if byte == UInt8(ascii: "}") {
                    break
                }
            }
        }
        let metric = String(decoding: bytes[..<min(end, bytes.count)], as: UTF8.self)
        let matchers = try Parser.parseSelector(metric)
        let rest = String(decoding: bytes[min(end, bytes.count)...], as: UTF8.self)
        return Load.Series(
            labels: Labels(matchers.map { (name: $0.name, value: $0.value) }),
            points: try parsePoints(rest)
        )
    }

    private func parsePoints(_ text: String) throws -> [Point] {
        var points: [Point] = []
        var rest = text[...]
        while true {
            rest = rest.drop { $0 == " " || $0 == "\t" }
            if rest.isEmpty { return points }
            var end = rest.startIndex
            var depth = 0
            while end < rest.endIndex, depth > 0 || (rest[end] != " " && rest[end] != "\t") {
                if rest[end] == "{" { depth += 1 }
                if rest[end] == "}" { depth -= 1 }
                end = rest.index(after: end)
            }
            points += try parseItem(String(rest[..<end]))
            rest = rest[end...]
        }
    }

    private func parseItem(_ item: String) throws -> [Point] {
        if item.hasPrefix("{{") { return try parseHistogramItem(item) }
        if item == "_" { return [.omitted] }
        if item.hasPrefix("_x") {
            guard let count = Int(item.dropFirst(2)) else { throw failure("invalid repetition \(item)") }
            return [Point](repeating: .omitted, count: count)
        }
        var body = item[...]
        var repeats: Int?
        if let mark = item.lastIndex(of: "x"), let count = Int(item[item.index(after: mark)...]) {
            repeats = count
            body = item[..<mark]
        }
        // The sign of a second number, not the first's and not an exponent's.
        var split = body.endIndex
        var position = body.index(body.startIndex, offsetBy: 1, limitedBy: body.endIndex) ?? body.endIndex
        while position < body.endIndex {
            let before = body[body.index(before: position)]
            if body[position] == "+" || body[position] == "-", before != "e", before != "E" {
                split = position
                break
            }
            position = body.index(after: position)
        }
        var value = try number(String(body[..<split]))
        guard let repeats else {
            guard split == body.endIndex else { throw failure("invalid item \(item)") }
            return [.float(value)]
        }
        let increment = split == body.endIndex ? 0 : try number(String(body[split...]))
        let isConstant = split == body.endIndex
        return (0...repeats).map { _ in
            defer { if !isConstant { value += increment } }
            return .float(value)
        }
    }

    private func parseHistogramItem(_ item: String) throws -> [Point] {
        guard let mark = item.range(of: "}}x") else { return [.histogram(item)] }
        guard let count = Int(item[mark.upperBound...]) else { throw failure("invalid repetition \(item)") }
        return [Point](repeating: .histogram(item), count: count + 1)
    }

    private func number(_ text: String) throws -> Double {
        if text == "stale" { return StaleMarker.value }
        if let duration = PromDuration.parse(text), text.last?.isLetter == true {
            return duration.inSeconds
        }
        guard let value = Self.literal(text) else { throw failure("invalid number \"\(text)\"") }
        return value
    }

    /// A number with an optional sign, as Go reads it.
    static func literal(_ text: String) -> Double? {
        let isNegative = text.hasPrefix("-")
        let digits = isNegative || text.hasPrefix("+") ? text.dropFirst() : text[...]
        guard let first = digits.utf8.first, Lexer.isAlphaNumeric(first) || first == UInt8(ascii: ".") else {
            return nil
        }
        guard let value = NumberText.parse(Array(digits.utf8)[...]) else { return nil }
        return isNegative ? -value : value
    }

    // MARK: - Evaluation

    private mutating func parseEvaluation(_ line: String) throws -> Evaluation {
        let start = index
        var words = Self.words(line, limit: 4)
        guard words.count >= 5 else { throw failure("invalid evaluation \(line)") }
        var evaluation: Evaluation
        if words[1] == "instant" {
            words = Self.words(line, limit: 4)
            evaluation = Evaluation(
                line: start,
                time: .instant(try duration(words[3])),
                query: Self.trim(words[4])
            )
        } else {
            words = Self.words(line, limit: 8)
            guard words.count == 9 else { throw failure("invalid evaluation \(line)") }
            evaluation = Evaluation(
                line: start,
                time: .range(
                    from: try duration(words[3]),
                    to: try duration(words[5]),
                    step: try duration(words[7])
                ),
                query: Self.trim(words[8])
            )
        }
        switch words[0] {
        case "eval_fail": evaluation.failure = .any
        case "eval_warn": evaluation.warnings = [.any]
        case "eval_info": evaluation.infos = [.any]
        case "eval_ordered": evaluation.isOrdered = true
        default: break
        }
        while index < lines.count, !lines[index].isEmpty {
            let line = lines[index]
            index += 1
            if try parseExpectation(line, &evaluation) { continue }
            if let scalar = Self.literal(line) {
                evaluation.scalar = scalar
                break
            }
            evaluation.series.append(try parseSeries(line))
        }
        return evaluation
    }

    private func parseExpectation(_ line: String, _ evaluation: inout Evaluation) throws -> Bool {
        let words = Self.words(line, limit: 2)
        if words[0] == "expected_fail_message" {
            evaluation.failure = .message(Self.trim(line.dropFirst("expected_fail_message".count)))
            return true
        }
        if words[0] == "expected_fail_regexp" {
            evaluation.failure = .expression(Self.trim(line.dropFirst("expected_fail_regexp".count)))
            return true
        }
        guard words[0] == "expect", words.count > 1 else { return false }
        let detail = words.count > 2 ? words[2] : ""
        switch words[1] {
        case "ordered": evaluation.isOrdered = true
        case "fail": evaluation.failure = pattern(detail)
        case "warn": evaluation.warnings.append(pattern(detail))
        case "info": evaluation.infos.append(pattern(detail))
        case "no_warn": evaluation.forbidsWarnings = true
        case "no_info": evaluation.forbidsInfos = true
        case "string":
            evaluation.string = String(
                decoding: EscapedString.unquote(Array(Self.trim(detail).utf8)[...]),
                as: UTF8.self
            )
        case "range":
            let words = Self.words(line)
            guard words.count == 9 else { throw failure("invalid expectation \(line)") }
            evaluation.rangeVector = (from: try duration(words[4]), step: try duration(words[8]))
            evaluation.time = .instant(try duration(words[6]))
        default: return false
        }
        return true
    }

    private func pattern(_ text: String) -> Evaluation.Pattern {
        if text.hasPrefix("msg:") { return .message(Self.trim(text.dropFirst(4))) }
        if text.hasPrefix("regex:") { return .expression(Self.trim(text.dropFirst(6))) }
        return .any
    }
}

extension String {
    fileprivate func range(of needle: String) -> Range<String.Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(needle) { return start..<index(start, offsetBy: needle.count) }
            start = index(after: start)
        }
        return nil
    }
}
