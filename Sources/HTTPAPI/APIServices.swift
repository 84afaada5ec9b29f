// SPDX-License-Identifier: Apache-2.0
//
// What the HTTP API shows, handed over by the daemon. Everything but the engine and the source is a closure
// giving a plain copy of the moment, so this module knows none of the services behind them and no answer waits
// for one.

public import Alerts
public import Config
public import Platform
public import PromQL
public import Samples
public import Wire

/// The services behind the endpoints.
public struct APIServices: Sendable {
    /// Evaluates queries.
    public var engine: QueryEngine
    /// Where series, label names and label values are looked up.
    public var source: any SeriesSource
    /// The process' own metrics, for `/metrics`.
    public var telemetry: Telemetry
    /// The time of a query that names none.
    public var clock: any EdgeClock
    /// Who answers.
    public var node: NodeView

    /// Whether queries can be answered; before, every API path is 503.
    public var isReady: @Sendable () -> Bool = { true }
    /// The rule groups with their alerts.
    public var rules: @Sendable () -> [RuleGroupStatus] = { [] }
    /// The pending and firing alerts of all groups.
    public var alerts: @Sendable () -> [AlertStatus] = { [] }
    /// The URLs of the Alertmanagers notified.
    public var alertmanagers: @Sendable () -> [String] = { [] }
    /// The scrape targets.
    public var targets: @Sendable () async -> [TargetView] = { [] }
    /// The targets relabelling dropped.
    public var droppedTargets: @Sendable () async -> [DroppedTargetView] = { [] }
    /// How many targets relabelling dropped of each job, also those `droppedTargets` does not have.
    public var droppedCounts: @Sendable () -> [(pool: String, count: Int)] = { [] }
    /// The names of all jobs, also of those without targets.
    public var pools: @Sendable () -> [String] = { [] }
    /// How every discovery of targets is doing.
    public var discovery: @Sendable () -> [DiscoveryView] = { [] }
    /// The devices that are asked without being scraped.
    public var devices: @Sendable () -> [DeviceView] = { [] }
    /// The remote-write destinations.
    public var sync: @Sendable () -> [SyncView] = { [] }
    /// The store.
    public var storage: @Sendable () -> StorageView = { StorageView() }
    /// What adaptive sampling does now.
    public var sampling: @Sendable () -> SamplingView = { SamplingView() }
    /// The node signals.
    public var signals: @Sendable () -> [SignalView] = { [] }
    /// The configuration in force, secrets as `<secret>`.
    public var configYAML: @Sendable () -> String = { "" }
    /// The text of the job of a name in the configuration in force, secrets as `<secret>`; nil for none.
    public var jobYAML: @Sendable (_ name: String) -> String? = { _ in nil }
    /// The command line's flags and their values.
    public var flags: [(name: String, value: String)] = []
    /// When the configuration was last loaded, and whether that succeeded.
    public var configuration: @Sendable () -> ConfigurationView = { ConfigurationView() }
    /// Where exemplars are looked up; nil answers with none.
    public var exemplars: (any ExemplarSource)?
    /// Stores what is pushed; nil answers 404.
    public var remoteWrite: (any RemoteWriteReceiver)?
    /// Stores what OpenTelemetry's senders push; nil answers 404.
    public var otlp: (any PushReceiving)?
    /// Stores text that is pushed; nil answers 404.
    public var textImport: (any PushReceiving)?
    /// Holds text that is pushed; nil answers 404.
    public var pushGateway: (any PushReceiving)?
    /// Reloads the configuration; nil unless `--web.enable-lifecycle` is given.
    public var reload: (@Sendable () async throws -> Void)?
    /// Begins the orderly end of the process; nil unless `--web.enable-lifecycle` is given.
    public var quit: (@Sendable () -> Void)?
    /// Origins whose pages may read the API, `--web.cors.origin`; nil for all.
    public var corsOrigin: Pattern?
    /// The scrape jobs in force.
    public var scrapeConfigs: @Sendable () -> [ScrapeConfig] = { [] }
    /// Labels of this node, added to what leaves it by federation and remote read.
    public var externalLabels: @Sendable () -> Labels = { Labels() }
    /// How far back federation looks for a series' newest sample.
    public var lookback: Duration = .seconds(300)
    /// Changes and copies the store; nil unless `--web.enable-admin-api` is given.
    public var admin: (any StoreAdministration)?
    /// The most samples one remote read may be answered with.
    public var readSampleLimit = 5_000_000

    /// Creates the services every answer needs; the others are properties with empty defaults.
    public init(
        engine: QueryEngine,
        source: any SeriesSource,
        telemetry: Telemetry,
        clock: any EdgeClock,
        node: NodeView
    ) {
        self.engine = engine
        self.source = source
        self.telemetry = telemetry
        self.clock = clock
        self.node = node
    }
}
