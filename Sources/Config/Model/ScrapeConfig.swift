// SPDX-License-Identifier: Apache-2.0

public import Samples

/// One scrape job.
public struct ScrapeConfig: Sendable, Equatable {
    /// The job's name, unique; the `job` label of its targets.
    public var jobName: String
    /// How often each target is scraped.
    public var scrapeInterval: Duration
    /// How long a scrape may take; never more than the interval.
    public var scrapeTimeout: Duration
    /// The path asked for.
    public var metricsPath = "/metrics"
    /// `http` or `https`.
    public var scheme = "http"
    /// Query parameters, sorted by name.
    public var params: [Parameter] = []
    /// Whether scraped labels win over the target's.
    public var honorLabels = false
    /// Whether timestamps in the exposition are kept.
    public var honorTimestamps = true
    /// Whether series with own timestamps get stale markers.
    public var trackTimestampsStaleness = false
    /// Whether to ask for a compressed answer.
    public var enableCompression = true
    /// The format assumed when the answer has no known content type; nil fails such a scrape.
    public var fallbackScrapeProtocol: ScrapeProtocol?
    /// The targets.
    public var staticConfigs: [TargetGroup] = []
    /// Where further targets come from.
    public var discovery = DiscoveryConfig()
    /// Applied to each target before scraping.
    public var relabelConfigs: [RelabelConfig] = []
    /// Applied to each scraped series.
    public var metricRelabelConfigs: [RelabelConfig] = []
    /// What values may be.
    public var validation: [ValidationConfig] = []
    /// Authentication, TLS, redirects, proxy.
    public var http = HTTPConfig()
    /// Limits; a violation fails the scrape.
    public var limits = ScrapeLimits()
    /// What is asked for, and what is made of it.
    public var formats = ScrapeFormats()
    /// The most buckets of a native histogram, finer ones lose resolution; 0 is no limit.
    public var nativeHistogramBuckets = 0
    /// The least factor from one bucket's bound to the next, finer histograms lose resolution; 0 is none.
    public var nativeHistogramFactor = 0.0

    /// A query parameter with its values.
    public struct Parameter: Sendable, Equatable {
        /// The parameter's name.
        public var name: String
        /// Its values, in file order.
        public var values: [String]

        /// Creates a parameter.
        public init(name: String, values: [String]) {
            self.name = name
            self.values = values
        }
    }

    /// Creates a job with the global intervals and limits.
    public init(jobName: String, global: GlobalConfig = GlobalConfig()) {
        self.jobName = jobName
        scrapeInterval = global.scrapeInterval
        scrapeTimeout = min(global.scrapeTimeout, global.scrapeInterval)
        limits = global.limits
        formats = global.formats
    }
}

/// Targets that share labels.
public struct TargetGroup: Sendable, Equatable {
    /// `host` or `host:port` each.
    public var targets: [String]
    /// Labels of all of them.
    public var labels: Labels

    /// Creates a group.
    public init(targets: [String], labels: Labels = Labels()) {
        self.targets = targets
        self.labels = labels
    }
}

/// One relabeling rule.
public struct RelabelConfig: Sendable, Equatable {
    /// What a rule does.
    public enum Action: String, Sendable, CaseIterable {
        case replace
        case keep
        case drop
        case keepequal
        case dropequal
        case hashmod
        case labelmap
        case labeldrop
        case labelkeep
        case lowercase
        case uppercase
    }

    /// The labels whose values are joined.
    public var sourceLabels: [String] = []
    /// What they are joined with.
    public var separator = ";"
    /// The label written.
    public var targetLabel = ""
    /// What the joined value, or for the label actions each label name, must match as a whole.
    public var regex: Pattern
    /// For `hashmod`.
    public var modulus: UInt64 = 0
    /// The new value, with `$1` or `${name}` for what groups matched.
    public var replacement = "$1"
    /// What to do.
    public var action = Action.replace
    /// The names labels may be given.
    public var nameScheme = NameScheme.utf8

    /// Creates a rule with Prometheus' defaults.
    ///
    /// - Throws: `PatternError` when the expression is not valid RE2.
    public init(action: Action = .replace, regex: String = "(.*)") throws(PatternError) {
        self.init(action: action, regex: try Pattern(regex))
    }

    /// Creates a rule with a compiled expression.
    init(action: Action, regex: Pattern) {
        self.regex = regex
        self.action = action
    }
}
