// SPDX-License-Identifier: Apache-2.0

/// What a batch waits behind: a lower one goes first.
enum Lane: UInt8, Sendable, Comparable, CaseIterable {
    /// Alerts and what rules call as urgent; before everything else.
    case alerts = 0
    /// What has just been stored.
    case fresh = 1
    /// What was stored while the destination was away.
    case backlog = 2
    /// What may wait longest: rules that say so, and repairs.
    case bulk = 3

    static func < (left: Lane, right: Lane) -> Bool { left.rawValue < right.rawValue }
}
