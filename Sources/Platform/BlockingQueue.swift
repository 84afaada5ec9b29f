// SPDX-License-Identifier: Apache-2.0
//
// Calls that block (fdatasync, libmodbus, statfs on a dead mount) must not hold a thread of Swift's cooperative
// pool: on two cores two of them stop everything. A queue owns one thread and runs them in order.
//
// Some calls block for as long as a server or a dead disk likes, which must not keep the process from ending. So whoever
// waits in `run` is let go a little after its task was cancelled, while the lane finishes alone; what was not begun by then
// is never begun. Work that must be whole, such as writing what was acknowledged, is handed to `runToEnd`.

internal import Dispatch
internal import Synchronization

/// One serial lane for blocking work.
public final class BlockingQueue: Sendable {
    /// How long work may take to end by itself once its caller is cancelled: enough for a pass that reads files, short
    /// beside the time a supervisor gives a process to end.
    private static let grace = DispatchTimeInterval.seconds(1)

    private let queue: DispatchQueue

    /// Creates a lane; `label` names it in debuggers.
    public init(label: String) {
        queue = DispatchQueue(label: label)
    }

    /// Runs blocking work on the lane, after everything handed in before, and suspends the caller until it is done.
    ///
    /// - Parameter work: what to run; once begun it is not interrupted, but a cancelled caller does not wait for its end.
    /// - Returns: what the work returned.
    /// - Throws: what the work threw; `CancellationError` a second after the caller's task was cancelled.
    public func run<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result
    {
        let call = Call<Result>()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                guard call.begin(continuation) else { return }
                queue.async {
                    guard call.isAwaited else { return }
                    call.end(Swift.Result { try work() })
                }
            }
        } onCancel: {
            DispatchQueue.global().asyncAfter(deadline: .now() + BlockingQueue.grace) {
                call.end(.failure(CancellationError()))
            }
        }
    }

    /// Runs blocking work like `run`, and waits for its end also when the caller is cancelled.
    ///
    /// - Parameter work: what to run.
    /// - Returns: what the work returned.
    /// - Throws: what the work threw.
    public func runToEnd<Result: Sendable>(
        _ work: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.async {
                continuation.resume(with: Swift.Result { try work() })
            }
        }
    }
}

/// Somebody waiting for work; answered once, by whoever comes first: the work's end or the time after cancellation.
private final class Call<Value: Sendable>: Sendable {
    private enum State {
        case new
        case waiting(CheckedContinuation<Value, any Error>)
        case ended
    }

    private let state = Mutex(State.new)

    /// Whether nobody was answered yet.
    var isAwaited: Bool {
        state.withLock { state in
            if case .waiting = state { true } else { false }
        }
    }

    /// Begins to wait; false, and the caller resumed, when the time is up already.
    func begin(_ continuation: CheckedContinuation<Value, any Error>) -> Bool {
        let isInTime = state.withLock { state in
            guard case .new = state else { return false }
            state = .waiting(continuation)
            return true
        }
        if !isInTime { continuation.resume(throwing: CancellationError()) }
        return isInTime
    }

    /// Answers, unless that was done.
    func end(_ result: Result<Value, any Error>) {
        let continuation: CheckedContinuation<Value, any Error>? = state.withLock { state in
            defer { state = .ended }
            guard case .waiting(let continuation) = state else { return nil }
            return continuation
        }
        continuation?.resume(with: result)
    }
}
