// SPDX-License-Identifier: Apache-2.0
//
// The way of every pushed body: refused before it is read when that is known, gathered while it arrives, decoded and stored
// on a lane of the gate. And the answers all kinds of pushes share.

internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import Wire

/// Reads a pushed body and has it stored.
struct PushedBody: Sendable {
    /// Seconds until a request the store could not take may come again.
    private static let pauseSeconds = 5
    /// Seconds until a request there was no room for may come again.
    private static let shortPauseSeconds = 1

    let gate: IngestGate
    /// Bytes a body may have.
    let limit: Int

    /// Answers a request with what `work` makes of its body.
    func reply(
        to request: Request,
        on channel: any Channel,
        _ work: @escaping @Sendable (Span<UInt8>) -> Reply
    ) async -> Reply {
        var body = ByteBuffer()
        let client = PushedBody.client(of: channel)
        defer { gate.release(body.readableBytes, of: client) }
        if let refusal = await read(request, on: channel, of: client, into: &body) { return refusal }
        let bytes = body
        // The lane throws only what the work throws, which is nothing.
        let reply = try? await gate.run { work(bytes.readableBytesUInt8Span) }
        return reply ?? PushedBody.busy("the server is stopping")
    }

    /// Gathers the body; what was gathered is held in the gate whatever happens.
    ///
    /// - Returns: the answer when it cannot be had, nil when it is whole.
    private func read(
        _ request: Request,
        on channel: any Channel,
        of client: String,
        into body: inout ByteBuffer
    ) async -> Reply? {
        if let declared = request.headers[.contentLength].flatMap({ Int($0) }), declared > limit {
            return tooLarge
        }
        request.askForBody(on: channel)
        let room = max(IngestGate.heldLimit, 2 * limit)
        let watch = BodyWatch(channel)
        defer { watch.end() }
        do {
            for try await chunk in request.body {
                watch.received(chunk.readableBytes)
                guard body.readableBytes + chunk.readableBytes <= limit else { return tooLarge }
                guard gate.hold(chunk.readableBytes, behind: body.readableBytes, of: client, room: room)
                else {
                    return PushedBody.busy("too many requests are being read")
                }
                if body.readableBytes == 0 {
                    body = chunk
                } else {
                    body.writeImmutableBuffer(chunk)
                }
            }
        } catch {
            let failure = BodyFailure(error)
            // Senders drop what is answered 408.
            if failure.isSlow { return PushedBody.busy(failure.words) }
            return .text(failure.words + "\n", status: failure.status)
        }
        return nil
    }

    /// The address a client is counted by.
    static func client(of channel: any Channel) -> String { channel.remoteAddress?.ipAddress ?? "" }

    // MARK: - Answers

    private var tooLarge: Reply {
        .text("request body is larger than \(limit) bytes\n", status: 413)
    }

    /// Nothing was stored; the same may come again soon.
    static func busy(_ reason: String) -> Reply { pausing(503, reason, shortPauseSeconds) }

    /// The store takes nothing now; the same may come again.
    static func unavailable(_ reason: String) -> Reply { pausing(503, reason, pauseSeconds) }

    /// The client sends more than it may.
    static func throttled(_ seconds: Int) -> Reply {
        pausing(429, "the client sends more samples than push.rate_limit allows", seconds)
    }

    private static func pausing(_ status: Int, _ reason: String, _ seconds: Int) -> Reply {
        var reply = Reply.text("\(reason)\n", status: status)
        reply.headers = [("Retry-After", String(seconds))]
        return reply
    }
}
