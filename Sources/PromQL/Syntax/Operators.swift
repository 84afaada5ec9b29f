// SPDX-License-Identifier: Apache-2.0
//
// The operator and aggregation words of the language, with the properties parser and evaluator share.

/// An operator between two expressions.
enum BinaryOperator: String, Sendable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case modulo = "%"
    case power = "^"
    case atan2
    case equal = "=="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case trimUpper = "</"
    case trimLower = ">/"
    case and
    case or
    case unless

    var isComparison: Bool {
        switch self {
        case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: true
        default: false
        }
    }

    var isSet: Bool {
        switch self {
        case .and, .or, .unless: true
        default: false
        }
    }

    /// `h </ x` and `h >/ x`, defined for native histograms only.
    var isTrim: Bool { self == .trimUpper || self == .trimLower }

    /// Higher binds tighter.
    var precedence: Int {
        switch self {
        case .or: 1
        case .and, .unless: 2
        case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual, .trimUpper, .trimLower: 3
        case .add, .subtract: 4
        case .multiply, .divide, .modulo, .atan2: 5
        case .power: 6
        }
    }

    /// Unary plus and minus bind like `*`: their operand takes what binds tighter.
    static let unaryPrecedence = 5
}

/// An aggregation.
enum Aggregator: String, Sendable, CaseIterable {
    case sum, avg, count, min, max, group, stddev, stdvar, topk, bottomk
    case countValues = "count_values"
    case quantile
    case limitk
    case limitRatio = "limit_ratio"

    /// Whether a parameter precedes the expression.
    var takesParameter: Bool {
        switch self {
        case .topk, .bottomk, .countValues, .quantile, .limitk, .limitRatio: true
        default: false
        }
    }

    /// Behind Prometheus' `promql-experimental-functions`.
    var isExperimental: Bool { self == .limitk || self == .limitRatio }
}

/// The four kinds of value an expression can have.
public enum ValueType: String, Sendable {
    /// One number per step.
    case scalar
    /// A text.
    case string
    /// One value per series and step.
    case vector
    /// A window of samples per series and step.
    case matrix

    /// How Prometheus' messages call it.
    var documented: String {
        switch self {
        case .vector: "instant vector"
        case .matrix: "range vector"
        case .scalar, .string: rawValue
        }
    }
}
