// SPDX-License-Identifier: Apache-2.0
//
// label_replace and label_join: new labels, same values.

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
        try streamRelabeled(call.arguments[0], label, grid, body) { labels in
            pattern.expand(replacement, matching: labels[source] ?? "")
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
        try streamRelabeled(call.arguments[0], label, grid, body) { labels in
            sources.map { labels[$0] ?? "" }.joined(separator: separator)
        }
    }

    /// Sets a label of each series to what `value` says; nil leaves the series as it is.
    private func streamRelabeled(
        _ node: Node,
        _ label: String,
        _ grid: Grid,
        _ body: SeriesBody,
        _ value: (Labels) -> String?
    ) throws(QueryError) {
        try streamJoined(grid, body) { (builder: inout VectorBuilder) throws(QueryError) in
            try stream(node, grid) { (header, column: inout Column) throws(QueryError) in
                var header = header
                if let value = value(header.labels) {
                    header.labels = header.labels.setting(label, value)
                    if label == Labels.metricNameLabel { header.dropsName = false }
                }
                try hold(column.footprint)
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
