// SPDX-License-Identifier: Apache-2.0
//
// Answers taken as they come.

import Foundation
import Synchronization
import TestServer
import Testing

@testable import HTTPClient

@Suite struct StreamTests {
    private let client = HTTPClient(userAgent: "t")

    /// Gathers a stream.
    private final class Taken: Sendable {
        private let state = Mutex<(statuses: [Int], text: String, pieces: Int)>(([], "", 0))
        var statuses: [Int] { state.withLock { $0.statuses } }
        var text: String { state.withLock { $0.text } }
        var pieces: Int { state.withLock { $0.pieces } }

        func add(_ event: HTTPStreamEvent) {
            state.withLock { state in
                switch event {
                case .head(let status, _): state.statuses.append(status)
                case .body(let bytes):
                    state.text += String(decoding: bytes, as: UTF8.self)
                    state.pieces += 1
                }
            }
        }
    }

    private func kind(_ body: () async throws(HTTPClientError) -> Void) async -> HTTPClientError.Kind? {
        do throws(HTTPClientError) {
            try await body()
            return nil
        } catch {
            return error.kind
        }
    }

    private static func chunk(_ text: String) -> String {
        "\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n"
    }

    /// Each line is seen before the next is sent.
    @Test func linesComeAsTheyAreSent() async throws {
        let seen = DispatchSemaphore(value: 0)
        let server = try TestServer { _, connection in
            connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n")
            for line in 0..<5 {
                seen.wait()
                connection.write(Self.chunk("line \(line)\n"))
            }
            seen.wait()
            connection.write("0\r\n\r\n")
        }
        defer { server.stop() }
        let taken = Taken()
        try await client.stream(HTTPClientRequest(url: server.url())) { event in
            taken.add(event)
            if case .head(_, let headers) = event {
                #expect(headers.contains { $0.name == "x-a" && $0.value == "b" })
            }
            seen.signal()
            return true
        }
        #expect(taken.statuses == [200])
        #expect(taken.text == "line 0\nline 1\nline 2\nline 3\nline 4\n")
        #expect(taken.pieces == 5)
    }

    @Test func whoHasEnoughEndsIt() async throws {
        let server = try TestServer { _, connection in
            connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while connection.write(Self.chunk("x")) { Thread.sleep(forTimeInterval: 0.001) }
        }
        defer { server.stop() }
        let taken = Taken()
        try await client.stream(HTTPClientRequest(url: server.url())) { event in
            taken.add(event)
            return taken.text.utf8.count < 10
        }
        #expect(taken.text == "xxxxxxxxxx")
        // Already at the head.
        let heads = Taken()
        try await client.stream(HTTPClientRequest(url: server.url())) { event in
            heads.add(event)
            return false
        }
        #expect(heads.statuses == [200])
        #expect(heads.text.isEmpty)
    }

    @Test func aCutAnswerIsAnError() async throws {
        let server = try TestServer { _, connection in
            connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(Self.chunk("half"))")
            connection.finish()
        }
        defer { server.stop() }
        let taken = Taken()
        let failure = await kind { () async throws(HTTPClientError) in
            try await client.stream(HTTPClientRequest(url: server.url())) {
                taken.add($0)
                return true
            }
        }
        #expect(failure == .transfer)
        #expect(taken.text == "half")
    }

    /// The time-out counts from the last sign of life: five signs 0.15 s apart outlast one of 0.4 s.
    @Test func silenceEndsIt() async throws {
        let server = try TestServer { request, connection in
            if request.path == "/dumb" { return connection.waitForEnd() }
            connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<5 {
                Thread.sleep(forTimeInterval: 0.15)
                connection.write(Self.chunk("."))
            }
            connection.waitForEnd()
        }
        defer { server.stop() }
        let taken = Taken()
        let request = HTTPClientRequest(url: server.url(), timeout: .milliseconds(400))
        let failure = await kind { () async throws(HTTPClientError) in
            try await client.stream(request) {
                taken.add($0)
                return true
            }
        }
        #expect(failure == .timeout)
        #expect(taken.text == ".....")
        let dumb = HTTPClientRequest(url: server.url("/dumb"), timeout: .milliseconds(100))
        let silent = await kind { () async throws(HTTPClientError) in
            try await client.stream(dumb) { _ in true }
        }
        #expect(silent == .timeout)
    }

    @Test func cancellingEndsIt() async throws {
        let server = try TestServer { _, connection in
            connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            connection.waitForEnd()
        }
        defer { server.stop() }
        let (heads, head) = AsyncStream.makeStream(of: Void.self)
        let task = Task { [client] in
            do throws(HTTPClientError) {
                try await client.stream(HTTPClientRequest(url: server.url())) { _ in
                    head.yield()
                    return true
                }
                return HTTPClientError.Kind?.none
            } catch {
                return error.kind
            }
        }
        for await _ in heads { break }
        task.cancel()
        #expect(await task.value == .cancelled)
    }

    @Test func redirectsAndInterimAnswersHaveNoHead() async throws {
        let server = try TestServer { request, connection in
            if request.path == "/a" {
                connection.respond(302, "elsewhere", headers: [("Location", "/b")])
            } else {
                connection.write("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
                connection.respond(200, "here")
            }
        }
        defer { server.stop() }
        var request = HTTPClientRequest(url: server.url("/a"), followRedirects: true)
        let followed = Taken()
        try await client.stream(request) {
            followed.add($0)
            return true
        }
        #expect(followed.statuses == [200])
        #expect(followed.text == "here")
        request.followRedirects = false
        let stayed = Taken()
        try await client.stream(request) {
            stayed.add($0)
            return true
        }
        #expect(stayed.statuses == [302])
        #expect(stayed.text == "elsewhere")
    }

    /// 32 streams leave every other place free, and the 33rd waits.
    @Test func streamsHavePlacesOfTheirOwn() async throws {
        let release = DispatchSemaphore(value: 0)
        let server = try TestServer { request, connection in
            guard request.path == "/stream" else { return connection.respond(200, "free") }
            connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            release.wait()
            connection.write("0\r\n\r\n")
        }
        defer { server.stop() }
        let (heads, head) = AsyncStream.makeStream(of: Void.self)
        let request = HTTPClientRequest(url: server.url("/stream"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<33 {
                group.addTask { [client] in
                    try await client.stream(request) { event in
                        if case .head = event { head.yield() }
                        return true
                    }
                }
            }
            var iterator = heads.makeAsyncIterator()
            for _ in 0..<32 { _ = await iterator.next() }
            #expect(server.requests == 32)
            #expect(try await client.send(HTTPClientRequest(url: server.url())).body == Array("free".utf8))
            release.signal()
            _ = await iterator.next()
            for _ in 0..<32 { release.signal() }
            try await group.waitForAll()
        }
    }
}
