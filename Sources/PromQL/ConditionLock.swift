// SPDX-License-Identifier: Apache-2.0
//
// A mutex with a condition, for threads that wait for what others do. Mutex of the standard library has none.

internal import Glibc

/// A lock under which threads can wait.
///
/// `@unchecked Sendable`: both are made to be used by several threads at once (pthread_mutex_lock(3), pthread_cond_wait(3)),
/// and their memory stays in place for the object's life.
final class ConditionLock: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    init() {
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func lock() { pthread_mutex_lock(mutex) }

    func unlock() { pthread_mutex_unlock(mutex) }

    /// Waits, without the lock, until another thread signals, or for no reason.
    func wait() { pthread_cond_wait(condition, mutex) }

    /// The same, but not beyond a time of the wall clock; false when that has come.
    func wait(until deadline: inout timespec) -> Bool {
        pthread_cond_timedwait(condition, mutex, &deadline) != ETIMEDOUT
    }

    /// Wakes one thread that waits.
    func signal() { pthread_cond_signal(condition) }

    /// Wakes all threads that wait.
    func broadcast() { pthread_cond_broadcast(condition) }
}
