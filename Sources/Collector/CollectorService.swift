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
    }

    struct State {
        var managed: [Managed] = []
        /// Sources no longer configured, to be ended once their last pass is over.
        var ending: [(number: Int, source: any CollectorSource, isRunning: Bool)] = []
        var policies = SamplingPolicies(SamplingConfig())
        var dropped: [DroppedTarget] = []
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
    ///   - logger: hears of targets that go down and policies that change.
    public init(
        configuration: Configuration,
        hostName: String,
        sink: any SampleSink,
        http: HTTPClient,
        signals: SignalBoard,
        clock: any EdgeClock,
        telemetry: Telemetry,
        features: ScrapeFeatures = [],
        logger: Logger
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
            logger: logger
        )
        reload(configuration)
    }

    /// Takes over a new configuration.
    ///
    /// Sources whose definition did not change go on undisturbed; the series of removed ones end.
    public func reload(_ configuration: Configuration) {
        let list = TargetList(configuration.scrapeConfigs)
        for problem in list.problems { logger.warning("Target cannot be scraped: \(problem)") }
        let definitions = factory.definitions(configuration, targets: list.targets)
        let wall = clock.wallMilliseconds()
        let now = clock.monotonicNanoseconds()
        state.withLock { state in
            var policies = SamplingPolicies(configuration.sampling)
            policies.inherit(state.policies)
            state.policies = policies
            state.dropped = list.dropped
            state.hostLabels = factory.hostLabels(configuration)
            state.nextEvaluation = now
            var old = state.managed
            state.managed = []
            for definition in definitions {
                if let known = old.firstIndex(where: { $0.source.definition == definition }) {
                    state.managed.append(old.remove(at: known))
                    continue
                }
                let source = factory.make(definition)
                let schedule = Schedule(
                    spread: definition.spread,
                    interval: definition.interval,
                    isImmediate: definition.isImmediate,
                    wall: wall,
                    now: now
                )
                state.managed.append(
                    Managed(
                        number: state.nextNumber,
                        source: source,
                        schedule: schedule,
                        interval: definition.interval
                    )
                )
                state.nextNumber += 1
            }
            state.ending += old.map { ($0.number, $0.source, $0.isRunning) }
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

    /// Every Modbus unit, by name.
    public func modbusStatus() -> [ModbusStatus] {
        let sources = state.withLock { $0.managed.map(\.source) }
        return sources.compactMap { ($0 as? ModbusSource)?.status }.sorted { $0.name < $1.name }
    }

    /// The targets relabeling dropped.
    public func droppedTargets() -> [DroppedTarget] { state.withLock { $0.dropped } }

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
