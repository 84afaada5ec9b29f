// SPDX-License-Identifier: Apache-2.0
//
// Discovery against Tests/Integration/kubernetes_server.py, a server nobody wrote for this client: objects change while
// streams are cut, closed, slow, refused and forgotten, and after each the targets are exactly those of the cluster.

import Config
import Foundation
import Glibc
import HTTPClient
import Platform
import Samples
import Testing
import Wire

@testable import Collector

@Suite struct KubernetesServerTests {
    /// The server's process and its URL.
    private struct Server {
        let process = Process()
        let url: String
        let client = HTTPClient(userAgent: "t")

        init() throws {
            let script = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
                .deletingLastPathComponent().appending(path: "Integration/kubernetes_server.py")
            let output = Pipe()
            process.executableURL = URL(filePath: "/usr/bin/env")
            process.arguments = ["python3", script.path]
            process.standardOutput = output
            // Held open by a server that outlives a failed run, it would keep the whole run of the tests from ending.
            process.standardError = FileHandle.nullDevice
            try process.run()
            let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
            url = line.trimmingCharacters(in: .whitespacesAndNewlines)
        }

        /// Ends it.
        ///
        /// Not by SIGTERM: a process has the signals blocked that the thread has which starts it, and a thread of
        /// the pool has all of them.
        func kill() {
            Glibc.kill(process.processIdentifier, SIGKILL)
        }

        func control(_ method: String, _ path: String, _ body: String = "null") async throws {
            let request = HTTPClientRequest(method: method, url: url + path, body: Array(body.utf8))
            let answer = try await client.send(request)
            try #require(answer.status == 200)
        }
    }

    private static func pod(_ name: String, _ address: String) -> String {
        """
        {"metadata":{"name":"\(name)","namespace":"d"},"spec":{"containers":[{"name":"c"}]},\
        "status":{"podIP":"\(address)"}}
        """
    }

    @Test(.timeLimit(.minutes(2))) func nothingIsLostWhateverTheServerDoes() async throws {
        let server = try Server()
        defer { server.kill() }
        try await server.control("POST", "/_faults", "{\"unauthorized\":1,\"broken\":1}")
        var config = KubernetesDiscoveryConfig(role: .pod)
        config.apiServer = server.url
        config.namespaces = ["d"]
        // No pause takes time by this clock, so a server that fails is asked again at once.
        let discovery = KubernetesDiscovery(
            config,
            KubernetesWatches(
                http: HTTPClient(userAgent: "t"),
                clock: ManualClock(wallMilliseconds: 0),
                telemetry: Telemetry()
            )
        )
        let (published, continuation) = AsyncStream<[String]>.makeStream()
        let report = DiscoveryReport(
            publish: { groups in
                continuation.yield(groups.flatMap { $0.targets.map { $0["__address__"] ?? "" } }.sorted())
            },
            fail: { _ in }
        )
        let task = Task { await discovery.run(report) }
        var present: Set<String> = []

        func wait(for present: Set<String>) async {
            for await found in published {
                // Never one twice.
                #expect(Set(found).count == found.count)
                if Set(found) == present { return }
            }
        }
        await wait(for: present)
        let faults = [
            "", "cut", "close", "slow", "huge", "watch_error", "watch_garbled", "watch_gone", "watch_ahead",
            "broken", "busy", "unauthorized", "forget",
        ]
        for (number, fault) in faults.enumerated() {
            if fault == "forget" {
                try await server.control("POST", "/_forget")
            } else if !fault.isEmpty {
                // A stream that ends brings the requests that are to fail.
                try await server.control("POST", "/_faults", "{\"\(fault)\":2,\"close\":2}")
            }
            for index in 0..<4 {
                let address = "10.\(number).0.\(index)"
                try await server.control("POST", "/_objects/pods", Self.pod("p\(number)-\(index)", address))
                present.insert(address)
            }
            if number > 0 {
                try await server.control("DELETE", "/_objects/pods/d/p\(number - 1)-0")
                present.remove("10.\(number - 1).0.0")
                let address = "10.\(number - 1).9.1"
                try await server.control("POST", "/_objects/pods", Self.pod("p\(number - 1)-1", address))
                present.remove("10.\(number - 1).0.1")
                present.insert(address)
            }
            await wait(for: present)
        }
        task.cancel()
        await task.value
    }
}
