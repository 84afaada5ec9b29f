// SPDX-License-Identifier: Apache-2.0
//
// Lets a limited number of queries run at once; the others wait in order of arrival. Who waits longer than its
// deadline, or is cancelled, leaves the queue.

internal import Synchronization

/// A counting gate for tasks.
final class QueryGate: Sendable {
    /// The most queries waiting; beyond it a query is refused at once, so that a flood costs no memory.
    static let queueLimit = 1024

    enum Outcome: Sendable {
        case entered, timedOut, cancelled, full
    }

    private struct State {
        var running = 0
        var nextTicket: UInt64 = 0
        var waiting: [(ticket: UInt64, continuation: CheckedContinuation<Outcome, Never>)] = []
    }

    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) {
        self.limit = max(1, limit)
    }

    /// Takes a place that is free; whether there was one.
    func enterAtOnce() -> Bool {
        state.withLock { state in
            guard state.running < limit else { return false }
            state.running += 1
            return true
        }
    }

    /// Waits for a place; who got `.entered` must call `leave`.
    func enter(until deadline: ContinuousClock.Instant) async -> Outcome {
        let ticket: UInt64? = state.withLock { state in
            if state.running < limit {
                state.running += 1
                return nil
            }
            state.nextTicket += 1
            return state.nextTicket
        }
        guard let ticket else { return .entered }
        return await withTaskGroup(of: Outcome?.self) { group in
            group.addTask { await self.wait(ticket) }
            group.addTask {
                // Ended early by `cancelAll` once the place is ours.
                try? await Task.sleep(until: deadline, clock: .continuous)
                self.remove(ticket, .timedOut)
                return nil
            }
            var outcome = Outcome.cancelled
            for await result in group {
                guard let result else { continue }
                outcome = result
                group.cancelAll()
            }
            return outcome
        }
    }

    private func wait(_ ticket: UInt64) async -> Outcome {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let outcome: Outcome? = state.withLock { state in
                    if Task.isCancelled { return .cancelled }
                    if state.running < limit {
                        state.running += 1
                        return .entered
                    }
                    if state.waiting.count >= Self.queueLimit { return .full }
                    state.waiting.append((ticket, continuation))
                    return nil
                }
                if let outcome { continuation.resume(returning: outcome) }
            }
        } onCancel: {
            remove(ticket, .cancelled)
        }
    }

    private func remove(_ ticket: UInt64, _ outcome: Outcome) {
        let continuation: CheckedContinuation<Outcome, Never>? = state.withLock { state in
            guard let index = state.waiting.firstIndex(where: { $0.ticket == ticket }) else { return nil }
            return state.waiting.remove(at: index).continuation
        }
        continuation?.resume(returning: outcome)
    }

    /// Hands the place to who waits longest.
    func leave() {
        let next: CheckedContinuation<Outcome, Never>? = state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.running -= 1
                return nil
            }
            return state.waiting.removeFirst().continuation
        }
        next?.resume(returning: .entered)
    }
}
