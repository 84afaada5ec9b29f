// SPDX-License-Identifier: Apache-2.0

/// Why something is no histogram, in Prometheus' words (`model/histogram`).
public struct HistogramError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The rule that is broken.
    public enum Rule: String, Sendable {
        case countTooSmall =
            "histogram's observation count should be at least the number of observations found in the buckets"
        case countMismatch =
            "histogram's observation count should equal the number of observations found in the buckets (in absence of NaN)"
        case negativeCount = "histogram's observation count is negative"
        case negativeBucketCount = "histogram has a bucket whose observation count is negative"
        case negativeSpanOffset = "histogram has a span whose offset is negative"
        case spansMismatch = "histogram spans specify different number of buckets than provided"
        case tooFewCustomBounds = "histogram custom bounds are too few"
        case customBoundsOrder = "histogram custom bounds must be in strictly increasing order"
        case customBoundsInfinite = "histogram custom bounds must be finite"
        case customBoundsNaN = "histogram custom bounds must not be NaN"
        case customZeroCount = "custom buckets: must have zero count of 0"
        case customZeroThreshold = "custom buckets: must have zero threshold of 0"
        case customNegativeSpans = "custom buckets: must not have negative spans"
        case customNegativeBuckets = "custom buckets: must not have negative buckets"
        case exponentialWithBounds = "histogram with exponential schema must not have custom bounds"
        case schema =
            "histogram has an invalid schema, which must be between -4 and 8 for exponential buckets, or -53 for custom buckets"
        /// Not among Prometheus' rules; it wraps such an index around.
        case indexOverflow = "histogram has a bucket index beyond 32 bits"
        /// Not among Prometheus' rules; it has no such limit unless told.
        case tooManyBuckets = "histogram has too many buckets"
    }

    /// The rule that is broken.
    public let rule: Rule
    private let before: String
    private let after: String

    init(_ rule: Rule, before: String = "", after: String = "") {
        self.rule = rule
        self.before = before
        self.after = after
    }

    /// The same error with a place before it.
    func at(_ place: String) -> HistogramError {
        HistogramError(rule, before: "\(place): \(before)", after: after)
    }

    /// The value as text for messages.
    public var description: String { before + rule.rawValue + after }
}
