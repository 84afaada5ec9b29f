// SPDX-License-Identifier: Apache-2.0
//
// Discovery against an API server that does everything a server may do to a list and a watch, one after the other. What
// the state makes of it is tested without sockets in ObjectWatchTests; here it is that the shell asks the right things
// and hands everything over.

import Config
import Foundation
import HTTPClient
import Platform
import Synchronization
import TestServer
import Testing
import Wire

@testable import Collector

@Suite struct KubernetesDiscoveryTests {
    private static func pod(_ name: String, version: Int) -> String {
        """
        {"metadata":{"name":"\(name)","namespace":"d","resourceVersion":"\(version)"},\
        "status":{"podIP":"10.0.0.1"},"spec":{"containers":[{"name":"c"}]}}
        """
    }

    private static func list(_ names: [String], version: Int, next: String = "") -> String {
        let items = names.map { pod($0, version: 1) }.joined(separator: ",")
        return
            "{\"metadata\":{\"resourceVersion\":\"\(version)\",\"continue\":\"\(next)\"},\"items\":[\(items)]}"
    }

    private static func event(_ type: String, _ name: String, version: Int) -> String {
        "{\"type\":\"\(type)\",\"object\":\(pod(name, version: version))}\n"
    }

    private static func chunked(_ connection: TestConnection, _ pieces: [String], ends: Bool = true) {
        connection.write(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for piece in pieces {
            connection.write("\(String(piece.utf8.count, radix: 16))\r\n\(piece)\r\n")
        }
        if ends { connection.write("0\r\n\r\n") }
    }

    /// Requests without what is random in them.
    private final class Requests: Sendable {
        private let paths = Mutex<[String]>([])
        var all: [String] { paths.withLock { $0 } }

        /// Notes a request; gives its number from 0.
        func add(_ path: String) -> Int {
            let seconds = path.firstRange(of: /timeoutSeconds=\d+/).map {
                path.replacingCharacters(in: $0, with: "S")
            }
            return paths.withLock { paths in
                paths.append(seconds ?? path)
                return paths.count - 1
            }
        }
    }

    /// What is published until the sources are these.
    private func sources(
        _ discovery: KubernetesDiscovery,
        until wanted: [String]
    ) async -> [[String]] {
        let (published, continuation) = AsyncStream<[String]>.makeStream()
        let task = Task {
            await discovery.run(
                DiscoveryReport(
                    publish: { continuation.yield($0.map(\.source)) },
                    fail: { continuation.yield(["! \($0)"]) }
                )
            )
        }
        var all: [[String]] = []
        for await sources in published {
            all.append(sources)
            if sources == wanted { break }
        }
        task.cancel()
        await task.value
        return all
    }

    private static func watches(_ telemetry: Telemetry = Telemetry(), limit: Int = 32) -> KubernetesWatches {
        KubernetesWatches(
            http: HTTPClient(userAgent: "t"),
            clock: ManualClock(wallMilliseconds: 0),
            telemetry: telemetry,
            streamLimit: limit
        )
    }

    private func discovery(
        _ server: String,
        _ watches: KubernetesWatches? = nil,
        _ change: (inout KubernetesDiscoveryConfig) -> Void = { _ in }
    ) -> KubernetesDiscovery {
        var config = KubernetesDiscoveryConfig(role: .pod)
        config.apiServer = server
        change(&config)
        return KubernetesDiscovery(config, watches ?? KubernetesDiscoveryTests.watches())
    }

    @Test(.timeLimit(.minutes(1))) func everythingAServerMayDo() async throws {
        let requests = Requests()
        let server = try TestServer { request, connection in
            switch requests.add(request.path) {
            case 0: connection.respond(401, "{\"kind\":\"Status\",\"code\":401,\"message\":\"who?\"}")
            case 1: connection.respond(200, Self.list(["x"], version: 50, next: "t1"))
            case 2: connection.respond(410, "{\"code\":410}")
            case 3: connection.respond(200, Self.list(["a"], version: 100, next: "t 2/3"))
            case 4: connection.respond(200, Self.list(["b"], version: 100))
            case 5: connection.respond(410, "{\"code\":410}")
            case 6: connection.respond(200, Self.list(["a", "b"], version: 200))
            case 7:
                // An event in two pieces, then half of one.
                let line = Self.event("ADDED", "c", version: 201)
                Self.chunked(
                    connection,
                    [String(line.prefix(30)), String(line.dropFirst(30)), String(line.prefix(40))]
                )
            case 8:
                Self.chunked(connection, [Self.event("DELETED", "b", version: 202)], ends: false)
                connection.finish()
            case 9: connection.respond(500, "etcd is away")
            case 10:
                Self.chunked(
                    connection,
                    ["{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"250\"}}}\n"]
                )
            case 11: Self.chunked(connection, ["{\"type\":\"ERROR\",\"object\":{\"code\":410}}\n"])
            case 12: connection.respond(200, Self.list(["a", "c"], version: 300))
            case 13: Self.chunked(connection, ["oops\n"])
            case 14: connection.respond(200, Self.list(["a", "c"], version: 400))
            case 15:
                Self.chunked(connection, [Self.event("ADDED", "d", version: 401)], ends: false)
                connection.waitForEnd()
            default: connection.respond(404)
            }
        }
        defer { server.stop() }
        let all = await sources(discovery(server.url("")), until: ["pod/d/a", "pod/d/c", "pod/d/d"])
        let (list, watch) = (
            "/api/v1/pods?limit=100", "/api/v1/pods?watch=1&allowWatchBookmarks=true&resourceVersion="
        )
        #expect(
            requests.all == [
                list, list, "\(list)&continue=t1", list, "\(list)&continue=t%202%2F3", "\(watch)100&S", list,
                "\(watch)200&S", "\(watch)201&S", "\(watch)202&S", "\(watch)202&S", "\(watch)250&S", list,
                "\(watch)300&S", list, "\(watch)400&S",
            ]
        )
        // At no time is there a list with too little or too much.
        let whole = Set(all.filter { $0.first?.hasPrefix("!") != true })
        #expect(
            whole.isSubset(of: [
                ["pod/d/a", "pod/d/b"], ["pod/d/a", "pod/d/b", "pod/d/c"], ["pod/d/a", "pod/d/c"],
                ["pod/d/a", "pod/d/c", "pod/d/d"],
            ])
        )
    }

    @Test(.timeLimit(.minutes(1))) func selectorsNamespacesAndTokens() async throws {
        let token = FileManager.default.temporaryDirectory.appending(path: "edgewatch-\(UUID().uuidString)")
        try Data("first\n".utf8).write(to: token)
        defer { try? FileManager.default.removeItem(at: token) }
        let paths = Mutex<Set<String>>([])
        let server = try TestServer { request, connection in
            // The token is replaced while it runs; the request after a 401 has the new one.
            guard request.headers["authorization"] == "Bearer second" else {
                try? Data("second".utf8).write(to: token)
                return connection.respond(401)
            }
            if request.path.contains("watch=1") {
                Self.chunked(connection, [], ends: false)
                return connection.waitForEnd()
            }
            paths.withLock { _ = $0.insert(request.path) }
            let names = request.path.contains("/pods") ? ["p"] : []
            connection.respond(200, Self.list(names, version: 1))
        }
        defer { server.stop() }
        let discovery = discovery(server.url("/k8s/")) { config in
            config.namespaces = ["d", "e", "d"]
            config.attachesNode = true
            config.selectors = [.init(role: .pod), .init(role: .node)]
            config.selectors[0].label = "app in (a, b)"
            config.selectors[0].field = "status.phase=Running"
            config.selectors[1].label = "site=north"
            config.http.authorization = AuthorizationConfig()
            config.http.authorization?.credentialsFile = token.path
        }
        _ = await sources(discovery, until: ["pod/d/p"])
        let selectors = "labelSelector=app%20in%20%28a%2C%20b%29&fieldSelector=status.phase%3DRunning"
        #expect(
            paths.withLock { $0 } == [
                "/k8s/api/v1/namespaces/d/pods?limit=100&\(selectors)",
                "/k8s/api/v1/namespaces/e/pods?limit=100&\(selectors)",
                "/k8s/api/v1/nodes?limit=100&labelSelector=site%3Dnorth",
            ]
        )
    }

    @Test(.timeLimit(.minutes(1))) func aKubeconfigIsReadAgainWhenItsTokenIsRefused() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "edgewatch-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        let text = Mutex("")
        let server = try TestServer { request, connection in
            guard request.headers["authorization"] == "Bearer second" else {
                try? Data(text.withLock { $0.replacing("first", with: "second") }.utf8).write(to: file)
                return connection.respond(401)
            }
            if request.path.contains("watch=1") {
                Self.chunked(connection, [], ends: false)
                return connection.waitForEnd()
            }
            connection.respond(200, Self.list(["p"], version: 1))
        }
        defer { server.stop() }
        text.withLock {
            $0 = """
                {current-context: c, contexts: [{name: c, context: {cluster: k, user: u}}],
                 clusters: [{name: k, cluster: {server: '\(server.url(""))'}}], users: [{name: u, user: {token: first}}]}
                """
        }
        try Data(text.withLock { $0 }.utf8).write(to: file)
        let discovery = discovery("") { config in
            config.apiServer = nil
            config.kubeconfigFile = file.path
        }
        _ = await sources(discovery, until: ["pod/d/p"])
    }

    @Test(.timeLimit(.minutes(1))) func aForbiddenListIsSaid() async throws {
        let server = try TestServer { _, connection in
            connection.respond(403, "{\"kind\":\"Status\",\"code\":403,\"message\":\"may not list pods\"}")
        }
        defer { server.stop() }
        let words = "! pods: HTTP status 403: may not list pods"
        let all = await sources(discovery(server.url("")), until: [words])
        #expect(all == [[words]])
    }

    @Test func whereTheServerIs() throws {
        let directory = FileManager.default.temporaryDirectory.appending(
            path: "edgewatch-\(UUID().uuidString)"
        )
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        try Data("shop\n".utf8).write(to: directory.appending(path: "namespace"))
        var config = KubernetesDiscoveryConfig(role: .pod)
        config.ownNamespace = true
        let environment = ["KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"]
        let access = try KubernetesAccess(config, environment: { environment[$0] }, account: directory.path)
        #expect(access.server == "https://[fd00::1]:443" && access.ownNamespace == "shop")
        #expect(access.http.authorization?.credentialsFile == directory.path + "/token")
        #expect(access.http.tls.caFile == directory.path + "/ca.crt")
        #expect(KubernetesDiscovery.requests(config, own: "shop").map(\.namespace) == ["shop"])
        #expect(throws: KubernetesAccessError.self) {
            try KubernetesAccess(config, environment: { _ in nil })
        }

        config.kubeconfigFile = directory.path + "/kube.yml"
        #expect(throws: KubernetesAccessError.self) {
            try KubernetesAccess(config, environment: { _ in nil })
        }
        let text = """
            {current-context: c, contexts: [{name: c, context: {cluster: k}}],
             clusters: [{name: k, cluster: {server: 'http://h:1/p/'}}]}
            """
        try Data(text.utf8).write(to: directory.appending(path: "kube.yml"))
        #expect(try KubernetesAccess(config, environment: { _ in nil }).server == "http://h:1/p")
    }
}
