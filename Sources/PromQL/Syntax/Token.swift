// SPDX-License-Identifier: Apache-2.0
//
// What the lexer hands to the parser.

internal import Samples

/// A word of the language.
struct Token: Sendable {
    /// What it is; keywords keep their spelling in the source.
    enum Kind: Sendable, Equatable {
        case end
        /// What the lexer could not read; the parser reports it when it gets there.
        case error(String)
        case comma, colon, assign, at
        case leftParenthesis, rightParenthesis, leftBrace, rightBrace, leftBracket, rightBracket
        case matches, notMatches
        case string, number, duration
        case identifier, metricIdentifier
        case binary(BinaryOperator)
        case aggregator(Aggregator)
        case keyword(Keyword)
        case preprocessor(Preprocessor)
    }

    /// Words with a meaning between operands.
    enum Keyword: String, Sendable {
        case offset, by, without, on, ignoring, bool, anchored, smoothed, fill
        case groupLeft = "group_left"
        case groupRight = "group_right"
        case fillLeft = "fill_left"
        case fillRight = "fill_right"
    }

    /// Words that stand for properties of the query.
    enum Preprocessor: String, Sendable {
        case start, end, step, range
        case minOf = "min_of"
        case maxOf = "max_of"
    }

    let kind: Kind
    let range: SourceRange
}

extension Token {
    /// The word as error messages show it.
    func description(in source: [UInt8]) -> String {
        let text = String(decoding: source[range.start..<range.end], as: UTF8.self)
        switch kind {
        case .end: return "end of input"
        case .error(let message): return message
        case .identifier: return "identifier \(Labels.quoted(text))"
        case .metricIdentifier: return "metric identifier \(Labels.quoted(text))"
        case .string: return "string \(shortened(text))"
        case .number: return "number \(shortened(text))"
        case .duration: return "duration \(shortened(text))"
        case .binary, .at, .matches, .notMatches: return "<op:\(text)>"
        case .aggregator: return "<aggr:\(text)>"
        case .keyword: return "<\(text)>"
        default: return shortened(text)
        }
    }

    private func shortened(_ text: String) -> String {
        text.utf8.count > 10 ? Labels.quoted(String(text.prefix(10))) + "..." : Labels.quoted(text)
    }

    /// Whether the word may stand as a metric name.
    var isMetricName: Bool {
        switch kind {
        case .identifier, .metricIdentifier, .aggregator, .preprocessor: return true
        case .binary(let op): return op.isSet
        case .keyword(let word):
            switch word {
            case .offset, .by, .without, .anchored, .smoothed, .fill, .fillLeft, .fillRight: return true
            case .on, .ignoring, .bool, .groupLeft, .groupRight: return false
            }
        default: return false
        }
    }

    /// Whether the word may stand as a label name in a list.
    var isLabelName: Bool {
        switch kind {
        case .identifier, .metricIdentifier, .aggregator, .preprocessor, .keyword: return true
        case .binary(let op): return op.isSet || op == .atan2
        default: return false
        }
    }
}
