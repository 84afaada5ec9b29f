// SPDX-License-Identifier: Apache-2.0
//
// Notifications over real HTTP on loopback. Nothing here waits for a fixed time: every test waits for what it expects.

import Config
import Foundation
import HTTPClient
import Logging
import Platform
import Samples
import StateStore
import Synchronization
import TestServer
import Testing
import Wire

@testable import Alerts

/// What a receiver got, and someone waiting for it.
private final class Inbox: Sendable {
    private let bodies = Mutex<[[UInt8]]>([])

    func take(_ body: [UInt8]) { bodies.withLock { $0.append(body) } }

    var all: [[UInt8]] { bodies.withLock { $0 } }

    /// Returns once there are as many bodies; fails the test after five minutes.
    func wait(for count: Int) async throws -> [[UInt8]] {
        let end = ContinuousClock.now.advanced(by: .seconds(300))
        while all.count < count {
            guard ContinuousClock.now < end else {
                Issue.record("only \(all.count) of \(count) notifications arrived")
                return all
            }
            try await Task.sleep(for: .milliseconds(5))
        }
        return all
    }
}

private let rules = """
    groups:
    - name: disk
      rules:
      - alert: DiskFull
        expr: free < 10
        labels: {severity: page}
        annotations: {summary: "{{ $labels.device }} has {{ $value }} left"}
    """

private let free = labels(["__name__": "free", "device": "sda"])

private func webhook(_ url: String) -> AlertingConfig {
    var config = AlertingConfig()
    config.webhooks = [WebhookConfig(name: "pager", url: Secret(url))]
    return config
}

private func text(_ body: [UInt8]) -> String { String(decoding: body, as: UTF8.self) }

/// Runs the receivers while `body` runs.
private func running(_ node: Node, _ body: () async throws -> Void) async throws {
    let notifier = node.service.notifier
    let task = Task { await notifier.run() }
    defer { task.cancel() }
    try await body()
    task.cancel()
    await task.value
}

@Test func aWebhookGetsTheBeginningAndTheEnd() async throws {
    let inbox = Inbox()
    let server = try TestServer { request, connection in
        inbox.take(request.body)
        connection.respond(200)
    }
    defer { server.stop() }
    let node = try Node()
    node.alerting = webhook("http://127.0.0.1:\(server.port)/hook")
    try node.load(rules)
    node.store.add(free, 60_000, 5)
    node.store.add(free, 120_000, 50)
    try await running(node) {
        await node.evaluate(60_000)
        let firing = text(try await inbox.wait(for: 1)[0])
        await node.evaluate(120_000)
        let resolved = text(try await inbox.wait(for: 2)[1])
        let alert =
            #""labels":{"alertname":"DiskFull","device":"sda","severity":"page","site":"berlin"},"#
            + #""annotations":{"summary":"sda has 5 left"},"startsAt":"1970-01-01T00:01:00Z","#
        let tail =
            #""generatorURL":"http://edge:9090/graph?g0.expr=free+%3C+10\u0026g0.tab=1","#
            + #""fingerprint":"\#(Fingerprint(labels(["alertname": "DiskFull", "device": "sda", "severity": "page", "site": "berlin"])))"}],"#
            + #""groupLabels":{"alertname":"DiskFull"},"commonLabels":{"alertname":"DiskFull","device":"sda","#
            + #""severity":"page","site":"berlin"},"commonAnnotations":{"summary":"sda has 5 left"},"#
            + #""externalURL":"http://edge:9090","version":"4","#
            + #""groupKey":"{}/{rule_group=\"disk\"}:{alertname=\"DiskFull\"}","truncatedAlerts":0}"#
        #expect(
            firing == #"{"receiver":"pager","status":"firing","alerts":[{"status":"firing","# + alert
                + #""endsAt":"0001-01-01T00:00:00Z","# + tail
        )
        #expect(
            resolved == #"{"receiver":"pager","status":"resolved","alerts":[{"status":"resolved","# + alert
                + #""endsAt":"1970-01-01T00:02:00Z","# + tail
        )
    }
    #expect(node.counter("edgewatch_notifications_sent_total") == 2)
}

@Test func undeliveredNotificationsSurviveAKillAndArriveInOrder() async throws {
    let inbox = Inbox()
    let isDown = Atomic(true)
    let attempts = Atomic(0)
    let server = try TestServer { request, connection in
        attempts.add(1, ordering: .relaxed)
        if isDown.load(ordering: .relaxed) { return connection.respond(503, "not now") }
        inbox.take(request.body)
        connection.respond(204)
    }
    defer { server.stop() }
    let node = try Node()
    node.alerting = webhook("http://127.0.0.1:\(server.port)/hook")
    try node.load(rules)
    node.store.add(free, 60_000, 5)
    node.store.add(free, 120_000, 50)
    try await running(node) {
        await node.evaluate(60_000)
        await node.evaluate(120_000)
        while attempts.load(ordering: .relaxed) < 2 { try await Task.sleep(for: .milliseconds(5)) }
    }
    #expect(inbox.all.isEmpty)
    #expect(try node.state.all(Outbox.table).count == 2)
    isDown.store(false, ordering: .relaxed)
    node.restart()
    try node.load(rules)
    try await running(node) {
        // The rule's resolved alert is still known, but was told: only the outbox speaks.
        await node.evaluate(180_000)
        let bodies = try await inbox.wait(for: 2).map(text)
        #expect(bodies[0].contains(#""status":"firing""#))
        #expect(bodies[1].contains(#""status":"resolved""#))
        while try !node.state.all(Outbox.table).isEmpty { try await Task.sleep(for: .milliseconds(5)) }
    }
    #expect(inbox.all.count == 2)
}

@Test func whatAWebhookRefusesIsDroppedAndCounted() async throws {
    let inbox = Inbox()
    let server = try TestServer { request, connection in
        inbox.take(request.body)
        connection.respond(inbox.all.count == 1 ? 400 : 200, "bad")
    }
    defer { server.stop() }
    let node = try Node()
    node.alerting = webhook("http://127.0.0.1:\(server.port)/hook")
    try node.load(rules)
    node.store.add(free, 60_000, 5)
    node.store.add(free, 120_000, 50)
    try await running(node) {
        await node.evaluate(60_000)
        _ = try await inbox.wait(for: 1)
        await node.evaluate(120_000)
        _ = try await inbox.wait(for: 2)
        while try !node.state.all(Outbox.table).isEmpty { try await Task.sleep(for: .milliseconds(5)) }
    }
    #expect(node.counter("edgewatch_notifications_dropped_total") == 1)
    #expect(node.counter("edgewatch_notifications_sent_total") == 1)
}

@Test func theOutboxIsBoundedAndHoldsAMessageOnce() async throws {
    let node = try Node()
    let metrics = AlertMetrics(node.telemetry)
    let keeper = StateKeeper(
        state: node.state,
        lane: BlockingQueue(label: "test"),
        metrics: metrics,
        logger: .init(label: "test")
    )
    var outbox = await Outbox(webhook: "w", keeper: keeper)
    for number in 0..<3 { #expect(await outbox.append([UInt8(number)], identity: "same\(number % 2)") == 0) }
    #expect(outbox.count == 2)
    var other = await Outbox(webhook: "other", keeper: keeper)
    #expect(await other.append([99], identity: "x") == 0)
    var reread = await Outbox(webhook: "w", keeper: keeper)
    #expect(reread.count == 2)
    let first = try #require(await reread.first())
    #expect(first.body == [1])
    await reread.remove(first.key)
    #expect(await reread.first()?.body == [2])
    for number in 0..<Outbox.limit {
        #expect(await reread.append([], identity: "n\(number)") == (number == Outbox.limit - 1 ? 1 : 0))
    }
    #expect(reread.count == Outbox.limit)
}

@Test func anAlertmanagerQueueDropsTheOldest() async throws {
    let node = try Node()
    let endpoint = NotificationEndpoint(
        url: "http://127.0.0.1:1/api/v2/alerts",
        timeout: .seconds(1),
        http: HTTPConfig(),
        client: HTTPClient(userAgent: "test")
    )
    let destination = AlertmanagerDestination(
        endpoint: endpoint,
        relabeling: [],
        metrics: AlertMetrics(node.telemetry),
        logger: .init(label: "test")
    )
    let alert = NotificationAlert(
        labels: free,
        annotations: Labels(),
        startsAt: Timestamp(milliseconds: 0),
        resolvedAt: nil,
        generatorURL: ""
    )
    destination.enqueue(Array(repeating: alert, count: 9999))
    destination.enqueue(Array(repeating: alert, count: 4))
    #expect(destination.queueLength == 10_000)
    #expect(node.counter("edgewatch_notifications_dropped_total") == 3)
}

@Test func alertsOfRulesThatAreGoneAreResolvedAlsoAcrossAKill() async throws {
    let inbox = Inbox()
    let server = try TestServer { request, connection in
        inbox.take(request.body)
        connection.respond(200)
    }
    defer { server.stop() }
    let node = try Node()
    node.alerting = webhook("http://127.0.0.1:\(server.port)/hook")
    try node.load(rules)
    node.store.add(free, 60_000, 5)
    try await running(node) {
        await node.evaluate(60_000)
        _ = try await inbox.wait(for: 1)
        while try !node.state.all(Outbox.table).isEmpty { try await Task.sleep(for: .milliseconds(5)) }
    }
    node.restart()
    try node.load("groups: []")
    try await running(node) {
        await node.evaluate(120_000)
        let bodies = try await inbox.wait(for: 2).map(text)
        #expect(bodies[1].contains(#""status":"resolved","alerts":[{"status":"resolved""#))
        #expect(bodies[1].contains(#""startsAt":"1970-01-01T00:01:00Z""#))
    }
}

@Test func aFailingRuleDoesNotResolveItsAlerts() async throws {
    let inbox = Inbox()
    let server = try TestServer { request, connection in
        inbox.take(request.body)
        connection.respond(200)
    }
    defer { server.stop() }
    let node = try Node()
    node.alerting = webhook("http://127.0.0.1:\(server.port)/hook")
    // Two rules of one name: the second fails as soon as there are two devices.
    try node.load(
        """
        groups:
        - name: disk
          rules:
          - {alert: DiskFull, expr: 'free < 10', labels: {severity: page}}
          - {alert: DiskFull, expr: 'free < 20', labels: {severity: warning, device: any}}
        """
    )
    node.store.add(free, 60_000, 5)
    node.store.add(free.setting("device", "sdb"), 120_000, 15)
    try await running(node) {
        await node.evaluate(60_000)
        _ = try await inbox.wait(for: 1)
        await node.evaluate(120_000)
        #expect(node.service.groups().first?.rules.map(\.health) == [.ok, .err])
        node.store.add(free, 180_000, 50)
        await node.evaluate(180_000)
        let bodies = try await inbox.wait(for: 2).map(text)
        #expect(bodies[0].contains(#""status":"firing""#))
        // The first notice after the failure is about the rule that works.
        #expect(
            bodies[1].contains(
                #""status":"resolved","labels":{"alertname":"DiskFull","device":"sda","severity":"page""#
            )
        )
    }
}

@Test func theLoopEvaluatesOnTimeAndSavesAtTheStop() async throws {
    let node = try Node(at: 1_000_000_000_000)
    try node.load(
        """
        groups:
        - name: a
          interval: 1m
          rules: [{record: r, expr: time()}]
        - name: b
          interval: 5m
          rules: [{alert: Odd, type: seasonal, expr: vector(3)}]
        """
    )
    let service = node.service
    let task = Task { try await service.run() }
    let recorded = labels(["__name__": "r"])
    while node.store.samples(recorded).count < 20 { await Task.yield() }
    #expect(try node.state.all("alert_models").isEmpty)
    task.cancel()
    try await task.value
    let times = node.store.samples(recorded).compactMap { Int64($0.split(separator: " ")[0]) }
    #expect(zip(times.dropFirst(), times).allSatisfy { $0 - $1 == 60_000 })
    #expect(try #require(times.first) - 1_000_000_000_000 <= 60_000)
    #expect(node.counter("edgewatch_rule_group_iterations_missed_total") == 0)
    // The half hour going on is saved too.
    let saved = try node.state.all("alert_models")
    #expect(saved.count == 1)
    let (_, model) = try SeriesModel.decode(try #require(saved.first).value)
    #expect(try #require(model.lastTick) * 300_000 > 1_000_000_000_000)
}

@Test func rulesOfOneNameInTwoFilesDoNotResolveEachOther() async throws {
    let inbox = Inbox()
    let server = try TestServer { request, connection in
        inbox.take(request.body)
        connection.respond(200)
    }
    defer { server.stop() }
    let node = try Node()
    let quiet = rules.replacingOccurrences(of: "free < 10", with: "free < 1")
    try node.service.load(
        files: [(path: "a.yml", bytes: Array(rules.utf8)), (path: "b.yml", bytes: Array(quiet.utf8))],
        alerting: webhook("http://127.0.0.1:\(server.port)/hook"),
        evaluationInterval: .seconds(60)
    )
    node.store.add(free, 60_000, 5)
    node.store.add(free, 240_000, 50)
    try await running(node) {
        for minute in 1...4 { await node.evaluate(Int64(minute) * 60_000) }
        let bodies = try await inbox.wait(for: 2).map(text)
        #expect(bodies[0].contains(#""status":"firing""#))
        #expect(bodies[1].contains(#""endsAt":"1970-01-01T00:04:00Z""#))
        while try !node.state.all(Outbox.table).isEmpty { try await Task.sleep(for: .milliseconds(5)) }
    }
    #expect(inbox.all.count == 2)
}
