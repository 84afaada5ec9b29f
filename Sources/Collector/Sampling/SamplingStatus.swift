// SPDX-License-Identifier: Apache-2.0

/// What sampling does right now.
public struct SamplingStatus: Sendable, Equatable {
    /// One policy.
    public struct Policy: Sendable, Equatable {
        /// Its name.
        public var name: String
        /// The condition as configured.
        public var condition: String
        /// Whether it takes effect.
        public var isActive: Bool
    }

    /// One source.
    public struct Source: Sendable, Equatable {
        /// Its name, unique among the configured sources.
        public var name: String
        /// How often it is collected now.
        public var interval: Duration
        /// How often it is collected when no policy takes effect.
        public var configuredInterval: Duration
    }

    /// Every policy, in file order.
    public var policies: [Policy]
    /// Every source, sorted by name.
    public var sources: [Source]
    /// The metric classes kept; empty for all.
    public var keptClasses: [String]
}
