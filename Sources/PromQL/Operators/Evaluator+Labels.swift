// SPDX-License-Identifier: Apache-2.0
//
// label_replace and label_join: new labels, same values. Nested calls can make a text of any length out of a few letters, so
// one label value has a bound, and labels longer than usual count against the sample limit where they are kept.

internal import Samples

extension Evaluator {
    func streamLabelReplace(_ call: Call, _ grid: Grid, _ body: SeriesBody) throws(QueryError) {
        let target = call.arguments[1].literalBytes
        let replacement = call.arguments[2].literalText
        let source = call.arguments[3].literalText
        let expression = call.arguments[4].literalText
        let pattern: Pattern
        do {
            pattern = try Pattern(expression)
        } catch {
            throw QueryError(.execution, "invalid regular expression in label_replace(): \(expression)")
        }
        guard !target.isEmpty, let label = String(validating: target, as: UTF8.self) else {
            let shown = String(decoding: target, as: UTF8.self)
            throw QueryError(.execution, "invalid destination label name in label_replace(): \(shown)")
        }
        try streamRelabeled(call.arguments[0], label, grid, body) { (labels) throws(QueryError) in
            let subject = labels[source] ?? ""
            guard pattern.cost(of: subject) <= Self.expressionCostLimit else {
                throw QueryError(
                    .execution,
                    "label_replace(): the regular expression is too large for a label value of \(subject.utf8.count) bytes"
                )
            }
            let value = pattern.expand(replacement, matching: subject, limit: Self.labelValueLimit)
            if let value, value.utf8.count > Self.labelValueLimit { throw Self.labelTooLong(call) }
            return value
        }
    }

    func streamLabelJoin(_ call: Call, _ grid: Grid, _ body: SeriesBody) throws(QueryError) {
        let target = call.arguments[1].literalBytes
        let separator = call.arguments[2].literalText
        var sources: [String] = []
        for argument in call.arguments.dropFirst(3) {
            let bytes = argument.literalBytes
            guard !bytes.isEmpty, let name = String(validating: bytes, as: UTF8.self) else {
                let shown = argument.literalText
                throw QueryError(.execution, "invalid source label name in label_join(): \(shown)")
            }
            sources.append(name)
        }
        guard !target.isEmpty, let label = String(validating: target, as: UTF8.self) else {
            let shown = String(decoding: target, as: UTF8.self)
            throw QueryError(.execution, "invalid destination label name in label_join(): \(shown)")
        }
        try streamRelabeled(call.arguments[0], label, grid, body) { (labels) throws(QueryError) in
            var value = ""
            for (index, source) in sources.enumerated() {
                if index > 0 { value += separator }
                value += labels[source] ?? ""
                guard value.utf8.count <= Self.labelValueLimit else { throw Self.labelTooLong(call) }
            }
            return value
        }
    }

    /// The longest label value a query may compute, in bytes: far beyond what a series has, and little enough that a few of
    /// them do no harm before they are counted.
    private static let labelValueLimit = 64 << 10

    /// The most a regular expression may cost for one label value (`Pattern.cost(of:)`): about a second, between two looks at
    /// the deadline.
    private static let expressionCostLimit = 50_000_000

    private static func labelTooLong(_ call: Call) -> QueryError {
        let name = call.function.function.rawValue
        return QueryError(.execution, "\(name)(): a label value is longer than \(labelValueLimit) bytes")
    }

    /// Sets a label of each series to what `value` says; nil leaves the series as it is.
    private func streamRelabeled(
        _ node: Node,
        _ label: String,
        _ grid: Grid,
        _ body: SeriesBody,
        _ value: (Labels) throws(QueryError) -> String?
    ) throws(QueryError) {
        try streamJoined(grid, body) { (builder: inout VectorBuilder) throws(QueryError) in
            try stream(node, grid) { (header, column: inout Column) throws(QueryError) in
                var header = header
                if let value = try value(header.labels) {
                    header.labels = header.labels.setting(label, value)
                    if label == Labels.metricNameLabel { header.dropsName = false }
                }
                try hold(column.footprint + header.footprint)
                try builder.add(header, column)
            }
        }
    }
}

extension Node {
    /// The bytes of a string argument.
    var literalBytes: [UInt8] {
        if case .string(let literal) = unwrapped { return literal.bytes }
        return []
    }

    /// The text of a string argument.
    var literalText: String { String(decoding: literalBytes, as: UTF8.self) }
}
