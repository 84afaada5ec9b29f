// SPDX-License-Identifier: Apache-2.0
//
// Reads the promqltest language (Prometheus 3.14, promql/promqltest/test.go). A line that is empty, or a comment as
// a whole, ends a block.

internal import Samples

/// Turns a file into commands.
struct TestScriptParser {
    /// What is wrong with the current line.
    struct Problem: Error {
        let message: String

        init(_ message: String) {
            self.message = message
        }
    }

    private let lines: [String]
    private var index = 0

    private init(_ text: String) {
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let trimmed = Self.trim(line)
            return trimmed.hasPrefix("#") ? "" : trimmed
        }
    }

    static func parse(_ text: String) throws(TestScriptError) -> [TestScript.Command] {
        var parser = TestScriptParser(text)
        var commands: [TestScript.Command] = []
        do throws(Problem) {
            while let command = try parser.nextCommand() { commands.append(command) }
        } catch {
            throw TestScriptError(parser.index, error.message)
        }
        return commands
    }

    static func trim(_ text: some StringProtocol) -> String {
        var view = Substring(text)
        while let first = view.unicodeScalars.first, first.properties.isWhitespace { view = view.dropFirst() }
        while let last = view.unicodeScalars.last, last.properties.isWhitespace { view = view.dropLast() }
        return String(view)
    }

    static func words(_ line: String, limit: Int = .max) -> [String] {
        line.split(maxSplits: limit, omittingEmptySubsequences: true) { $0 == " " || $0 == "\t" }.map(
            String.init
        )
    }

    private mutating func nextCommand() throws(Problem) -> TestScript.Command? {
        while index < lines.count, lines[index].isEmpty { index += 1 }
        guard index < lines.count else { return nil }
        let line = lines[index]
        index += 1
        let word = Self.words(line).first?.lowercased() ?? ""
        if word == "clear" { return .clear }
        if word.hasPrefix("load") { return .load(try parseLoad(line)) }
        if word.hasPrefix("eval") { return .evaluate(try parseEvaluation(line)) }
        throw Problem("invalid command \"\(line)\"")
    }

    static func duration(_ text: String) throws(Problem) -> Int64 {
        if text == "0" { return 0 }
        guard let duration = PromDuration.parse(text) else { throw Problem("invalid duration \"\(text)\"") }
        return duration.milliseconds
    }

    // MARK: - Load

    private mutating func parseLoad(_ line: String) throws(Problem) -> Load {
        let words = Self.words(line)
        let word = words[0].lowercased()
        guard words.count == 2, word == "load" || word == "load_with_nhcb" else {
            throw Problem("invalid load command \"\(line)\"")
        }
        var load = Load(line: index, step: try Self.duration(words[1]), buildsHistograms: word != "load")
        var pending: (labels: Labels, starts: [Int64?])?
        while index < lines.count, !lines[index].isEmpty {
            let (metric, rest) = Self.metric(lines[index])
            index += 1
            let labels = try Self.labels(metric)
            if rest.hasPrefix("@st") {
                guard pending == nil else { throw Problem("@st line has no following sample line") }
                pending = (labels, try StartItem.parse(String(rest.dropFirst(3))))
                continue
            }
            var series = Load.Series(labels: labels, points: try PointItem.parse(rest))
            if let starts = pending {
                guard starts.labels == labels else {
                    throw Problem("@st metric does not match the following sample line metric")
                }
                guard starts.starts.count == series.points.count else {
                    let (starts, samples) = (starts.starts.count, series.points.count)
                    throw Problem("@st line has \(starts) values but sample line has \(samples)")
                }
                series.starts = starts.starts
                pending = nil
            }
            load.series.removeAll { $0.labels == labels }
            load.series.append(series)
        }
        if pending != nil { throw Problem("@st line has no following sample line") }
        return load
    }

    /// `name{label="value"}` and what follows it.
    static func metric(_ line: String) -> (metric: String, rest: String) {
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
        end = min(end, bytes.count)
        return (
            String(decoding: bytes[..<end], as: UTF8.self), String(decoding: bytes[end...], as: UTF8.self)
        )
    }

    static func labels(_ metric: String) throws(Problem) -> Labels {
        do throws(QueryError) {
            return Labels(try Parser.parseSelector(metric).map { (name: $0.name, value: $0.value) })
        } catch {
            throw Problem("invalid series \"\(metric)\": \(error.message)")
        }
    }

    /// A number with an optional sign, or a duration in seconds.
    static func number(_ text: String) throws(Problem) -> Double {
        if text == "stale" { return StaleMarker.value }
        let isNegative = text.hasPrefix("-")
        let magnitude = isNegative || text.hasPrefix("+") ? String(text.dropFirst()) : text
        if let duration = PromDuration.parse(magnitude), magnitude.last?.isLetter == true {
            return isNegative ? -duration.inSeconds : duration.inSeconds
        }
        guard let value = literal(text) else { throw Problem("invalid number \"\(text)\"") }
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

    private mutating func parseEvaluation(_ line: String) throws(Problem) -> Evaluation {
        let words = Self.words(line, limit: 8)
        var evaluation: Evaluation
        if words.count >= 5, words[1] == "instant", words[2] == "at" {
            let parts = Self.words(line, limit: 4)
            evaluation = Evaluation(
                line: index,
                time: .instant(try Self.duration(parts[3])),
                query: Self.trim(parts[4])
            )
        } else if words.count == 9, words[1] == "range" {
            let time = (try Self.duration(words[3]), try Self.duration(words[5]), try Self.duration(words[7]))
            guard time.1 >= time.0 else { throw Problem("invalid range: it ends before it begins") }
            evaluation = Evaluation(
                line: index,
                time: .range(from: time.0, to: time.1, step: time.2),
                query: Self.trim(words[8])
            )
        } else {
            throw Problem("invalid evaluation \"\(line)\"")
        }
        switch words[0].lowercased() {
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
            let (metric, rest) = Self.metric(line)
            evaluation.series.append(
                Load.Series(labels: try Self.labels(metric), points: try PointItem.parse(rest))
            )
        }
        return evaluation
    }

    private func parseExpectation(_ line: String, _ evaluation: inout Evaluation) throws(Problem) -> Bool {
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
        case "fail": evaluation.failure = expected(detail)
        case "warn": evaluation.warnings.append(expected(detail))
        case "info": evaluation.infos.append(expected(detail))
        case "no_warn": evaluation.forbidsWarnings = true
        case "no_info": evaluation.forbidsInfos = true
        case "string":
            evaluation.string = String(
                decoding: EscapedString.unquote(Array(Self.trim(detail).utf8)[...]),
                as: UTF8.self
            )
        case "range":
            let words = Self.words(line)
            guard words.count == 9 else { throw Problem("invalid expectation \"\(line)\"") }
            evaluation.rangeVector = (from: try Self.duration(words[4]), step: try Self.duration(words[8]))
            evaluation.time = .instant(try Self.duration(words[6]))
        default: return false
        }
        return true
    }

    private func expected(_ text: String) -> Evaluation.Expected {
        if text.hasPrefix("msg:") { return .message(Self.trim(text.dropFirst(4))) }
        if text.hasPrefix("regex:") { return .expression(Self.trim(text.dropFirst(6))) }
        return .any
    }
}
