// SPDX-License-Identifier: Apache-2.0

/// How far a budget makes a destination save; a higher level saves more.
enum GovernorLevel: Int, Sendable, Comparable, CaseIterable {
    /// As configured.
    case asConfigured = 0
    /// Denser compression, larger and rarer batches, unchanged values left out.
    case thrifty = 1
    /// Windows of a minute.
    case minutes = 2
    /// Windows of five minutes.
    case fiveMinutes = 3
    /// Windows of an hour.
    case hours = 4
    /// Only alerts and what rules call vital.
    case alertsOnly = 5

    static func < (left: GovernorLevel, right: GovernorLevel) -> Bool { left.rawValue < right.rawValue }
}

/// What the governor of one destination's budgets says.
protocol GovernorReading: Sendable {
    /// The level that holds for a rule.
    func level(of rule: SyncRule) -> GovernorLevel
}

/// No budget to govern.
struct NoGovernor: GovernorReading {
    func level(of rule: SyncRule) -> GovernorLevel { .asConfigured }
}
