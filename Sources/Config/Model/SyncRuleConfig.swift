// SPDX-License-Identifier: Apache-2.0

/// What is shipped to which destinations.
public struct SyncRuleConfig: Sendable, Equatable {
    /// Unique; the first selector as written unless configured.
    public var name: String
    /// A series that one of them takes is the rule's, unless a rule before it takes the series.
    public var selectors: [SyncSelector]
    /// Names of destinations; empty for all.
    public var destinations: [String] = []

    /// Creates a rule for all destinations.
    public init(name: String, selectors: [SyncSelector]) {
        self.name = name
        self.selectors = selectors
    }
}
