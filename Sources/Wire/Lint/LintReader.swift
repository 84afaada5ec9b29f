// SPDX-License-Identifier: Apache-2.0
//
// The text format 0.0.4 read strictly, as Prometheus' own library for targets reads it (prometheus/common,
// expfmt.TextParser), with its words for what is wrong: a linter must not accept what another reader refuses. Names in
// quotes are Prometheus 3's. Scrapes are read by `ExpositionParser`, which forgives more and is made for speed.

internal import Samples

/// Reads an exposition family by family.
public struct LintReader {
    /// A family, with its series by their labels where several lines make one.
    private struct Entry {
        var family: LintFamily
        var places: [[String]: Int] = [:]
    }

    private let bytes: [UInt8]
    private var index = 0
    private var line = 0
    private var entries: [String: Entry] = [:]

    /// The families of a text that have samples, by name.
    ///
    /// - Parameter bytes: the text.
    /// - Returns: the families.
    /// - Throws: `ExpositionError` with the first line that is wrong.
    public static func families(of bytes: [UInt8]) throws(ExpositionError) -> [LintFamily] {
        var reader = LintReader(bytes: bytes)
        while reader.index < bytes.count { try reader.readLine() }
        return reader.entries.values.map(\.family).filter { !$0.metrics.isEmpty }.sorted { $0.name < $1.name }
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private func error(_ reason: String) -> ExpositionError { ExpositionError(line: line, reason: reason) }

    // MARK: - Bytes

    /// The byte here; a text ends with a line end.
    private func current() throws(ExpositionError) -> UInt8 {
        guard index < bytes.count else { throw error("unexpected end of input stream") }
        return bytes[index]
    }

    private mutating func skipBlanks() {
        while index < bytes.count, Byte.isBlank(bytes[index]) { index += 1 }
    }

    private func character() -> String {
        guard index < bytes.count else { return "" }
        return String(String(decoding: bytes[index...].prefix(4), as: UTF8.self).prefix(1))
    }

    /// Up to a blank or the end of the line.
    private mutating func word() throws(ExpositionError) -> String {
        let start = index
        while try !Byte.isBlank(current()), bytes[index] != Byte.newline { index += 1 }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    /// Up to the end of the line.
    private mutating func rest() throws(ExpositionError) -> ArraySlice<UInt8> {
        let start = index
        while try current() != Byte.newline { index += 1 }
        return bytes[start..<index]
    }

    /// Letters, digits and `_`, no digit first; in names of metrics also `:`.
    private mutating func name(allowsColons: Bool) throws(ExpositionError) -> String {
        let start = index
        while true {
            let byte = try current()
            let isDigit = byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
            let isLetter = byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z")
            let isColon = allowsColons && byte == UInt8(ascii: ":")
            guard isLetter || byte == UInt8(ascii: "_") || isColon || (isDigit && index > start) else {
                break
            }
            index += 1
        }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    /// What stands in quotes, from the first quote; ends behind the last.
    private mutating func quoted() throws(ExpositionError) -> [UInt8] {
        index += 1
        var out: [UInt8] = []
        while true {
            let byte = try current()
            switch byte {
            case Byte.quote:
                index += 1
                return out
            case Byte.newline:
                let text = Labels.quoted(String(decoding: out, as: UTF8.self))
                throw error("label value \(text) contains unescaped new-line")
            case Byte.backslash:
                index += 1
                out.append(try unescaped(orQuote: true))
            default: out.append(byte)
            }
            index += 1
        }
    }

    /// The byte that the one behind a backslash stands for.
    private func unescaped(orQuote: Bool) throws(ExpositionError) -> UInt8 {
        switch try current() {
        case Byte.backslash: return Byte.backslash
        case UInt8(ascii: "n"): return Byte.newline
        case Byte.quote where orQuote: return Byte.quote
        default: throw error("invalid escape sequence '\\\(character())'")
        }
    }

    // MARK: - Lines

    private mutating func readLine() throws(ExpositionError) {
        line += 1
        skipBlanks()
        switch try current() {
        case Byte.newline: break
        case Byte.hash: try readComment()
        default: try readSample()
        }
        _ = try rest()
        index += 1
    }

    private mutating func readComment() throws(ExpositionError) {
        index += 1
        skipBlanks()
        let keyword = try word()
        guard keyword == "HELP" || keyword == "TYPE" else { return }
        skipBlanks()
        guard try current() != Byte.newline else { return }
        var name: String
        if try current() == Byte.quote {
            name = String(decoding: try quoted(), as: UTF8.self)
        } else {
            name = try self.name(allowsColons: true)
        }
        guard try current() != Byte.newline else { return }
        guard Byte.isBlank(try current()) else { throw error("invalid metric name in comment") }
        name = family(named: name)
        skipBlanks()
        guard try current() != Byte.newline else { return }
        var entry = entries[name] ?? Entry(family: LintFamily(name: name))
        if keyword == "HELP" {
            guard entry.family.help == nil else {
                throw error("second HELP line for metric name \(Labels.quoted(name))")
            }
            entry.family.help = try help()
        } else {
            guard entry.family.kind == nil else {
                let name = Labels.quoted(name)
                throw error("second TYPE line for metric name \(name), or TYPE reported after samples")
            }
            let text = String(decoding: try rest(), as: UTF8.self)
            guard let kind = LintFamily.Kind(rawValue: text.lowercased()) else {
                throw error("unknown metric type \(Labels.quoted(text))")
            }
            entry.family.kind = kind
        }
        entries[name] = entry
    }

    private mutating func help() throws(ExpositionError) -> String {
        var out: [UInt8] = []
        while try current() != Byte.newline {
            if bytes[index] == Byte.backslash {
                index += 1
                out.append(try unescaped(orQuote: false))
            } else {
                out.append(bytes[index])
            }
            index += 1
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// The family a name belongs to: its own, or the summary or histogram of which it is a part.
    private func family(named name: String) -> String {
        if entries[name] != nil { return name }
        for (suffix, kinds) in [
            ("_count", [LintFamily.Kind.summary, .histogram]), ("_sum", [.summary, .histogram]),
            ("_bucket", [.histogram]),
        ] where name.hasSuffix(suffix) {
            let base = String(name.dropLast(suffix.count))
            if let kind = entries[base]?.family.kind, kinds.contains(kind) { return base }
        }
        return name
    }

    // MARK: - Samples

    /// Labels of a line, as far as a linter needs them.
    private struct Series {
        var name = ""
        var names: [String] = []
        /// Names and values that tell metrics of the family apart.
        var key: [String] = []
        /// Whether there was `le` of a histogram or `quantile` of a summary.
        var isPart = false
    }

    private mutating func readSample() throws(ExpositionError) {
        var series = Series()
        if try current() != Byte.openBrace {
            series.name = family(named: try name(allowsColons: true))
            guard !series.name.isEmpty else { throw error("invalid metric name") }
            skipBlanks()
        }
        if try current() == Byte.openBrace {
            index += 1
            skipBlanks()
            // Without a name before the brace a quoted one comes first behind it.
            let isQuoted = try current() == Byte.quote
            guard isQuoted || !series.name.isEmpty else { throw error("invalid metric name") }
            try readLabels(of: &series)
        }
        guard !series.name.isEmpty else { throw error("invalid metric name") }
        skipBlanks()
        let value = try word()
        guard LintReader.isNumber(value) else {
            throw error("expected float as value, got \(Labels.quoted(value))")
        }
        note(series)
        guard try current() != Byte.newline else { return }
        skipBlanks()
        let time = try word()
        guard Int64(time) != nil else {
            throw error("expected integer as timestamp, got \(Labels.quoted(time))")
        }
        let more = String(decoding: try rest(), as: UTF8.self)
        guard more.isEmpty else { throw error("spurious string after timestamp: \(Labels.quoted(more))") }
    }

    private mutating func readLabels(of series: inout Series) throws(ExpositionError) {
        while true {
            skipBlanks()
            if try current() == Byte.closeBrace {
                index += 1
                return
            }
            let isQuoted = try current() == Byte.quote
            let name =
                isQuoted ? String(decoding: try quoted(), as: UTF8.self) : try name(allowsColons: false)
            guard !name.isEmpty else {
                throw error("invalid label name for metric \(Labels.quoted(series.name))")
            }
            skipBlanks()
            let isMetricName =
                isQuoted && series.name.isEmpty && bytes[min(index, bytes.count - 1)] != UInt8(ascii: "=")
            if isMetricName {
                series.name = family(named: name)
            } else {
                try readValue(of: name, in: &series)
            }
            skipBlanks()
            switch try current() {
            case UInt8(ascii: ","), Byte.closeBrace: if bytes[index] == UInt8(ascii: ",") { index += 1 }
            default: throw error("unexpected end of label value \(Labels.quoted(series.key.last ?? name))")
            }
        }
    }

    private mutating func readValue(of name: String, in series: inout Series) throws(ExpositionError) {
        guard name != "__name__" else { throw error("label name \(Labels.quoted(name)) is reserved") }
        guard try current() == UInt8(ascii: "=") else {
            throw error("expected '=' after label name, found '\(character())'")
        }
        let kind = entries[series.name]?.family.kind
        let isPart = kind == .histogram && name == "le" || kind == .summary && name == "quantile"
        guard !series.names.contains(name), !(isPart && series.isPart) else {
            throw error("duplicate label names for metric \(Labels.quoted(series.name))")
        }
        index += 1
        skipBlanks()
        guard try current() == Byte.quote else {
            throw error("expected '\"' at start of label value, found '\(character())'")
        }
        guard let value = String(validating: try quoted(), as: UTF8.self) else {
            throw error("invalid label value of \(Labels.quoted(name)): no UTF-8")
        }
        if isPart {
            guard LintReader.isNumber(value) else {
                throw error("expected float as value for '\(name)' label, got \(Labels.quoted(value))")
            }
            series.isPart = true
        } else {
            series.names.append(name)
        }
        series.key += [name, value]
    }

    /// Adds a line to its family: a metric of its own, or a part of one.
    private mutating func note(_ series: Series) {
        var entry = entries[series.name] ?? Entry(family: LintFamily(name: series.name))
        defer { entries[series.name] = entry }
        let kind = entry.family.kind ?? .untyped
        entry.family.kind = kind
        guard kind == .histogram || kind == .summary else {
            entry.family.metrics.append(LintFamily.Metric(labelNames: series.names))
            return
        }
        var pairs: [String] = []
        for place in stride(from: 0, to: series.key.count, by: 2)
        where series.names.contains(series.key[place]) {
            pairs.append(series.key[place] + "\u{0}" + series.key[place + 1])
        }
        pairs.sort()
        let place = entry.places[pairs] ?? entry.family.metrics.count
        if place == entry.family.metrics.count {
            entry.places[pairs] = place
            entry.family.metrics.append(LintFamily.Metric(labelNames: series.names))
        }
        if series.isPart { entry.family.metrics[place].parts += 1 }
    }

    /// As Go reads numbers, without hexadecimal ones and `_` between digits.
    private static func isNumber(_ text: String) -> Bool {
        guard !text.contains(where: { "pPxX_".contains($0) }) else { return false }
        return PromNumber.parse(text) != nil
    }
}
