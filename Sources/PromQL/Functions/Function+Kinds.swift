// SPDX-License-Identifier: Apache-2.0

/// What groups of functions have in common.
extension Function {
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
