// SPDX-License-Identifier: Apache-2.0

public import Samples

/// What is known of one scrape target, for `/api/v1/targets`.
public struct TargetStatus: Sendable, Equatable {
    /// Whether the last scrape succeeded.
    public enum Health: String, Sendable {
        case up
        case down
        /// Not scraped yet.
        case unknown
    }

    /// The labels before relabeling, `__address__` and the like included.
    public var discoveredLabels: Labels
    /// The labels every sample of the target gets.
    public var labels: Labels
    /// The job's name.
    public var scrapePool: String
    /// Where it is scraped.
    public var scrapeURL: String
    /// Why the last scrape failed, empty when it did not.
    public var lastError = ""
    /// When the last scrape began.
    public var lastScrape: Timestamp?
    /// How long it took.
    public var lastScrapeDuration = Duration.zero
    /// Whether it succeeded.
    public var health = Health.unknown
    /// How often it is scraped, as configured.
    public var scrapeInterval: Duration
    /// How long a scrape may take.
    public var scrapeTimeout: Duration
}

/// A target that relabeling dropped.
public struct DroppedTarget: Sendable, Equatable {
    /// The labels before relabeling.
    public var discoveredLabels: Labels
    /// The job's name.
    public var scrapePool: String
}
