// SPDX-License-Identifier: Apache-2.0
//
// Plain copies of what other services know, in the units the API answers in. The daemon fills them.

public import Samples

/// Who answers.
public struct NodeView: Sendable {
    /// The node's name, usually its host name.
    public var name: String
    /// edgewatch's version, `0.1.0`.
    public var version: String
    /// The source revision it was built from.
    public var revision: String
    /// When it was built, as text.
    public var buildDate = ""
    /// When the process started.
    public var startTime: Timestamp
    /// The labels of the series this node collects of itself, for example `{instance="gw-17", job="node"}`.
    public var labels = Labels()
    /// How often it collects them when nothing slows it down.
    public var collectInterval: Duration = .seconds(15)

    /// Creates a view; the rest are properties with defaults.
    public init(name: String, version: String, revision: String, startTime: Timestamp) {
        self.name = name
        self.version = version
        self.revision = revision
        self.startTime = startTime
    }
}

/// One scrape target.
public struct TargetView: Sendable {
    /// How the last scrape went.
    public enum Health: String, Sendable {
        /// Not scraped yet.
        case unknown
        /// The last scrape succeeded.
        case up
        /// The last scrape failed.
        case down
    }

    /// The labels before relabelling.
    public var discoveredLabels = Labels()
    /// The labels its series carry.
    public var labels: Labels
    /// The scrape configuration it belongs to.
    public var scrapePool: String
    /// What is fetched.
    public var scrapeURL: String
    /// The same for somebody on another machine; empty for the same as `scrapeURL`.
    public var globalURL = ""
    /// Why the last scrape failed; empty when it did not.
    public var lastError = ""
    /// When it was last scraped.
    public var lastScrape: Timestamp?
    /// How long that took.
    public var lastScrapeDuration: Duration = .zero
    /// How that went.
    public var health = Health.unknown
    /// How often it is scraped.
    public var scrapeInterval: Duration = .seconds(60)
    /// How long a scrape may take.
    public var scrapeTimeout: Duration = .seconds(10)

    /// Creates a target not scraped yet; the rest are properties with defaults.
    public init(labels: Labels, scrapePool: String, scrapeURL: String) {
        self.labels = labels
        self.scrapePool = scrapePool
        self.scrapeURL = scrapeURL
    }
}

/// One target that relabelling dropped.
public struct DroppedTargetView: Sendable {
    /// The labels before relabelling.
    public var discoveredLabels: Labels
    /// The scrape configuration it belongs to.
    public var scrapePool: String

    /// Creates a view.
    public init(discoveredLabels: Labels, scrapePool: String) {
        self.discoveredLabels = discoveredLabels
        self.scrapePool = scrapePool
    }
}

/// One discovery of a job's targets.
public struct DiscoveryView: Sendable {
    /// The job's name.
    public var pool: String
    /// The kind: `static`, `file`, `http`, `dns`, `kubernetes`.
    public var mechanism: String
    /// Targets found, before relabelling.
    public var targets = 0
    /// When something was found last.
    public var lastSuccess: Timestamp?
    /// Why the last attempt failed, nil after a success.
    public var lastError: String?

    /// Creates a view; the rest are properties with defaults.
    public init(pool: String, mechanism: String) {
        self.pool = pool
        self.mechanism = mechanism
    }
}

/// One device that is asked without being scraped.
public struct DeviceView: Sendable {
    /// The kind: `modbus`, `nut`, `ups`, `disk`.
    public var kind: String
    /// Its name.
    public var name: String
    /// Where it is.
    public var address: String
    /// How asking it went the last time.
    public var health = TargetView.Health.unknown
    /// Why that failed; empty when it did not.
    public var lastError = ""
    /// When it was asked last.
    public var lastRead: Timestamp?

    /// Creates a view; the rest are properties with defaults.
    public init(kind: String, name: String, address: String) {
        self.kind = kind
        self.name = name
        self.address = address
    }
}

/// One remote-write destination.
public struct SyncView: Sendable {
    /// Its name.
    public var name: String
    /// Its address without secrets.
    public var url: String
    /// One word on what it does: `idle`, `sending`, `retrying`.
    public var state: String
    /// How far behind the newest sample it is.
    public var backlogSeconds: Double = 0
    /// Rows not acknowledged yet.
    public var backlogRows: UInt64 = 0
    /// When it last acknowledged a batch.
    public var lastSuccess: Timestamp?
    /// Why the last attempt failed, nil after a success.
    public var lastError: String?
    /// Samples acknowledged.
    public var sentSamples: UInt64 = 0
    /// Samples given up because the receiver will never take them, or a rule of the destination leaves them out.
    public var droppedSamples: UInt64 = 0
    /// Rows that left the ring before they could be sent.
    public var lostRows: UInt64 = 0

    /// Creates a view; the rest are properties with defaults.
    public init(name: String, url: String, state: String) {
        self.name = name
        self.url = url
        self.state = state
    }
}

/// The store.
public struct StorageView: Sendable {
    /// Series known.
    public var series = 0
    /// Groups of series that share timestamps.
    public var groups = 0
    /// Samples held, in memory and on disk.
    public var samples: UInt64 = 0
    /// Memory of the newest samples.
    public var headBytes: Int64 = 0
    /// Bytes of the ring in use.
    public var ringUsedBytes: Int64 = 0
    /// The ring's size.
    public var ringSizeBytes: Int64 = 0
    /// Bytes of the log in use.
    public var logUsedBytes: Int64 = 0
    /// The log's size.
    public var logSizeBytes: Int64 = 0
    /// Bytes on disk for each sample in the ring, nil while it is empty.
    public var bytesPerSample: Double?
    /// The oldest sample.
    public var oldest: Timestamp?
    /// The newest sample.
    public var newest: Timestamp?
    /// Damaged parts found and left out.
    public var corruptions = 0
    /// The rows that outlive the samples.
    public var tiers: [TierView] = []

    /// Creates the view of an empty store.
    public init() {}
}

/// A tier of the store.
public struct TierView: Sendable {
    /// `warm` or `cold`.
    public var name: String
    /// What a row stands for.
    public var resolution: Duration
    /// Bytes of its ring in use.
    public var ringUsedBytes: Int64
    /// Its ring's size.
    public var ringSizeBytes: Int64
    /// Rows held.
    public var rows: UInt64
    /// The end of the oldest window.
    public var oldest: Timestamp?
    /// The end of the newest window.
    public var newest: Timestamp?

    /// Creates the view of a tier.
    public init(
        name: String,
        resolution: Duration,
        ringUsedBytes: Int64,
        ringSizeBytes: Int64,
        rows: UInt64,
        oldest: Timestamp?,
        newest: Timestamp?
    ) {
        self.name = name
        self.resolution = resolution
        self.ringUsedBytes = ringUsedBytes
        self.ringSizeBytes = ringSizeBytes
        self.rows = rows
        self.oldest = oldest
        self.newest = newest
    }
}

/// What adaptive sampling does now.
public struct SamplingView: Sendable {
    /// The policy in force.
    public var policy = "normal"
    /// Why it is in force; empty when nothing is to be said.
    public var reason = ""
    /// How often the node collects.
    public var interval: Duration = .seconds(15)
    /// The metric classes kept; empty for all.
    public var keptClasses: [String] = []

    /// Creates the view of a node that samples as configured.
    public init() {}
}

/// One node signal.
public struct SignalView: Sendable {
    /// A signal's value.
    public enum Value: Sendable {
        /// A measurement.
        case number(Double)
        /// A state.
        case text(String)
    }

    /// The signal's name, `network_latency`.
    public var name: String
    /// Its value.
    public var value: Value
    /// The unit of a number: `seconds`, `bits per second`, `ratio`, or empty.
    public var unit: String
    /// How old the value is.
    public var age: Duration
    /// `good`, `stale` or `unknown`.
    public var quality: String

    /// Creates a view.
    public init(name: String, value: Value, unit: String, age: Duration, quality: String) {
        self.name = name
        self.value = value
        self.unit = unit
        self.age = age
        self.quality = quality
    }
}

/// The state of the configuration.
public struct ConfigurationView: Sendable {
    /// Whether the last load succeeded.
    public var isLoaded = true
    /// When the configuration in force was loaded.
    public var loadedAt: Timestamp?

    /// Creates a view.
    public init(isLoaded: Bool = true, loadedAt: Timestamp? = nil) {
        self.isLoaded = isLoaded
        self.loadedAt = loadedAt
    }
}
