// SPDX-License-Identifier: Apache-2.0
//
// Rules of a scrape job, through the whole loop: a target answers over HTTP, the service decides what is due, and what is in
// the store at the end is what the rules left.

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

/// A service that scrapes one target every ten seconds of a clock that only the test moves.
private struct Bench {
    let clock = ManualClock(wallMilliseconds: 1_700_000_000_000)
    let sink = RecordingSink()
    let telemetry = Telemetry()
    let service: CollectorService

    init(_ server: TestServer, _ rules: [ValidationConfig]) {
        var configuration = Configuration()
        configuration.collectors.host.enabled = false
        var job = scrapeJob("plc", ["127.0.0.1:\(server.port)"])
        job.scrapeInterval = .seconds(10)
        job.scrapeTimeout = .seconds(10)
        job.validation = rules
        configuration.scrapeConfigs = [job]
        service = CollectorService(
            configuration: configuration,
            hostName: "box",
            sink: sink,
            http: HTTPClient(userAgent: "edgewatch/test"),
            signals: SignalBoard(clock: clock),
            clock: clock,
            telemetry: telemetry,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
    }

    /// Lets the loop go on until the target was scraped as often.
    func scrape(times: Int) async {
        var left = times
        while left > 0 {
            clock.advance(milliseconds: 1000)
            for (number, source, order) in service.nextWork().passes {
                if source.definition.kind == "application" {
                    await source.pass(order)
                    left -= 1
                }
                service.finished(number)
            }
        }
    }

    /// Ends the target's series, as a reload without it does.
    func end() async {
        service.reload(Configuration())
        while service.state.withLock({ !$0.ending.isEmpty }) {
            clock.advance(milliseconds: 1000)
            let work = service.nextWork()
            for (number, _, _) in work.passes { service.finished(number) }
            for end in work.endings {
                await end.run(at: end.time ?? Timestamp(milliseconds: clock.wallMilliseconds()))
            }
        }
    }

    /// What the store has of a metric, each value with the number of its scrape: `name{quality}: 0 value, 1 value, …`.
    func stored(_ names: [String]) -> [String] {
        sink.state.withLock { state in
            var lines: [String: [String]] = [:]
            let scrapes = Set(state.batches.filter { $0.series.count > 4 }.map(\.timestamp)).sorted()
            for batch in state.batches {
                guard let scrape = scrapes.firstIndex(of: batch.timestamp) else { continue }
                for (id, value) in zip(batch.series, batch.values) {
                    let labels = state.series[Int(id.rawValue)]
                    guard labels["job"] == "plc", let name = labels.metricName, names.contains(name) else {
                        continue
                    }
                    let key = labels["quality"].map { "\(name){\($0)}" } ?? name
                    let text = value.isStale ? "stale" : PromNumber.format(value)
                    lines[key, default: []].append("\(scrape) \(text)")
                }
            }
            return lines.map { "\($0.key): \($0.value.joined(separator: ", "))" }.sorted()
        }
    }

    func rejected(_ reason: String) -> Double? {
        telemetry.families().first { $0.name == "edgewatch_validation_rejected_total" }?.samples
            .first { $0.labels.map(\.value).sorted() == ["plc", reason].sorted() }?.value
    }
}

private func rule(_ metric: String, _ change: (inout ValidationConfig) -> Void) throws -> ValidationConfig {
    var rule = ValidationConfig(metric: try Pattern(metric))
    change(&rule)
    return rule
}

/// A target that says these values of each metric, one after the other, and then nothing any more.
private func target(_ values: KeyValuePairs<String, [Double]>) throws -> TestServer {
    let asked = Mutex(0)
    let script = values.map { (name: $0.key, values: $0.value) }
    return try TestServer { _, connection in
        let number = asked.withLock { count in
            defer { count += 1 }
            return count
        }
        let lines = script.compactMap { metric in
            number < metric.values.count ? "\(metric.name) \(metric.values[number])\n" : nil
        }
        if lines.isEmpty {
            connection.respond(503)
        } else {
            connection.respond(200, lines.joined(), headers: [("Content-Type", "text/plain")])
        }
    }
}

struct ScrapeValidationTests {
    @Test func eachRuleLeavesItsGapAndNothingElse() async throws {
        let server = try target([
            "temperature": [250, 2500, 300, 310, 320],
            "level": [5, 10, 100, 20, 21],
            "flow": [7, 7, 7, 7, 8],
            "plain": [1, 2, 3, 4, 5],
        ])
        defer { server.stop() }
        let bench = Bench(
            server,
            [
                try rule("temp.*") { ($0.scale, $0.min, $0.max) = (0.1, 0, 100) },
                try rule("level") { ($0.maxChangePerSecond, $0.action) = (1, .mark) },
                try rule("flow") { $0.stuckFor = .seconds(15) },
            ]
        )
        await bench.scrape(times: 5)
        let all = ["temperature", "level", "flow", "plain"]
        #expect(
            bench.stored(all) == [
                "flow: 0 7, 1 7, 2 stale, 4 8", "level: 0 5, 1 10, 2 stale, 3 20, 4 21",
                "level{rate}: 2 100, 3 stale", "plain: 0 1, 1 2, 2 3, 3 4, 4 5",
                "temperature: 0 25, 1 stale, 2 30, 3 31, 4 32",
            ]
        )
        #expect(bench.rejected("range") == 1 && bench.rejected("rate") == 1 && bench.rejected("stuck") == 2)
        // A value that is rejected is no fault of the scrape.
        #expect(
            bench.stored(["up", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling"]) == [
                "scrape_samples_post_metric_relabeling: 0 4, 1 4, 2 4, 3 4, 4 4",
                "scrape_samples_scraped: 0 4, 1 4, 2 4, 3 4, 4 4", "up: 0 1, 1 1, 2 1, 3 1, 4 1",
            ]
        )
        #expect(bench.service.targets().map(\.health) == [.up])
        // The target dies: what was good ends, and so does what was marked.
        await bench.scrape(times: 1)
        #expect(bench.service.targets().map(\.health) == [.down])
        #expect(
            bench.stored(all).map { $0.split(separator: ", ").last ?? "" } == [
                "5 stale", "5 stale", "3 stale", "5 stale", "5 stale",
            ]
        )
        #expect(bench.stored(["up"]) == ["up: 0 1, 1 1, 2 1, 3 1, 4 1, 5 0"])
    }

    @Test func marksEndWithTheTarget() async throws {
        let server = try target(["level": [500, 501], "other": [1, 1]])
        defer { server.stop() }
        let bench = Bench(server, [try rule("level") { ($0.max, $0.action) = (100, .mark) }])
        await bench.scrape(times: 3)
        // Of the series itself nothing was stored, so nothing ends.
        #expect(bench.stored(["level"]) == ["level{range}: 0 500, 1 501, 2 stale"])
        await bench.end()
        #expect(bench.sink.state.withLock { $0.uses.isEmpty })
    }

    /// A rule that rejects everything leaves the scrape as it is: up, with what it scraped.
    @Test func aScrapeOfNothingGoodIsUp() async throws {
        let server = try target(["a": [1, 1], "b": [2, 2]])
        defer { server.stop() }
        let bench = Bench(server, [try rule("a|b") { $0.min = 100 }])
        await bench.scrape(times: 2)
        #expect(bench.stored(["a", "b", "up"]) == ["up: 0 1, 1 1"])
        #expect(bench.rejected("range") == 4)
        #expect(bench.service.targets().map(\.lastError) == [""])
    }
}
