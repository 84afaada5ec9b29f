// SPDX-License-Identifier: Apache-2.0
//
// The positions behind a series: `1 2+3x4 _ stale {{count:1}}x2`, and behind `@st` `-1m _x2 -30s+5sx3`.

internal import Samples

/// More positions than a test has; a wrong count must not take all memory.
private let positionLimit = 500_000

/// A run of positions of a series.
enum PointItem {
    /// Reads all positions of a line.
    static func parse(_ text: String) throws(TestScriptParser.Problem) -> [Point] {
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
            points += try item(String(rest[..<end]))
            guard points.count <= positionLimit else { throw .init("too many positions") }
            rest = rest[end...]
        }
    }

    private static func item(_ item: String) throws(TestScriptParser.Problem) -> [Point] {
        if item.hasPrefix("{{") { return try histograms(item) }
        if item == "_" { return [.omitted] }
        if item.hasPrefix("_x") {
            return [Point](repeating: .omitted, count: try Repetition.count(item.dropFirst(2)))
        }
        let run = try Repetition(item)
        var value = try TestScriptParser.number(run.first)
        guard let count = run.count else { return [.float(value)] }
        // Prometheus' lexer takes `NaNx3` for one word.
        guard run.isNumeric else { throw .init("invalid item \"\(item)\"") }
        let increment = try run.increment.map { text throws(TestScriptParser.Problem) in
            try TestScriptParser.number(text)
        }
        var points: [Point] = []
        for _ in 0...count {
            points.append(.float(value))
            if let increment { value += increment }
        }
        return points
    }

    private static func histograms(_ item: String) throws(TestScriptParser.Problem) -> [Point] {
        func literal(_ text: Substring) throws(TestScriptParser.Problem) -> (HistogramLiteral, Substring) {
            guard text.hasPrefix("{{"), let close = text.firstRange(of: "}}") else {
                throw .init("invalid histogram \"\(text)\"")
            }
            let inside = text[text.index(text.startIndex, offsetBy: 2)..<close.lowerBound]
            return (try HistogramLiteral(String(inside)), text[close.upperBound...])
        }
        let (first, rest) = try literal(item[...])
        let isGiven = first.isHintGiven
        if rest.isEmpty { return [.histogram(first.histogram, isHintGiven: isGiven)] }
        if rest.hasPrefix("x") {
            let point = Point.histogram(first.histogram, isHintGiven: isGiven)
            return [Point](repeating: point, count: try Repetition.count(rest.dropFirst()) + 1)
        }
        let isGrowing = rest.hasPrefix("+")
        guard isGrowing || rest.hasPrefix("-") else { throw .init("invalid histogram item \"\(item)\"") }
        let (increment, tail) = try literal(rest.dropFirst())
        guard tail.hasPrefix("x") else { throw .init("invalid histogram item \"\(item)\"") }
        let (from, to) = (increment.histogram.schema, first.histogram.schema)
        guard to <= from else {
            throw .init("error combining histograms: cannot merge from schema \(from) to \(to)")
        }
        var points: [Point] = []
        var current = first.histogram
        for index in 0...(try Repetition.count(tail.dropFirst())) {
            if index > 0 {
                var sum = HistogramSum(current)
                do throws(MixedSchemas) {
                    _ = isGrowing ? try sum.add(increment.histogram) : try sum.subtract(increment.histogram)
                } catch {
                    throw .init("error combining histograms: exponential and custom buckets")
                }
                current = sum.value
            }
            points.append(.histogram(current, isHintGiven: isGiven))
        }
        return points
    }
}

/// `a+bxN`: the first number, what is added each time, and how often.
private struct Repetition {
    let first: String
    private(set) var increment: String?
    private(set) var count: Int?

    /// Whether both are digits rather than a word.
    var isNumeric: Bool {
        [first, increment ?? "0"].allSatisfy { text in
            let digits = text.hasPrefix("-") || text.hasPrefix("+") ? text.dropFirst() : text[...]
            return digits.utf8.first.map { Lexer.isDigit($0) || $0 == UInt8(ascii: ".") } ?? false
        }
    }

    init(_ item: String) throws(TestScriptParser.Problem) {
        var body = item[...]
        if let mark = item.lastIndex(of: "x") {
            count = try Repetition.count(item[item.index(after: mark)...])
            body = item[..<mark]
        }
        // The sign of a second number, not the first's and not an exponent's.
        var position = body.index(body.startIndex, offsetBy: 1, limitedBy: body.endIndex) ?? body.endIndex
        while position < body.endIndex {
            let before = body[body.index(before: position)]
            if body[position] == "+" || body[position] == "-", before != "e", before != "E" { break }
            position = body.index(after: position)
        }
        first = String(body[..<position])
        guard position < body.endIndex else { return }
        guard count != nil else { throw .init("invalid item \"\(item)\"") }
        increment = String(body[position...])
    }

    static func count(_ text: some StringProtocol) throws(TestScriptParser.Problem) -> Int {
        guard text.utf8.allSatisfy(Lexer.isDigit), let count = Int(text), count < positionLimit else {
            throw .init("invalid repetition \"\(text)\"")
        }
        return count
    }
}

extension Optional where Wrapped == String {
    fileprivate func map(
        _ change: (String) throws(TestScriptParser.Problem) -> Double
    ) throws(TestScriptParser.Problem) -> Double? {
        guard let text = self else { return nil }
        return try change(text)
    }
}

/// A run of start timestamps.
enum StartItem {
    /// Reads all positions of an `@st` line: milliseconds relative to each sample.
    static func parse(_ text: String) throws(TestScriptParser.Problem) -> [Int64?] {
        var starts: [Int64?] = []
        for item in TestScriptParser.words(text) {
            if item == "_" {
                starts.append(nil)
            } else if item.hasPrefix("_x") {
                let count = try Repetition.count(item.dropFirst(2))
                guard count > 0 else { throw .init("invalid repetition \"\(item)\"") }
                starts += [Int64?](repeating: nil, count: count)
            } else if item == "*" || item.hasPrefix("*x") {
                // The value before once more.
                let count = item == "*" ? 0 : try Repetition.count(item.dropFirst(2))
                let previous = starts.last { $0 != nil } ?? 0
                starts += [Int64?](repeating: previous, count: count + 1)
            } else {
                let run = try Repetition(item)
                var value = try milliseconds(run.first)
                for _ in 0...(run.count ?? 0) {
                    starts.append(value)
                    if let increment = run.increment { value += try milliseconds(increment) }
                }
            }
            guard starts.count <= positionLimit else { throw .init("too many positions") }
        }
        return starts
    }

    private static func milliseconds(_ text: String) throws(TestScriptParser.Problem) -> Int64 {
        let isNegative = text.hasPrefix("-")
        let magnitude = isNegative || text.hasPrefix("+") ? String(text.dropFirst()) : text
        // One number with one unit.
        guard magnitude.utf8.drop(while: Lexer.isDigit).allSatisfy({ !Lexer.isDigit($0) }) else {
            throw .init("invalid start timestamp \"\(text)\"")
        }
        let value = try TestScriptParser.duration(magnitude)
        return isNegative ? -value : value
    }
}
