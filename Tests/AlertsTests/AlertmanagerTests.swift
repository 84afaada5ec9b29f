// SPDX-License-Identifier: Apache-2.0
//
// Against the real Alertmanager, started on loopback with a directory of its own and ended by its process.

import Config
import Foundation
import HTTPClient
import Samples
import Testing
import Wire

@testable import Alerts

private struct Alertmanager {
    static let path = "/usr/bin/prometheus-alertmanager"

    let process: Process
    let directory: URL
    let port: Int

    init() throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "alerts-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let config = directory.appending(path: "alertmanager.yml")
        try Data("route: {receiver: none}\nreceivers: [{name: none}]\n".utf8).write(to: config)
        port = try Self.freePort()
        process = Process()
        process.executableURL = URL(filePath: Self.path)
        process.arguments = [
            "--config.file=\(config.path)", "--storage.path=\(directory.path)",
            "--web.listen-address=127.0.0.1:\(port)", "--cluster.listen-address=",
        ]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    func stop() {
        process.terminate()
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: directory)
    }

    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(descriptor, generic, length) == 0 && getsockname(descriptor, generic, &length) == 0
            }
        }
        try #require(bound)
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

/// The alerts Alertmanager lists, once `isRight` accepts them; fails the test after five minutes: other tests keep the machine busy.
private func alerts(
    _ manager: Alertmanager,
    _ client: HTTPClient,
    until isRight: ([JSONValue]) -> Bool
) async throws -> [JSONValue] {
    let request = HTTPClientRequest(
        url: "http://127.0.0.1:\(manager.port)/api/v2/alerts",
        timeout: .seconds(5)
    )
    let end = ContinuousClock.now.advanced(by: .seconds(300))
    var seen: [JSONValue] = []
    while ContinuousClock.now < end {
        if let response = try? await client.send(request), response.status == 200 {
            seen = try JSONReader.parse(response.body).array ?? []
            if isRight(seen) { return seen }
        }
        try await Task.sleep(for: .milliseconds(20))
    }
    Issue.record("Alertmanager never listed what was expected, but \(seen)")
    return seen
}

@Test func theRealAlertmanagerShowsAFiringAndLaterAResolvedAlert() async throws {
    guard FileManager.default.isExecutableFile(atPath: Alertmanager.path) else {
        print(
            "SKIPPED theRealAlertmanagerShowsAFiringAndLaterAResolvedAlert: \(Alertmanager.path) is not installed"
        )
        return
    }
    let manager = try Alertmanager()
    defer { manager.stop() }
    let client = HTTPClient(userAgent: "test")
    _ = try await alerts(manager, client) { $0.isEmpty }

    let node = try Node()
    var config = AlertmanagerConfig()
    config.staticConfigs = [TargetGroup(targets: ["127.0.0.1:\(manager.port)"])]
    node.alerting.alertmanagers = [config]
    try node.load(
        """
        groups:
        - name: disk
          rules:
          - alert: DiskFull
            expr: free < 10
            labels: {severity: page}
            annotations: {summary: "{{ $labels.device }} has {{ $value }} left"}
        """
    )
    #expect(node.service.alertmanagers() == ["http://127.0.0.1:\(manager.port)/api/v2/alerts"])
    // Alertmanager compares with its own clock, so the samples are of now.
    let now = Int64(Date().timeIntervalSince1970 * 1000)
    let free = labels(["__name__": "free", "device": "sda"])
    node.store.add(free, now - 120_000, 5)
    node.store.add(free, now, 50)
    let notifier = node.service.notifier
    let task = Task { await notifier.run() }
    defer { task.cancel() }

    await node.evaluate(now - 60_000)
    let firing = try await alerts(manager, client) { $0.count == 1 }
    let alert = try #require(firing.first)
    let identity = labels(["alertname": "DiskFull", "device": "sda", "severity": "page", "site": "berlin"])
    #expect(alert["fingerprint"]?.string == Fingerprint(identity).description)
    #expect(
        alert["labels"]?.object?.mapValues { $0.string ?? "" }
            == ["alertname": "DiskFull", "device": "sda", "severity": "page", "site": "berlin"]
    )
    #expect(alert["annotations"]?["summary"]?.string == "sda has 5 left")
    #expect(alert["status"]?["state"]?.string == "active")
    #expect(alert["generatorURL"]?.string == "http://edge:9090/graph?g0.expr=free+%3C+10&g0.tab=1")
    #expect(alert["startsAt"]?.string.flatMap(RFC3339.parse) == Timestamp(milliseconds: now - 60_000))
    #expect(alert["endsAt"]?.string.flatMap(RFC3339.parse) == Timestamp(milliseconds: now + 180_000))

    await node.evaluate(now)
    // A resolved alert is no longer listed by default.
    _ = try await alerts(manager, client) { $0.isEmpty }
    task.cancel()
    await task.value
    #expect(node.counter("edgewatch_notifications_sent_total") == 2)
    #expect(node.counter("edgewatch_notifications_errors_total") == 0)
}
