// SPDX-License-Identifier: Apache-2.0
//
// What is found becomes targets: when, which, and what happens to those that go.

import Conditions
import Config
import Foundation
import HTTPClient
import Logging
import Platform
import Samples
import Synchronization
import TestServer
import Testing
import Wire

@testable import Collector

private let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

private func group(_ addresses: [String], _ labels: Labels = Labels()) -> DiscoveredGroup {
    DiscoveredGroup(
        source: "test",
        targets: addresses.map { Labels([(name: "__address__", value: $0)]) },
        labels: labels
    )
}

/// A service with one job, whose discoverer is played by the test.
private struct Bench {
    let clock = ManualClock(wallMilliseconds: 1_700_000_000_000)
    let sink = RecordingSink()
    let telemetry = Telemetry()
    let service: CollectorService

    init(_ change: (inout ScrapeConfig) -> Void = { _ in }) {
        service = CollectorService(
            configuration: Bench.configuration(change),
            hostName: "box",
            sink: sink,
            http: HTTPClient(userAgent: "edgewatch/test"),
            signals: SignalBoard(clock: clock),
            clock: clock,
            telemetry: telemetry,
            logger: quiet
        )
    }

    static func configuration(_ change: (inout ScrapeConfig) -> Void = { _ in }) -> Configuration {
        var configuration = Configuration()
        configuration.collectors.host.enabled = false
        var job = scrapeJob("j", [])
        job.scrapeInterval = .seconds(10)
        job.scrapeTimeout = .seconds(10)
        var file = FileDiscoveryConfig()
        file.files = ["/nowhere/*.json"]
        job.discovery.file = [file]
        change(&job)
        configuration.scrapeConfigs = [job]
        return configuration
    }

    func publish(_ addresses: [String], by number: Int = 0) {
        service.discovery.publish([group(addresses)], by: number)
    }

    func turn(after seconds: Int64) -> CollectorService.Work {
        clock.advance(milliseconds: seconds * 1000)
        let work = service.nextWork()
        for (number, _, _) in work.passes { service.finished(number) }
        return work
    }

    var instances: [String] { service.targets().compactMap { $0.labels["instance"] }.sorted() }
    var numbers: [String: Int] {
        service.state.withLock { state in
            var numbers: [String: Int] = [:]
            for managed in state.managed { numbers[managed.source.definition.name] = managed.number }
            return numbers
        }
    }
    func gauge(_ name: String) -> Double? {
        telemetry.families().first { $0.name == name }?.samples.first?.value
    }
}

@Test func theFirstAnswerCountsAtOnceAndLaterOnesEveryFiveSeconds() {
    let bench = Bench()
    _ = bench.turn(after: 0)
    #expect(bench.instances == [])
    bench.publish(["a:1", "b:1"])
    _ = bench.turn(after: 0)
    #expect(bench.instances == ["a:1", "b:1"])
    let before = bench.numbers
    bench.publish(["b:1", "c:1"])
    _ = bench.turn(after: 4)
    #expect(bench.instances == ["a:1", "b:1"])
    _ = bench.turn(after: 1)
    #expect(bench.instances == ["b:1", "c:1"])
    #expect(bench.numbers["j/b:1"] == before["j/b:1"])
    #expect(bench.gauge("edgewatch_discovery_targets") == 2)
    // Nothing changed: nothing is made anew.
    bench.publish(["b:1", "c:1"])
    #expect(!bench.service.discovery.isDue(at: .max))
}

@Test func aTargetWhoseUnusedLabelsChangeIsNotDisturbed() {
    let bench = Bench()
    func publish(_ phase: String, _ site: String) {
        let labels = set(["__meta_phase": phase, "site": site])
        bench.service.discovery.publish([group(["a:1"], labels)], by: 0)
    }
    publish("Pending", "north")
    _ = bench.turn(after: 0)
    let before = bench.numbers
    publish("Running", "north")
    _ = bench.turn(after: 5)
    #expect(bench.numbers == before)
    #expect(bench.service.targets().map { $0.discoveredLabels["__meta_phase"] } == ["Running"])
    publish("Running", "south")
    _ = bench.turn(after: 5)
    #expect(bench.numbers != before)
    #expect(bench.service.targets().map { $0.labels["site"] } == ["south"])
}

@Test func aReloadKeepsWhatWasFound() {
    let bench = Bench()
    bench.publish(["a:1"])
    _ = bench.turn(after: 0)
    let before = bench.numbers
    bench.service.reload(Bench.configuration { $0.staticConfigs = [TargetGroup(targets: ["s:1"])] })
    #expect(bench.instances == ["a:1", "s:1"])
    #expect(bench.numbers["j/a:1"] == before["j/a:1"])
    #expect(bench.service.discoveryStates().map(\.mechanism) == ["static", "file"])
    // Another discovery begins with nothing, and what the old one still says is not heard.
    bench.service.reload(Bench.configuration { $0.discovery.file[0].files = ["/else/*.json"] })
    bench.publish(["ghost:1"])
    _ = bench.turn(after: 10)
    #expect(bench.instances == [])
    bench.publish(["e:1"], by: 1)
    _ = bench.turn(after: 0)
    #expect(bench.instances == ["e:1"])
    #expect(bench.service.pools() == ["j"])
}

@Test func goneTargetsEndAfterTwoIntervalsWithTheFirstMissedTick() throws {
    let bench = Bench()
    bench.publish(["a:1", "b:1"])
    _ = bench.turn(after: 0)
    for _ in 0..<10 { _ = bench.turn(after: 1) }
    let missed = try #require(
        bench.service.state.withLock { state in
            state.managed.first { $0.source.definition.name == "j/a:1" }?.schedule.dueWall
        }
    )
    bench.publish(["b:1"])
    var waited: Int64 = 0
    var ended: (name: String, time: Int64?)?
    while ended == nil, waited < 40 {
        let work = bench.turn(after: 1)
        waited += 1
        ended = work.endings.first.map { ($0.source.definition.name, $0.time?.milliseconds) }
    }
    #expect(ended?.name == "j/a:1")
    #expect(ended?.time == missed)
    // The next tick, an interval and a tenth: between 11 and 21 seconds from now, seen at the next whole second.
    #expect((11...21).contains(waited))
    let now = bench.clock.wallMilliseconds()
    #expect((11_000...12_000).contains(now - missed))
}

@Test func whoComesBackGoesOn() throws {
    let bench = Bench()
    bench.publish(["a:1", "b:1"])
    for _ in 0..<10 { _ = bench.turn(after: 1) }
    bench.publish(["b:1"])
    for _ in 0..<5 { _ = bench.turn(after: 1) }
    #expect(bench.instances == ["b:1"])
    bench.publish(["a:1", "b:1"])
    var endings: [CollectorService.Work.End] = []
    for _ in 0..<60 { endings += bench.turn(after: 1).endings }
    #expect(bench.instances == ["a:1", "b:1"])
    #expect(bench.service.state.withLock { $0.ending.isEmpty })
    let end = try #require(endings.first)
    #expect(endings.count == 1 && end.source.definition.name == "j/a:1")
    let heir = bench.service.state.withLock { state in
        state.managed.first { $0.source.definition.name == "j/a:1" }?.source
    }
    #expect(end.heir as AnyObject === heir as AnyObject)
}

@Test func tooManyTargetsFailAll() {
    let bench = Bench { $0.limits.targets = 2 }
    bench.publish(["a:1", "b:1", "c:1"])
    _ = bench.turn(after: 0)
    let shared = bench.service.state.withLock { state in
        state.managed.lazy.compactMap { managed -> SharedJob? in
            if case .scrape(let target) = managed.source.definition { target.shared } else { nil }
        }.first
    }
    #expect(shared?.refusal == "target_limit exceeded (number of targets: 3, limit: 2)")
    bench.publish(["a:1", "b:1"])
    _ = bench.turn(after: 5)
    #expect(shared?.refusal == nil)
    #expect(bench.instances == ["a:1", "b:1"])
}

@Test func droppedTargetsAreCountedBeyondWhatIsKept() throws {
    let drop = try relabel(.drop, ["__address__"], regex: "d.*")
    let bench = Bench {
        $0.relabelConfigs = [drop]
        $0.limits.keptDroppedTargets = 2
    }
    bench.publish(["d1", "d2", "d3", "a"])
    _ = bench.turn(after: 0)
    #expect(bench.service.droppedTargets().count == 2)
    #expect(bench.service.droppedCounts() == [DroppedCount(job: "j", count: 3)])
    #expect(bench.service.discoveryStates().first?.targets == 4)
}

@Test func targetsAreBoundedOverAllJobs() {
    let list = TargetList(
        scrapeJob("j", []),
        SharedJob(scrapeJob("j", [])),
        [group((0..<10).map { "h\($0)" })],
        limit: 4
    )
    #expect(list.targets.count == 4)
    #expect(list.refused == 6)
}

@Test func theTargetsOwnLabelsWin() throws {
    let own = Labels([(name: "__address__", value: "a:1"), (name: "site", value: "own")])
    let groups = [DiscoveredGroup(source: "x", targets: [own], labels: set(["site": "group", "rack": "7"]))]
    let job = scrapeJob("j", [])
    let target = try #require(TargetList(job, SharedJob(job), groups).targets.first)
    #expect(target.labels == set(["instance": "a:1", "job": "j", "rack": "7", "site": "own"]))
}

// MARK: - Files

/// A directory that goes with the test.
private final class Directory {
    let path = FileManager.default.temporaryDirectory.appending(path: "sd-\(UUID().uuidString)").path
    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }
    func write(_ name: String, _ text: String) throws {
        try text.write(toFile: "\(path)/\(name)", atomically: true, encoding: .utf8)
    }
    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: "\(path)/\(name)") }
}

/// What a discoverer reports, as text.
private func reports(_ discoverer: any Discoverer) -> (AsyncStream<String>, Task<Void, Never>) {
    let (stream, continuation) = AsyncStream.makeStream(of: String.self)
    let task = Task {
        await discoverer.run(
            DiscoveryReport(
                publish: { groups in
                    let words = groups.flatMap { group in
                        group.targets.map {
                            "\($0["__address__"] ?? "?")\(group.labels["a"].map { "/\($0)" } ?? "")"
                        }
                    }
                    continuation.yield(words.sorted().joined(separator: " "))
                },
                fail: { continuation.yield("failed: \($0)") }
            )
        )
    }
    return (stream, task)
}

/// Waits for a report; what a burst of events says twice is passed over.
private func hear(_ iterator: inout AsyncStream<String>.Iterator, _ wanted: String) async {
    while let heard = await iterator.next(isolation: nil) { if heard.hasPrefix(wanted) { return } }
    Issue.record("never heard: \(wanted)")
}

@Test func filesAreFollowed() async throws {
    let directory = try Directory()
    var config = FileDiscoveryConfig()
    config.files = ["\(directory.path)/*.json", "\(directory.path)/one.yml"]
    try directory.write("a.json", #"[{"targets": ["a:1"], "labels": {"a": "x"}}]"#)
    let (stream, task) = reports(FileDiscovery(config, clock: SystemClock()))
    defer { task.cancel() }
    var iterator = stream.makeAsyncIterator()
    await hear(&iterator, "a:1/x")
    try directory.write("b.json", #"[{"targets": ["b:1", "b:2"]}]"#)
    await hear(&iterator, "a:1/x b:1 b:2")
    try directory.write("one.yml", "- targets: ['c:1', d:2]\n  labels: {a: 1}\n")
    await hear(&iterator, "a:1/x b:1 b:2 c:1/1 d:2/1")
    // A broken file keeps what it had.
    try directory.write("b.json", "[{\"targets\": [")
    await hear(&iterator, "a:1/x b:1 b:2 c:1/1 d:2/1")
    await hear(&iterator, "failed: \(directory.path)/b.json: ")
    try directory.remove("b.json")
    await hear(&iterator, "a:1/x c:1/1 d:2/1")
    try directory.write("a.json", "[]")
    await hear(&iterator, "c:1/1 d:2/1")
}

@Test func yamlIsReadAsStrictlyAsJSON() {
    for text in [
        "a: b", "- x", "- {target: [a]}", "- {targets: a}", "- {targets: [[a]]}", "- {labels: [a]}", "- ~",
    ] {
        #expect(throws: (any Error).self) { try read(yaml: text) }
    }
    #expect((try? read(yaml: "")) == [])
    #expect((try? read(yaml: "- targets: [a, 'b:1']\n- {}")) == ["a", "b:1"])
}

private func read(yaml text: String) throws -> [String] {
    try TargetGroupMessage.read(yaml: Array(text.utf8), file: "t.yml").flatMap(\.targets)
}

// MARK: - Servers

@Test func serversAreAskedAndAFailureKeepsTheList() async throws {
    let answers = Mutex<[(Int, String, String)]>([
        (200, "application/json", #"[{"targets":["a:1"],"labels":{"a":"x"}}]"#),
        (500, "application/json", "[]"),
        (200, "text/plain", "[]"),
        (200, "application/json; charset=utf-8", "[]"),
    ])
    let seen = Mutex<[String: String]>([:])
    let server = try TestServer { request, connection in
        seen.withLock { $0 = request.headers }
        let (status, type, body) = answers.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
        connection.respond(status, body, headers: [("Content-Type", type)])
    }
    defer { server.stop() }
    var config = HTTPDiscoveryConfig(url: server.url("/sd"))
    config.refreshInterval = .milliseconds(50)
    let client = HTTPClient(userAgent: "edgewatch/test")
    let (stream, task) = reports(HTTPDiscovery(config, http: client, clock: SystemClock()))
    defer { task.cancel() }
    var iterator = stream.makeAsyncIterator()
    #expect(await iterator.next() == "a:1/x")
    #expect(await iterator.next() == "failed: server returned HTTP status 500")
    #expect(await iterator.next() == "failed: unsupported content type \"text/plain\"")
    #expect(await iterator.next() == "")
    let headers = seen.withLock { $0 }
    #expect(headers["accept"] == "application/json")
    #expect(headers["x-prometheus-refresh-interval-seconds"] == "0.05")
}

/// The service runs what is configured, and stops it when it is not any more.
@Test func theLoopRunsDiscoverers() async throws {
    let (asked, asking) = AsyncStream<Void>.makeStream()
    let target = try TestServer { _, connection in
        connection.respond(200, "a 1\n", headers: [("Content-Type", "text/plain")])
        asking.yield()
    }
    defer { target.stop() }
    let directory = try Directory()
    try directory.write("t.json", #"[{"targets": ["127.0.0.1:\#(target.port)"]}]"#)
    let service = CollectorService(
        configuration: Bench.configuration {
            $0.scrapeInterval = .milliseconds(100)
            $0.scrapeTimeout = .milliseconds(100)
            $0.discovery.file[0].files = ["\(directory.path)/*.json"]
        },
        hostName: "box",
        sink: RecordingSink(),
        http: HTTPClient(userAgent: "edgewatch/test"),
        signals: SignalBoard(clock: SystemClock()),
        clock: SystemClock(),
        telemetry: Telemetry(),
        logger: quiet
    )
    let run = Task { try await service.run() }
    for await _ in asked { break }
    #expect(service.targets().first?.labels["job"] == "j")
    service.reload(Bench.configuration { $0.discovery.file = [] })
    #expect(service.targets().isEmpty)
    run.cancel()
    try await run.value
}

// MARK: - Checking

@Test func aCheckSaysWhatFailedBesideWhatWasFound() async throws {
    let directory = try Directory()
    try directory.write("good.json", #"[{"targets": ["a:1"]}]"#)
    try directory.write("bad.json", #"[{"targets": ["b:1"}]"#)
    var job = scrapeJob("j", [])
    var file = FileDiscoveryConfig()
    file.files = ["\(directory.path)/good.json", "\(directory.path)/bad.json"]
    job.discovery.file = [file]
    let outcome = await DiscoveryCheck.run(
        job,
        http: HTTPClient(userAgent: "edgewatch/test"),
        clock: SystemClock(),
        timeout: .seconds(60)
    )
    #expect(outcome.targets.map { $0.discovered["__address__"] } == ["a:1"])
    #expect(outcome.problems.count == 1)
    #expect(outcome.problems.first?.hasPrefix("file: \(directory.path)/bad.json: ") == true)
}

@Test func aCheckShowsLabelsBeforeAndAfter() async throws {
    let directory = try Directory()
    try directory.write("t.json", #"[{"targets": ["a:1", "d:2", "x/y"], "labels": {"x": "y"}}]"#)
    var job = scrapeJob("j", ["s:1"])
    job.relabelConfigs = [try relabel(.drop, ["__address__"], regex: "d.*")]
    var file = FileDiscoveryConfig()
    file.files = ["\(directory.path)/*.json"]
    job.discovery.file = [file]
    job.discovery.http = [HTTPDiscoveryConfig(url: "http://127.0.0.1:1/")]
    let outcome = await DiscoveryCheck.run(
        job,
        http: HTTPClient(userAgent: "edgewatch/test"),
        clock: SystemClock(),
        timeout: .seconds(60)
    )
    #expect(outcome.problems.count == 1)
    #expect(outcome.problems.first?.hasPrefix("http: ") == true)
    #expect(outcome.targets.map { $0.discovered["__address__"] } == ["s:1", "a:1", "d:2", "x/y"])
    let common: KeyValuePairs<String, String> = [
        "__always_scrape_classic_histograms__": "false", "__convert_classic_histograms_to_nhcb__": "false",
        "__metrics_path__": "/metrics", "__scheme__": "http", "__scrape_interval__": "1m",
        "__scrape_native_histograms__": "false", "__scrape_timeout__": "10s", "job": "j",
    ]
    func with(_ more: KeyValuePairs<String, String>) -> Labels {
        var builder = LabelsBuilder(set(common))
        for (name, value) in more { builder.set(name, value) }
        return builder.labels()
    }
    // As promtool prints them.
    #expect(outcome.targets[0].labels == with(["__address__": "s:1", "instance": "s:1"]))
    #expect(outcome.targets[1].labels == with(["__address__": "a:1", "instance": "a:1", "x": "y"]))
    #expect(outcome.targets[1].discovered["__meta_filepath"] == "\(directory.path)/t.json")
    #expect(outcome.targets[2].labels.isEmpty)
    #expect(outcome.targets[2].error == "")
    #expect(outcome.targets[3].error == "\"x/y\" is not a valid hostname")
}
