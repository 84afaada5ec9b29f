// SPDX-License-Identifier: Apache-2.0
//
// What becomes of a connection: old versions, clients that ask before they send, that close a half, that send nonsense. The
// client reads until the server closes, so a connection that should end and does not makes a test hang, not pass.

import Foundation
import NIOCore
import NIOEmbedded
import Samples
import Synchronization
import Testing

@testable import HTTPAPI

@Suite(.timeLimit(.minutes(20)))
struct ConnectionTests {
    private static let form = "Content-Type: application/x-www-form-urlencoded\r\n"

    /// More than one piece of an answer.
    private static func largeSource() -> MemorySource {
        var source = MemorySource()
        let start: Int64 = 1_700_000_000_000
        for number in 0..<40 {
            let samples = (0...60).map { (start + Int64($0) * 1000, Double($0) + 0.25) }
            source.add([("__name__", "large"), ("number", "\(number)")], samples)
        }
        return source
    }

    private static let large =
        "/api/v1/query_range?query=large&start=1700000000&end=1700000060&step=0.2"

    // MARK: - HTTP/1.0

    @Test func oldRequestsAreAnsweredAndClosed() async throws {
        try await withServer { (client: RawClient) async throws in
            let answer = try await client.converse(["GET /-/healthy HTTP/1.0\r\n\r\n"])
            #expect(answer.hasPrefix("HTTP/1.0 200 OK\r\n"))
            #expect(answer.lowercased().contains("\r\nconnection: close\r\n"))
            #expect(answer.lowercased().contains("\r\ncontent-length: 30\r\n"))
            #expect(answer.hasSuffix("\r\n\r\nPrometheus Server is Healthy.\n"))
        }
    }

    @Test func oldConnectionsStayWhenAsked() async throws {
        try await withServer { (client: RawClient) async throws in
            let answer = try await client.converse([
                "GET /-/healthy HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"
                    + "GET /-/ready HTTP/1.0\r\n\r\n"
            ])
            let answers = answer.components(separatedBy: "HTTP/1.0 200 OK\r\n").dropFirst()
            #expect(answers.count == 2)
            #expect(answers.first?.lowercased().contains("\r\nconnection: keep-alive\r\n") == true)
            #expect(answers.last?.lowercased().contains("\r\nconnection: close\r\n") == true)
            #expect(answer.hasSuffix("Prometheus Server is Ready.\n"))
        }
    }

    @Test func largeAnswersToOldRequestsEndWithTheConnection() async throws {
        try await withServer(sampleServices(ConnectionTests.largeSource())) {
            (client: RawClient) async throws in
            let new = try await client.get(ConnectionTests.large)
            #expect(new.headers["transfer-encoding"] == "chunked")
            for asked in ["", "Connection: keep-alive\r\n"] {
                let answer = try await client.converse([
                    "GET \(ConnectionTests.large) HTTP/1.0\r\n\(asked)\r\n"
                ])
                let parts = answer.components(separatedBy: "\r\n\r\n")
                let head = parts[0].lowercased()
                #expect(head.hasPrefix("http/1.0 200 ok\r\n"))
                #expect(!head.contains("transfer-encoding") && !head.contains("content-length"))
                #expect(head.contains("\r\nconnection: close"))
                #expect(parts.count == 2 && parts[1] == new.text)
            }
        }
    }

    @Test func nothingIsAnsweredBehindTheLastRequest() async throws {
        try await withServer { (client: RawClient) async throws in
            for last in ["Connection: close", "Connection: Close", "Connection: keep-alive, close"] {
                let request = "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\(last)\r\n\r\n"
                let answer = try await client.converse([request + request])
                #expect(answer.components(separatedBy: "HTTP/1.1 200 OK\r\n").count == 2, "\(last)")
                #expect(answer.lowercased().contains("\r\nconnection: close\r\n"))
            }
        }
    }

    // MARK: - 100 Continue

    @Test func bodiesAreAskedFor() async throws {
        try await withServer { (client: RawClient) async throws in
            let head =
                "POST /api/v1/query HTTP/1.1\r\nHost: x\r\n\(ConnectionTests.form)Content-Length: 7\r\n"
                + "Expect: 100-Continue\r\nConnection: close\r\n\r\n"
            let answer = try await client.converse([head, "query=1"])
            #expect(answer.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"))
            #expect(answer.hasSuffix(#""resultType":"scalar","result":[1700000060,"1"]}}"#))
        }
    }

    @Test func connectionsStayBehindBodiesThatWereAskedFor() async throws {
        try await withServer { (client: RawClient) async throws in
            let head =
                "POST /api/v1/query HTTP/1.1\r\nHost: x\r\n\(ConnectionTests.form)Content-Length: 7\r\n"
                + "Expect: 100-continue\r\n\r\n"
            let next = "GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            let answer = try await client.converse([head, "query=2" + next])
            #expect(answer.components(separatedBy: "HTTP/1.1 100 Continue\r\n\r\n").count == 2)
            #expect(answer.contains(#""result":[1700000060,"2"]}}"#))
            #expect(answer.hasSuffix("Prometheus Server is Healthy.\n"))
        }
    }

    @Test func refusedBodiesAreNotAskedFor() async throws {
        try await withServer { (client: RawClient) async throws in
            let cases = [
                ("POST /api/v1/nosuch", "Content-Length: 7", "404 Not Found"),
                ("DELETE /api/v1/query", "Content-Length: 7", "405 Method Not Allowed"),
                ("POST /api/v1/query", "Content-Length: 99000000", "413 Payload Too Large"),
                ("POST /api/v1/write", "Transfer-Encoding: chunked", "404 Not Found"),
            ]
            for (line, length, status) in cases {
                let answer = try await client.converse([
                    "\(line) HTTP/1.1\r\nHost: x\r\n\(ConnectionTests.form)\(length)\r\nExpect: 100-continue\r\n\r\n"
                ])
                #expect(answer.hasPrefix("HTTP/1.1 \(status)\r\n"), "\(line)")
                #expect(answer.lowercased().contains("\r\nconnection: close\r\n"))
            }
        }
    }

    @Test func oldRequestsExpectNothing() async throws {
        try await withServer { (client: RawClient) async throws in
            let answer = try await client.converse([
                "POST /api/v1/query HTTP/1.0\r\n\(ConnectionTests.form)Content-Length: 7\r\n"
                    + "Expect: 100-continue\r\n\r\nquery=3"
            ])
            #expect(answer.hasPrefix("HTTP/1.0 200 OK\r\n"))
            #expect(!answer.contains("100 Continue"))
        }
    }

    // MARK: - Bodies that are wrong

    @Test func malformedBodies() async throws {
        try await withServer { (client: RawClient) async throws in
            let head =
                "POST /api/v1/query HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\(ConnectionTests.form)\r\n"
            let answer = try await client.converse([head + "7\r\nquery=1\r\nzz\r\n"])
            #expect(answer.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
            #expect(answer.lowercased().contains("\r\nconnection: close\r\n"))
            #expect(
                answer.hasSuffix(
                    #"{"status":"error","errorType":"bad_data","error":"malformed request body"}"#
                )
            )
        }
    }

    // MARK: - Closed halves

    @Test func halfClosedConnectionsAreAnswered() async throws {
        try await withServer(sampleServices(ConnectionTests.largeSource())) {
            (client: RawClient) async throws in
            for (target, times) in [("/api/v1/query?query=1", 40), (ConnectionTests.large, 3)] {
                for _ in 0..<times {
                    let answer = try await client.converse(
                        ["GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n"],
                        halfCloses: true
                    )
                    #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
                    #expect(answer.hasSuffix("]}}") || answer.hasSuffix("]}}\r\n0\r\n\r\n"))
                }
            }
        }
    }

    @Test func aClosedHalfEndsWhatTakesLongerThanTheGrace() throws {
        let watcher = DisconnectWatcher()
        let channel = EmbeddedChannel(handler: watcher)
        let calls = Mutex<[String]>([])
        watcher.onClose { calls.withLock { $0.append("first") } }
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        channel.embeddedEventLoop.advanceTime(by: DisconnectWatcher.grace - .nanoseconds(1))
        #expect(calls.withLock { $0 } == [])
        // The next request on the connection, read before it was closed, has a grace of its own.
        watcher.onClose(nil)
        watcher.onClose { calls.withLock { $0.append("second") } }
        channel.embeddedEventLoop.advanceTime(by: DisconnectWatcher.grace - .nanoseconds(1))
        #expect(calls.withLock { $0 } == [])
        channel.embeddedEventLoop.advanceTime(by: .nanoseconds(1))
        #expect(calls.withLock { $0 } == ["second"])
        watcher.onClose(nil)
        _ = try channel.finish()
    }

    @Test func aLostConnectionEndsItsRequestAtOnce() throws {
        let watcher = DisconnectWatcher()
        let channel = EmbeddedChannel(handler: watcher)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        let calls = Mutex(0)
        watcher.onClose { calls.withLock { $0 += 1 } }
        _ = try channel.finish()
        #expect(calls.withLock { $0 } == 1)
        watcher.onClose { calls.withLock { $0 += 10 } }
        #expect(calls.withLock { $0 } == 11)
    }
}
