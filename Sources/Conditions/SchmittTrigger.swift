// SPDX-License-Identifier: Apache-2.0
//
// Keeps a policy from flapping: in at once (or after a few evaluations in a row), out only after the condition has been
// false for a while. Named after Otto Schmitt's circuit. Pure: time comes in with each evaluation.

/// Turns a condition that comes and goes into a state that holds.
///
/// An unknown condition changes nothing: it neither counts towards entering nor restarts the dwell. Only when nothing
/// at all has been known for `patience` does an active trigger let go, since a node must not stay throttled
/// because a sensor died.
public struct SchmittTrigger: Sendable, Equatable {
    /// What an evaluation changed.
    public enum Transition: Sendable, Equatable {
        case none
        case entered
        case left
    }

    private enum State: Equatable {
        case inactive(trueInARow: Int)
        case active(falseSince: UInt64?, lastKnown: UInt64)
    }

    /// Evaluations in a row that must be true before entering, at least 1.
    public let entryCount: Int
    /// How long the condition must have been false before leaving.
    public let dwell: Duration
    /// How long the condition may be unknown before leaving.
    public let patience: Duration
    private var state = State.inactive(trueInARow: 0)

    /// Creates an inactive trigger.
    public init(
        entryCount: Int = 1,
        dwell: Duration = .seconds(300),
        patience: Duration = .seconds(1800)
    ) {
        self.entryCount = max(1, entryCount)
        self.dwell = dwell
        self.patience = patience
    }

    /// Whether the policy applies now.
    public var isActive: Bool {
        if case .active = state { true } else { false }
    }

    /// Takes one evaluation of the condition.
    ///
    /// - Parameters:
    ///   - condition: the outcome, nil when unknown.
    ///   - now: monotonic nanoseconds; never less than in the call before.
    /// - Returns: what changed.
    public mutating func update(_ condition: Bool?, at now: UInt64) -> Transition {
        switch state {
        case .inactive(let trueInARow):
            guard let condition else { return .none }
            guard condition else {
                state = .inactive(trueInARow: 0)
                return .none
            }
            guard trueInARow + 1 >= entryCount else {
                state = .inactive(trueInARow: trueInARow + 1)
                return .none
            }
            state = .active(falseSince: nil, lastKnown: now)
            return .entered
        case .active(let falseSince, let lastKnown):
            return updateActive(condition, at: now, falseSince: falseSince, lastKnown: lastKnown)
        }
    }

    private mutating func updateActive(
        _ condition: Bool?,
        at now: UInt64,
        falseSince: UInt64?,
        lastKnown: UInt64
    ) -> Transition {
        let began: UInt64
        let limit: Duration
        switch condition {
        case true?:
            state = .active(falseSince: nil, lastKnown: now)
            return .none
        case false?:
            began = falseSince ?? now
            limit = dwell
            state = .active(falseSince: began, lastKnown: now)
        case nil:
            began = lastKnown
            limit = patience
        }
        guard now >= began, now - began >= limit.nanoseconds else { return .none }
        state = .inactive(trueInARow: 0)
        return .left
    }
}
