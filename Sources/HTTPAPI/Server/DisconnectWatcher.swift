// SPDX-License-Identifier: Apache-2.0
//
// Tells a running request that its client has gone. One per connection, in its pipeline; a connection has one
// request at a time, so there is at most one waiter.
//
// A client that closes only its sending half still waits for its answer; one that closes its socket looks the same
// until something is written to it. Go's server takes both for gone. Here what is answered within a second is
// answered, and what takes longer is given up: a half-closed connection gets all answers but the slow ones, and a client
// that is gone costs a second at most.

internal import NIOCore
internal import Synchronization

/// Notices the end of a connection's input.
final class DisconnectWatcher: ChannelInboundHandler, RemovableChannelHandler, Sendable {
    typealias InboundIn = NIOAny

    private struct State {
        var loop: (any EventLoop)?
        var isClosed = false
        var isInputClosed = false
        var action: (@Sendable () -> Void)?
        /// Counts the actions set, so that a grace ends only the one it was for.
        var turn: UInt64 = 0
    }

    /// How long a request goes on whose client sends no more.
    static let grace = TimeAmount.seconds(1)

    /// The watchers of open connections; as many as connections are accepted.
    private static let watchers = Mutex<[ObjectIdentifier: DisconnectWatcher]>([:])

    private let state = Mutex(State())

    /// The watcher of an open connection.
    static func of(_ channel: any Channel) -> DisconnectWatcher? {
        watchers.withLock { $0[ObjectIdentifier(channel)] }
    }

    /// Calls an action when the client goes, at once when it has gone; nil takes the one set before back.
    func onClose(_ action: (@Sendable () -> Void)?) {
        let isClosed = state.withLock { state in
            state.action = action
            state.turn &+= 1
            return state.isClosed
        }
        if isClosed { action?() } else { beginGrace() }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let (channel, loop) = (ObjectIdentifier(context.channel), context.eventLoop)
        state.withLock { $0.loop = loop }
        DisconnectWatcher.watchers.withLock { $0[channel] = self }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        let channel = ObjectIdentifier(context.channel)
        DisconnectWatcher.watchers.withLock { $0[channel] = nil }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent {
            state.withLock { $0.isInputClosed = true }
            beginGrace()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        let action = state.withLock { state in
            state.isClosed = true
            return state.action
        }
        action?()
        context.fireChannelInactive()
    }

    /// Lets the running request go on for a while if its client sends no more.
    private func beginGrace() {
        let waiting: (loop: any EventLoop, turn: UInt64)? = state.withLock { state in
            guard state.isInputClosed, state.action != nil, let loop = state.loop else { return nil }
            return (loop, state.turn)
        }
        guard let waiting else { return }
        waiting.loop.scheduleTask(in: DisconnectWatcher.grace) {
            self.state.withLock { $0.turn == waiting.turn ? $0.action : nil }?()
        }
    }
}
