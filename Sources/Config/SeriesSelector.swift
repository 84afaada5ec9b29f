// SPDX-License-Identifier: Apache-2.0
//
// Series by name and labels as PromQL writes them, without ranges, offsets and functions:
//
//     motor_temp_celsius{unit="3", line=~"a|b"}

public import Samples

/// A selector of series.
public struct SeriesSelector: Sendable, Equatable, CustomStringConvertible {
    /// What a series must satisfy, its name first.
    public let matchers: [LabelMatcher]
    /// The selector as written.
    public let description: String

    /// Reads a selector; nil when it is none, or would take series whatever they are.
    public init?(_ text: String) {
        var reader = SelectorReader(bytes: Array(text.utf8))
        guard text.utf8.count <= 4096, let matchers = reader.matchers(),
            matchers.contains(where: { !$0.matchesEmpty })
        else { return nil }
        self.matchers = matchers
        description = text
    }

    /// Selects a metric's series that carry labels.
    public init(metric: String, labels: Labels) {
        matchers =
            [LabelMatcher(Labels.metricNameLabel, equals: metric)]
            + labels.pairs.map { LabelMatcher($0.name, equals: $0.value) }
        description = labels.setting(Labels.metricNameLabel, metric).description
    }
}

private struct SelectorReader {
    let bytes: [UInt8]
    var offset = 0

    private var current: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    mutating func matchers() -> [LabelMatcher]? {
        var found: [LabelMatcher] = []
        skipBlanks()
        if let name = name(colons: true) { found.append(LabelMatcher(Labels.metricNameLabel, equals: name)) }
        skipBlanks()
        if take("{") {
            skipBlanks()
            while !take("}") {
                guard let matcher = matcher() else { return nil }
                found.append(matcher)
                skipBlanks()
                if take(",") {
                    skipBlanks()
                } else if current != UInt8(ascii: "}") {
                    return nil
                }
            }
            skipBlanks()
        }
        return offset == bytes.count ? found : nil
    }

    private mutating func matcher() -> LabelMatcher? {
        guard let name = name(colons: false) else { return nil }
        skipBlanks()
        let operation: LabelMatcher.Operation
        if take("=") {
            operation = take("~") ? .matches : .equal
        } else if take("!") {
            if take("=") {
                operation = .notEqual
            } else if take("~") {
                operation = .notMatches
            } else {
                return nil
            }
        } else {
            return nil
        }
        skipBlanks()
        guard let value = quoted() else { return nil }
        return try? LabelMatcher(name, operation, value)
    }

    private mutating func name(colons: Bool) -> String? {
        let start = offset
        while let byte = current {
            let isLetter = (byte | 0x20) >= UInt8(ascii: "a") && (byte | 0x20) <= UInt8(ascii: "z")
            let isDigit = byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
            let isSign = byte == UInt8(ascii: "_") || (colons && byte == UInt8(ascii: ":"))
            guard isLetter || isSign || (isDigit && offset > start) else { break }
            offset += 1
        }
        return offset > start ? String(decoding: bytes[start..<offset], as: UTF8.self) : nil
    }

    /// A text in single or double quotes, with `\` before quotes, itself, `n` and `t`.
    private mutating func quoted() -> String? {
        guard let quote = current, [UInt8(ascii: "\""), UInt8(ascii: "'")].contains(quote) else { return nil }
        offset += 1
        var text: [UInt8] = []
        while let byte = current {
            offset += 1
            if byte == quote { return String(decoding: text, as: UTF8.self) }
            guard byte == UInt8(ascii: "\\") else {
                text.append(byte)
                continue
            }
            guard let escaped = current else { return nil }
            offset += 1
            switch escaped {
            case UInt8(ascii: "n"): text.append(10)
            case UInt8(ascii: "t"): text.append(9)
            case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "'"): text.append(escaped)
            default: return nil
            }
        }
        return nil
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard current == UInt8(ascii: character) else { return false }
        offset += 1
        return true
    }

    private mutating func skipBlanks() {
        while let byte = current, byte == 0x20 || byte == 0x09 || byte == 0x0a { offset += 1 }
    }
}
