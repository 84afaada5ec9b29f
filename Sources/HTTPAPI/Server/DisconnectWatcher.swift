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
        var action: (@Sendable () -> Void)?
    }

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
            return state.isClosed
        }
        if isClosed { action?() }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = ObjectIdentifier(context.channel)
        DisconnectWatcher.watchers.withLock { $0[channel] = self }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        let channel = ObjectIdentifier(context.channel)
        DisconnectWatcher.watchers.withLock { $0[channel] = nil }
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
        let action = state.withLock { state in
            state.isClosed = true
            return state.action
        }
        action?()
    }
}
