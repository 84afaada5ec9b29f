// SPDX-License-Identifier: Apache-2.0
//
// Watches that several discoveries share: one stream for all of them, handed on when the one that runs it goes, forgotten
// when nobody needs it; and what happens where there are more watches than streams.

import Config
import Foundation
import HTTPClient
import Platform
import Synchronization
import TestServer
import Testing
import Wire

@testable import Collector

@Suite struct SharedWatchTests {
    /// What a server is asked, and its streams.
    private final class Cluster: Sendable {
        private let state = Mutex(State())
        private struct State {
            var requests: [String] = []
            var objects: [String: [String]] = [:]
            var streams: [(collection: String, connection: TestConnection)] = []
        }

        init(_ objects: [String: [String]]) {
            state.withLock { $0.objects = objects }
        }

        /// Paths with the version watched from, sorted.
        var requests: [String] { state.withLock { $0.requests.sorted() } }
        var streamCount: Int { state.withLock { $0.streams.count } }

        func set(_ collection: String, _ objects: [String]) {
            state.withLock { $0.objects[collection] = objects }
        }

        func answer(_ request: TestRequest, _ connection: TestConnection) {
            let path = request.path.prefix { $0 != "?" }
            let collection = String(path.split(separator: "/").last ?? "")
            let version = request.path.firstMatch(of: /resourceVersion=(\d+)/).map { " from \($0.1)" } ?? ""
            if version.isEmpty {
                let items = state.withLock { state in
                    state.requests.append("list \(path)")
                    return state.objects[collection] ?? []
                }
                return connection.respond(
                    200,
                    "{\"metadata\":{\"resourceVersion\":\"100\"},\"items\":[\(items.joined(separator: ","))]}"
                )
            }
            connection.write(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            state.withLock { state in
                state.requests.append("watch \(path)\(version)")
                state.streams.append((collection, connection))
            }
            connection.waitForEnd()
            state.withLock { state in state.streams.removeAll { $0.connection === connection } }
        }

        /// Sends an event to every stream of a collection.
        func send(_ type: String, _ object: String, to collection: String) {
            let line = "{\"type\":\"\(type)\",\"object\":\(object)}\n"
            for stream in state.withLock({ $0.streams }) where stream.collection == collection {
                stream.connection.write("\(String(line.utf8.count, radix: 16))\r\n\(line)\r\n")
            }
        }
    }

    private static func pod(_ name: String, version: Int = 1) -> String {
        """
        {"metadata":{"name":"\(name)","namespace":"d","resourceVersion":"\(version)"},\
        "status":{"podIP":"10.0.0.1"},"spec":{"containers":[{"name":"c"}]}}
        """
    }

    private static func endpoints(_ name: String) -> String {
        """
        {"metadata":{"name":"\(name)","namespace":"d","resourceVersion":"1"},"subsets":[{"ports":[{"port":1}],\
        "addresses":[{"ip":"10.0.0.9"}]}]}
        """
    }

    /// A discovery at work, and what it found last.
    private struct Running {
        let task: Task<Void, Never>
        let found: AsyncStream<[String]>

        init(_ config: KubernetesDiscoveryConfig, _ watches: KubernetesWatches) {
            let (found, continuation) = AsyncStream<[String]>.makeStream()
            self.found = found
            let discovery = KubernetesDiscovery(config, watches)
            task = Task {
                await discovery.run(
                    DiscoveryReport(
                        publish: { continuation.yield($0.map(\.source)) },
                        fail: { continuation.yield(["! \($0)"]) }
                    )
                )
                continuation.finish()
            }
        }

        func wait(for sources: [String]) async {
            for await now in found where now == sources { return }
        }

        func end() async {
            task.cancel()
            await task.value
        }
    }

    private func watches(_ telemetry: Telemetry = Telemetry(), limit: Int = 32) -> KubernetesWatches {
        KubernetesWatches(
            http: HTTPClient(userAgent: "t"),
            clock: ManualClock(wallMilliseconds: 0),
            telemetry: telemetry,
            streamLimit: limit
        )
    }

    private func config(
        _ server: TestServer,
        _ role: KubernetesDiscoveryConfig.Role
    )
        -> KubernetesDiscoveryConfig
    {
        var config = KubernetesDiscoveryConfig(role: role)
        config.apiServer = server.url("")
        return config
    }

    /// Waits until it is so.
    private func until(_ condition: () -> Bool) async {
        while !condition() { await Task.yield() }
    }

    private static func value(_ telemetry: Telemetry, by: String) -> Double? {
        telemetry.families().first { $0.name == "edgewatch_kubernetes_watches" }?.samples
            .first { $0.labels.contains { $0.name == "by" && $0.value == by } }?.value
    }

    @Test(.timeLimit(.minutes(1))) func oneStreamForAll() async throws {
        let cluster = Cluster(["pods": [Self.pod("a")], "endpoints": [Self.endpoints("e")]])
        let server = try TestServer { cluster.answer($0, $1) }
        defer { server.stop() }
        let telemetry = Telemetry()
        let watches = watches(telemetry)
        let first = Running(config(server, .pod), watches)
        await first.wait(for: ["pod/d/a"])
        let second = Running(config(server, .pod), watches)
        await second.wait(for: ["pod/d/a"])
        let third = Running(config(server, .endpoints), watches)
        await third.wait(for: ["endpoints/d/e"])
        await until { cluster.streamCount == 3 }
        let lists = ["list /api/v1/endpoints", "list /api/v1/pods", "list /api/v1/services"]
        let streams = [
            "watch /api/v1/endpoints from 100", "watch /api/v1/pods from 100",
            "watch /api/v1/services from 100",
        ]
        #expect(cluster.requests == lists + streams)
        #expect(watches.count == 3)
        #expect(Self.value(telemetry, by: "stream") == 3 && Self.value(telemetry, by: "list") == 0)

        cluster.send("ADDED", Self.pod("b", version: 101), to: "pods")
        await first.wait(for: ["pod/d/a", "pod/d/b"])
        await second.wait(for: ["pod/d/a", "pod/d/b"])

        // The one that runs the stream of pods goes; another goes on from where it was, without a list.
        await first.end()
        await until { cluster.requests.contains("watch /api/v1/pods from 101") }
        await until { cluster.streamCount == 3 }
        cluster.send("DELETED", Self.pod("a", version: 102), to: "pods")
        await second.wait(for: ["pod/d/b"])
        #expect(cluster.requests == (lists + streams + ["watch /api/v1/pods from 101"]).sorted())

        await second.end()
        #expect(watches.count == 3)
        await third.end()
        #expect(watches.count == 0)
        #expect(Self.value(telemetry, by: "stream") == 0)
    }

    /// Another credential, selector or namespace is another watch.
    @Test(.timeLimit(.minutes(1))) func onlyWhatIsTheSameIsShared() async throws {
        let cluster = Cluster(["pods": [Self.pod("a")]])
        let server = try TestServer { cluster.answer($0, $1) }
        defer { server.stop() }
        let watches = watches()
        var configs = [KubernetesDiscoveryConfig](repeating: config(server, .pod), count: 5)
        configs[1].http.authorization = AuthorizationConfig()
        configs[1].http.authorization?.credentialsFile = "/proc/self/comm"
        configs[2].namespaces = ["d"]
        configs[3].selectors = [.init(role: .pod)]
        configs[3].selectors[0].label = "a=b"
        configs[4].attachesNode = true
        var running: [Running] = []
        for config in configs {
            running.append(Running(config, watches))
            await running[running.count - 1].wait(for: ["pod/d/a"])
        }
        // The last shares its pods with the first, and has nodes besides.
        #expect(watches.count == 5)
        for one in running { await one.end() }
        #expect(watches.count == 0)
    }

    @Test(.timeLimit(.minutes(1))) func withoutAStreamListsAreReadAgain() async throws {
        let cluster = Cluster(["pods": [Self.pod("a")]])
        let server = try TestServer { cluster.answer($0, $1) }
        defer { server.stop() }
        let telemetry = Telemetry()
        let running = Running(config(server, .pod), watches(telemetry, limit: 0))
        await running.wait(for: ["pod/d/a"])
        await until { Self.value(telemetry, by: "list") == 1 }
        cluster.set("pods", [Self.pod("b")])
        await running.wait(for: ["pod/d/b"])
        await running.end()
        #expect(Set(cluster.requests) == ["list /api/v1/pods"])
        #expect(Self.value(telemetry, by: "list") == 0 && Self.value(telemetry, by: "stream") == 0)
    }

    @Test func streamsAreBounded() async {
        let telemetry = Telemetry()
        let watches = watches(telemetry, limit: 1)
        let isRun = await watches.withStream {
            #expect(Self.value(telemetry, by: "stream") == 1)
            let isSecondRun = await watches.withStream { Issue.record("no stream was left") }
            #expect(!isSecondRun)
        }
        #expect(isRun && Self.value(telemetry, by: "stream") == 0)
        let isNextRun = await watches.withStream {}
        #expect(isNextRun)
    }

    @Test(.timeLimit(.minutes(1))) func aServerThatIsBusyIsLeftAlone() async throws {
        let cluster = Cluster(["pods": [Self.pod("a")]])
        let refusals = Mutex(0)
        let server = try TestServer { request, connection in
            switch refusals.withLock({ count in
                count += 1
                return count
            }) {
            case 1: connection.respond(429, headers: [("Retry-After", "70")])
            case 2:
                connection.respond(503, "{\"code\":503,\"details\":{\"retryAfterSeconds\":90}}")
            default: cluster.answer(request, connection)
            }
        }
        defer { server.stop() }
        let watches = watches()
        let running = Running(config(server, .pod), watches)
        await running.wait(for: ["pod/d/a"])
        // Nobody else lets this clock go on but for fractions of a second.
        let seconds = watches.clock.monotonicNanoseconds() / 1_000_000_000
        #expect((160..<170).contains(seconds))
        await running.end()
    }

    @Test(.timeLimit(.minutes(1))) func aKubeconfigIsReadAgainWhenItsServerMoves() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "edgewatch-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        func write(_ server: String) throws {
            let text = """
                {current-context: c, contexts: [{name: c, context: {cluster: k}}],
                 clusters: [{name: k, cluster: {server: '\(server)'}}]}
                """
            try Data(text.utf8).write(to: file, options: .atomic)
        }
        let cluster = Cluster(["pods": [Self.pod("a")]])
        let server = try TestServer { cluster.answer($0, $1) }
        defer { server.stop() }
        let gone = try TestServer { _, connection in connection.respond(500) }
        try write(gone.url(""))
        var config = config(server, .pod)
        config.apiServer = nil
        config.kubeconfigFile = file.path
        let running = Running(config, watches())
        for await words in running.found where words[0].hasPrefix("! pods: HTTP status 500") { break }
        try write(server.url(""))
        await running.wait(for: ["pod/d/a"])
        await running.end()
        gone.stop()
    }
}
