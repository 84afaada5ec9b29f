// SPDX-License-Identifier: Apache-2.0
//
// HTTP/2 against nghttpd, a server that speaks nothing else.

import Foundation
import Synchronization
import TestServer
import Testing

@testable import HTTPClient

/// What a process says, read all the time so that it never waits for a reader.
///
/// `@unchecked Sendable`: everything is touched with the condition's lock held.
private final class ProcessLog: @unchecked Sendable {
    private let condition = NSCondition()
    private var text = ""
    private var isOver = false

    init(_ pipe: Pipe) {
        let handle = pipe.fileHandleForReading
        Thread { [self] in while take(handle.availableData) {} }.start()
    }

    private func take(_ data: Data) -> Bool {
        condition.withLock {
            text += String(decoding: data, as: UTF8.self)
            isOver = data.isEmpty
            condition.broadcast()
            return !isOver
        }
    }

    /// Waits until something was said; the end of the log is a failure.
    func said(_ words: String) throws -> String {
        try condition.withLock {
            while !text.contains(words) {
                guard !isOver else { throw POSIXError(.ECONNREFUSED) }
                condition.wait()
            }
            return text
        }
    }
}

/// nghttpd on a port of loopback; ended by its own process id.
private final class HTTP2Server {
    let port: Int
    let directory: URL
    private let process = Process()
    private let log: ProcessLog

    /// Serves `page`, and gives back whatever is posted.
    init?(page: String) throws {
        let path = "/usr/sbin/nghttpd"
        guard FileManager.default.isExecutableFile(atPath: path) else {
            print("SKIPPED: \(path) is not installed (nghttp2-server)")
            return nil
        }
        directory = try TLSServer.certificates()
        try Data(page.utf8).write(to: directory.appending(path: "page"))
        // A port nobody has.
        let probe = try TestServer { _, _ in }
        port = probe.port
        probe.stop()
        process.executableURL = URL(filePath: path)
        process.currentDirectoryURL = directory
        process.arguments = [
            "--address=127.0.0.1", "--htdocs=.", "--echo-upload", "--verbose", "\(port)", "server.key",
            "server.crt",
        ]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        log = ProcessLog(output)
        try process.run()
        _ = try said("listen 127.0.0.1:\(port)")
    }

    /// What the server said, once that is in it.
    func said(_ words: String) throws -> String { try log.said(words) }

    func end() {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: directory)
    }
}

@Suite struct HTTP2Tests {
    private let client = HTTPClient(userAgent: "t")

    private func request(_ server: HTTP2Server, _ path: String) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: "https://localhost:\(server.port)/\(path)")
        request.caFile = server.directory.appending(path: "ca.crt").path
        request.allowsHTTP2 = true
        return request
    }

    @Test func itIsSpokenWhereOffered() async throws {
        guard let server = try HTTP2Server(page: "a 1\n") else { return }
        defer { server.end() }
        var request = request(server, "page")
        request.headers = [("X-Mine", "1"), ("X-Empty", "")]
        request.acceptsCompression = true
        let first = try await client.send(request)
        #expect(first.status == 200 && String(decoding: first.body, as: UTF8.self) == "a 1\n")
        #expect(first.header("server")?.hasPrefix("nghttpd") == true)
        #expect(!first.statistics.reusedConnection && first.statistics.bytesReceived > 4)
        let seen = try server.said("x-empty")
        #expect(seen.contains(":authority: localhost:\(server.port)") && seen.contains("x-mine: 1"))
        let second = try await client.send(request)
        #expect(second.status == 200 && second.statistics.reusedConnection)
        #expect(second.headers.map(\.name) == first.headers.map(\.name))
        request.url = "https://localhost:\(server.port)/nothing"
        #expect(try await client.send(request).status == 404)
        // Without it there is nothing they both speak.
        request.allowsHTTP2 = false
        request.keepsConnection = false
        await #expect(throws: HTTPClientError.self) { try await client.send(request) }
    }

    @Test func largeBodiesGoBothWays() async throws {
        guard let server = try HTTP2Server(page: "") else { return }
        defer { server.end() }
        var request = request(server, "echo")
        request.method = "POST"
        // More than the flow control's first window of 64 KiB.
        request.body = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
        let answer = try await client.send(request)
        #expect(answer.status == 200 && answer.body == request.body)
        request.responseLimit = 299_999
        await #expect(throws: HTTPClientError(.bodyTooLarge, "the response body is over 299999 bytes")) {
            try await client.send(request)
        }
    }

    @Test func manyRequestsAtOnce() async throws {
        guard let server = try HTTP2Server(page: String(repeating: "x", count: 50_000)) else { return }
        defer { server.end() }
        let request = request(server, "page")
        let sizes = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<100 {
                group.addTask { [client] in try await client.send(request).body.count }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(sizes == [Int](repeating: 50_000, count: 100))
    }

    @Test func theNameInTheCertificateIsNotTheOneAsked() async throws {
        guard let server = try HTTP2Server(page: "a 1\n") else { return }
        defer { server.end() }
        var request = request(server, "page")
        request.url = "https://127.0.0.1:\(server.port)/page"
        request.serverName = "plc.example"
        #expect(try await client.send(request).status == 200)
        #expect(try server.said(":authority:").contains(":authority: 127.0.0.1:\(server.port)"))
    }

    @Test func serversWithoutItAreAskedAsBefore() async throws {
        let secure = try TLSServer()
        defer { secure.end() }
        var request = HTTPClientRequest(url: "https://localhost:\(secure.port)/")
        request.caFile = secure.file("ca.crt")
        request.allowsHTTP2 = true
        #expect(try await client.send(request).status == 200)
        // No upgrade is asked for on the way: that is for TLS alone.
        let fields = Mutex<[String: String]>([:])
        let plain = try TestServer { request, connection in
            fields.withLock { $0 = request.headers }
            connection.respond(200)
        }
        defer { plain.stop() }
        request.url = plain.url()
        #expect(try await client.send(request).status == 200)
        #expect(Set(fields.withLock { $0 }.keys) == ["host", "user-agent", "accept"])
    }
}
