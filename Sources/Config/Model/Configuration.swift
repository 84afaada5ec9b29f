// SPDX-License-Identifier: Apache-2.0
//
// What a configuration file says, checked and with every default filled in. A superset of prometheus.yml: sections that
// Prometheus has carry its names and defaults, edgewatch's own are `collectors`, `sampling`, `sync` and parts
// of `storage` and `alerting`. docs/configuration.md lists every key.

public import Samples

/// A checked configuration.
public struct Configuration: Sendable {
    /// What applies to all scrapes and rules.
    public var global = GlobalConfig()
    /// The scrape jobs, in file order.
    public var scrapeConfigs: [ScrapeConfig] = []
    /// Rule files: paths and patterns, already resolved against the configuration file's directory.
    ///
    /// `ruleFilePaths()` expands the patterns.
    public var ruleFiles: [String] = []
    /// Where alerts are sent.
    public var alerting = AlertingConfig()
    /// Where samples are shipped.
    public var remoteWrite: [RemoteWriteConfig] = []
    /// The store.
    public var storage = StorageConfig()
    /// Adaptive sampling.
    public var sampling = SamplingConfig()
    /// How shipping behaves.
    public var sync = SyncConfig()
    /// How OpenTelemetry's metrics become series.
    public var otlp = OTLPConfig()
    /// What clients may push.
    public var push = PushConfig()
    /// Sources besides scraping.
    public var collectors = CollectorsConfig()
    /// The file read, nil for the embedded default.
    public var file: String?
    /// The file's text in normal form, secrets as `<secret>`, for `/api/v1/status/config`.
    public var redactedYAML = ""
    /// The same of each file of `scrape_config_files`.
    public var redactedJobFiles: [String] = []
    /// Keys that are known but have no effect yet, to be logged once.
    public var warnings: [ConfigError] = []

    /// Creates a configuration of defaults only.
    public init() {}
}

/// What applies to all scrapes and rules.
public struct GlobalConfig: Sendable, Equatable {
    /// How often targets are scraped.
    public var scrapeInterval = Duration.seconds(60)
    /// How long a scrape may take.
    public var scrapeTimeout = Duration.seconds(10)
    /// How often rules are evaluated.
    public var evaluationInterval = Duration.seconds(60)
    /// Labels added to what leaves this node: remote write, alerts, federation.
    public var externalLabels = Labels()
    /// Limits of scrapes; jobs inherit them.
    public var limits = ScrapeLimits()
    /// Formats of scrapes; jobs inherit them.
    public var formats = ScrapeFormats()

    /// Creates Prometheus' defaults.
    public init() {}
}

/// Limits of one scrape; 0 is no limit.
public struct ScrapeLimits: Sendable, Equatable {
    /// Bytes of the uncompressed body.
    public var bodySize: Int64 = 0
    /// Samples after relabeling.
    public var samples = 0
    /// Labels of a series.
    public var labels = 0
    /// Bytes of a label name.
    public var labelNameLength = 0
    /// Bytes of a label value.
    public var labelValueLength = 0
    /// Targets of a job.
    public var targets = 0
    /// Targets that relabeling dropped, of which more than a count is kept, per job.
    public var keptDroppedTargets = 0

    /// Creates limits that limit nothing.
    public init() {}
}

/// A password or token; prints as `<secret>`.
public struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// The secret itself; only for what goes on the wire.
    public let revealed: String

    /// Wraps a secret.
    public init(_ text: String) {
        revealed = text
    }

    /// Never the secret.
    public var description: String { revealed.isEmpty ? "" : "<secret>" }
    /// Never the secret.
    public var debugDescription: String { description }
    /// Never the secret.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
