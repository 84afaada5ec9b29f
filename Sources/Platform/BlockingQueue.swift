// SPDX-License-Identifier: Apache-2.0
//
// Calls that block (fdatasync, libmodbus, statfs on a dead mount) must not hold a thread of Swift's cooperative
// pool: on two cores two of them stop everything. A queue owns one thread and runs them in order.

internal import Dispatch

/// One serial lane for blocking work.
public final class BlockingQueue: Sendable {
    private let queue: DispatchQueue

    /// Creates a lane; `label` names it in debuggers.
    public init(label: String) {
        queue = DispatchQueue(label: label)
    }

    /// Runs blocking work on the lane, after everything handed in before, and suspends the caller until it is done.
    ///
    /// - Parameter work: what to run; it is not interrupted by cancellation.
    /// - Returns: what the work returned.
    /// - Throws: what the work threw.
    public func run<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result
    {
        try await withCheckedThrowingContinuation { continuation in
            queue.async {
                continuation.resume(with: Swift.Result { try work() })
            }
        }
    }
}
