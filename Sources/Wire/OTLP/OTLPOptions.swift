// SPDX-License-Identifier: Apache-2.0

/// How OpenTelemetry's metrics become series; the keys of Prometheus' `otlp` section.
public struct OTLPOptions: Sendable, Equatable {
    /// What becomes of names.
    public enum Strategy: String, Sendable, CaseIterable {
        /// Only letters, digits and underscores; units and types as suffixes.
        case escapedWithSuffixes = "UnderscoreEscapingWithSuffixes"
        /// Only letters, digits and underscores.
        case escaped = "UnderscoreEscapingWithoutSuffixes"
        /// As they are, with units and types as suffixes.
        case withSuffixes = "NoUTF8EscapingWithSuffixes"
        /// As they are.
        case none = "NoTranslation"

        /// Whether characters beyond the old alphabet are replaced.
        var escapes: Bool { self == .escapedWithSuffixes || self == .escaped }
        /// Whether units and types are appended.
        var addsSuffixes: Bool { self == .escapedWithSuffixes || self == .withSuffixes }
    }

    /// What becomes of names.
    public var strategy = Strategy.escapedWithSuffixes
    /// Resource attributes that become labels of every series.
    public var promoted: Set<String> = []
    /// Whether all resource attributes do.
    public var promotesAll = false
    /// Those that do not when all do.
    public var ignored: Set<String> = []
    /// Whether `target_info` also has the attributes that are `job` and `instance`.
    public var keepsIdentifying = false
    /// Whether histograms with explicit bounds become native ones with custom bounds.
    public var convertsToCustomBounds = false
    /// Whether the instrumentation scope becomes labels.
    public var promotesScope = false
    /// Whether `key` is put in front of a label that begins with one underscore.
    public var sanitizesUnderscores = true
    /// Whether several underscores in a row stay several.
    public var keepsUnderscores = true

    /// Attributes of a data point; 0 is no limit.
    ///
    /// Not of the section: each attribute becomes a label, so `push.label_limit`.
    public var attributeLimit = 0

    /// Creates Prometheus' defaults.
    public init() {}
}
