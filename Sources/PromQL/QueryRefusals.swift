// SPDX-License-Identifier: Apache-2.0
//
// Counts the queries that a bound stopped, so that an operator sees what was given up and which bound it was.

internal import Synchronization

/// Counts of queries without an answer.
final class QueryRefusals: Sendable {
    enum Reason: String, CaseIterable {
        case samples = "max_samples"
        case memory = "shared_memory"
        case timeout
        case canceled
        case queue
    }

    private let state = Mutex<[Reason: Int]>([:])

    /// The same error, counted when it comes from a bound.
    func counted(_ error: QueryError, _ reason: Reason? = nil) -> QueryError {
        if let reason = reason ?? Self.reason(error) { state.withLock { $0[reason, default: 0] += 1 } }
        return error
    }

    var counts: [(reason: String, count: Int)] {
        let counts = state.withLock { $0 }
        return Reason.allCases.map { ($0.rawValue, counts[$0] ?? 0) }
    }

    private static func reason(_ error: QueryError) -> Reason? {
        switch error {
        case Evaluator.tooManySamples: .samples
        case Evaluator.tooManyOfOthers: .memory
        case _ where error.kind == .timeout: .timeout
        case _ where error.kind == .canceled: .canceled
        default: nil
        }
    }
}

extension Int {
    /// The product, clamped to what the type can hold; for numbers that are not negative.
    func multipliedClamped(by other: Int) -> Int {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }
}
