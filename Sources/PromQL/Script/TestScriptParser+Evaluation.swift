// SPDX-License-Identifier: Apache-2.0
//
// `eval` with what is expected. What Prometheus' runner refuses is refused here too: a script that contradicts itself, or
// an expectation nobody would check, must not pass.

internal import Samples

extension TestScriptParser {
    mutating func parseEvaluation(_ line: String) throws(Problem) -> Evaluation {
        var evaluation = try command(line)
        while index < lines.count, !lines[index].isEmpty {
            let line = lines[index]
            index += 1
            if try parseFailure(line, &evaluation) { break }
            if try parseExpectation(line, &evaluation) { continue }
            if let scalar = Self.literal(line) {
                evaluation.scalar = scalar
                break
            }
            let series = try Self.series(line)
            if case .instant = evaluation.time, evaluation.rangeVector == nil {
                guard series.points.count < 2 else {
                    throw Problem(
                        "expecting multiple values in instant evaluation not allowed. consider using "
                            + "'expect range vector' directive to enable a range vector result for an instant query"
                    )
                }
                guard !series.points.isEmpty else { throw Problem("expecting a value of \(series.labels)") }
            }
            evaluation.series.removeAll { $0.labels == series.labels }
            evaluation.series.append(series)
        }
        return evaluation
    }

    /// The line that begins with `eval`.
    private func command(_ line: String) throws(Problem) -> Evaluation {
        let words = Self.words(line, limit: 8)
        var evaluation: Evaluation
        if words.count >= 5, words[1] == "instant", words[2] == "at" {
            let query = Self.words(line, limit: 4)[4]
            let time = try Self.duration(words[3])
            evaluation = Evaluation(line: index, time: .instant(time), query: Self.trim(query))
        } else if words.count == 9, words[1] == "range", words[0] != "eval_ordered" {
            let steps = try steps(Array(words[2..<8]))
            let time = Evaluation.Time.range(from: steps.from, to: steps.to, step: steps.step)
            evaluation = Evaluation(line: index, time: time, query: Self.trim(words[8]))
        } else {
            throw Self.invalidCommand
        }
        switch words[0] {
        case "eval": break
        case "eval_fail": evaluation.failures = [.any]
        case "eval_warn": evaluation.warnings.isAnyNeeded = true
        case "eval_info": evaluation.infos.isAnyNeeded = true
        case "eval_ordered": evaluation.isOrdered = true
        default: throw Self.invalidCommand
        }
        evaluation.isLegacyFailure = words[0] == "eval_fail"
        return evaluation
    }

    private static let invalidCommand = Problem(
        "invalid evaluation command. Must be either 'eval[_fail|_warn|_ordered|_info] instant at <offset:duration> "
            + "<query>' or 'eval[_fail|_warn|_info] range from <from> to <to> step <step> <query>'"
    )

    /// `from D to D step D`.
    private func steps(_ words: [String]) throws(Problem) -> Evaluation.Steps {
        guard words.count == 6, words[0] == "from", words[2] == "to", words[4] == "step" else {
            throw Self.invalidCommand
        }
        let steps = Evaluation.Steps(
            from: try Self.duration(words[1]),
            to: try Self.duration(words[3]),
            step: try Self.duration(words[5])
        )
        guard steps.to >= steps.from else {
            throw Problem(
                "invalid test definition, end timestamp (\(words[3])) is before start timestamp (\(words[1]))"
            )
        }
        return steps
    }

    /// What may follow `eval_fail`, as the last line.
    private func parseFailure(_ line: String, _ evaluation: inout Evaluation) throws(Problem) -> Bool {
        guard evaluation.isLegacyFailure else { return false }
        for word in ["expected_fail_message", "expected_fail_regexp"] where line.hasPrefix(word) {
            let text = Self.trim(line.dropFirst(word.count))
            if word == "expected_fail_regexp" {
                evaluation.failures[0] = try pattern(text, for: word)
            } else if !text.isEmpty {
                evaluation.failures[0] = .message(text)
            }
            return true
        }
        return false
    }

    private func parseExpectation(_ line: String, _ evaluation: inout Evaluation) throws(Problem) -> Bool {
        if line.hasPrefix("expect range vector") {
            let words = Self.words(String(line.dropFirst("expect range vector".count)))
            guard words.count == 6 else {
                throw Problem("invalid range vector definition \(Labels.quoted(line))")
            }
            let steps = try steps(words)
            if case .range = evaluation.time {
                evaluation.time = .range(from: steps.from, to: steps.to, step: steps.step)
            } else {
                evaluation.time = .instant(steps.to)
            }
            evaluation.rangeVector = steps
            return true
        }
        if line.hasPrefix("expect string") {
            evaluation.string = try string(line.dropFirst("expect string".count))
            return true
        }
        // A metric of this name is written `expect{}`.
        guard line == "expect" || line.hasPrefix("expect ") else { return false }
        let words = Self.words(line, limit: 2)
        guard words.count > 1 else { throw Self.invalidExpectation }
        let detail = try expected(words.count > 2 ? words[2] : "", for: words[1])
        switch words[1] {
        case "ordered": evaluation.isOrdered = true
        case "fail":
            guard evaluation.failures.count == (evaluation.isLegacyFailure ? 1 : 0) else {
                throw Problem("invalid expect lines, multiple expect fail lines are not allowed")
            }
            evaluation.failures.append(detail)
        case "warn": evaluation.warnings.expected.append(detail)
        case "info": evaluation.infos.expected.append(detail)
        case "no_warn": evaluation.warnings.isForbidden = true
        case "no_info": evaluation.infos.isForbidden = true
        default: throw Self.invalidExpectation
        }
        for (annotations, word) in [(evaluation.infos, "info"), (evaluation.warnings, "warn")]
        where annotations.isForbidden && !annotations.expected.isEmpty {
            throw Problem("invalid expect lines, \(word) and no_\(word) cannot be used together")
        }
        return true
    }

    private static let invalidExpectation = Problem(
        "invalid expect statement, must match `expect <type> <match_type>: <string>` format"
    )

    /// `msg: …` or `regex: …`, or nothing.
    private func expected(_ text: String, for word: String) throws(Problem) -> Evaluation.Expected {
        if text.isEmpty { return .any }
        if text.hasPrefix("msg:"), text != "msg:" { return .message(Self.trim(text.dropFirst(4))) }
        guard text.hasPrefix("regex:"), text != "regex:" else { throw Self.invalidExpectation }
        return try pattern(Self.trim(text.dropFirst(6)), for: word)
    }

    private func pattern(_ text: String, for word: String) throws(Problem) -> Evaluation.Expected {
        guard (try? Pattern(text)) != nil else { throw Problem("invalid regex \(text) for \(word)") }
        return .expression(text)
    }

    /// A string as Go quotes it: in double or back quotes, one character also in single ones.
    private func string(_ rest: Substring) throws(Problem) -> String {
        guard rest.hasPrefix(" "), rest.count > 1 else {
            throw Problem("expected string literal not valid - a quoted string literal is required")
        }
        let bytes = Array(rest.dropFirst().utf8)
        let tokens = Lexer.tokens(of: bytes)
        let text = EscapedString.unquote(bytes[...])
        let isCharacter = String(decoding: text, as: UTF8.self).unicodeScalars.count == 1
        guard tokens.count == 2, tokens[0].kind == .string,
            tokens[0].range.start == 0, tokens[0].range.end == bytes.count,
            bytes[0] != UInt8(ascii: "'") || isCharacter
        else {
            throw Problem("expected string literal not valid - check that the string is correctly quoted")
        }
        return String(decoding: text, as: UTF8.self)
    }
}
