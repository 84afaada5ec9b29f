// SPDX-License-Identifier: Apache-2.0
//
// The end of a run whose services do not all end: a thread that hangs in the kernel (a dead disk, a dead NFS server) cannot
// be ended, and waiting for it would last until the supervisor kills the process. Once the store is closed nothing
// acknowledged can be lost any more, so the process ends, and well.

internal import Dispatch
internal import Glibc
internal import Logging
internal import Synchronization

/// Ends the process when its services had long enough to end.
final class ShutdownDeadline: Sendable {
    /// After cancellation, for what still ends by itself.
    private static let grace = Duration.seconds(1)
    /// How often a store that is being closed is looked after, and how often at most: a slow disk may take long for the
    /// last sync, and systemd waits for 90 s before it kills.
    private static let pause = DispatchTimeInterval.seconds(1)
    private static let patience = 30

    private struct State {
        var isOrderly = false
        var isStoreClosed = false
        var isOver = false
    }

    private let allowed: Duration
    private let logger: Logger
    private let state = Mutex(State())

    /// Prepares a deadline.
    ///
    /// - Parameters:
    ///   - allowed: what services have before they are cancelled.
    ///   - logger: hears that they were not waited for.
    init(_ allowed: Duration, logger: Logger) {
        self.allowed = allowed
        self.logger = logger
    }

    /// Starts the time, `isOrderly` when asked to stop rather than because a service failed.
    func begin(isOrderly: Bool) {
        state.withLock { $0.isOrderly = isOrderly }
        let wait = allowed + ShutdownDeadline.grace
        DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(Int(wait.components.seconds))) {
            self.check(ShutdownDeadline.patience)
        }
    }

    /// Notes that everything acknowledged is in the store's files.
    func storeIsClosed() { state.withLock { $0.isStoreClosed = true } }

    /// Notes that every service ended.
    func end() { state.withLock { $0.isOver = true } }

    private func check(_ left: Int) {
        let state = state.withLock { $0 }
        if state.isOver { return }
        if !state.isStoreClosed, left > 0 {
            DispatchQueue.global().asyncAfter(deadline: .now() + ShutdownDeadline.pause) {
                self.check(left - 1)
            }
            return
        }
        if state.isStoreClosed {
            logger.warning("stopped, without waiting for what hangs; everything is stored")
        } else {
            logger.critical("stopped, though the store could not be closed")
        }
        fflush(nil)
        // Not exit: it would run destructors under threads that hang.
        _exit(state.isStoreClosed && state.isOrderly ? 0 : 1)
    }
}
