// SPDX-License-Identifier: Apache-2.0
//
// A tree printed over several lines, for people who read long queries: what does not fit into a line is divided at its
// outermost expression, its parts indented by two blanks. Comments are gone, as the lexer drops them. Source:
// Prometheus' promql/parser/prettier.go, whose output this is, line by line.

/// Prints expressions over several lines.
enum Prettifier {
    /// Bytes of a line that is not divided.
    private static let lineLimit = 100

    /// The expression, every line indented by `level` steps.
    static func text(_ node: Node, level: Int = 0) -> String {
        let line = Printer.text(node)
        let margin = String(repeating: "  ", count: level)
        guard line.utf8.count > lineLimit else {
            // Prometheus does not indent these.
            if case .subquery = node { return line }
            return margin + line
        }
        switch node {
        case .aggregate(let aggregation):
            let parameter = aggregation.parameter.map { text($0, level: level + 1) + ",\n" } ?? ""
            return "\(margin)\(Printer.head(aggregation))(\n\(parameter)"
                + "\(text(aggregation.expression, level: level + 1))\n\(margin))"
        case .binary(let binary):
            return "\(text(binary.left, level: level + 1))\n\(margin)\(Printer.words(binary))\n"
                + text(binary.right, level: level + 1)
        case .call(let call) where !call.arguments.isEmpty:
            let arguments = call.arguments.map { text($0, level: level + 1) }.joined(separator: ",\n")
            return "\(margin)\(call.function.name)(\n\(arguments)\n\(margin))"
        case .parentheses(let inner):
            return "\(margin)(\n\(text(inner.expression, level: level + 1))\n\(margin))"
        case .subquery(let subquery):
            return text(subquery.expression, level: level) + Printer.suffix(subquery)
        case .unary(let unary):
            let operand = text(unary.operand, level: level).drop { $0 == " " }
            return margin + (unary.isNegation ? "-" : "+") + operand
        case .number, .string, .selector, .matrix, .call: return margin + line
        }
    }
}

extension Expression {
    /// The expression printed for people, over several lines where one would be longer than 100 bytes.
    public var prettified: String { Prettifier.text(root) }
}
