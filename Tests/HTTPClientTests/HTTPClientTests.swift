// SPDX-License-Identifier: Apache-2.0
//
// The client against a server that answers well, badly, late or not at all.

import Foundation
import Synchronization
import TestServer
import Testing

@testable import HTTPClient

@Suite struct HTTPClientTests {
    let client = HTTPClient(userAgent: "edgewatch-test/1")

    private func failure(_ request: HTTPClientRequest) async -> HTTPClientError? {
        do {
            let response = try await client.send(request)
            Issue.record("a response of status \(response.status) instead of an error")
            return nil
        } catch {
            return error
        }
    }

    // MARK: - What is sent and received

    @Test func getReturnsStatusHeadersAndBody() async throws {
        let seen = Mutex<TestRequest?>(nil)
        let server = try TestServer { request, connection in
            seen.withLock { $0 = request }
            connection.respond(200, "hello", headers: [("X-One", " a: b "), ("X-Empty", "")])
        }
        defer { server.stop() }
        let response = try await client.send(
            HTTPClientRequest(url: server.url("/a?b=c"), headers: [("X-Mine", "1"), ("X-Nothing", "")])
        )
        #expect(response.status == 200)
        #expect(response.body == Array("hello".utf8))
        #expect(response.header("x-one") == "a: b")
        #expect(response.header("x-empty") == "")
        #expect(response.header("content-length") == "5")
        let request = try #require(seen.withLock { $0 })
        #expect(request.method == "GET")
        #expect(request.path == "/a?b=c")
        #expect(request.headers["user-agent"] == "edgewatch-test/1")
        #expect(request.headers["x-mine"] == "1")
        #expect(request.headers["x-nothing"] == "")
        #expect(request.headers["expect"] == nil)
        #expect(request.headers["content-type"] == nil)
        #expect(request.headers["accept-encoding"] == nil)
    }

    @Test func postSendsTheBodyBitExactAndCountsIt() async throws {
        let seen = Mutex<[TestRequest]>([])
        let server = try TestServer { request, connection in
            seen.withLock { $0.append(request) }
            connection.respond(204)
        }
        defer { server.stop() }
        // Small, larger than libcurl's initial buffer, and over the size from which it would ask to continue.
        for size in [0, 1, 1000, 70_000, 3_000_000] {
            let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            let response = try await client.send(
                HTTPClientRequest(
                    method: "POST",
                    url: server.url(),
                    headers: [("Content-Type", "application/x-protobuf")],
                    body: body
                )
            )
            #expect(response.status == 204)
            #expect(response.body.isEmpty)
            let request = try #require(seen.withLock { $0.last })
            #expect(request.method == "POST")
            #expect(request.body == body)
            #expect(request.headers["content-type"] == "application/x-protobuf")
            #expect(request.headers["content-length"] == "\(size)")
            #expect(response.statistics.bytesSent == Int64(request.wireBytes))
            #expect(response.statistics.bytesReceived == Int64("HTTP/1.1 204 Status\r\n\r\n".utf8.count))
        }
        #expect(server.connections == 1)
    }

    @Test func otherMethodsKeepTheirNames() async throws {
        let seen = Mutex<[String]>([])
        let server = try TestServer { request, connection in
            seen.withLock { $0.append("\(request.method) \(request.body.count)") }
            connection.respond(200, "", headers: [])
        }
        defer { server.stop() }
        for (method, body) in [("PUT", [1]), ("PUT", []), ("DELETE", []), ("PATCH", [1, 2]), ("HEAD", [])]
            as [(String, [UInt8])]
        {
            let response = try await client.send(
                HTTPClientRequest(method: method, url: server.url(), body: body)
            )
            #expect(response.status == 200)
        }
        #expect(seen.withLock { $0 } == ["PUT 1", "PUT 0", "DELETE 0", "PATCH 2", "HEAD 0"])
    }

    @Test func credentialsAreSentAtOnce() async throws {
        let seen = Mutex<[String?]>([])
        let server = try TestServer { request, connection in
            seen.withLock { $0.append(request.headers["authorization"]) }
            connection.respond(200)
        }
        defer { server.stop() }
        var basic = HTTPClientRequest(url: server.url())
        basic.basicAuth = .init(username: "Aladdin", password: "open sesame")
        _ = try await client.send(basic)
        var bearer = HTTPClientRequest(url: server.url())
        bearer.bearerToken = "abc.def"
        _ = try await client.send(bearer)
        // The first is RFC 7617's own example.
        #expect(seen.withLock { $0 } == ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Bearer abc.def"])
    }

    @Test func connectionsAreReusedAndMeasured() async throws {
        let server = try TestServer { _, connection in connection.respond(200, "x") }
        defer { server.stop() }
        let first = try await client.send(HTTPClientRequest(url: server.url())).statistics
        let second = try await client.send(HTTPClientRequest(url: server.url())).statistics
        #expect(server.connections == 1)
        #expect(!first.reusedConnection)
        #expect(first.connect > .zero)
        #expect(second.reusedConnection)
        #expect(second.connect == .zero)
        #expect(first.roundTrip != nil)
        #expect(second.roundTrip != nil)
        #expect(second.total >= second.timeToFirstByte)
        #expect(second.timeToFirstByte >= second.exchange)
    }

    @Test func theExchangeTakesAsLongAsTheServer() async throws {
        let server = try TestServer { _, connection in
            Thread.sleep(forTimeInterval: 0.02)
            connection.respond(204)
        }
        defer { server.stop() }
        for size in [0, 100, 100_000] {
            let body = [UInt8](repeating: 1, count: size)
            let statistics = try await client.send(
                HTTPClientRequest(method: "POST", url: server.url(), body: body)
            ).statistics
            #expect(statistics.exchange >= .milliseconds(20))
            #expect(statistics.exchange <= statistics.timeToFirstByte)
            #expect(statistics.timeToFirstByte <= statistics.total)
        }
    }

    @Test func compressedResponsesAreUnpackedWithinTheLimit() async throws {
        // 1 MiB of zeroes as gzip, made by zlib.
        let tool = Process()
        let pipe = Pipe()
        tool.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        tool.arguments = [
            "-c", "import gzip,sys; sys.stdout.buffer.write(gzip.compress(bytes(1<<20)))",
        ]
        tool.standardOutput = pipe
        try tool.run()
        let packed = [UInt8](pipe.fileHandleForReading.readDataToEndOfFile())
        #expect(packed.count > 500 && packed.count < 2000)
        let server = try TestServer { request, connection in
            let accepts = request.headers["accept-encoding"]?.contains("gzip") == true
            connection.write(
                "HTTP/1.1 200 OK\r\n\(accepts ? "Content-Encoding: gzip\r\n" : "")"
                    + "Content-Length: \(packed.count)\r\n\r\n"
            )
            connection.write(packed)
        }
        defer { server.stop() }
        var request = HTTPClientRequest(url: server.url(), responseLimit: 1 << 20)
        #expect(try await client.send(request).body == packed)
        request.acceptsCompression = true
        #expect(try await client.send(request).body == [UInt8](repeating: 0, count: 1 << 20))
        request.responseLimit = (1 << 20) - 1
        #expect(await failure(request)?.kind == .bodyTooLarge)
    }

    @Test func twoLengthsAreOneTooMany() async throws {
        let server = try TestServer { _, connection in
            connection.write(
                "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 8\r\n\r\na 1\nb 2\n"
            )
        }
        defer { server.stop() }
        #expect(
            await failure(HTTPClientRequest(url: server.url("/two")))?.message
                == "the response has Content-Length twice, and not the same"
        )
    }

    /// What is missing of a body must not pass for its end, and members may follow one another.
    @Test func aGzipBodyIsTakenWholeOrNotAtAll() async throws {
        // gzip.compress(b"a 1\nb 123456\n", mtime=0) of Python.
        let packed: [UInt8] = [
            0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x4b, 0x54, 0x30, 0xe4, 0x4a, 0x52,
            0x30, 0x34, 0x32, 0x36, 0x31, 0x35, 0xe3, 0x02, 0x00,
        ]
        let trailer: [UInt8] = [0x30, 0xab, 0x02, 0x24, 0x0d, 0x00, 0x00, 0x00]
        let server = try TestServer { request, connection in
            let body =
                switch request.path {
                case "/whole": packed + trailer
                case "/members": packed + trailer + packed + trailer
                case "/trailerless": packed
                case "/cut": Array(packed.dropLast(6))
                case "/garbage": packed + trailer + [0, 1, 2]
                default: packed + trailer.map { $0 ^ 1 }
                }
            let coding = request.path == "/other" ? "br" : "gzip"
            connection.write(
                "HTTP/1.1 200 OK\r\nContent-Encoding: \(coding)\r\nContent-Length: \(body.count)\r\n\r\n"
            )
            connection.write(body)
        }
        defer { server.stop() }
        func failure(_ path: String) async -> String? {
            var request = HTTPClientRequest(url: server.url(path))
            request.acceptsCompression = true
            return await self.failure(request)?.message
        }
        var request = HTTPClientRequest(url: server.url("/whole"))
        request.acceptsCompression = true
        #expect(try await client.send(request).body == Array("a 1\nb 123456\n".utf8))
        request.url = server.url("/members")
        #expect(try await client.send(request).body == Array("a 1\nb 123456\na 1\nb 123456\n".utf8))
        #expect(await failure("/trailerless") == "the gzip body of the response ends too early")
        #expect(await failure("/cut") == "the gzip body of the response ends too early")
        #expect(await failure("/garbage") == "the gzip body of the response is damaged")
        #expect(await failure("/checksum") == "the gzip body of the response is damaged")
        #expect(
            await failure("/other") == "the response has Content-Encoding br, gzip was asked for"
        )
    }

    // MARK: - Redirects

    @Test func redirectsAreFollowedOnlyWhenAsked() async throws {
        let server = try TestServer { request, connection in
            switch request.path {
            case "/here": connection.respond(302, headers: [("Location", "/there"), ("X-Hop", "1")])
            case "/loop": connection.respond(302, headers: [("Location", "/loop")])
            case "/file": connection.respond(302, headers: [("Location", "file:///etc/hostname")])
            default: connection.respond(200, request.path, headers: [("X-End", "1")])
            }
        }
        defer { server.stop() }
        #expect(try await client.send(HTTPClientRequest(url: server.url("/here"))).status == 302)
        let followed = try await client.send(
            HTTPClientRequest(url: server.url("/here"), followRedirects: true)
        )
        #expect(followed.status == 200)
        #expect(followed.body == Array("/there".utf8))
        #expect(followed.header("x-hop") == nil)
        #expect(followed.header("x-end") == "1")
        let loop = await failure(HTTPClientRequest(url: server.url("/loop"), followRedirects: true))
        #expect(loop?.kind == .transfer)
        let file = await failure(HTTPClientRequest(url: server.url("/file"), followRedirects: true))
        #expect(file?.kind == .transfer)
    }

    // MARK: - What goes wrong

    @Test(arguments: [
        "", "not a url", "/relative", "ftp://127.0.0.1/x", "file:///etc/passwd", "http://", "http://a b/",
        "gopher://x/",
        "http://127.0.0.1:99999/",
    ])
    func otherURLsAreRefused(url: String) async {
        #expect(await failure(HTTPClientRequest(url: url))?.kind == .badURL)
    }

    @Test func smuggledLinesAreRefused() async throws {
        let server = try TestServer { _, connection in connection.respond(200) }
        defer { server.stop() }
        for header in [("X", "a\r\nEvil: 1"), ("X\nY", "a"), ("", "a"), ("X:Y", "a"), ("X", "a\u{0}b")] {
            #expect(
                await failure(HTTPClientRequest(url: server.url(), headers: [header]))?.kind == .badRequest
            )
        }
        #expect(await failure(HTTPClientRequest(method: "GE T", url: server.url()))?.kind == .badRequest)
        var bearer = HTTPClientRequest(url: server.url())
        bearer.bearerToken = "a\nEvil: 1"
        #expect(await failure(bearer)?.kind == .badRequest)
        #expect(server.connections == 0)
    }

    @Test func refusedAndUnknownHosts() async throws {
        let server = try TestServer { _, _ in }
        let url = server.url()
        server.stop()
        // The port was ours a moment ago; nobody listens on it now.
        let refused = await failure(HTTPClientRequest(url: url))
        #expect(refused?.kind == .connect)
        let unknown = await failure(HTTPClientRequest(url: "http://no-such-host.invalid/"))
        #expect(unknown?.kind == .resolve)
        #expect(unknown?.message == "Could not resolve host: no-such-host.invalid")
    }

    @Test func brokenResponsesAreErrors() async throws {
        let server = try TestServer { request, connection in
            switch request.path {
            case "/reset":
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
                connection.reset()
            case "/short":
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
                connection.finish()
            case "/chunks":
                connection.write(
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n"
                )
                connection.finish()
            case "/nonsense":
                connection.write("\u{1}\u{2}\u{3} not HTTP at all\r\n\r\n")
                connection.finish()
            case "/gzip":
                connection.respond(200, "not gzip", headers: [("Content-Encoding", "gzip")])
            default: connection.finish()
            }
        }
        defer { server.stop() }
        for path in ["/reset", "/short", "/chunks", "/nonsense", "/silent", "/gzip"] {
            var request = HTTPClientRequest(url: server.url(path))
            request.acceptsCompression = true
            #expect(await failure(request)?.kind == .transfer, "\(path)")
        }
    }

    @Test func theBodyLimitHoldsForLengthsChunksAndEndlessBodies() async throws {
        let server = try TestServer { request, connection in
            if request.path == "/exact" {
                connection.respond(200, String(repeating: "a", count: 1000))
            } else {
                connection.write("HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n")
                let piece = [UInt8](repeating: 0x61, count: 100_000)
                while connection.write(piece) {}
            }
        }
        defer { server.stop() }
        var request = HTTPClientRequest(url: server.url("/exact"), responseLimit: 1000)
        #expect(try await client.send(request).body.count == 1000)
        request.responseLimit = 999
        #expect(await failure(request)?.kind == .bodyTooLarge)
        request.url = server.url("/endless")
        #expect(await failure(request)?.kind == .bodyTooLarge)
        request.truncatesResponse = true
        let cut = try await client.send(request)
        #expect(cut.status == 200)
        #expect(cut.body.count == 999)
        request.responseLimit = 0
        #expect(try await client.send(request).body.isEmpty)
    }

    @Test func endlessHeadersAreCut() async throws {
        let server = try TestServer { _, connection in
            connection.write("HTTP/1.1 200 OK\r\n")
            while connection.write("X-Filler: \(String(repeating: "a", count: 1000))\r\n") {}
        }
        defer { server.stop() }
        let error = await failure(HTTPClientRequest(url: server.url()))
        #expect(error?.kind == .transfer)
        #expect(error?.message == "the response header is over 65536 bytes")
    }

    @Test func silenceTimesOut() async throws {
        let server = try TestServer { request, connection in
            if request.path == "/late" { connection.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na") }
            connection.waitForEnd()
        }
        defer { server.stop() }
        for path in ["/never", "/late"] {
            let error = await failure(HTTPClientRequest(url: server.url(path), timeout: .milliseconds(150)))
            #expect(error?.kind == .timeout)
        }
    }

    @Test func cancellationAbortsTheTransfer() async throws {
        let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
        let (ends, ended) = AsyncStream.makeStream(of: Void.self)
        let server = try TestServer { _, connection in
            arrived.yield()
            connection.waitForEnd()
            ended.yield()
        }
        defer { server.stop() }
        let client = client
        let url = server.url()
        let task = Task { () -> HTTPClientError? in
            do throws(HTTPClientError) {
                _ = try await client.send(HTTPClientRequest(url: url, timeout: .seconds(60)))
                return nil
            } catch { return error }
        }
        for await _ in arrivals { break }
        task.cancel()
        #expect(await task.value?.kind == .cancelled)
        // The server sees the connection go, so nothing is left running.
        for await _ in ends { break }
    }

    @Test func cancelledBeforeTheStartNeverConnects() async throws {
        let server = try TestServer { _, connection in connection.respond(200) }
        defer { server.stop() }
        let client = client
        let url = server.url()
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let task = Task { () -> HTTPClientError? in
            for await _ in gate { break }
            do throws(HTTPClientError) {
                _ = try await client.send(HTTPClientRequest(url: url))
                return nil
            } catch { return error }
        }
        task.cancel()
        open.yield()
        #expect(await task.value?.kind == .cancelled)
        #expect(server.connections == 0)
    }

    @Test func aThousandBrokenConnectionsLeaveNoDescriptors() async throws {
        let server = try TestServer { _, connection in connection.reset() }
        defer { server.stop() }
        let own = "/proc/self/fd"
        // The first one opens what libcurl keeps for itself.
        #expect(await failure(HTTPClientRequest(url: server.url()))?.kind == .transfer)
        let before = try FileManager.default.contentsOfDirectory(atPath: own).count
        for _ in 0..<1000 { #expect(await failure(HTTPClientRequest(url: server.url()))?.kind == .transfer) }
        // Other tests run beside this one and hold some of their own.
        #expect(try FileManager.default.contentsOfDirectory(atPath: own).count < before + 500)
    }

    @Test func aProxyIsUsedOnlyWhenConfigured() async throws {
        let seen = Mutex<[String]>([])
        let proxy = try TestServer { request, connection in
            seen.withLock { $0.append(request.path) }
            connection.respond(200, "proxied")
        }
        let server = try TestServer { _, connection in connection.respond(200, "direct") }
        defer {
            proxy.stop()
            server.stop()
        }
        var request = HTTPClientRequest(url: server.url("/x"))
        #expect(try await client.send(request).body == Array("direct".utf8))
        request.proxyURL = proxy.url("")
        #expect(try await client.send(request).body == Array("proxied".utf8))
        #expect(seen.withLock { $0 } == [server.url("/x")])
    }

    // MARK: - Many at once

    @Test func manyConcurrentRequestsAllFinish() async throws {
        let server = try TestServer { request, connection in connection.respond(200, request.path) }
        defer { server.stop() }
        let client = client
        let bodies = try await withThrowingTaskGroup(of: (Int, [UInt8]).self) { group in
            for index in 0..<400 {
                group.addTask {
                    (index, try await client.send(HTTPClientRequest(url: server.url("/\(index)"))).body)
                }
            }
            return try await group.reduce(into: [Int: [UInt8]]()) { $0[$1.0] = $1.1 }
        }
        #expect(bodies.count == 400)
        for (index, body) in bodies { #expect(body == Array("/\(index)".utf8)) }
        #expect(server.connections <= 400)
    }

    @Test func runningAndWaitingAreBounded() async throws {
        let held = Mutex<Int>(0)
        let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
        let release = DispatchSemaphore(value: 0)
        let server = try TestServer { _, connection in
            held.withLock { $0 += 1 }
            arrived.yield()
            release.wait()
            connection.respond(200)
        }
        defer { server.stop() }
        let loop = TransferLoop(userAgent: "t")
        defer { loop.stop() }
        let (outcomes, outcome) = AsyncStream.makeStream(of: HTTPClientError.Kind?.self)
        let total = TransferLoop.Place.ordinary.runningLimit + TransferLoop.waitingLimit
        let request = HTTPClientRequest(url: server.url(), timeout: .seconds(60))
        func submit() {
            loop.submit(request, ticket: loop.newTicket()) {
                switch $0 {
                case .success: outcome.yield(nil)
                case .failure(let error): outcome.yield(error.kind)
                }
            }
        }
        for _ in 0..<TransferLoop.Place.ordinary.runningLimit { submit() }
        var arrivedCount = 0
        for await _ in arrivals {
            arrivedCount += 1
            if arrivedCount == TransferLoop.Place.ordinary.runningLimit { break }
        }
        for _ in 0..<(TransferLoop.waitingLimit + 1) { submit() }
        var results = outcomes.makeAsyncIterator()
        #expect(await results.next() == .some(.some(.overloaded)))
        #expect(held.withLock { $0 } == TransferLoop.Place.ordinary.runningLimit)
        // Scrapes have places of their own, whatever waits here.
        let (scrapes, scraped) = AsyncStream.makeStream(of: Bool.self)
        let other = try TestServer { _, connection in connection.respond(200) }
        defer { other.stop() }
        var scrape = HTTPClientRequest(url: other.url())
        scrape.lane = .collection
        loop.submit(scrape, ticket: loop.newTicket()) { outcome in
            if case .success = outcome { scraped.yield(true) } else { scraped.yield(false) }
        }
        var scrapeResults = scrapes.makeAsyncIterator()
        #expect(await scrapeResults.next() == true)
        for _ in 0..<total { release.signal() }
        for _ in 0..<total { #expect(await results.next() == .some(nil)) }
    }

    @Test func releasingTheClientEndsItsTransfers() async throws {
        let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
        let server = try TestServer { _, connection in
            arrived.yield()
            connection.waitForEnd()
        }
        defer { server.stop() }
        let loop = TransferLoop(userAgent: "t")
        let (outcomes, outcome) = AsyncStream.makeStream(of: HTTPClientError.Kind?.self)
        // Beside hundreds of other tests it may take long until this one is looked at again.
        var request = HTTPClientRequest(url: server.url())
        request.timeout = .seconds(3600)
        loop.submit(request, ticket: loop.newTicket()) {
            if case .failure(let error) = $0 { outcome.yield(error.kind) } else { outcome.yield(nil) }
        }
        for await _ in arrivals { break }
        loop.stop()
        for await kind in outcomes {
            #expect(kind == .cancelled)
            break
        }
    }
}
