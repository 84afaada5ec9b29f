// SPDX-License-Identifier: Apache-2.0
//
// The parsed query as other modules hold it. Rules parse once and evaluate for ever, so it is immutable and bound to
// no time; `Planner` binds a copy for each evaluation.

public import Samples

/// A parsed and type-checked query, ready to be evaluated any number of times.
public struct Expression: Sendable, CustomStringConvertible {
    let root: Node
    /// The text it was parsed from; annotations point into it.
    let source: [UInt8]

    /// The kind of value the expression has.
    public var type: ValueType { root.type }

    /// The expression printed as Prometheus prints it.
    public var description: String { Printer.text(root) }

    /// The matchers of each selector, in the order of the text.
    public var selectors: [[LabelMatcher]] {
        var found: [[LabelMatcher]] = []
        Self.collect(root, into: &found)
        return found
    }

    private static func collect(_ node: Node, into found: inout [[LabelMatcher]]) {
        switch node {
        case .selector(let selector): found.append(selector.matchers)
        case .matrix(let matrix): found.append(matrix.selector.matchers)
        default: for child in node.children { collect(child, into: &found) }
        }
    }
}
