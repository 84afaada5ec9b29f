// SPDX-License-Identifier: Apache-2.0
//
// Operators on two numbers, and the few library functions where Go's answers for special values differ from C's.

internal import Glibc

/// What an operator makes of two numbers.
enum BinaryArithmetic {
    /// The result of an arithmetic operator, and 0 or 1 for a comparison.
    static func apply(_ op: BinaryOperator, _ left: Double, _ right: Double) -> Double {
        switch op {
        case .add: left + right
        case .subtract: left - right
        case .multiply: left * right
        case .divide: left / right
        case .modulo: fmod(left, right)
        case .power: pow(left, right)
        case .atan2: atan2(left, right)
        default: holds(op, left, right) ? 1 : 0
        }
    }

    /// Whether a comparison holds.
    static func holds(_ op: BinaryOperator, _ left: Double, _ right: Double) -> Bool {
        switch op {
        case .equal: left == right
        case .notEqual: left != right
        case .less: left < right
        case .lessOrEqual: left <= right
        case .greater: left > right
        case .greaterOrEqual: left >= right
        default: false
        }
    }
}

/// Go's math.Max and math.Min: an infinity wins over NaN, NaN over everything else.
enum GoMath {
    static func max(_ left: Double, _ right: Double) -> Double {
        if left == .infinity || right == .infinity { return .infinity }
        if left.isNaN || right.isNaN { return .nan }
        if left == 0, right == 0 { return left.sign == .minus ? right : left }
        return left > right ? left : right
    }

    static func min(_ left: Double, _ right: Double) -> Double {
        if left == -.infinity || right == -.infinity { return -.infinity }
        if left.isNaN || right.isNaN { return .nan }
        if left == 0, right == 0 { return left.sign == .minus ? left : right }
        return left < right ? left : right
    }
}
