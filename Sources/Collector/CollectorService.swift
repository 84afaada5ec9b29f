// SPDX-License-Identifier: Apache-2.0
//
// Runs the sources. One loop owns every schedule and judges the sampling policies; each pass is a child task of its
// own, so that a slow source delays nobody. The loop never waits for a pass: a source still busy at its next tick
// misses it, and that is counted.
//
// Threads: passes run on the cooperative pool, blocking ones on their source's lane; the loop itself holds no thread
// while it sleeps.

public import Conditions
public import Config
public import HTTPClient
public import Logging
public import Platform
public import Samples
internal import Synchronization

/// Collects from every configured source until cancelled.
public final class CollectorService: Sendable {
    /// A source with its schedule.
    struct Managed {
        let number: Int
        let source: any CollectorSource
        var schedule: Schedule
        var interval: Duration
        var isRunning = false
        /// Ticks that went by since the pass began that is not over.
        var late = 0
    }

    struct State {
        var managed: [Managed] = []
        var ending: [Ending] = []
        var policies = SamplingPolicies(SamplingConfig())
        var hostLabels = Labels()
        var nextNumber = 0
        var nextEvaluation: UInt64 = 0
        var isReadingPower = false
    }

    /// The loop looks around at least this often, so that a reload or a policy takes effect soon.
    static let longestSleep = Duration.seconds(1)

    let clock: any EdgeClock
    let signals: SignalBoard
    let logger: Logger
    let power: PowerWatch
    let report = SamplingReport()
    let factory: SourceFactory
    let missed: MissedTicks
    let discovery: DiscoveryManager
    /// What is in force; held while sources are exchanged.
    let configured = Mutex(Configuration())
    let state = Mutex(State())

    /// Prepares the sources of a configuration; nothing is collected before `run`.
    ///
    /// - Parameters:
    ///   - configuration: the sources, intervals and sampling policies.
    ///   - hostName: the `instance` of this machine's own metrics.
    ///   - sink: the store.
    ///   - http: the client targets are scraped with.
    ///   - signals: read by sampling; the power signals are published here.
    ///   - clock: the time source.
    ///   - telemetry: where what was given up is counted; also collected from.
    ///   - features: what of scraping is on beyond the configuration.
    ///   - gateway: whose push gateway is stored; nil for none.
    ///   - logger: hears of targets that go down and policies that change.
    ///   - source: where values that other sources stored are read, for the metrics of the edge.
    public init(
        configuration: Configuration,
        hostName: String,
        sink: any SampleSink,
        http: HTTPClient,
        signals: SignalBoard,
        clock: any EdgeClock,
        telemetry: Telemetry,
        features: ScrapeFeatures = [],
        gateway: PushReceiver? = nil,
        logger: Logger,
        source: (any SeriesSource)? = nil
    ) {
        self.clock = clock
        self.signals = signals
        self.logger = logger
        let powerState = PowerState(clock: clock)
        power = PowerWatch(
            roots: HostRoots(sys: configuration.collectors.host.sysPath),
            signals: signals,
            state: powerState
        )
        missed = MissedTicks(telemetry)
        discovery = DiscoveryManager(http: http, clock: clock, telemetry: telemetry, logger: logger)
        factory = SourceFactory(
            hostName: hostName,
            sink: sink,
            http: http,
            signals: signals,
            clock: clock,
            telemetry: telemetry,
            report: report,
            power: powerState,
            features: features,
            gateway: gateway,
            series: source,
            logger: logger
        )
        reload(configuration)
    }

    /// Takes over a new configuration.
    ///
    /// Sources whose definition did not change go on undisturbed; the series of removed ones end.
    public func reload(_ configuration: Configuration) {
        configured.withLock { current in
            current = configuration
            factory.power.isMeasuredApart = configuration.collectors.edge != nil
            power.setSolarSupplies(configuration.collectors.edge?.power.solarSupplies)
            discovery.configure(configuration.scrapeConfigs)
            state.withLock { state in
                var policies = SamplingPolicies(configuration.sampling)
                policies.inherit(state.policies)
                state.policies = policies
                state.hostLabels = factory.hostLabels(configuration)
                state.nextEvaluation = clock.monotonicNanoseconds()
            }
            retarget(configuration)
        }
    }

    // MARK: - Status

    /// The labels of this machine's own metrics.
    public var hostLabels: Labels { state.withLock { $0.hostLabels } }

    /// Every scrape target, by job and URL.
    public func targets() -> [TargetStatus] {
        let sources = state.withLock { $0.managed.map(\.source) }
        return sources.compactMap { ($0 as? ScrapeSource)?.status }
            .sorted { ($0.scrapePool, $0.scrapeURL) < ($1.scrapePool, $1.scrapeURL) }
    }

    /// Every device that is asked without being scraped: Modbus units, UPSes and their servers, disks.
    public func devices() -> [DeviceStatus] {
        let sources = state.withLock { $0.managed.map(\.source) }
        return sources.flatMap { ($0 as? any DeviceSource)?.devices ?? [] }
            .sorted { ($0.kind.rawValue, $0.name) < ($1.kind.rawValue, $1.name) }
    }

    /// The targets relabeling dropped.
    public func droppedTargets() -> [DroppedTarget] { discovery.dropped }

    /// How many targets relabeling dropped, by job; may be more than `droppedTargets` has.
    public func droppedCounts() -> [DroppedCount] { discovery.droppedCounts }

    /// The names of all jobs, also of those without targets.
    public func pools() -> [String] { discovery.pools }

    /// How every discovery is doing.
    public func discoveryStates() -> [DiscoveryState] { discovery.states }

    /// What sampling does right now.
    public func samplingStatus() -> SamplingStatus {
        state.withLock { state in
            SamplingStatus(
                policies: state.policies.status,
                sources: state.managed.map {
                    SamplingStatus.Source(
                        name: $0.source.definition.name,
                        interval: $0.interval,
                        configuredInterval: $0.source.definition.interval
                    )
                }.sorted { $0.name < $1.name },
                keptClasses: state.policies.keptClasses.map(\.rawValue)
            )
        }
    }
}
