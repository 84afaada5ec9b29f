// SPDX-License-Identifier: Apache-2.0
//
// What receivers and links do wrong, one test each, with the outcome that is wanted: everything arrives in the end, what
// nobody can store is counted, and nothing grows without bound.

import Bytes
import Config
import Foundation
import HTTPClient
import Platform
import Samples
import Synchronization
import TestServer
import Testing
import Wire

@testable import Sync

/// A receiver of 1.0 that sees connections and may answer anything.
private final class RudeReceiver: Sendable {
    /// Answers one request; true stores its samples.
    typealias Script = @Sendable (_ number: Int, TestRequest, TestConnection) -> Bool

    private struct State {
        var stored: [Received] = []
        var connections: [Int] = []
    }

    private final class Shared: Sendable {
        let state = Mutex(State())
    }

    let server: TestServer
    private let shared: Shared

    var stored: [Received] { shared.state.withLock { $0.stored } }
    /// The connection each request came over.
    var connections: [Int] { shared.state.withLock { $0.connections } }

    init(_ script: @escaping Script) throws {
        let shared = Shared()
        self.shared = shared
        server = try TestServer { request, connection in
            let samples =
                (try? RemoteWriteV1.decode(Snappy.decompress(request.body, limit: 1 << 24)))?
                .flatMap { series in
                    zip(series.samples.timestamps, series.samples.values).map {
                        Received(labels: series.labels, timestamp: $0, bits: $1.bitPattern)
                    }
                } ?? []
            let number = shared.state.withLock { state in
                state.connections.append(connection.number)
                return state.connections.count - 1
            }
            if script(number, request, connection) { shared.state.withLock { $0.stored += samples } }
        }
    }
}

struct MisbehaviourTests {
    private let bench: Bench

    init() throws {
        bench = try Bench()
    }

    /// Delivers 30 rows of 3 series, 30 samples a request, until everything is stored.
    private func deliver(
        timeout: Duration = .seconds(30),
        _ script: @escaping RudeReceiver.Script
    ) async throws -> RudeReceiver {
        bench.log.append(rows: 30)
        let receiver = try RudeReceiver(script)
        defer { receiver.server.stop() }
        var config = Bench.destination(receiver.server.url("/w"), samplesPerRequest: 30)
        config.remoteTimeout = timeout
        let service = bench.service()
        service.configure([config], externalLabels: Labels(), sync: Bench.sync(samplesPerRequest: 30))
        let wanted = bench.log.contents
        try await bench.run(service) { Set(receiver.stored) == wanted }
        for reason in ["rejected", "out_of_order"] {
            #expect(bench.counter("edgewatch_sync_dropped_samples_total", ["reason": reason]) == 0)
        }
        return receiver
    }

    /// 30: a connection that goes dead in the middle is left after the time-out, and another one is made.
    @Test func aBlackHoleIsLeft() async throws {
        let receiver = try await deliver(timeout: .seconds(1)) { number, _, connection in
            guard number > 0 else {
                connection.waitForEnd()
                return false
            }
            connection.respond(204)
            return true
        }
        #expect(receiver.connections[0] == 0)
        #expect(receiver.connections[1] == 1)
        #expect(receiver.stored.count == 90)
    }

    /// 31: a name that is not found is asked for again, for ever, and costs no sample.
    @Test func aNameThatIsNotFound() async throws {
        bench.log.append(rows: 3)
        let service = bench.service()
        service.configure(
            [Bench.destination("http://receiver.invalid/w")],
            externalLabels: Labels(),
            sync: Bench.sync()
        )
        let bench = bench
        try await bench.run(service) { (bench.counter("edgewatch_sync_retries_total") ?? 0) >= 3 }
        let status = try #require(service.status().first)
        #expect(status.backlogRows == 3)
        #expect(status.lastError?.contains("receiver.invalid") == true)
        #expect(bench.counter("edgewatch_sync_sent_samples_total") == 0)
    }

    /// 33: a thousand breaks: each try waits, none leaves a socket behind.
    @Test func aThousandFlapsLeaveNothingBehind() async throws {
        let receiver = try await deliver { number, _, connection in
            guard number >= 1000 else {
                if number % 2 == 0 { connection.reset() } else { connection.finish() }
                return false
            }
            connection.respond(204)
            return true
        }
        // Not one without a pause before it.
        #expect(bench.clock.sleeps.filter { $0 >= .milliseconds(1) }.count >= 1000)
        #expect(bench.counter("edgewatch_sync_retries_total") == 1000)
        // Sockets of this process to that port that are still somebody's: at most the last connection.
        let table = try String(contentsOfFile: "/proc/net/tcp", encoding: .ascii)
        let suffix = ":" + String(receiver.server.port, radix: 16, uppercase: true)
        let open = table.split(separator: "\n").dropFirst().filter { line in
            let fields = line.split(separator: " ")
            // ESTABLISHED and CLOSE_WAIT.
            return fields.count > 3 && fields[2].hasSuffix(suffix) && (fields[3] == "01" || fields[3] == "08")
        }
        #expect(open.count <= 1)
    }

    /// 34: a storm of errors of the server: the same request until it passes.
    @Test func aStormOfErrorsPasses() async throws {
        let statuses = [500, 502, 503, 504, 429, 529, 408, 599]
        let receiver = try await deliver { number, _, connection in
            guard number < 40 else {
                connection.respond(204)
                return true
            }
            connection.respond(statuses[number % statuses.count], "later")
            return false
        }
        #expect(receiver.stored.count == 90)
        #expect(bench.counter("edgewatch_sync_retries_total") == 40)
    }

    /// 35: what a server may never take is found and given up, and the rest flows; every status that says so.
    @Test(arguments: [400, 409, 422, 418])
    func onePoisonedSample(status: Int) async throws {
        bench.log.append(rows: 30)
        let poison = try #require(bench.log.contents.first { $0.labels["i"] == "1" })
        let receiver = try Receiver { call in
            call.samples.contains(poison) ? .status(status, "label value too long", []) : .store
        }
        defer { receiver.stop() }
        let service = bench.service()
        service.configure(
            [Bench.destination(receiver.server.url("/w"), samplesPerRequest: 30)],
            externalLabels: Labels(),
            sync: Bench.sync(samplesPerRequest: 30)
        )
        let bench = bench
        let wanted = bench.log.contents.subtracting([poison])
        try await bench.run(service) {
            Set(receiver.stored) == wanted
                && bench.counter("edgewatch_sync_dropped_samples_total", ["reason": "rejected"]) == 1
        }
        #expect(receiver.stored.count == 89)
        // 90 samples in three requests, and the way to one among 3 series and 10 rows.
        #expect(receiver.calls.count <= 3 + 2 * (2 + 4))
    }

    /// 35: a redirect is not followed: the samples stay, and go nowhere else.
    @Test(arguments: [301, 302, 307, 308])
    func redirectsAreNotFollowed(status: Int) async throws {
        let elsewhere = try TestServer { _, connection in connection.respond(204) }
        defer { elsewhere.stop() }
        let target = elsewhere.url("/stolen")
        _ = try await deliver { number, request, connection in
            guard number < 2 else {
                connection.respond(204)
                return true
            }
            #expect(request.method == "POST")
            connection.respond(status, "", headers: [("Location", target)])
            return false
        }
        #expect(elsewhere.requests == 0)
    }

    /// 36: an answer that trickles ends with the request's time, and the samples are sent again.
    @Test func anAnswerThatTrickles() async throws {
        let receiver = try await deliver(timeout: .seconds(1)) { number, _, connection in
            guard number == 0 else {
                connection.respond(204)
                return true
            }
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while connection.write("x") { usleep(20_000) }
            return true
        }
        // The receiver stores them the first time, too, once it notices: once more is no more.
        try await eventually { receiver.stored.count == 120 }
        #expect(Set(receiver.stored).count == 90)
    }

    /// 36: answers that are not HTTP, or break their own promises.
    @Test(
        arguments: [
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nnonsense",
            "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort",
            "what?\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -7\r\n\r\n",
            "HTTP/9.9 999 No\r\n\r\n",
            "",
        ]
    )
    func answersThatAreNone(answer: String) async throws {
        let receiver = try await deliver { number, _, connection in
            guard number < 3 else {
                connection.respond(204)
                return true
            }
            connection.write(answer)
            connection.finish()
            return false
        }
        #expect(receiver.stored.count == 90)
        #expect(bench.counter("edgewatch_sync_retries_total") == 3)
    }

    /// 36: a body that claims to be compressed and is not: nobody reads it.
    @Test func anAnswerInBrokenCompression() async throws {
        let receiver = try await deliver { _, _, connection in
            connection.write(
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\u{1}\u{2}\u{3}\u{4}"
            )
            return true
        }
        #expect(receiver.stored.count == 90)
        #expect(receiver.connections.count == 3)
    }
}
