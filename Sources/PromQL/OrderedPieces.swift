// SPDX-License-Identifier: Apache-2.0
//
// Work in pieces that do not need each other: done by the thread that wants the results and by those that have nothing
// else to do, and handed over in order. What a piece comes to depends on the piece alone, so the outcome is the same bit
// for bit however many threads took part.
//
// The owner takes a piece nobody has begun whenever the one it needs is not ready, so it waits only for a piece that
// another thread is at; helpers stay a few pieces ahead of it at most, which bounds what is held.

internal import Glibc

/// Pieces of one query's work, computed ahead of their use.
///
/// `@unchecked Sendable`: all state is guarded by `mutex` (pthread_mutex_lock(3)), whose memory, like that of the
/// condition, stays in place for the object's life.
final class OrderedPieces<Output: Sendable>: @unchecked Sendable {
    private let count: Int
    /// Pieces begun and not handed over at most.
    private let ahead: Int
    private let compute: @Sendable (Int) -> Output
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    /// By piece modulo `ahead`.
    private var ready: [Output?]
    private var taken = 0
    private var handedOver = 0
    private var helpers = 0
    private var isStopped = false

    init(count: Int, ahead: Int, _ compute: @escaping @Sendable (Int) -> Output) {
        self.count = count
        self.ahead = max(1, ahead)
        self.compute = compute
        ready = [Output?](repeating: nil, count: max(1, ahead))
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

    /// The next piece's result; nil behind the last one.
    func next() -> Output? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        guard handedOver < count else { return nil }
        while true {
            let place = handedOver % ahead
            if let output = ready[place] {
                ready[place] = nil
                handedOver += 1
                pthread_cond_broadcast(condition)
                return output
            }
            if !computeOne() { pthread_cond_wait(condition, mutex) }
        }
    }

    /// Computes pieces until there are none left, nobody wants them, or `isWanted` says that others need the thread.
    func help(while isWanted: () -> Bool) {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        helpers += 1
        while !isStopped, taken < count, isWanted() {
            if !computeOne() { pthread_cond_wait(condition, mutex) }
        }
        helpers -= 1
        pthread_cond_broadcast(condition)
    }

    /// Ends the work and waits until no helper is at it.
    func stop() {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        isStopped = true
        pthread_cond_broadcast(condition)
        while helpers > 0 { pthread_cond_wait(condition, mutex) }
    }

    /// Computes a piece nobody has begun, without the lock; false when there is none to begin yet.
    private func computeOne() -> Bool {
        guard taken < min(count, handedOver + ahead) else { return false }
        let piece = taken
        taken += 1
        pthread_mutex_unlock(mutex)
        let output = compute(piece)
        pthread_mutex_lock(mutex)
        ready[piece % ahead] = output
        pthread_cond_broadcast(condition)
        return true
    }
}
