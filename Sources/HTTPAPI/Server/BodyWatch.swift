// SPDX-License-Identifier: Apache-2.0
//
// Ends a request whose body does not come. A body holds room that others need while it is gathered, and a client that went
// without a word, or wants just that, would hold it for as long as the connection may idle.
//
// A body that is slow is not ended: the pace asked for is one a modem keeps. Nothing is asked for while nobody reads it.

internal import NIOCore
internal import Synchronization

/// Watches the body of one request come.
final class BodyWatch: Sendable {
    /// What reading the body then ends with.
    struct TooSlow: Error {}

    /// How often it is looked whether enough came.
    static let window = TimeAmount.seconds(15)
    /// Bytes each window brings, unless the body ends in it: one kibibyte a second.
    static let pace = 15 << 10
    /// Windows until a body must be whole: five minutes, Prometheus' `--web.read-timeout`.
    static let windows = 20

    private struct State {
        /// Bytes since the last look.
        var received = 0
        var windows = 0
        var timer: RepeatedTask?
        var isOver = false
    }

    private let state = Mutex(State())

    /// Begins to watch the body being read from a connection.
    init(_ channel: any Channel) {
        let timer = channel.eventLoop.scheduleRepeatedTask(
            initialDelay: BodyWatch.window,
            delay: BodyWatch.window
        ) { [weak self] _ in
            guard self?.isLate() == true else { return }
            // The way a body that is no HTTP ends, too: the reader is told, and the connection ends behind the answer.
            channel.pipeline.fireErrorCaught(TooSlow())
        }
        state.withLock { $0.timer = timer }
    }

    deinit {
        state.withLock { $0.timer }?.cancel()
    }

    /// Notes that more of the body is here.
    func received(_ count: Int) {
        state.withLock { $0.received += count }
    }

    /// Ends watching; the body is here, or nobody wants it any more.
    func end() {
        let timer = state.withLock { state in
            state.isOver = true
            return state.timer
        }
        timer?.cancel()
    }

    /// Whether the window that ends now brought too little; true once.
    private func isLate() -> Bool {
        state.withLock { state in
            guard !state.isOver else { return false }
            state.windows += 1
            state.isOver = state.received < BodyWatch.pace || state.windows >= BodyWatch.windows
            state.received = 0
            return state.isOver
        }
    }
}
