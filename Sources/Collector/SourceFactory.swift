// SPDX-License-Identifier: Apache-2.0
//
// From the configuration to sources: what is configured as definitions, and the source for a definition.

internal import Conditions
internal import Config
internal import HTTPClient
internal import Logging
internal import Platform
internal import Samples

/// Makes sources.
struct SourceFactory: Sendable {
    let hostName: String
    let sink: any SampleSink
    let http: HTTPClient
    let signals: SignalBoard
    let clock: any EdgeClock
    let telemetry: Telemetry
    let report: SamplingReport
    let power: PowerState
    let series: (any SeriesSource)?
    let logger: Logger
    /// Whose gateway is stored; nil when nothing is pushed to one.
    let gateway: PushReceiver?
    private let features: ScrapeFeatures
    private let sampling: SamplingTally
    private let scrapes: ScrapeTally
    private let hostPasses: PassTally
    private let diskPasses: PassTally
    private let ownPasses: PassTally
    private let devicePasses: PassTally
    private let lines: ModbusLines

    init(
        hostName: String,
        sink: any SampleSink,
        http: HTTPClient,
        signals: SignalBoard,
        clock: any EdgeClock,
        telemetry: Telemetry,
        report: SamplingReport,
        power: PowerState,
        features: ScrapeFeatures = [],
        gateway: PushReceiver? = nil,
        series: (any SeriesSource)?,
        logger: Logger
    ) {
        self.hostName = hostName
        self.sink = sink
        self.http = http
        self.signals = signals
        self.clock = clock
        self.telemetry = telemetry
        self.report = report
        self.power = power
        self.series = series
        self.logger = logger
        self.gateway = gateway
        self.features = features
        sampling = SamplingTally(telemetry)
        scrapes = ScrapeTally(telemetry, sampling: sampling)
        hostPasses = PassTally(telemetry, kind: "node", sampling: sampling)
        diskPasses = PassTally(telemetry, kind: "smart", sampling: sampling)
        ownPasses = PassTally(telemetry, kind: "edgewatch", sampling: sampling)
        devicePasses = PassTally(telemetry, kind: "device", sampling: sampling)
        lines = ModbusLines(clock: clock)
    }

    /// The labels of this machine's own metrics.
    func hostLabels(_ configuration: Configuration) -> Labels {
        let host = configuration.collectors.host
        return identity(job: "node", instance: host.instance ?? hostName, own: host.labels)
    }

    /// Every source configured, each definition once.
    func definitions(_ configuration: Configuration, targets: [ScrapeTarget]) -> [SourceDefinition] {
        let host = configuration.collectors.host
        var definitions: [SourceDefinition] = []
        if host.enabled {
            let identity = hostLabels(configuration)
            definitions += host.passes.map { .host($0, identity: identity) }
        }
        if let smart = configuration.collectors.smart {
            let identity = identity(job: "smart", instance: host.instance ?? hostName, own: smart.labels)
            definitions.append(.smart(smart, identity: identity))
        }
        definitions.append(
            .telemetry(
                interval: configuration.global.scrapeInterval,
                identity: identity(job: "edgewatch", instance: host.instance ?? hostName, own: Labels())
            )
        )
        definitions += targets.map { .scrape($0) }
        definitions += configuration.collectors.modbus.map { device in
            .modbus(device, identity: identity(job: "modbus", instance: device.name, own: device.labels))
        }
        definitions += configuration.collectors.nut.map { server in
            .nut(server, identity: identity(job: "nut", instance: server.name, own: server.labels))
        }
        if gateway != nil { definitions.append(.gateway(interval: configuration.push.gatewayInterval)) }
        let node = host.instance ?? hostName
        definitions += EdgeDefinition.all(configuration, node: node).map {
            .edge($0, identity: identity(job: "edge", instance: node, own: Labels()))
        }
        return definitions
    }

    /// The store, behind the rules of a source that has some.
    private func sink(for definition: SourceDefinition) -> any SampleSink {
        let rules = definition.validation
        guard !rules.isEmpty else { return sink }
        return ValidatingSink(sink, rules, source: definition.validationName, telemetry: telemetry)
    }

    /// The source for a definition.
    func make(_ definition: SourceDefinition) -> any CollectorSource {
        let sink = sink(for: definition)
        return switch definition {
        case .host(let config, let identity):
            HostPassSource(
                config,
                identity: identity,
                sink: sink,
                clock: clock,
                tally: hostPasses,
                logger: logger
            )
        case .smart(let config, let identity):
            SmartSource(
                config,
                identity: identity,
                sink: sink,
                clock: clock,
                tally: diskPasses,
                telemetry: telemetry,
                logger: logger
            )
        case .scrape(let target):
            ScrapeSource(
                target,
                sink: sink,
                http: http,
                clock: clock,
                tally: scrapes,
                features: features,
                logger: logger
            )
        case .modbus(let device, let identity):
            ModbusSource(
                device,
                line: lines.line(host: device.host, port: device.port),
                identity: identity,
                sink: sink,
                clock: clock,
                tally: devicePasses,
                logger: logger
            )
        case .nut(let server, let identity):
            NUTSource(
                server,
                identity: identity,
                sink: sink,
                power: power,
                clock: clock,
                tally: devicePasses,
                logger: logger
            )
        case .gateway: PushGatewaySource(definition, gateway, logger: logger)
        case .edge(let edge, let identity):
            EdgeSource(edge, subject: subject(edge), identity: identity, sink: sink, tally: hostPasses)
        case .telemetry(let interval, let identity):
            TelemetrySource(
                interval: interval,
                identity: identity,
                sink: sink,
                telemetry: telemetry,
                signals: signals,
                report: report,
                power: power,
                tally: ownPasses
            )
        }
    }

    private func subject(_ edge: EdgeDefinition) -> any EdgeSubject {
        let reading = series.map(SeriesReading.init)
        return switch edge.subject {
        case .network(let config): EdgeNetwork(edge, config, signals: signals, clock: clock)
        case .power(let config):
            EdgePower(
                config,
                power: power,
                signals: signals,
                reading: reading,
                clock: clock,
                roots: edge.roots
            )
        case .environment(let config): EdgeEnvironment(edge, config, reading: reading, clock: clock)
        }
    }

    private func identity(job: String, instance: String, own: Labels) -> Labels {
        var builder = LabelsBuilder()
        builder.set("job", job)
        builder.set("instance", instance)
        for (name, value) in own.pairs { builder.set(name, value) }
        return builder.labels()
    }
}
