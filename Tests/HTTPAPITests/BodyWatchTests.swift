// SPDX-License-Identifier: Apache-2.0
//
// Bodies that do not come, on a loop whose time stands still until it is told.

import HTTPTypes
import HummingbirdCore
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import HTTPAPI

/// Ends a body with what the connection fails with, as the server does.
private final class Failing: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    let source: RequestBody.Source
    let failures = Atomic<Int>(0)

    init(_ source: RequestBody.Source) {
        self.source = source
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        failures.add(1, ordering: .relaxed)
        source.finish(error)
    }
}

struct BodyWatchTests {
    private let stream: RequestBody
    private let source: RequestBody.Source
    private let channel = NIOAsyncTestingChannel()
    private let failing: Failing

    init() async throws {
        (stream, source) = RequestBody.makeStream()
        failing = Failing(source)
        try await channel.pipeline.addHandler(failing).get()
    }

    private func failures(after windows: Int) async -> Int {
        for _ in 0..<windows { await channel.testingEventLoop.advanceTime(by: BodyWatch.window) }
        return failing.failures.load(ordering: .relaxed)
    }

    @Test func eachWindowBringsEnough() async throws {
        let watch = BodyWatch(channel)
        for _ in 0..<3 {
            watch.received(BodyWatch.pace - 1)
            watch.received(1)
            #expect(await failures(after: 1) == 0)
        }
        watch.received(BodyWatch.pace - 1)
        #expect(await failures(after: 1) == 1)
        // Once is enough.
        #expect(await failures(after: 40) == 1)
        watch.end()
    }

    @Test func whatIsHereIsNotWatched() async throws {
        let watch = BodyWatch(channel)
        watch.end()
        #expect(await failures(after: 2) == 0)
    }

    @Test func evenASteadyBodyEnds() async throws {
        let watch = BodyWatch(channel)
        for _ in 1..<BodyWatch.windows {
            watch.received(1 << 20)
            #expect(await failures(after: 1) == 0)
        }
        watch.received(1 << 20)
        #expect(await failures(after: 1) == 1)
        watch.end()
    }

    @Test func theClientIsToldAndTheRoomComesBack() async throws {
        let gate = IngestGate()
        let (channel, stream) = (channel, stream)
        async let answer = PushedBody(gate: gate, limit: 1000).reply(
            to: Request(
                head: HTTPRequest(method: .post, scheme: nil, authority: nil, path: "/api/v1/write"),
                body: stream
            ),
            on: channel
        ) { _ in .empty(204) }
        await source.yield(ByteBuffer(repeating: 1, count: 600))
        // The body is being watched once a part of it is held.
        while gate.heldBytes == 0 { await Task.yield() }
        #expect(gate.heldBytes == 600)
        #expect(await failures(after: 1) == 1)
        let reply = await answer
        #expect(reply.status == 503 && reply.headers.map(\.1) == ["1"])
        guard case .bytes(let bytes) = reply.body else {
            Issue.record("no body")
            return
        }
        #expect(String(decoding: bytes, as: UTF8.self) == "the request body did not come in time\n")
        #expect(gate.heldBytes == 0)
    }
}
