// SPDX-License-Identifier: Apache-2.0
//
// How long to wait before the next attempt: exponential, capped, and random over the whole range ("full jitter",
// Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog 2015), so that a thousand gateways do not return to
// a receiver in the same second.

/// Pauses between attempts.
struct Backoff: Sendable, Equatable {
    /// The first pause, and the shortest.
    var base: Duration
    /// The longest pause.
    var cap: Duration
    /// The pauses while an endpoint refuses us begin here: nothing will change by itself in seconds.
    var refusedBase = Duration.seconds(30)
    /// The longest pause while an endpoint refuses us.
    var refusedCap = Duration.seconds(300)

    /// The pause after a number of failures in a row.
    ///
    /// - Parameters:
    ///   - failures: 1 after the first.
    ///   - jitter: from 0 to 1.
    /// - Returns: at least `base`, at most `cap`.
    func pause(failures: Int, jitter: Double) -> Duration {
        let ceiling = Self.grown(base, failures, cap)
        return max(min(base, cap), ceiling * jitter)
    }

    /// The pause after a receiver asked for one: never shorter than asked, and spread by a tenth.
    func pause(failures: Int, jitter: Double, asked: Duration) -> Duration {
        max(asked + asked * (0.1 * jitter), pause(failures: failures, jitter: jitter))
    }

    /// The pause after a number of refusals in a row: between half and all of the grown time.
    func refusedPause(failures: Int, jitter: Double) -> Duration {
        Self.grown(refusedBase, failures, refusedCap) * (0.5 + 0.5 * jitter)
    }

    private static func grown(_ base: Duration, _ failures: Int, _ cap: Duration) -> Duration {
        // Beyond 2^30 times the base every cap is reached.
        min(cap, base * (1 << min(30, max(0, failures - 1))))
    }
}
