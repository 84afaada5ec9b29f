// SPDX-License-Identifier: Apache-2.0
//
// The way from text to a checked tree: size, grammar, types, in this order. The first fault is the answer.

public import Samples

/// Turns text into expressions.
public enum Parser {
    /// The longest query, in bytes.
    ///
    /// Tokens and tree take about a hundred times the text; 64 KiB keeps a hostile query below 10 MiB.
    public static let sizeLimit = 64 << 10

    /// Parses and type-checks a query.
    ///
    /// - Parameters:
    ///   - text: PromQL as of Prometheus 3.14.
    ///   - features: what of it is on beyond the defaults.
    /// - Returns: the expression.
    /// - Throws: `QueryError` of kind `.badData` with Prometheus' words and place, `1:5: parse error: …`.
    public static func parse(
        _ text: String,
        features: QueryFeatures = QueryFeatures()
    ) throws(QueryError) -> Expression {
        let source = try bounded(text)
        var parser = ExpressionParser(source, features)
        let root = try parser.parseWhole()
        try TypeChecker(source: source).check(root)
        return Expression(root: root, source: source)
    }

    /// Parses a selector as `match[]` takes it: `up{job="node"}`.
    ///
    /// - Parameter text: a metric name, matchers in braces, or both.
    /// - Returns: the matchers, the name's last.
    /// - Throws: `QueryError` of kind `.badData`.
    public static func parseSelector(_ text: String) throws(QueryError) -> [LabelMatcher] {
        var parser = ExpressionParser(try bounded(text), QueryFeatures())
        return try parser.parseWholeSelector().matchers
    }

    private static func bounded(_ text: String) throws(QueryError) -> [UInt8] {
        let source = Array(text.utf8)
        guard source.count <= sizeLimit else {
            throw QueryError(
                .badData,
                "query is \(source.count) bytes long, more than the \(sizeLimit) allowed"
            )
        }
        return source
    }
}
