// SPDX-License-Identifier: Apache-2.0

/// A metric family as a linter sees it: names and labels, values only where they name a series.
public struct LintFamily: Sendable {
    /// What a TYPE line may say in the text format 0.0.4.
    public enum Kind: String, Sendable {
        /// A sum that only grows.
        case counter
        /// A value that goes up and down.
        case gauge
        /// Quantiles with sum and count.
        case summary
        /// No TYPE line, or one that says nothing.
        case untyped
        /// Buckets with sum and count.
        case histogram
        /// A histogram whose buckets go up and down.
        case gaugeHistogram = "gauge_histogram"
    }

    /// One metric: what differs in other labels than `le` and `quantile`.
    public struct Metric: Sendable {
        /// Label names as written, without those that tell buckets and quantiles apart.
        public internal(set) var labelNames: [String]
        /// Buckets of a histogram, or quantiles of a summary.
        public internal(set) var parts = 0
    }

    /// The family's name.
    public let name: String
    /// What the HELP line says; nil without one.
    public internal(set) var help: String?
    /// What the TYPE line says; untyped without one.
    public internal(set) var kind: Kind?
    /// Its metrics in the order written.
    public internal(set) var metrics: [Metric] = []

    /// How many series it makes, as promtool counts them.
    ///
    /// Sum and count beside buckets or quantiles, of which the first metric is taken as typical.
    public var cardinality: Int {
        switch kind {
        case .histogram, .summary: metrics.count * (2 + (metrics.first?.parts ?? 0))
        default: metrics.count
        }
    }
}
