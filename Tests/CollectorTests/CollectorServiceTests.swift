// SPDX-License-Identifier: Apache-2.0
//
// The loop over real sources: what is due, what a reload changes, what sampling changes.

import Conditions
import Config
import HTTPClient
import Logging
import Platform
import Samples
import Synchronization
import TestServer
import Testing

@testable import Collector

private struct Bench {
    let clock = ManualClock(wallMilliseconds: 1_700_000_000_000)
    let sink = RecordingSink()
    let telemetry = Telemetry()
    let signals: SignalBoard
    let service: CollectorService

    init(_ configuration: Configuration) {
        signals = SignalBoard(clock: clock)
        service = CollectorService(
            configuration: configuration,
            hostName: "box",
            sink: sink,
            http: HTTPClient(userAgent: "edgewatch/test"),
            signals: signals,
            clock: clock,
            telemetry: telemetry,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
    }

    /// Lets the loop look, `seconds` after the last time.
    func turn(after seconds: Int64) -> CollectorService.Work {
        clock.advance(milliseconds: seconds * 1000)
        return service.nextWork()
    }

    /// The names of the sources that run in a turn, whose passes end at once.
    func run(after seconds: Int64) -> [String] {
        let work = turn(after: seconds)
        for (number, _, _) in work.passes { service.finished(number) }
        return work.passes.map(\.source.definition.name).sorted()
    }

    func missed(_ kind: String) -> Double {
        telemetry.families().first { $0.name == "edgewatch_collector_passes_missed_total" }?.samples
            .first { $0.labels.contains { $0.value == kind } }?.value ?? .nan
    }
}

private func configuration(_ addresses: [String] = [], host: Bool = false) -> Configuration {
    var configuration = Configuration()
    configuration.global.scrapeInterval = .seconds(10)
    configuration.collectors.host.enabled = host
    configuration.collectors.host.interval = .seconds(10)
    var job = scrapeJob("j", addresses)
    job.scrapeInterval = .seconds(10)
    job.scrapeTimeout = .seconds(10)
    configuration.scrapeConfigs = [job]
    return configuration
}

@Test func everySourceRunsOncePerInterval() {
    let bench = Bench(configuration(["a:1", "b:1"], host: true))
    #expect(bench.service.hostLabels == set(["job": "node", "instance": "box"]))
    #expect(bench.run(after: 0).starts(with: ["edgewatch"]))
    var counts: [String: Int] = [:]
    for _ in 0..<100 { for name in bench.run(after: 1) { counts[name, default: 0] += 1 } }
    #expect(counts == ["node": 10, "edgewatch": 10, "j/a:1": 10, "j/b:1": 10])
    #expect(bench.missed("application") == 0)
}

@Test func aBusySourceMissesItsTick() {
    let bench = Bench(configuration(["a:1"]))
    var running: Int?
    for _ in 0..<30 {
        for (number, source, _) in bench.turn(after: 1).passes {
            if source.definition.kind == "application" {
                running = number
            } else {
                bench.service.finished(number)
            }
        }
    }
    #expect(bench.missed("application") == 2)
    bench.service.finished(running ?? -1)
    #expect((0..<10).flatMap { _ in bench.run(after: 1) }.contains("j/a:1"))
    #expect(bench.missed("application") == 2)
    // A suspended machine: five ticks went by.
    _ = bench.run(after: 60)
    #expect(bench.missed("application") == 7)
}

@Test func reloadKeepsWhatDidNotChange() {
    let bench = Bench(configuration(["a:1", "b:1"]))
    let before = bench.service.state.withLock { $0.managed.map { ($0.source.definition.name, $0.number) } }
    bench.service.reload(configuration(["b:1", "c:1"]))
    let after = bench.service.state.withLock { $0.managed.map { ($0.source.definition.name, $0.number) } }
    let kept = Dictionary(uniqueKeysWithValues: before)
    #expect(after.map(\.0).sorted() == ["edgewatch", "j/b:1", "j/c:1"])
    #expect(after.first { $0.0 == "edgewatch" }?.1 == kept["edgewatch"])
    #expect(after.first { $0.0 == "j/b:1" }?.1 == kept["j/b:1"])
    #expect(bench.turn(after: 0).endings.isEmpty)
    #expect(bench.service.targets().map(\.scrapeURL) == ["http://b:1/metrics", "http://c:1/metrics"])
}

@Test func samplingChangesIntervalsAndSaysSo() async throws {
    var configuration = configuration(["a:1"], host: true)
    var action = SamplingAction(kind: .reduceFrequency)
    action.newInterval = .seconds(60)
    action.metrics = ["node", "application"]
    configuration.sampling.strategies = [
        SamplingStrategy(name: "thin", condition: try Condition.parse("bandwidth < 10Mbps"), action: action)
    ]
    let bench = Bench(configuration)
    _ = bench.run(after: 0)
    bench.signals.publish(SignalName.bandwidth, .number(1e6), unit: "bit/s", maximumAge: .seconds(100_000))
    _ = bench.run(after: 10)
    var counts: [String: Int] = [:]
    for _ in 0..<240 { for name in bench.run(after: 1) { counts[name, default: 0] += 1 } }
    #expect(counts == ["node": 4, "j/a:1": 4, "edgewatch": 24])
    let status = bench.service.samplingStatus()
    #expect(status.policies == [.init(name: "thin", condition: "bandwidth < 10Mbps", isActive: true)])
    #expect(status.sources.first { $0.name == "node" }?.interval == .seconds(60))
    #expect(status.sources.first { $0.name == "node" }?.configuredInterval == .seconds(10))
    #expect(status.keptClasses.isEmpty)
    // And as series, written by edgewatch's own pass.
    bench.signals.publish(SignalName.powerSource, .text("battery"))
    let own = bench.service.state.withLock {
        $0.managed.first { $0.source.definition.kind == "edgewatch" }?.source
    }
    await own?.pass(PassOrder(time: Timestamp(milliseconds: 1), interval: .seconds(10), classes: .all))
    let series = bench.sink.newest()
    let labels = "instance=\"box\", job=\"edgewatch\""
    #expect(series["edgewatch_sampling_interval_seconds{\(labels), source=\"node\"}"] == "60.0")
    #expect(series["edgewatch_sampling_interval_seconds{\(labels), source=\"edgewatch\"}"] == "10.0")
    #expect(series["edgewatch_sampling_policy_active{\(labels), policy=\"thin\"}"] == "1.0")
    #expect(series["edgewatch_signal{\(labels), name=\"bandwidth\", unit=\"bit/s\"}"] == "1000000.0")
    #expect(series["edge_power_status{\(labels), state=\"battery\"}"] == "1.0")
    #expect(series["edge_power_status{\(labels), state=\"grid\"}"] == "0.0")
    #expect(series["edgewatch_sampling_dropped_samples_total{class=\"debug\", \(labels)}"] == "0.0")
    #expect(series["up{\(labels)}"] == "1.0")
}

@Test func theLoopCollectsFromGoodAndBadTargetsUntilCancelled() async throws {
    let (asked, asking) = AsyncStream<Void>.makeStream()
    let server = try TestServer { request, connection in
        if request.path == "/silent" { return connection.waitForEnd() }
        connection.respond(200, "a 1\n", headers: [("Content-Type", "text/plain")])
        asking.yield()
    }
    defer { server.stop() }
    var config = configuration(["127.0.0.1:\(server.port)"])
    config.scrapeConfigs[0].scrapeInterval = .milliseconds(100)
    config.scrapeConfigs[0].scrapeTimeout = .milliseconds(100)
    var silent = config.scrapeConfigs[0]
    silent.jobName = "silent"
    silent.metricsPath = "/silent"
    config.scrapeConfigs.append(silent)
    let sink = RecordingSink()
    let service = CollectorService(
        configuration: config,
        hostName: "box",
        sink: sink,
        http: HTTPClient(userAgent: "edgewatch/test"),
        signals: SignalBoard(clock: SystemClock()),
        clock: SystemClock(),
        telemetry: Telemetry(),
        logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    )
    let run = Task { try await service.run() }
    var requests = asked.makeAsyncIterator()
    for _ in 0..<5 { _ = await requests.next() }
    run.cancel()
    try await run.value
    let good = sink.state.withLock { state in
        state.batches.filter { batch in
            batch.series.contains { state.series[Int($0.rawValue)].metricName == "a" }
        }
    }
    #expect(good.count >= 4)
    #expect(zip(good, good.dropFirst()).allSatisfy { $0.timestamp < $1.timestamp })
    let targets = service.targets()
    #expect(targets.first { $0.scrapePool == "j" }?.health == .up)
    #expect(targets.first { $0.scrapePool == "silent" }?.health != .up)
}
