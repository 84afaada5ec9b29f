// SPDX-License-Identifier: Apache-2.0
//
// The real thing: Debian's prometheus and victoria-metrics receive what sync sends, once and again, and count it.

import Config
import Foundation
import HTTPClient
import Platform
import Samples
import StateStore
import TestServer
import Testing

@testable import Sync

/// A receiver's process in its own directory; ended by its own process id.
private final class Peer {
    let port: Int
    private let process = Process()
    private let directory: URL

    init?(_ binary: String, _ arguments: (_ port: Int, _ directory: String) -> [String]) throws {
        guard FileManager.default.isExecutableFile(atPath: binary) else {
            print("SKIPPED: \(binary) is not installed; this receiver is NOT tested")
            return nil
        }
        // A port nobody has at this moment.
        let probe = try TestServer { _, _ in }
        port = probe.port
        probe.stop()
        directory = FileManager.default.temporaryDirectory.appending(path: "peer-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        try Data("global: {scrape_interval: 1h}\n".utf8).write(
            to: directory.appending(path: "prometheus.yml")
        )
        process.executableURL = URL(fileURLWithPath: binary)
        process.arguments = arguments(port, directory.path)
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        process.currentDirectoryURL = directory
        try process.run()
    }

    func end() {
        // The child inherits this thread's blocked signals, so only this one is sure to arrive.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: directory)
    }
}

@Suite struct RealReceiverTests {
    private let bench: Bench

    init() throws {
        bench = try Bench()
    }

    private func scalar(_ query: String, at time: Int64, port: Int) async throws -> Double? {
        let escaped = query.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        let url = "http://127.0.0.1:\(port)/api/v1/query?query=\(escaped)&time=\(time / 1000)&nocache=1"
        guard let response = try? await bench.http.send(HTTPClientRequest(url: url)), response.status == 200,
            let answer = try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any],
            let data = answer["data"] as? [String: Any], let result = data["result"] as? [[String: Any]],
            let value = result.first?["value"] as? [Any], let text = value.last as? String
        else { return nil }
        return Double(text)
    }

    /// Waits until a query gives a value; receivers show what they stored a moment later.
    private func expect(_ query: String, _ wanted: Double, at time: Int64, port: Int) async throws {
        var last: Double?
        for _ in 0..<600 {
            last = try await scalar(query, at: time, port: port)
            if last == wanted { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        Issue.record("\(query) is \(String(describing: last)) and not \(wanted)")
    }

    private func check(
        _ peer: Peer,
        type: RemoteWriteConfig.ReceiverType = .auto,
        rejectsRepetition: Bool
    ) async throws {
        defer { peer.end() }
        // 100 rows of 20 series, the last ending half a minute ago.
        let now = bench.clock.wallMilliseconds() / 1000 * 1000
        bench.log.append(rows: 100, series: 20, from: now - 130_000)
        let end = now - 30_000
        bench.log.append(
            MemoryLog.Row(
                timestamp: end,
                samples: [(Labels().setting("__name__", "m").setting("i", "0"), StaleMarker.value)]
            )
        )
        var config = Bench.destination("http://127.0.0.1:\(peer.port)/api/v1/write", samplesPerRequest: 300)
        config.type = type
        let bench = bench
        // The second time as after a kill that lost the cursor: everything once more, in other requests.
        for size in [300, 170] {
            try bench.state.remove(StreamRecord.table, StreamRecord.key(destination: "d", rule: .everything))
            let service = bench.service()
            service.configure(
                [config],
                externalLabels: Labels().setting("node", "edge1"),
                sync: Bench.sync(samplesPerRequest: size)
            )
            try await bench.run(service) { try bench.savedCursor() == 101 }
        }
        // Prometheus rejects repeated samples but each series' newest; sync gives up those and nothing new.
        let repeated = bench.counter("edgewatch_sync_dropped_samples_total", ["reason": "out_of_order"]) ?? 0
        #expect(rejectsRepetition ? (1981...2001).contains(repeated) : repeated == 0)
        #expect(bench.counter("edgewatch_sync_dropped_samples_total", ["reason": "rejected"]) == 0)
        #expect((bench.counter("edgewatch_sync_sent_samples_total") ?? 0) + repeated == 4002)
        try await expect("sum(count_over_time(m{node=\"edge1\"}[10m]))", 2000, at: end, port: peer.port)
        try await expect(
            "count(count_over_time(m{node=\"edge1\"}[10m]) == 100)",
            20,
            at: end,
            port: peer.port
        )
        try await expect("sum(sum_over_time(m[10m]))", 1999 * 2000 / 2, at: end, port: peer.port)
        // The stale series is gone from the instant it ended, the others are not.
        try await expect("count(m)", 19, at: end, port: peer.port)
    }

    @Test func prometheusHasEverySampleOnce() async throws {
        guard
            let peer = try Peer(
                "/usr/bin/prometheus",
                { port, directory in
                    [
                        "--config.file=\(directory)/prometheus.yml", "--storage.tsdb.path=\(directory)/data",
                        "--web.listen-address=127.0.0.1:\(port)", "--web.enable-remote-write-receiver",
                    ]
                }
            )
        else { return }
        try await check(peer, rejectsRepetition: true)
    }

    @Test func victoriaMetricsHasEverySampleOnce() async throws {
        guard
            let peer = try Peer(
                "/usr/bin/victoria-metrics",
                { port, directory in
                    [
                        "-storageDataPath=\(directory)/data", "-httpListenAddr=127.0.0.1:\(port)",
                        // It keeps repeated samples apart unless told otherwise.
                        "-dedup.minScrapeInterval=1ms", "-search.latencyOffset=0s",
                    ]
                }
            )
        else { return }
        // It is sent zstd first. Versions that do not know that say 400 and get snappy; either way nothing is lost.
        try await check(peer, type: .victoriametrics, rejectsRepetition: false)
    }
}
