// SPDX-License-Identifier: Apache-2.0

/// How OpenTelemetry's metrics become series; Prometheus' `otlp` section.
public struct OTLPConfig: Sendable, Equatable {
    /// What becomes of names; the words are Prometheus'.
    public enum Strategy: String, Sendable, CaseIterable {
        case escapedWithSuffixes = "UnderscoreEscapingWithSuffixes"
        case escaped = "UnderscoreEscapingWithoutSuffixes"
        case withSuffixes = "NoUTF8EscapingWithSuffixes"
        case none = "NoTranslation"
    }

    /// What becomes of names.
    public var strategy = Strategy.escapedWithSuffixes
    /// Resource attributes that become labels of every series.
    public var promoted: [String] = []
    /// Whether all resource attributes do.
    public var promotesAll = false
    /// Those that do not when all do.
    public var ignored: [String] = []
    /// Whether `target_info` also has the attributes that are `job` and `instance`.
    public var keepsIdentifying = false
    /// Whether histograms with explicit bounds become native ones.
    public var convertsToCustomBounds = false
    /// Whether the instrumentation scope becomes labels.
    public var promotesScope = false
    /// Whether `key` is put in front of a label that begins with one underscore.
    public var sanitizesUnderscores = true
    /// Whether several underscores in a row stay several.
    public var keepsUnderscores = true

    /// Creates Prometheus' defaults.
    public init() {}
}
