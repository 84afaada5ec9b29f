// SPDX-License-Identifier: Apache-2.0
//
// The functions of the language, each with what it gives and where that is written: functions.md is
// docs/querying/functions.md of Prometheus 3.14. What holds for all: a function of a vector is applied to each element,
// and the metric's name goes unless said otherwise; one of a range needs samples in it, else there is no element.

/// A function, by its name in the language.
enum Function: String, Sendable {
    // MARK: - One number in, one number out

    /// The absolute value; histograms have none and are left out, as with all functions of one number.
    ///
    /// Source: functions.md, `abs()`.
    case abs
    /// The next whole number upwards.
    ///
    /// Source: functions.md, `ceil()`.
    case ceil
    /// The next whole number downwards.
    ///
    /// Source: functions.md, `floor()`.
    case floor
    /// e to the power of the value; +Inf where that is too large.
    ///
    /// Source: functions.md, `exp()`.
    case exp
    /// The natural logarithm; -Inf of 0, NaN below it.
    ///
    /// Source: functions.md, `ln()`.
    case ln
    /// The logarithm to base 2; special values as `ln`.
    ///
    /// Source: functions.md, `log2()`.
    case log2
    /// The logarithm to base 10; special values as `ln`.
    ///
    /// Source: functions.md, `log10()`.
    case log10
    /// The square root; NaN below 0.
    ///
    /// Source: functions.md, `sqrt()`.
    case sqrt
    /// 1 above 0, -1 below, else the value itself: 0, -0 or NaN.
    ///
    /// Source: functions.md, `sgn()`.
    case sgn
    /// The sine of an angle in radians.
    ///
    /// Source: functions.md, `sin()`.
    case sin
    /// The cosine of an angle in radians.
    ///
    /// Source: functions.md, `cos()`.
    case cos
    /// The tangent of an angle in radians.
    ///
    /// Source: functions.md, `tan()`.
    case tan
    /// The angle whose sine the value is; NaN beyond -1…1.
    ///
    /// Source: functions.md, `asin()`.
    case asin
    /// The angle whose cosine the value is; NaN beyond -1…1.
    ///
    /// Source: functions.md, `acos()`.
    case acos
    /// The angle whose tangent the value is, between -π/2 and π/2.
    ///
    /// Source: functions.md, `atan()`.
    case atan
    /// The hyperbolic sine.
    ///
    /// Source: functions.md, `sinh()`.
    case sinh
    /// The hyperbolic cosine.
    ///
    /// Source: functions.md, `cosh()`.
    case cosh
    /// The hyperbolic tangent.
    ///
    /// Source: functions.md, `tanh()`.
    case tanh
    /// The inverse of `sinh`.
    ///
    /// Source: functions.md, `asinh()`.
    case asinh
    /// The inverse of `cosh`; NaN below 1.
    ///
    /// Source: functions.md, `acosh()`.
    case acosh
    /// The inverse of `tanh`; ±Inf at ±1, NaN beyond.
    ///
    /// Source: functions.md, `atanh()`.
    case atanh
    /// Radians to degrees.
    ///
    /// Source: functions.md, `deg()`.
    case deg
    /// Degrees to radians.
    ///
    /// Source: functions.md, `rad()`.
    case rad

    // MARK: - Parts of a date

    /// The day of the month from 1, in UTC, of a time in seconds; without an argument of the evaluation time.
    ///
    /// Source: functions.md, `day_of_month()`.
    case dayOfMonth = "day_of_month"
    /// The day of the week, 0 for Sunday; argument as `day_of_month`.
    ///
    /// Source: functions.md, `day_of_week()`.
    case dayOfWeek = "day_of_week"
    /// The day of the year from 1; argument as `day_of_month`.
    ///
    /// Source: functions.md, `day_of_year()`.
    case dayOfYear = "day_of_year"
    /// How many days the month has; argument as `day_of_month`.
    ///
    /// Source: functions.md, `days_in_month()`.
    case daysInMonth = "days_in_month"
    /// The hour of the day, 0 to 23; argument as `day_of_month`.
    ///
    /// Source: functions.md, `hour()`.
    case hour
    /// The minute of the hour, 0 to 59; argument as `day_of_month`.
    ///
    /// Source: functions.md, `minute()`.
    case minute
    /// The month from 1 for January; argument as `day_of_month`.
    ///
    /// Source: functions.md, `month()`.
    case month
    /// The year; argument as `day_of_month`.
    ///
    /// Source: functions.md, `year()`.
    case year

    // MARK: - Change over a range

    /// By how much a counter grew per second of the range: the difference of the last and first sample, with
    /// what was lost in resets, extended to the edges unless samples are missing there, and never beyond where
    /// the counter was zero.
    ///
    /// Of histograms bucket by bucket. Source: functions.md, `rate()`.
    case rate
    /// By how much a counter grew over the range: `rate` times the seconds of the range.
    ///
    /// Source: functions.md, `increase()`.
    case increase
    /// By how much a counter grew per second between the last two samples; after a reset the last value
    /// counts.
    ///
    /// Source: functions.md, `irate()`.
    case irate
    /// By how much a gauge changed over the range, extended to the edges as `rate`, without resets.
    ///
    /// Source: functions.md, `delta()`.
    case delta
    /// The difference of the last two samples.
    ///
    /// Source: functions.md, `idelta()`.
    case idelta
    /// The slope per second of the least-squares line through the samples; at least two, numbers only.
    ///
    /// Source: functions.md, `deriv()`.
    case deriv
    /// How often the value differs from the one before; NaN after NaN does not, a histogram after a number
    /// does.
    ///
    /// Source: functions.md, `changes()`.
    case changes
    /// How often a counter began anew: a value below the one before, or a histogram that cannot follow.
    ///
    /// Source: functions.md, `resets()`.
    case resets

    // MARK: - Samples of a range

    /// The mean of the samples, by the compensated sum (`CompensatedSum`), or by moving it where the sum
    /// overflows; of histograms bucket by bucket.
    ///
    /// Both kinds in a range give nothing and a warning. Source: functions.md, `avg_over_time()`.
    case avgOverTime = "avg_over_time"
    /// The compensated sum of the samples (`CompensatedSum`); of histograms bucket by bucket.
    ///
    /// Both kinds in a range give nothing and a warning. Source: functions.md, `sum_over_time()`.
    case sumOverTime = "sum_over_time"
    /// The smallest number; NaN only when there is nothing else.
    ///
    /// Histograms do not count. Source: functions.md, `min_over_time()`.
    case minOverTime = "min_over_time"
    /// The largest number; NaN only when there is nothing else.
    ///
    /// Histograms do not count. Source: functions.md, `max_over_time()`.
    case maxOverTime = "max_over_time"
    /// How many samples there are, of whichever kind.
    ///
    /// Source: functions.md, `count_over_time()`.
    case countOverTime = "count_over_time"
    /// The last sample, with the name of the metric.
    ///
    /// Source: functions.md, `last_over_time()`.
    case lastOverTime = "last_over_time"
    /// The first sample, with the name of the metric.
    ///
    /// Source: functions.md, `first_over_time()`.
    case firstOverTime = "first_over_time"
    /// 1 where there is any sample.
    ///
    /// Source: functions.md, `present_over_time()`.
    case presentOverTime = "present_over_time"
    /// The population standard deviation of the numbers (Welford's method, `Deviation`).
    ///
    /// Source: functions.md, `stddev_over_time()`.
    case stddevOverTime = "stddev_over_time"
    /// The population variance of the numbers (Welford's method, `Deviation`).
    ///
    /// Source: functions.md, `stdvar_over_time()`.
    case stdvarOverTime = "stdvar_over_time"
    /// The φ-quantile of the numbers: NaN first, between neighbours linear; -Inf and +Inf for φ below 0 and
    /// above 1.
    ///
    /// Source: functions.md, `quantile_over_time()`.
    case quantileOverTime = "quantile_over_time"
    /// 1 with the labels the selector demands by `=` where no series has a sample in the range.
    ///
    /// Source: functions.md, `absent_over_time()`.
    case absentOverTime = "absent_over_time"
    /// Where the least-squares line through the samples will be so many seconds after the evaluation time.
    ///
    /// Source: functions.md, `predict_linear()`.
    case predictLinear = "predict_linear"

    // MARK: - Vectors

    /// 1 with the labels the selector demands by `=` where there is no series.
    ///
    /// Source: functions.md, `absent()`.
    case absent
    /// Ascending by value, NaN last; in range queries without effect, and histograms are left out.
    ///
    /// Source: functions.md, `sort()`.
    case sort
    /// Descending by value, NaN last; otherwise as `sort`.
    ///
    /// Source: functions.md, `sort_desc()`.
    case sortDesc = "sort_desc"
    /// When the sample of a selector was taken, in seconds; of other expressions the evaluation time.
    ///
    /// Source: functions.md, `timestamp()`.
    case timestamp
    /// The value, but not below and not above two bounds; nothing when the bounds are the wrong way round.
    ///
    /// Source: functions.md, `clamp()`.
    case clamp
    /// The value, but not below a bound.
    ///
    /// Source: functions.md, `clamp_min()`.
    case clampMin = "clamp_min"
    /// The value, but not above a bound.
    ///
    /// Source: functions.md, `clamp_max()`.
    case clampMax = "clamp_max"
    /// The nearest multiple of the second argument, or of 1; ties go up.
    ///
    /// Source: functions.md, `round()`.
    case round
    /// The φ-quantile of classic histograms (`ClassicHistogram`) and native ones (`NativeHistogram.quantile`):
    /// linear within classic, custom and zero buckets, exponential within the others.
    ///
    /// Source: functions.md, `histogram_quantile()`.
    case histogramQuantile = "histogram_quantile"
    /// The share of observations between two values, interpolated as `histogram_quantile`.
    ///
    /// Source: functions.md, `histogram_fraction()`.
    case histogramFraction = "histogram_fraction"
    /// Sets a label to a text with `$1` or `${name}` from a regular expression that matches the whole of
    /// another label; where it does not, the series stays as it is.
    ///
    /// Source: functions.md, `label_replace()`.
    case labelReplace = "label_replace"
    /// Sets a label to the values of other labels with a separator between them.
    ///
    /// Source: functions.md, `label_join()`.
    case labelJoin = "label_join"
    /// π.
    ///
    /// Source: functions.md, `pi()`.
    case pi
    /// The evaluation time in seconds.
    ///
    /// Source: functions.md, `time()`.
    case time
    /// The number of a vector with exactly one number, else NaN.
    ///
    /// Source: functions.md, `scalar()`.
    case scalar
    /// A vector of one number without labels.
    ///
    /// Source: functions.md, `vector()`.
    case vector

    // MARK: - Native histograms

    /// The number of observations of native histograms; numbers are left out, as with the functions below.
    ///
    /// Source: functions.md, `histogram_count()`.
    case histogramCount = "histogram_count"
    /// The sum of observations of native histograms.
    ///
    /// Source: functions.md, `histogram_sum()`.
    case histogramSum = "histogram_sum"
    /// The mean of observations of native histograms: sum by count.
    ///
    /// Source: functions.md, `histogram_avg()`.
    case histogramAvg = "histogram_avg"
    /// The standard deviation estimated from native histograms, as if all observations of a bucket were its
    /// middle: the geometric one of exponential buckets, the arithmetic one of custom ones, 0 of the zero
    /// bucket.
    ///
    /// Source: functions.md, `histogram_stddev()`.
    case histogramStddev = "histogram_stddev"
    /// The variance estimated as `histogram_stddev`.
    ///
    /// Source: functions.md, `histogram_stdvar()`.
    case histogramStdvar = "histogram_stdvar"
    /// Up to ten quantiles at once, each with its φ in a label; otherwise `histogram_quantile`.
    ///
    /// Source: functions.md, `histogram_quantiles()`.
    case histogramQuantiles = "histogram_quantiles"

    // MARK: - Experimental

    /// A level smoothed with its trend (Holt's linear method), from two factors between 0 and 1.
    ///
    /// Source: functions.md, `double_exponential_smoothing()`.
    case doubleExponentialSmoothing = "double_exponential_smoothing"
    /// The median of the distances from the median; NaN when there is one.
    ///
    /// Source: functions.md, `mad_over_time()`.
    case madOverTime = "mad_over_time"
    /// When the first sample was taken, in seconds.
    ///
    /// Source: functions.md, `ts_of_first_over_time()`.
    case tsOfFirstOverTime = "ts_of_first_over_time"
    /// When the last sample was taken, in seconds.
    ///
    /// Source: functions.md, `ts_of_last_over_time()`.
    case tsOfLastOverTime = "ts_of_last_over_time"
    /// When the smallest number was taken, of several times the last.
    ///
    /// Source: functions.md, `ts_of_min_over_time()`.
    case tsOfMinOverTime = "ts_of_min_over_time"
    /// When the largest number was taken, of several times the last.
    ///
    /// Source: functions.md, `ts_of_max_over_time()`.
    case tsOfMaxOverTime = "ts_of_max_over_time"
    /// By the values of labels, numbers within them as numbers; in range queries without effect.
    ///
    /// Source: functions.md, `sort_by_label()`.
    case sortByLabel = "sort_by_label"
    /// The reverse of `sort_by_label`.
    ///
    /// Source: functions.md, `sort_by_label_desc()`.
    case sortByLabelDesc = "sort_by_label_desc"
    /// Since when the counter of a selector counts, in seconds; 0 where that is unknown.
    ///
    /// Source: functions.md, `start_timestamp()`.
    case startTimestamp = "start_timestamp"
    /// The smaller of two scalars; NaN when one is.
    ///
    /// Source: functions.md, `min_of()`.
    case minOf = "min_of"
    /// The larger of two scalars; NaN when one is.
    ///
    /// Source: functions.md, `max_of()`.
    case maxOf = "max_of"
    /// Adds the labels of info metrics, `target_info` unless the second argument says otherwise, with the same
    /// `instance` and `job`.
    ///
    /// Source: functions.md, `info()`.
    case info
    /// The first evaluation time of the query in seconds.
    ///
    /// Source: functions.md, `start()`.
    case start
    /// The last evaluation time of the query in seconds.
    ///
    /// Source: functions.md, `end()`.
    case end
    /// Seconds from the first to the last evaluation time; 0 for an instant query.
    ///
    /// Source: functions.md, `range()`.
    case range
    /// Seconds between evaluation times; 0 for an instant query.
    ///
    /// Source: functions.md, `step()`.
    case step
}
