// SPDX-License-Identifier: Apache-2.0

/// A format targets are asked for.
public enum ScrapeProtocol: String, Sendable, CaseIterable {
    case protobuf = "PrometheusProto"
    case text0 = "PrometheusText0.0.4"
    case text1 = "PrometheusText1.0.0"
    case openMetrics0 = "OpenMetricsText0.0.1"
    case openMetrics1 = "OpenMetricsText1.0.0"

    /// What is asked for unless configured.
    public static let standard: [ScrapeProtocol] = [.openMetrics1, .openMetrics0, .text1, .text0]
    /// The same where protobuf has what text has not: native histograms, start timestamps.
    public static let protobufFirst: [ScrapeProtocol] = [.protobuf] + standard
}

/// Which names metrics and labels may have.
public enum NameScheme: String, Sendable, CaseIterable {
    /// Any valid UTF-8.
    case utf8
    /// Letters, digits, underscores, and colons in a metric's name.
    case legacy
}

/// How targets are asked to write names beyond the old alphabet.
public enum NameEscaping: String, Sendable, CaseIterable {
    case allowUTF8 = "allow-utf-8"
    case underscores
    case dots
    case values
}

/// What is asked of targets, and what is made of what they answer.
public struct ScrapeFormats: Sendable, Equatable {
    /// The formats asked for, most wanted first; nil for the defaults.
    public var protocols: [ScrapeProtocol]?
    /// Whether native histograms are taken.
    public var nativeHistograms = false
    /// Whether classic histograms are converted to native ones with custom bounds.
    public var convertsClassicHistograms = false
    /// Whether the classic series are kept beside a native or converted histogram.
    public var keepsClassicHistograms = false
    /// Whether three more series describe each scrape.
    public var extraMetrics = false
    /// The names taken.
    public var nameScheme = NameScheme.utf8
    /// The names asked for; nil for what the scheme allows.
    public var nameEscaping: NameEscaping?

    /// Creates Prometheus' defaults.
    public init() {}

    /// What is asked for in names.
    public var effectiveEscaping: NameEscaping {
        nameEscaping ?? (nameScheme == .utf8 ? .allowUTF8 : .underscores)
    }
}
