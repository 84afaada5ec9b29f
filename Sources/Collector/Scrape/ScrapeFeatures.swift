// SPDX-License-Identifier: Apache-2.0

/// What of scraping is on beyond the configuration, by Prometheus' names for `--enable-feature`.
public struct ScrapeFeatures: OptionSet, Sendable {
    /// The bits.
    public let rawValue: UInt8

    /// Wraps bits.
    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// `created-timestamp-zero-ingestion`, `st-storage`: start timestamps of counters, histograms and summaries are read and
    /// stored.
    public static let startTimestamps = ScrapeFeatures(rawValue: 1)
    /// `extra-scrape-metrics`: the three further series of `extra_scrape_metrics` for every job.
    public static let extraMetrics = ScrapeFeatures(rawValue: 2)

    /// The names `enable` knows.
    public static let names = ["created-timestamp-zero-ingestion", "st-storage", "extra-scrape-metrics"]

    /// Turns a feature on by its name.
    ///
    /// - Parameter name: one of `names`.
    /// - Returns: false for another name.
    public mutating func enable(_ name: String) -> Bool {
        switch name {
        case "created-timestamp-zero-ingestion", "st-storage": insert(.startTimestamps)
        case "extra-scrape-metrics": insert(.extraMetrics)
        default: return false
        }
        return true
    }
}
