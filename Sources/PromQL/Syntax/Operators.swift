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
///
/// operators.md is docs/querying/operators.md of Prometheus 3.14, "Aggregation operators".
enum Aggregator: String, Sendable, CaseIterable {
    /// The compensated sum of a group (`CompensatedSum`); of histograms bucket by bucket.
    ///
    /// Both kinds in a group give nothing and a warning. Source: operators.md, `sum`.
    case sum
    /// The mean: the compensated sum by the count, or moved by each value where the sum overflows; kinds as
    /// `sum`.
    ///
    /// Source: operators.md, `avg`.
    case avg
    /// How many elements a group has, of whichever kind.
    ///
    /// Source: operators.md, `count`.
    case count
    /// The smallest number; NaN only when there is nothing else.
    ///
    /// Histograms do not count. Source: operators.md, `min`.
    case min
    /// The largest number; NaN only when there is nothing else.
    ///
    /// Histograms do not count. Source: operators.md, `max`.
    case max
    /// 1 for each group.
    ///
    /// Source: operators.md, `group`.
    case group
    /// The population standard deviation (Welford's method); histograms do not count.
    ///
    /// Source: operators.md, `stddev`.
    case stddev
    /// The population variance (Welford's method); histograms do not count.
    ///
    /// Source: operators.md, `stdvar`.
    case stdvar
    /// The k elements with the largest numbers of each group, with all their labels; NaN comes last.
    ///
    /// Source: operators.md, `topk`.
    case topk
    /// The k elements with the smallest numbers of each group, with all their labels; NaN comes last.
    ///
    /// Source: operators.md, `bottomk`.
    case bottomk
    /// How many elements have each value, which goes into a label.
    ///
    /// Source: operators.md, `count_values`.
    case countValues = "count_values"
    /// The φ-quantile: NaN first, between neighbours linear; -Inf and +Inf for φ below 0 and above 1.
    ///
    /// Source: operators.md, `quantile`.
    case quantile
    /// Any k elements of each group, the same ones each time.
    ///
    /// Source: operators.md, `limitk`.
    case limitk
    /// About a share of the elements, chosen by the hash of their labels; a negative share takes those the
    /// positive rest leaves.
    ///
    /// Source: operators.md, `limit_ratio`.
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
