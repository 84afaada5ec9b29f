// SPDX-License-Identifier: Apache-2.0
//
// Selectors with their matchers, lists of label names, and what follows a binary operator.

internal import Samples

extension ExpressionParser {
    /// Parses `name`, `name{…}` or `{…}`; the caller has looked at the first token.
    mutating func parseSelector() throws(QueryError) -> VectorSelector {
        let start = current.range
        var name: String?
        if current.kind != .leftBrace { name = text(advance()) }
        var matchers: [LabelMatcher] = []
        if current.kind == .leftBrace { matchers = try parseMatchers() }
        if let name { matchers.append(LabelMatcher(Labels.metricNameLabel, equals: name)) }
        return VectorSelector(
            name: name,
            matchers: matchers,
            range: SourceRange(start: start.start, end: lastEnd)
        )
    }

    private mutating func parseMatchers() throws(QueryError) -> [LabelMatcher] {
        advance()
        var matchers: [LabelMatcher] = []
        if take(.rightBrace) != nil { return matchers }
        while true {
            matchers.append(try parseMatcher())
            if take(.rightBrace) != nil { return matchers }
            guard take(.comma) != nil else {
                throw unexpected(in: "label matching", expected: "\",\" or \"}\"")
            }
            if take(.rightBrace) != nil { return matchers }
        }
    }

    private mutating func parseMatcher() throws(QueryError) -> LabelMatcher {
        let label = current
        guard label.kind == .identifier || label.kind == .string else {
            throw unexpected(in: "label matching", expected: "identifier or \"}\"")
        }
        advance()
        let name = label.kind == .string ? String(decoding: unquoted(label), as: UTF8.self) : text(label)
        let operation: LabelMatcher.Operation
        switch current.kind {
        case .assign: operation = .equal
        case .binary(.notEqual): operation = .notEqual
        case .matches: operation = .matches
        case .notMatches: operation = .notMatches
        default:
            // A string alone is a metric name; what may follow it is the caller's concern.
            if label.kind == .string { return LabelMatcher(Labels.metricNameLabel, equals: name) }
            throw unexpected(in: "label matching", expected: "label matching operator")
        }
        advance()
        guard current.kind == .string else { throw unexpected(in: "label matching", expected: "string") }
        let value = advance()
        do {
            return try LabelMatcher(name, operation, String(decoding: unquoted(value), as: UTF8.self))
        } catch {
            throw self.error(label.range, "error parsing regexp: \(error.goMessage)")
        }
    }

    /// Parses `(label, "other label",)`.
    mutating func parseLabelList() throws(QueryError) -> [String] {
        guard take(.leftParenthesis) != nil else { throw unexpected(in: "grouping opts", expected: "\"(\"") }
        var labels: [String] = []
        if take(.rightParenthesis) != nil { return labels }
        while true {
            labels.append(try parseLabelName())
            if take(.rightParenthesis) != nil { return labels }
            guard take(.comma) != nil else {
                throw unexpected(in: "grouping opts", expected: "\",\" or \")\"")
            }
            if take(.rightParenthesis) != nil { return labels }
        }
    }

    private mutating func parseLabelName() throws(QueryError) -> String {
        let token = current
        if token.kind == .string {
            advance()
            let bytes = unquoted(token)
            guard !bytes.isEmpty, let name = String(validating: bytes, as: UTF8.self) else {
                throw error(token.range, "invalid label name for grouping: \(EscapedString.quote(bytes))")
            }
            return name
        }
        guard token.isLabelName else { throw unexpected(in: "grouping opts", expected: "label") }
        advance()
        return text(token)
    }

    // MARK: - After a binary operator

    struct BinaryModifiers {
        var returnsBool = false
        var matching = VectorMatching()
    }

    /// Parses `bool on (…) group_left (…) fill (…)`, each optional.
    mutating func parseBinaryModifiers() throws(QueryError) -> BinaryModifiers {
        var modifiers = BinaryModifiers()
        modifiers.returnsBool = take(.keyword(.bool)) != nil
        if current.kind == .keyword(.on) || current.kind == .keyword(.ignoring) {
            modifiers.matching.isOn = advance().kind == .keyword(.on)
            modifiers.matching.labels = try parseLabelList()
            if current.kind == .keyword(.groupLeft) || current.kind == .keyword(.groupRight) {
                let isLeft = advance().kind == .keyword(.groupLeft)
                modifiers.matching.cardinality = isLeft ? .manyToOne : .oneToMany
                if current.kind == .leftParenthesis { modifiers.matching.include = try parseLabelList() }
            }
        }
        try parseFill(&modifiers.matching)
        return modifiers
    }

    /// Parses `fill (0)`, or `fill_left (0)` and `fill_right (0)` in either order.
    private mutating func parseFill(_ matching: inout VectorMatching) throws(QueryError) {
        if take(.keyword(.fill)) != nil {
            let value = try parseFillValue()
            (matching.fillLeft, matching.fillRight) = (value, value)
            return
        }
        while true {
            if matching.fillLeft == nil, take(.keyword(.fillLeft)) != nil {
                matching.fillLeft = try parseFillValue()
            } else if matching.fillRight == nil, take(.keyword(.fillRight)) != nil {
                matching.fillRight = try parseFillValue()
            } else {
                return
            }
        }
    }

    private mutating func parseFillValue() throws(QueryError) -> Double {
        guard take(.leftParenthesis) != nil else { throw unexpected() }
        let isNegative = take(.binary(.subtract)) != nil
        if !isNegative { _ = take(.binary(.add)) }
        guard current.kind == .number || current.kind == .duration else { throw unexpected() }
        let value = try number(advance()).value
        guard take(.rightParenthesis) != nil else { throw unexpected() }
        return isNegative ? -value : value
    }
}
