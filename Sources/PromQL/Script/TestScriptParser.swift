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

    let lines: [String]
    /// The next line.
    var index = 0

    private init(_ text: String) {
        // Of bytes: a line end of two is one Character.
        let ends = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        lines = ends.map { line in
            let trimmed = Self.trim(String(decoding: line, as: UTF8.self))
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
        var view = Substring(text).unicodeScalars
        while let first = view.first, first.properties.isWhitespace { view.removeFirst() }
        while let last = view.last, last.properties.isWhitespace { view.removeLast() }
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
        guard words.count == 2, words[0] == "load" || words[0] == "load_with_nhcb" else {
            throw Problem("invalid load command. (load[_with_nhcb] <step:duration>)")
        }
        var load = Load(line: index, step: try Self.duration(words[1]), buildsHistograms: words[0] != "load")
        var pending: (labels: Labels, starts: [Int64?])?
        // Of series without a line of start timestamps.
        var usual: [Int64?] = []
        while index < lines.count, !lines[index].isEmpty {
            let line = lines[index]
            index += 1
            let (metric, rest) = Self.metric(line)
            if rest.hasPrefix("@st ") || rest.hasPrefix("@st\t") {
                guard pending == nil else { throw Problem("@st line has no following sample line") }
                let starts = try StartItem.parse(String(rest.dropFirst(3)))
                let labels = metric.isEmpty ? Labels() : try Self.labels(metric)
                if labels.pairs.isEmpty { usual = starts } else { pending = (labels, starts) }
                continue
            }
            var series = try Self.series(line)
            if load.buildsHistograms, series.labels.metricName?.hasSuffix("_bucket") == true {
                guard series.labels["le"] != nil else {
                    throw Problem("expected bucket label in metric \(series.labels)")
                }
            }
            if let starts = pending {
                guard starts.labels == series.labels else {
                    throw Problem("@st metric does not match the following sample line metric")
                }
                guard starts.starts.count == series.points.count else {
                    let (starts, samples) = (starts.starts.count, series.points.count)
                    throw Problem("@st line has \(starts) values but sample line has \(samples)")
                }
                series.starts = starts.starts
                pending = nil
            } else if !usual.isEmpty {
                series.starts = series.points.indices.map { usual[$0 % usual.count] }
            }
            load.series.removeAll { $0.labels == series.labels }
            load.series.append(series)
        }
        if pending != nil { throw Problem("@st line has no following sample line") }
        return load
    }

    /// A series with its points.
    static func series(_ line: String) throws(Problem) -> Load.Series {
        let (metric, rest) = Self.metric(line)
        guard rest.isEmpty || rest.hasPrefix(" ") || rest.hasPrefix("\t") else {
            throw Problem("unexpected \(Labels.quoted(rest)) behind \(metric)")
        }
        return Load.Series(labels: try labels(metric), points: try PointItem.parse(rest))
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
}
