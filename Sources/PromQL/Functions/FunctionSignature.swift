// SPDX-License-Identifier: Apache-2.0
//
// The functions of the language: names, argument types, result types.

/// What the parser has to know of a function.
struct FunctionSignature: Sendable {
    let function: Function
    /// Types of the arguments; with `variadic` the last one may repeat or be left out.
    let arguments: [ValueType]
    /// Extra arguments beyond the required `arguments.count - 1`: 0 exactly `arguments.count`, negative any number.
    let variadic: Int
    let result: ValueType

    var name: String { function.rawValue }

    /// All functions by name.
    static let all: [String: FunctionSignature] = {
        var table: [String: FunctionSignature] = [:]
        func add(
            _ functions: [Function],
            _ arguments: [ValueType],
            _ variadic: Int = 0,
            _ result: ValueType = .vector
        ) {
            for function in functions {
                table[function.rawValue] = FunctionSignature(
                    function: function,
                    arguments: arguments,
                    variadic: variadic,
                    result: result
                )
            }
        }
        add(Function.elementwise, [.vector])
        add(Function.calendar, [.vector], 1)
        add(Function.overRange, [.matrix])
        add([.absent, .sort, .sortDesc, .timestamp], [.vector])
        add([.absentOverTime], [.matrix])
        add([.clamp], [.vector, .scalar, .scalar])
        add([.clampMin, .clampMax], [.vector, .scalar])
        add([.round], [.vector, .scalar], 1)
        add([.histogramQuantile], [.scalar, .vector])
        add([.histogramFraction], [.scalar, .scalar, .vector])
        add([.labelReplace], [.vector, .string, .string, .string, .string])
        add([.labelJoin], [.vector, .string, .string, .string], -1)
        add([.predictLinear], [.matrix, .scalar])
        add([.quantileOverTime], [.scalar, .matrix])
        add([.pi, .time], [], 0, .scalar)
        add([.scalar], [.vector], 0, .scalar)
        add([.vector], [.scalar])
        add(Function.ofHistograms, [.vector])
        add([.histogramQuantiles], [.vector, .string, .scalar, .scalar], 9)
        add([.doubleExponentialSmoothing], [.matrix, .scalar, .scalar])
        add([.info], [.vector, .vector], 1)
        add([.sortByLabel, .sortByLabelDesc], [.vector, .string], -1)
        add([.startTimestamp], [.vector])
        add([.start, .end, .range, .step], [], 0, .scalar)
        add([.minOf, .maxOf], [.scalar, .scalar], 0, .scalar)
        return table
    }()
}

/// A function, by its name in the language.
enum Function: String, Sendable {
    case abs, ceil, floor, exp, ln, log2, log10, sqrt, sgn
    case sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh, acosh, atanh, deg, rad
    case dayOfMonth = "day_of_month"
    case dayOfWeek = "day_of_week"
    case dayOfYear = "day_of_year"
    case daysInMonth = "days_in_month"
    case hour, minute, month, year
    case rate, increase, irate, delta, idelta, deriv, changes, resets
    case avgOverTime = "avg_over_time"
    case sumOverTime = "sum_over_time"
    case minOverTime = "min_over_time"
    case maxOverTime = "max_over_time"
    case countOverTime = "count_over_time"
    case lastOverTime = "last_over_time"
    case firstOverTime = "first_over_time"
    case presentOverTime = "present_over_time"
    case stddevOverTime = "stddev_over_time"
    case stdvarOverTime = "stdvar_over_time"
    case quantileOverTime = "quantile_over_time"
    case absentOverTime = "absent_over_time"
    case predictLinear = "predict_linear"
    case absent, sort
    case sortDesc = "sort_desc"
    case timestamp, clamp
    case clampMin = "clamp_min"
    case clampMax = "clamp_max"
    case round
    case histogramQuantile = "histogram_quantile"
    case histogramFraction = "histogram_fraction"
    case labelReplace = "label_replace"
    case labelJoin = "label_join"
    case pi, time, scalar, vector
    case histogramCount = "histogram_count"
    case histogramSum = "histogram_sum"
    case histogramAvg = "histogram_avg"
    case histogramStddev = "histogram_stddev"
    case histogramStdvar = "histogram_stdvar"
    case histogramQuantiles = "histogram_quantiles"
    case doubleExponentialSmoothing = "double_exponential_smoothing"
    case madOverTime = "mad_over_time"
    case tsOfFirstOverTime = "ts_of_first_over_time"
    case tsOfLastOverTime = "ts_of_last_over_time"
    case tsOfMinOverTime = "ts_of_min_over_time"
    case tsOfMaxOverTime = "ts_of_max_over_time"
    case sortByLabel = "sort_by_label"
    case sortByLabelDesc = "sort_by_label_desc"
    case startTimestamp = "start_timestamp"
    case minOf = "min_of"
    case maxOf = "max_of"
    case info, start, end, range, step

    /// One value in, one value out.
    static let elementwise: [Function] = [
        .abs, .ceil, .floor, .exp, .ln, .log2, .log10, .sqrt, .sgn, .sin, .cos, .tan, .asin, .acos, .atan,
        .sinh,
        .cosh, .tanh, .asinh, .acosh, .atanh, .deg, .rad,
    ]
    /// Parts of a date.
    static let calendar: [Function] = [
        .dayOfMonth, .dayOfWeek, .dayOfYear, .daysInMonth, .hour, .minute, .month, .year,
    ]
    /// A window of samples in, one value out, without a parameter.
    static let overRange: [Function] = [
        .rate, .increase, .irate, .delta, .idelta, .deriv, .changes, .resets, .avgOverTime, .sumOverTime,
        .minOverTime, .maxOverTime, .countOverTime, .lastOverTime, .firstOverTime, .presentOverTime,
        .stddevOverTime, .stdvarOverTime, .madOverTime, .tsOfFirstOverTime, .tsOfLastOverTime,
        .tsOfMinOverTime,
        .tsOfMaxOverTime,
    ]
    /// A native histogram in, one number out.
    static let ofHistograms: [Function] = [
        .histogramCount, .histogramSum, .histogramAvg, .histogramStddev, .histogramStdvar,
    ]

    /// Behind Prometheus' `promql-experimental-functions`.
    var isExperimental: Bool {
        switch self {
        case .doubleExponentialSmoothing, .end, .histogramQuantiles, .info, .madOverTime, .maxOf, .minOf,
            .range,
            .sortByLabel, .sortByLabelDesc, .start, .startTimestamp, .step, .tsOfFirstOverTime,
            .tsOfLastOverTime, .tsOfMaxOverTime, .tsOfMinOverTime:
            true
        default: false
        }
    }

    /// Whether since when a counter counts matters.
    var usesStartTimestamps: Bool {
        switch self {
        case .rate, .increase, .irate, .resets: true
        default: false
        }
    }

    /// Whether the result depends on the evaluation time even when the arguments do not.
    var dependsOnTime: Bool {
        switch self {
        case .time, .timestamp, .predictLinear, .start, .end, .range, .step: true
        default: Function.calendar.contains(self)
        }
    }
}
