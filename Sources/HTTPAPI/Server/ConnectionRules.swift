// SPDX-License-Identifier: Apache-2.0
//
// What HTTP/1 asks of a connection beyond the messages on it: whether it stays open behind an answer (RFC 9112, section 9.3),
// how an answer to HTTP/1.0, which knows no chunks, ends (section 6.1), and when a client that asks first may send its
// body (RFC 9110, section 10.1.1). It stands between the codec and the server, the one place where the version is known.
//
// Requests are answered in the order they came, so the oldest one noted here is the one an answer belongs to.

internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import NIOHTTP1

/// Keeps and ends one connection.
final class ConnectionRules: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Says, as an outbound event, that the body of the request is about to be read.
    struct BodyIsWanted: Sendable {}

    /// A request that has not been answered.
    private struct Exchange {
        let isOld: Bool
        let staysOpen: Bool
        /// Whether the client waits for `100 Continue` before it sends the body.
        var awaitsContinue: Bool
    }

    /// How long what a client still sends behind the last answer is read and dropped.
    ///
    /// A close with unread bytes resets the connection, and a reset may overtake the answer.
    static let lingering = TimeAmount.seconds(1)

    /// As many as are read ahead, a matter of the channel's back pressure.
    private var exchanges = CircularBuffer<Exchange>(initialCapacity: 1)
    /// Whether what is being answered ends the connection.
    private var isEnding = false
    /// Whether the last answer has been given.
    private var isOver = false
    /// Whether what was read is no HTTP, or a body that was given up; nothing behind it can be understood.
    private var isGarbled = false
    private var ending: Scheduled<Void>?

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isOver { return }
        guard case .head(var head) = unwrapInboundIn(data) else { return context.fireChannelRead(data) }
        let staysOpen = head.isKeepAlive
        // The server knows this spelling only, and no versions.
        if !staysOpen { head.headers.replaceOrAdd(name: "connection", value: "close") }
        let isOld = head.version.major < 1 || (head.version.major == 1 && head.version.minor < 1)
        let expects = head.headers["expect"].contains { $0.lowercased() == "100-continue" }
        let hasBody =
            head.headers.contains(name: "transfer-encoding")
            || head.headers["content-length"].contains { $0 != "0" }
        exchanges.append(
            Exchange(isOld: isOld, staysOpen: staysOpen, awaitsContinue: expects && hasBody && !isOld)
        )
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        // The server wants no more.
        if isOver { context.read() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is HTTPParserError || error is BodyWatch.TooSlow { isGarbled = true }
        context.fireErrorCaught(error)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head) where head.status.code >= 200:
            context.write(wrapOutboundOut(.head(framed(head))), promise: promise)
        case .end where isEnding:
            isOver = true
            let promise = promise ?? context.eventLoop.makePromise()
            promise.futureResult.assumeIsolated().whenComplete { _ in self.end(context) }
            context.write(data, promise: promise)
        case .end:
            _ = exchanges.popFirst()
            context.write(data, promise: promise)
        default: context.write(data, promise: promise)
        }
    }

    func triggerUserOutboundEvent(
        context: ChannelHandlerContext,
        event: Any,
        promise: EventLoopPromise<Void>?
    ) {
        guard event is BodyIsWanted else {
            return context.triggerUserOutboundEvent(event, promise: promise)
        }
        promise?.succeed()
        guard exchanges.first?.awaitsContinue == true else { return }
        exchanges[exchanges.startIndex].awaitsContinue = false
        let head = HTTPResponseHead(version: .http1_1, status: .continue)
        context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        ending?.cancel()
        ending = nil
    }

    // MARK: - Ending

    /// An answer's head in its request's version, with what becomes of the connection.
    private func framed(_ head: HTTPResponseHead) -> HTTPResponseHead {
        var head = head
        let exchange = exchanges.first
        let isOld = exchange?.isOld ?? false
        let endsByItself = !head.status.mayHaveResponseBody || head.headers.contains(name: "content-length")
        // A client that was not told to send its body may or may not do so; only the end of the connection tells
        // that body from the next request.
        isEnding =
            isGarbled || exchange?.staysOpen != true || exchange?.awaitsContinue == true
            || (isOld && !endsByItself)
        if isOld { head.version = .http1_0 }
        if isEnding {
            head.headers.replaceOrAdd(name: "connection", value: "close")
        } else if isOld {
            head.headers.replaceOrAdd(name: "connection", value: "keep-alive")
        }
        return head
    }

    /// Ends the connection behind its last answer, which has left.
    private func end(_ context: ChannelHandlerContext) {
        context.close(mode: .output, promise: nil)
        context.read()
        ending = context.eventLoop.assumeIsolated().scheduleTask(in: ConnectionRules.lingering) {
            context.close(promise: nil)
        }
    }
}

extension Request {
    /// Tells a client that waits for it to send the body, which is then to be read.
    func askForBody(on channel: any Channel) {
        guard headers.contains(.expect) else { return }
        channel.triggerUserOutboundEvent(ConnectionRules.BodyIsWanted(), promise: nil)
    }
}
