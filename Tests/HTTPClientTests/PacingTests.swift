// SPDX-License-Identifier: Apache-2.0
//
// What a request may say of its way: how fast its body goes, what it may cost, whom it shares a connection with, who
// pays.

import HTTPClient
import Synchronization
import TestServer
import Testing

/// Gives what a script says, and everything once the script is over.
private final class Script: BytePacing {
    private struct State {
        var grants: [Int]
        var asked: [Int] = []
        var given = 0
    }

    private let state: Mutex<State>

    init(_ grants: [Int]) {
        state = Mutex(State(grants: grants))
    }

    func take(_ wanted: Int) -> Int {
        state.withLock { state in
            state.asked.append(wanted)
            let granted = min(wanted, state.grants.isEmpty ? wanted : state.grants.removeFirst())
            state.given += granted
            return granted
        }
    }

    var given: Int { state.withLock { $0.given } }
    var asked: Int { state.withLock { $0.asked.count } }
}

struct PacingTests {
    private let client = HTTPClient(userAgent: "test")

    @Test func aPacedBodyArrivesWhole() async throws {
        let bodies = Mutex<[[UInt8]]>([])
        let server = try TestServer { request, connection in
            bodies.withLock { $0.append(request.body) }
            connection.respond(204)
        }
        defer { server.stop() }
        let body = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let script = Script([0, 10, 0, 0, 5_000, 1, 0])
        var request = HTTPClientRequest(method: "POST", url: server.url(), body: body)
        request.pacer = script
        #expect(try await client.send(request).status == 204)
        #expect(bodies.withLock { $0 } == [body])
        #expect(script.given == 100_000)
        #expect(script.asked >= 8)
    }

    /// A body that is never let go ends with the request's time.
    @Test func aPauseEndsWithTheRequest() async throws {
        let server = try TestServer { _, connection in connection.respond(204) }
        defer { server.stop() }
        let script = Script([Int](repeating: 0, count: 100))
        var request = HTTPClientRequest(
            method: "POST",
            url: server.url(),
            body: [1, 2, 3],
            timeout: .milliseconds(300)
        )
        request.pacer = script
        await #expect(throws: HTTPClientError.self) { try await client.send(request) }
        #expect(script.given == 0)
        #expect(server.requests == 0)
    }

    @Test func aTransferThatCostsTooMuchIsEnded() async throws {
        let server = try TestServer { _, connection in connection.respond(204) }
        defer { server.stop() }
        var request = HTTPClientRequest(
            method: "POST",
            url: server.url(),
            body: [UInt8](repeating: 1, count: 64 << 20)
        )
        request.wireLimit = 1 << 20
        request.account = 1
        do {
            _ = try await client.send(request)
            Issue.record("all of it was sent")
        } catch {
            #expect(error.kind == .transfer)
            #expect(error.message == "the transfer cost over 1048576 bytes on the wire")
            let cost = try #require(error.statistics).wireSent
            #expect(cost > 1 << 20 && cost < 32 << 20)
        }
        #expect(server.requests == 0)
    }

    @Test func requestsOfAnotherNameHaveAnotherConnection() async throws {
        let server = try TestServer { _, connection in connection.respond(200, "\(connection.number)") }
        defer { server.stop() }
        func connection(_ name: String?) async throws -> String {
            var request = HTTPClientRequest(url: server.url())
            request.connection = name
            return String(decoding: try await client.send(request).body, as: UTF8.self)
        }
        var seen: [String] = []
        for name in [nil, "alerts", nil, "alerts", "other", "alerts"] {
            seen.append(try await connection(name))
        }
        #expect(seen == ["0", "1", "0", "1", "2", "1"])
    }

    @Test func accountsAreToldApart() async throws {
        let server = try TestServer { _, connection in connection.respond(204) }
        defer { server.stop() }
        // One connection for all: the first is nobody's, and a later one pays for itself only.
        func send(_ account: UInt8, _ bytes: Int) async throws -> TransferStatistics {
            var request = HTTPClientRequest(
                method: "POST",
                url: server.url(),
                body: [UInt8](repeating: 1, count: bytes)
            )
            request.account = account
            return try await client.send(request).statistics
        }
        // Each is much smaller than the one before, so that nothing of that can hide in it; a packet sent again can.
        let nobody = try await send(0, 2_000_000)
        let first = try await send(1, 200_000)
        let second = try await send(2, 10_000)
        #expect(server.connections == 1)
        #expect(nobody.wireSent > 2_000_000)
        #expect(first.wireSent > 200_000 && first.wireSent < 1_000_000)
        #expect(second.wireSent > 10_000 && second.wireSent < 100_000)
        #expect(first.wireReceived > 0)
        let all = client.wire()
        #expect(all.map(\.account) == [1, 2])
        #expect(all.map(\.interface) == ["lo", "lo"])
        #expect(all.map(\.sent) == [first.wireSent, second.wireSent])
    }
}
