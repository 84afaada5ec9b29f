// SPDX-License-Identifier: Apache-2.0

/// What an exposition says of a metric family.
public struct MetricMetadata: Sendable, Hashable {
    /// The types of the exposition formats.
    public enum Kind: String, Sendable {
        case counter
        case gauge
        case histogram
        case gaugehistogram
        case summary
        case info
        case stateset
        case unknown
    }

    /// The family's name, without `_total`, `_bucket` and the like.
    public let family: String
    /// Its type.
    public let kind: Kind
    /// One sentence for people.
    public let help: String
    /// The unit, empty when none is declared.
    public let unit: String

    /// Creates the metadata of one family.
    public init(family: String, kind: Kind, help: String, unit: String = "") {
        self.family = family
        self.kind = kind
        self.help = help
        self.unit = unit
    }
}
