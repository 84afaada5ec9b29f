// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// How long to wait before the next attempt: doubling from a second to five minutes, of which a random half.
///
/// The jitter comes after the cap, so that a fleet whose server returns does not arrive in step.
struct RetryBackoff: Sendable {
    private static let first = 1.0
    private static let longest = 300.0

    private var random: SeededGenerator
    private(set) var attempts = 0

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
    }

    /// The wait after one more failure.
    mutating func next() -> Duration {
        let cap = attempts < 16 ? min(Self.longest, Self.first * Double(1 << attempts)) : Self.longest
        attempts += 1
        let share = Double(random.next() >> 11) * 0x1p-53
        return .milliseconds(Int64(cap * (0.5 + 0.5 * share) * 1000))
    }

    mutating func reset() { attempts = 0 }
}
