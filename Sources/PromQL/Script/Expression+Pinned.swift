// SPDX-License-Identifier: Apache-2.0
//
// A query that asks for the same at whatever time it is asked: each of its selectors and subqueries has a fixed `@`.

extension Expression {
    /// The expression with `@ time` on every selector and subquery that has no fixed time; nil when a function outside
    /// of subqueries looks at the clock.
    ///
    /// `@ start()` and `@ end()` are no fixed times: they are the evaluation time of an instant query.
    func pinned(at time: Int64) -> String? {
        guard !root.looksAtClock else { return nil }
        return Printer.text(root.pinned(.time(time)))
    }
}

extension Node {
    fileprivate var looksAtClock: Bool {
        switch self {
        // Its time is fixed, and with it that of what is inside.
        case .subquery: return false
        case .call(let call) where call.function.function.dependsOnTime: return true
        default: return children.contains { $0.looksAtClock }
        }
    }

    fileprivate func pinned(_ time: TimeModifiers.At) -> Node {
        switch self {
        case .number, .string: return self
        case .selector(var selector):
            selector.modifiers.pin(to: time)
            return .selector(selector)
        case .matrix(var matrix):
            matrix.selector.modifiers.pin(to: time)
            return .matrix(matrix)
        case .subquery(var subquery):
            // What is inside has the subquery's times.
            subquery.modifiers.pin(to: time)
            return .subquery(subquery)
        case .call(var call):
            call.arguments = call.arguments.map { $0.pinned(time) }
            return .call(call)
        case .unary(var unary):
            unary.operand = unary.operand.pinned(time)
            return .unary(unary)
        case .binary(var binary):
            binary.left = binary.left.pinned(time)
            binary.right = binary.right.pinned(time)
            return .binary(binary)
        case .aggregate(var aggregation):
            aggregation.parameter = aggregation.parameter?.pinned(time)
            aggregation.expression = aggregation.expression.pinned(time)
            return .aggregate(aggregation)
        case .parentheses(var inner):
            inner.expression = inner.expression.pinned(time)
            return .parentheses(inner)
        }
    }
}

extension TimeModifiers {
    /// Fixes the time where it is not.
    fileprivate mutating func pin(to time: At) {
        if case .time = at { return }
        at = time
    }
}
