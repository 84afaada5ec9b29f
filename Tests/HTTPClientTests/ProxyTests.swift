// SPDX-License-Identifier: Apache-2.0
//
// The way to the server: through a proxy, around it, and what the proxy alone is told. The proxy is a TestServer: a
// client that uses one sends it the whole URL, or CONNECT for a tunnel.

import Foundation
import Synchronization
import TestServer
import Testing

@testable import HTTPClient

@Suite struct ProxyTests {
    private let client = HTTPClient(userAgent: "t")

    private func way(_ change: (inout HTTPClientRequest) -> Void, url: String? = nil) async throws -> String {
        let target = try TestServer { _, connection in connection.respond(200, "direct") }
        defer { target.stop() }
        let proxy = try TestServer { request, connection in
            connection.respond(200, request.path.hasPrefix("http://") ? "proxy" : "confused")
        }
        defer { proxy.stop() }
        var request = HTTPClientRequest(url: url ?? target.url())
        request.proxyURL = "http://127.0.0.1:\(proxy.port)"
        change(&request)
        return String(decoding: try await client.send(request).body, as: UTF8.self)
    }

    private func failure(_ request: HTTPClientRequest) async -> HTTPClientError? {
        do throws(HTTPClientError) {
            _ = try await client.send(request)
            return nil
        } catch {
            return error
        }
    }

    @Test func exceptionsAreReachedDirectly() async throws {
        #expect(try await way { _ in } == "proxy")
        #expect(try await way { $0.proxyURL = nil } == "direct")
        // With a list this machine is reached directly, also when it is not on the list.
        #expect(try await way { $0.noProxy = "example.com" } == "direct")
        #expect(try await way({ $0.noProxy = "example.com" }, url: "http://example.org/") == "proxy")
        #expect(try await way({ $0.noProxy = "example.com" }, url: "http://10.1.2.3/") == "proxy")
        var request = HTTPClientRequest(url: "http://a.invalid/", timeout: .seconds(5))
        request.proxyURL = "http://127.0.0.1:1"
        for list in ["a.invalid", "invalid", ".invalid", "*.invalid", "b, A.invalid", "a.invalid:80", "*"] {
            request.noProxy = list
            #expect(await failure(request)?.kind == .resolve, "\(list)")
        }
        for list in ["", ".a.invalid", "a.invalid:81", "ba.invalid"] {
            request.noProxy = list
            #expect(await failure(request)?.kind == .connect, "\(list)")
        }
    }

    /// As Go's httpproxy reads the list; the host asked is `plc.lan:9100`.
    @Test(arguments: [
        ("", ""), ("a, b ,,", "a,b"), ("PLC.lan", "plc.lan"),
        ("plc.lan:9100,10.0.0.1:9100", "plc.lan,10.0.0.1"),
        ("plc.lan:80,:9100", ""), (".lan,*.lan", ".lan,.lan"), (".plc.lan,*.plc.lan:9100", ""),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("[fd00::1]:9100,[fd00::2],fd00::3,[fd00::4]:1", "fd00::1,fd00::2,fd00::3"),
    ])
    func listsAreReadAsGoReadsThem(_ list: String, _ expected: String) {
        let own = "localhost,127.0.0.0/8,::1"
        let told = ProxyExceptions.forLibcurl(list, host: "PLC.lan", port: "9100")
        #expect(told == (expected.isEmpty ? own : "\(expected),\(own)"))
        #expect(ProxyExceptions.forLibcurl("\(list),*", host: "PLC.lan", port: "9100") == "*")
    }

    @Test func theTunnelGetsItsOwnFields() async throws {
        let seen = Mutex<[TestRequest]>([])
        let proxy = try TestServer { request, connection in
            seen.withLock { $0.append(request) }
            connection.respond(403)
        }
        defer { proxy.stop() }
        var request = HTTPClientRequest(url: "https://example.org/", headers: [("X-Mine", "1")])
        request.proxyURL = "http://127.0.0.1:\(proxy.port)"
        request.proxyHeaders = [("Proxy-Authorization", "Basic abc"), ("X-Two", "2")]
        #expect(await failure(request) != nil)
        let connect = try #require(seen.withLock { $0.first })
        #expect(connect.method == "CONNECT")
        #expect(connect.path == "example.org:443")
        #expect(connect.headers["proxy-authorization"] == "Basic abc")
        #expect(connect.headers["x-two"] == "2")
        #expect(connect.headers["x-mine"] == nil)
        // Without a tunnel they would reach the server.
        request.url = "http://example.org/"
        _ = try await client.send(request)
        let plain = try #require(seen.withLock { $0.last })
        #expect(plain.headers["x-mine"] == "1")
        #expect(plain.headers["x-two"] == nil)
        request.url = "https://example.org/"
        request.proxyHeaders = [("X-Bad", "a\r\nX-Other: b")]
        #expect(
            await failure(request) == HTTPClientError(.badRequest, "a header field contains a line break")
        )
    }

    @Test func aConnectionIsClosedWhenAsked() async throws {
        let server = try TestServer { _, connection in connection.respond(200) }
        defer { server.stop() }
        var request = HTTPClientRequest(url: server.url())
        request.keepsConnection = false
        for _ in 0..<3 { _ = try await client.send(request) }
        #expect(server.connections == 3)
    }
}
