// SPDX-License-Identifier: Apache-2.0
//
// An expression is step-invariant when its value is the same at every step: all its selectors carry `@` and no
// function looks at the evaluation time. Such a part is evaluated once and repeated.

extension Node {
    /// Whether every step gives the same value.
    var isStepInvariant: Bool {
        switch self {
        case .number, .string: true
        case .selector(let selector): selector.modifiers.at != nil
        case .matrix(let matrix): matrix.selector.modifiers.at != nil
        case .subquery(let subquery): subquery.modifiers.at != nil
        case .call(let call): call.isStepInvariant
        case .unary, .binary, .aggregate, .parentheses: children.allSatisfy(\.isStepInvariant)
        }
    }
}

extension Call {
    fileprivate var isStepInvariant: Bool {
        guard arguments.allSatisfy(\.isStepInvariant) else { return false }
        if function.function == .timestamp, case .selector? = arguments.first?.unwrapped { return true }
        return !function.function.dependsOnTime
    }
}
