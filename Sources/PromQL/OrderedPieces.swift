// SPDX-License-Identifier: Apache-2.0
//
// Work in pieces that do not need each other: done by the thread that wants the results and by those that have nothing
// else to do, and handed over in order. What a piece comes to depends on the piece alone, so the outcome is the same bit
// for bit however many threads took part.
//
// The owner takes a piece nobody has begun whenever the one it needs is not ready, so it waits only for a piece that
// another thread is at; helpers stay a few pieces ahead of it at most, which bounds what is held.

/// Pieces of one query's work, computed ahead of their use.
///
/// `@unchecked Sendable`: all that changes is looked at and changed under `lock` only.
final class OrderedPieces<Output: Sendable>: @unchecked Sendable {
    private let count: Int
    /// Pieces begun and not handed over at most.
    private let ahead: Int
    private let compute: @Sendable (Int) -> Output
    private let lock = ConditionLock()
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
    }

    /// The next piece's result; nil behind the last one.
    func next() -> Output? {
        lock.lock()
        defer { lock.unlock() }
        guard handedOver < count else { return nil }
        while true {
            let place = handedOver % ahead
            if let output = ready[place] {
                ready[place] = nil
                handedOver += 1
                lock.broadcast()
                return output
            }
            if !computeOne() { lock.wait() }
        }
    }

    /// Computes pieces until there are none left, nobody wants them, or `isWanted` says that others need the thread.
    func help(while isWanted: () -> Bool) {
        lock.lock()
        defer { lock.unlock() }
        helpers += 1
        while !isStopped, taken < count, isWanted() {
            if !computeOne() { lock.wait() }
        }
        helpers -= 1
        lock.broadcast()
    }

    /// Ends the work and waits until no helper is at it.
    func stop() {
        lock.lock()
        defer { lock.unlock() }
        isStopped = true
        lock.broadcast()
        while helpers > 0 { lock.wait() }
    }

    /// Computes a piece nobody has begun, without the lock; false when there is none to begin yet.
    private func computeOne() -> Bool {
        guard taken < min(count, handedOver + ahead) else { return false }
        let piece = taken
        taken += 1
        lock.unlock()
        let output = compute(piece)
        lock.lock()
        ready[piece % ahead] = output
        lock.broadcast()
        return true
    }
}
