// SPDX-License-Identifier: Apache-2.0
//
// The texts of annotations, word for word Prometheus' (`util/annotations`): people match on them.

internal import Samples

/// What annotations say.
enum Notices {
    /// The text, with the metric's name when it is known.
    private static func named(_ text: String, _ name: String) -> String {
        name.isEmpty ? text : "\(text) for metric name \(Labels.quoted(name))"
    }

    static func mixedTypes(_ name: String) -> String {
        named("encountered a mix of histograms and floats", name)
    }

    static let mixedTypesInAggregation = "encountered a mix of histograms and floats for aggregation"

    static func mixedSchemas(_ name: String) -> String {
        named("vector contains a mix of histograms with exponential and custom buckets schemas", name)
    }

    static func mixedClassicAndNative(_ name: String) -> String {
        named("vector contains a mix of classic and native histograms", name)
    }

    static func badBucketLabel(_ value: String, _ name: String) -> String {
        named("bucket label \"le\" is missing or has a malformed value of \(Labels.quoted(value))", name)
    }

    static func notCounter(_ name: String) -> String {
        "this native histogram metric is not a counter: \(Labels.quoted(name))"
    }

    static func notGauge(_ name: String) -> String {
        "this native histogram metric is not a gauge: \(Labels.quoted(name))"
    }

    static func histogramsIgnored(_ name: String) -> String {
        named("ignored histograms in a range containing both floats and histograms", name)
    }

    static func histogramIgnored(_ aggregator: Aggregator) -> String {
        "ignored histogram in \(aggregator.rawValue) aggregation"
    }

    static func boundsReconciled(_ operation: HistogramOperation) -> String {
        "mismatched custom buckets were reconciled during \(operation.rawValue)"
    }

    static func resetsCollide(_ operation: HistogramOperation) -> String {
        "conflicting counter resets during histogram \(operation.rawValue)"
    }

    static func quantileIsNaN(_ name: String) -> String {
        named("input to histogram_quantile has NaN observations, result is NaN", name)
    }

    static func quantileIsSkewed(_ name: String) -> String {
        named("input to histogram_quantile has NaN observations, result is skewed higher", name)
    }

    static func fractionExcludesNaN(_ name: String) -> String {
        let words = "input to histogram_fraction has NaN observations"
        return named("\(words), which are excluded from all fractions", name)
    }

    static func incompatibleTypes(_ op: BinaryOperator, _ left: Bool, _ right: Bool) -> String {
        func word(_ isHistogram: Bool) -> String { isHistogram ? "histogram" : "float" }
        let operands = "\(word(left)) \(op.rawValue) \(word(right))"
        return
            "incompatible sample types encountered for binary operator \(Labels.quoted(op.rawValue)): \(operands)"
    }

    static func incompatibleBuckets(_ op: BinaryOperator) -> String {
        "incompatible bucket layout encountered for binary operator \(op.rawValue)"
    }

    static func invalidRatio(_ ratio: Double, cappedTo cap: Double) -> String {
        let shown = (NumberText.general(ratio), NumberText.general(cap))
        return "ratio value should be between -1 and 1, got \(shown.0), capping to \(shown.1)"
    }

    static let sortInRangeQuery =
        "sort is ineffective for range queries since results are always ordered by labels"
}
