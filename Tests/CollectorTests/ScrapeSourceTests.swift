// SPDX-License-Identifier: Apache-2.0
//
// Whole scrapes over HTTP, of targets that behave and targets that do not.

import Config
import HTTPClient
import Logging
import Platform
import Samples
import Synchronization
import TestServer
import Testing

@testable import Collector

private let http = HTTPClient(userAgent: "edgewatch/test")

private func source(
    _ server: TestServer,
    sink: RecordingSink,
    timeout: Duration = .seconds(5),
    _ change: (inout ScrapeConfig) -> Void = { _ in }
) throws -> ScrapeSource {
    var job = scrapeJob("j", ["127.0.0.1:\(server.port)"])
    job.scrapeTimeout = timeout
    change(&job)
    let telemetry = Telemetry()
    return ScrapeSource(
        try #require(TargetList([job]).targets.first),
        sink: sink,
        http: http,
        clock: SystemClock(),
        tally: ScrapeTally(telemetry, sampling: SamplingTally(telemetry)),
        logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    )
}

private func order(_ milliseconds: Int64 = 1_000_000) -> PassOrder {
    PassOrder(time: Timestamp(milliseconds: milliseconds), interval: .seconds(15), classes: .all)
}

private func value(_ name: String, _ sink: RecordingSink) -> String? {
    sink.newest().first { $0.key.hasPrefix(name + "{") }?.value
}

private let text = [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")]

@Test func aTargetIsAskedAsPrometheusAsks() async throws {
    let seen = Mutex<TestRequest?>(nil)
    let server = try TestServer { request, connection in
        seen.withLock { $0 = request }
        connection.respond(200, "a 1\n", headers: text)
    }
    defer { server.stop() }
    let sink = RecordingSink()
    let target = try source(server, sink: sink) { job in
        job.params = [.init(name: "x", values: ["1"])]
        var auth = BasicAuthConfig()
        auth.username = "u"
        auth.password = Secret("p")
        job.http.basicAuth = auth
    }
    #expect(target.status.health == .unknown)
    await target.pass(order())
    let request = try #require(seen.withLock { $0 })
    #expect(request.method == "GET")
    #expect(request.path == "/metrics?x=1")
    #expect(request.headers["accept"]?.contains("text/plain;version=0.0.4") == true)
    #expect(request.headers["x-prometheus-scrape-timeout-seconds"] == "5")
    #expect(request.headers["user-agent"] == "edgewatch/test")
    #expect(request.headers["accept-encoding"]?.contains("gzip") == true)
    #expect(request.headers["authorization"] == "Basic dTpw")
    #expect(value("a", sink) == "1.0")
    #expect(value("up", sink) == "1.0")
    let status = target.status
    #expect(status.health == .up && status.lastError.isEmpty)
    #expect(status.lastScrape == Timestamp(milliseconds: 1_000_000))
    #expect(status.labels == set(["job": "j", "instance": "127.0.0.1:\(server.port)"]))
}

@Test(arguments: [
    (503, "a 1\n", "text/plain", "server returned HTTP status 503 Service Unavailable"),
    (204, "", "text/plain", "server returned HTTP status 204"),
    (200, "<html>\n", "text/plain", "line 1: expected a value, got the end of the line"),
    (
        200, "a 1\n", "text/html",
        "received unsupported Content-Type \"text/html\" and no fallback_scrape_protocol specified for target"
    ),
    (
        200, "a 1\n", "",
        "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol specified for target"
    ),
])
func badAnswersAreDownWithAReason(
    _ status: Int,
    _ body: String,
    _ type: String,
    _ reason: String
) async throws {
    let server = try TestServer { _, connection in
        connection.respond(status, body, headers: type.isEmpty ? [] : [("Content-Type", type)])
    }
    defer { server.stop() }
    let sink = RecordingSink()
    let target = try source(server, sink: sink)
    await target.pass(order())
    #expect(target.status.lastError == reason)
    #expect(target.status.health == .down)
    #expect(value("up", sink) == "0.0")
    #expect(sink.newest().count == 5)
}

@Test func aFallbackProtocolAcceptsAnUnknownType() async throws {
    let server = try TestServer { _, connection in connection.respond(200, "a 1\n") }
    defer { server.stop() }
    let sink = RecordingSink()
    let target = try source(server, sink: sink) { $0.fallbackScrapeProtocol = .text0 }
    await target.pass(order())
    #expect(value("a", sink) == "1.0")
}

@Test func silentDeadAndHugeTargetsAreDown() async throws {
    let server = try TestServer { request, connection in
        switch request.path {
        case "/silent": connection.waitForEnd()
        case "/reset": connection.reset()
        default: connection.respond(200, String(repeating: "a 1\n", count: 1000), headers: text)
        }
    }
    let sink = RecordingSink()
    let silent = try source(server, sink: sink, timeout: .milliseconds(200)) { $0.metricsPath = "/silent" }
    await silent.pass(order())
    #expect(silent.status.health == .down && !silent.status.lastError.isEmpty)
    #expect(value("up", sink) == "0.0")
    let reset = try source(server, sink: RecordingSink()) { $0.metricsPath = "/reset" }
    await reset.pass(order())
    #expect(reset.status.health == .down && !reset.status.lastError.isEmpty)
    let huge = try source(server, sink: RecordingSink()) { $0.limits.bodySize = 3999 }
    await huge.pass(order())
    #expect(huge.status.health == .down && huge.status.lastError == "body size limit exceeded")
    let fits = try source(server, sink: RecordingSink()) { $0.limits.bodySize = 4000 }
    await fits.pass(order())
    #expect(fits.status.health == .up)
    server.stop()
    let dead = try source(server, sink: RecordingSink())
    await dead.pass(order())
    #expect(dead.status.health == .down && !dead.status.lastError.isEmpty)
}

@Test func aBoostedIntervalShortensTheTimeout() async throws {
    let seen = Mutex<String?>(nil)
    let server = try TestServer { request, connection in
        seen.withLock { $0 = request.headers["x-prometheus-scrape-timeout-seconds"] }
        connection.respond(200, "a 1\n", headers: text)
    }
    defer { server.stop() }
    let target = try source(server, sink: RecordingSink())
    await target.pass(
        PassOrder(time: Timestamp(milliseconds: 1), interval: .milliseconds(1500), classes: .all)
    )
    #expect(seen.withLock { $0 } == "1.5")
}
