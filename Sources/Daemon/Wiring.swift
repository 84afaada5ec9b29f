// SPDX-License-Identifier: Apache-2.0
//
// The composition root: the only file that knows who stands behind a seam.

internal import Alerts
internal import Collector
internal import Conditions
internal import Config
internal import Glibc
internal import HTTPAPI
internal import HTTPClient
internal import Logging
internal import Platform
internal import PromQL
internal import Samples
internal import ServiceLifecycle
internal import StateStore
internal import Sync
internal import Synchronization
internal import TSDB

/// All stages of one run, joined.
final class Wiring: Sendable {
    private struct Current {
        var loaded: ConfigurationLoader.Loaded
        var loadedAt: Timestamp
        var isLastReloadGood = true
    }

    private let options: DaemonOptions
    private let address: ListenAddress
    private let logger: Logger
    private let clock = SystemClock()
    private let telemetry = Telemetry()
    private let current: Mutex<Current>
    private let startTime: Timestamp
    private let hostName: String

    private let store: Store
    /// The store, without what was deleted.
    private let source: any SeriesSource
    private let directory: String
    private let state: StateStore
    private let signals: SignalBoard
    private let engine: QueryEngine
    private let alerts: AlertsService
    private let sync: SyncService
    private let collector: CollectorService
    /// Stores what is pushed.
    private let receiver: PushReceiver

    init(
        options: DaemonOptions,
        address: ListenAddress,
        loaded: ConfigurationLoader.Loaded,
        logger: Logger
    ) throws(DaemonError) {
        self.options = options
        self.address = address
        self.logger = logger
        startTime = Timestamp(milliseconds: clock.wallMilliseconds())
        hostName = Wiring.readHostName()
        current = Mutex(Current(loaded: loaded, loadedAt: startTime))
        let configuration = loaded.configuration
        directory = options.storagePath ?? configuration.storage.path ?? "data"

        store = try Wiring.openStore(directory, configuration.storage, clock, telemetry, logger)
        state = try Wiring.openState(directory, telemetry, logger)
        let tombstones = StoreAdministrator.tombstones(in: state)
        // Where nothing is deleted nor can be, the store answers by itself.
        source =
            tombstones.isEmpty && !options.enablesAdministration
            ? store : TombstonedSource(store, tombstones)
        signals = SignalBoard(clock: clock)
        let http = HTTPClient(userAgent: "edgewatch/\(Version.number)")
        var queryOptions = QueryOptions()
        queryOptions.defaultStep = configuration.global.evaluationInterval
        queryOptions.maxSamples = options.queryMaxSamples
        queryOptions.timeout = options.queryTimeout
        queryOptions.maxConcurrency = options.queryMaxConcurrency
        queryOptions.lookback = options.queryLookback
        queryOptions.features = options.features
        engine = QueryEngine(source: source, options: queryOptions)
        alerts = AlertsService(
            engine: engine,
            sink: store,
            state: state,
            http: http,
            clock: clock,
            telemetry: telemetry,
            logger: logger,
            externalURL: options.externalURL ?? "http://\(hostName):\(address.port)"
        )
        sync = SyncService(
            log: store,
            state: state,
            http: http,
            signals: signals,
            clock: clock,
            random: SeededGenerator(seed: clock.monotonicNanoseconds()),
            telemetry: telemetry,
            logger: logger
        )
        receiver = PushReceiver(
            PushReceiver.Options(
                groupLabels: configuration.storage.groupLabels,
                maxSeries: configuration.storage.maxSeries
            ),
            limits: configuration.push,
            sink: store,
            clock: clock,
            telemetry: telemetry
        )
        collector = CollectorService(
            configuration: configuration,
            hostName: hostName,
            sink: store,
            http: http,
            signals: signals,
            clock: clock,
            telemetry: telemetry,
            features: options.scrapeFeatures,
            gateway: options.holdsPushes ? receiver : nil,
            logger: logger,
            source: store
        )
        describeReload()
        do {
            try apply(loaded)
        } catch {
            throw DaemonError(error.description, exitCode: 2)
        }
    }

    /// Everything long-lived, in the data's order; the group stops it in reverse.
    ///
    /// - Parameter deadline: learns that they shall end, and that the store is closed.
    /// - Returns: the services.
    func services(_ deadline: ShutdownDeadline) -> [any Service] {
        let (alerts, sync, collector, address) = (alerts, sync, collector, address)
        return [
            StorageService(
                store: store,
                signals: signals,
                clock: clock,
                deadline: deadline,
                logger: logger
            ),
            StageService(description: "sync") { try await sync.run() },
            StageService(description: "alerts") { try await alerts.run() },
            StageService(description: "collector") { try await collector.run() },
            MemoryService(clock: clock),
            ReloadService { [self] in try? await reload() },
            HTTPServer(address: address, services: apiServices(), logger: logger) { actual in
                print("edgewatch \(Version.number) is ready: \(Wiring.url(of: actual))")
            },
            ShutdownService(deadline: deadline),
        ]
    }

    // MARK: - Reload

    /// Reads the configuration again; a wrong one is reported and changes nothing.
    func reload() async throws {
        do {
            let loaded = try ConfigurationLoader.load(options.configFile, features: options.features)
            let before = current.withLock { $0.loaded.configuration }
            if loaded.configuration.storage != before.storage {
                logger.warning("storage settings changed; they take effect at the next start")
            }
            if loaded.configuration.push.validation != before.push.validation {
                logger.warning("push.validation changed; it takes effect at the next start")
            }
            try apply(loaded)
            let now = Timestamp(milliseconds: clock.wallMilliseconds())
            current.withLock { $0 = Current(loaded: loaded, loadedAt: now) }
            logger.info("configuration reloaded")
        } catch {
            current.withLock { $0.isLastReloadGood = false }
            logger.error("configuration not reloaded, the old one stays in force: \(error)")
            throw error
        }
    }

    private func apply(_ loaded: ConfigurationLoader.Loaded) throws(ConfigErrors) {
        let configuration = loaded.configuration
        for warning in configuration.warnings { logger.warning("\(warning)") }
        try alerts.load(
            files: loaded.ruleFiles.map { ($0.path, $0.bytes) },
            alerting: configuration.alerting,
            evaluationInterval: configuration.global.evaluationInterval,
            externalLabels: configuration.global.externalLabels
        )
        sync.configure(
            configuration.remoteWrite,
            externalLabels: configuration.global.externalLabels,
            sync: configuration.sync
        )
        collector.reload(configuration)
        receiver.configure(configuration.push)
        receiver.configure(configuration.otlp)
    }

    private func describeReload() {
        telemetry.computed(
            "edgewatch_config_last_reload_successful",
            "1 when the last load of the configuration succeeded."
        ) { [weak self] in self?.current.withLock { $0.isLastReloadGood ? 1 : 0 } ?? 0 }
        telemetry.computed(
            "edgewatch_config_last_reload_success_timestamp_seconds",
            "When the configuration in force was loaded, in seconds since 1970."
        ) { [weak self] in self?.current.withLock { $0.loadedAt.seconds } ?? 0 }
        telemetry.gauge(
            "edgewatch_build_info",
            "1, labelled with the version.",
            [("version", Version.number)]
        ).set(1)
    }

    // MARK: - What the API shows

    private func apiServices() -> APIServices {
        var node = NodeView(name: hostName, version: Version.number, revision: "", startTime: startTime)
        node.labels = collector.hostLabels
        let configuration = current.withLock { $0.loaded.configuration }
        node.collectInterval = configuration.collectors.host.interval
        var services = APIServices(
            engine: engine,
            source: source,
            telemetry: telemetry,
            clock: clock,
            node: node
        )
        let (alerts, sync, store, collector, signals) = (alerts, sync, store, collector, signals)
        services.exemplars = store
        services.rules = { alerts.groups() }
        services.alerts = { alerts.activeAlerts() }
        services.alertmanagers = { alerts.alertmanagers() }
        services.targets = { collector.targets().map(TargetView.init) }
        services.droppedTargets = {
            collector.droppedTargets().map {
                DroppedTargetView(discoveredLabels: $0.discoveredLabels, scrapePool: $0.scrapePool)
            }
        }
        services.droppedCounts = { collector.droppedCounts().map { ($0.job, $0.count) } }
        services.pools = { collector.pools() }
        services.discovery = { collector.discoveryStates().map(DiscoveryView.init) }
        services.devices = { collector.devices().map(DeviceView.init) }
        services.sync = { sync.status().map(SyncView.init) }
        services.storage = { StorageView(store.statistics) }
        services.sampling = { SamplingView(collector.samplingStatus()) }
        services.signals = { signals.all().map { SignalView(name: $0, signal: $1) } }
        services.configYAML = { [self] in current.withLock { $0.loaded.configuration.redactedYAML } }
        services.jobYAML = { [self] name in
            let configuration = current.withLock { $0.loaded.configuration }
            return configuration.redactedJob(name)
        }
        services.flags = flags()
        services.configuration = { [self] in
            current.withLock { ConfigurationView(isLoaded: $0.isLastReloadGood, loadedAt: $0.loadedAt) }
        }
        if options.receivesRemoteWrite { services.remoteWrite = receiver }
        if options.receivesOTLP { services.otlp = receiver }
        if options.importsText { services.textImport = receiver }
        if options.holdsPushes { services.pushGateway = receiver }
        services.corsOrigin = options.corsOrigin
        services.lookback = options.queryLookback
        services.readSampleLimit = options.queryMaxSamples
        services.scrapeConfigs = { [self] in current.withLock { $0.loaded.configuration.scrapeConfigs } }
        services.externalLabels = { [self] in
            current.withLock { $0.loaded.configuration.global.externalLabels }
        }
        if options.enablesAdministration, let source = source as? TombstonedSource {
            services.admin = StoreAdministrator(
                store: store,
                source: source,
                state: state,
                clock: clock,
                directory: directory,
                logger: logger
            )
        }
        if options.enablesLifecycle {
            services.reload = { [self] in try await reload() }
            // The service group ends as it does for a supervisor; requests in flight are answered.
            services.quit = { kill(getpid(), SIGTERM) }
        }
        return services
    }

    private func flags() -> [(name: String, value: String)] {
        [
            ("config.file", options.configFile ?? ""),
            ("enable-feature", options.enabledFeatures.joined(separator: ",")),
            ("query.lookback-delta", PromDuration.format(options.queryLookback)),
            ("query.max-concurrency", "\(options.queryMaxConcurrency)"),
            ("query.max-samples", "\(options.queryMaxSamples)"),
            ("query.timeout", PromDuration.format(options.queryTimeout)),
            ("storage.path", options.storagePath ?? ""),
            ("web.cors.origin", options.corsOrigin?.source ?? ".*"),
            ("web.enable-admin-api", "\(options.enablesAdministration)"),
            ("web.enable-import-receiver", "\(options.importsText)"),
            ("web.enable-lifecycle", "\(options.enablesLifecycle)"),
            ("web.enable-otlp-receiver", "\(options.receivesOTLP)"),
            ("web.enable-push-gateway", "\(options.holdsPushes)"),
            ("web.enable-remote-write-receiver", "\(options.receivesRemoteWrite)"),
            ("web.external-url", options.externalURL ?? ""),
            ("web.listen-address", options.listenAddress),
        ]
    }

    // MARK: - Opening

    private static func openStore(
        _ directory: String,
        _ storage: StorageConfig,
        _ clock: any EdgeClock,
        _ telemetry: Telemetry,
        _ logger: Logger
    ) throws(DaemonError) -> Store {
        // Its resolved name names the staging file; what is wrong with it the store says.
        try? SystemFileStore().createDirectory(directory)
        var options = StoreOptions(
            directory: directory,
            ringBytes: storage.circularBuffer.size,
            ringFiles: storage.circularBuffer.segments,
            logBytes: Int(clamping: storage.wal.size),
            syncInterval: storage.wal.syncInterval,
            stagingPath: StagingPlace.path(storage.wal.staging, directory: directory),
            maxSeries: storage.maxSeries,
            outOfOrderWindow: storage.outOfOrderWindow,
            retention: storage.retention,
            tiers: tiers(storage.tiers)
        )
        options.leftStagingPaths = StagingPlace.left(directory: directory)
        options.encryption = try EncryptionKey.load(storage.encryption)
        if let warning = storage.encryption.flatMap({ EncryptionKey.warning($0) }) {
            logger.warning("\(warning)")
        }
        options.releaseTime = Version.released
        options.maxExemplars = storage.maxExemplars
        let store: Store
        do {
            store = try Store(
                options,
                files: SystemFileStore(),
                clock: clock,
                telemetry: telemetry,
                logger: logger
            )
        } catch {
            throw DaemonError(error.description)
        }
        // The ring's files grow to their size once, in weeks perhaps; too small a disk should be known today.
        let statistics = store.statistics
        let missing = statistics.ringBytes - statistics.ringBytesUsed
        if let free = try? SystemFileStore().freeBytes(directory), free < missing {
            logger.warning(
                "the disk is too small for storage.circular_buffer.size; when it is full, old samples make room early",
                metadata: ["missing_bytes": "\(missing - free)", "directory": "\(directory)"]
            )
        }
        return store
    }

    /// Fine rows first.
    private static func tiers(_ config: TiersConfig) -> [TierOptions] {
        [("warm", config.warm), ("cold", config.cold)].compactMap { name, tier in
            tier.map {
                TierOptions(
                    name: name,
                    resolution: $0.resolution,
                    ringBytes: $0.size,
                    ringFiles: TiersConfig.files,
                    retention: $0.retention
                )
            }
        }
    }

    private static func openState(
        _ directory: String,
        _ telemetry: Telemetry,
        _ logger: Logger
    ) throws(DaemonError) -> StateStore {
        do {
            let state = try StateStore(path: "\(directory)/state.db")
            if state.wasDamaged {
                logger.warning(
                    "the state file was damaged; it was set aside and cursors and alert states begin anew"
                )
                telemetry.counter("edgewatch_state_damaged_total", "State files found damaged and set aside.")
                    .add()
            }
            return state
        } catch {
            throw DaemonError("\(error)")
        }
    }

    private static func readHostName() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func url(of address: ListenAddress) -> String {
        switch address.host {
        case "0.0.0.0": "http://127.0.0.1:\(address.port)"
        case "::": "http://[::1]:\(address.port)"
        default: "http://\(address)"
        }
    }
}
