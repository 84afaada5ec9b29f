// SPDX-License-Identifier: Apache-2.0
//
// Tells a running request that its client has gone. One per connection, in its pipeline; a connection has one
// request at a time, so there is at most one waiter. A client that closes only its sending half counts as gone, as
// in Go's server.

internal import NIOCore
internal import Synchronization

/// Notices the end of a connection's input.
final class DisconnectWatcher: ChannelInboundHandler, RemovableChannelHandler, Sendable {
    typealias InboundIn = NIOAny

    private struct State {
        var isClosed = false
        var waiter: AsyncStream<Void>.Continuation?
    }

    private let state = Mutex(State())

    /// Returns when the client has gone or the task is cancelled.
    func closed() async {
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        let isClosed = state.withLock { state in
            state.waiter = continuation
            return state.isClosed
        }
        if isClosed { continuation.finish() }
        for await _ in stream {}
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent { close() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        close()
        context.fireChannelInactive()
    }

    private func close() {
        let waiter = state.withLock { state in
            state.isClosed = true
            return state.waiter
        }
        waiter?.finish()
    }
}
