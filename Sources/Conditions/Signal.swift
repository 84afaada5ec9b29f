// SPDX-License-Identifier: Apache-2.0
//
// What the node knows of itself right now: how good its uplink is, what it is powered by, whether something is odd.
// A signal is a value with a unit and an age; one that has not been heard of for its maximum age is stale, and a stale
// signal decides nothing.

/// A signal's value in its base unit.
public enum SignalValue: Sendable, Hashable, CustomStringConvertible {
    /// A number in the base unit of its dimension: seconds, bits per second, a ratio where 1 is 100 %.
    case number(Double)
    /// One of a few words, for example the power source.
    case text(String)

    /// The value as text for messages.
    public var description: String {
        switch self {
        case .number(let number): "\(number)"
        case .text(let text): text
        }
    }
}

/// How far a signal can be relied on.
public enum SignalQuality: String, Sendable {
    /// Published within its maximum age.
    case good
    /// Not published for longer than its maximum age.
    case stale
    /// Published as unknown: not a number, or empty text.
    case unknown
}

/// A signal as it stands at the moment of asking.
public struct Signal: Sendable, Hashable {
    /// The last value published.
    public let value: SignalValue
    /// The unit's name as published, for example `seconds`; empty for plain numbers and text.
    public let unit: String
    /// How long ago the value was published.
    public let age: Duration
    /// Whether the value can be relied on.
    public let quality: SignalQuality
}

/// The signals edgewatch itself publishes.
public enum SignalName {
    /// Round-trip time to the destinations in seconds.
    public static let networkLatency = "network_latency"
    /// Uplink throughput in bits per second.
    public static let bandwidth = "bandwidth"
    /// Failed transfers as a ratio.
    public static let networkLoss = "network_loss"
    /// `grid`, `battery`, `ups` or `solar`.
    public static let powerSource = "power_source"
    /// State of charge as a ratio from 0 to 1.
    public static let batteryLevel = "battery_level"
    /// How long the batteries last as things are, in seconds.
    public static let batteryRuntime = "battery_runtime"
    /// How unusual the node's metrics are, from 0 to 1.
    public static let anomalyScore = "anomaly_score"

    /// All of them.
    public static let all = [
        networkLatency, bandwidth, networkLoss, powerSource, batteryLevel, batteryRuntime, anomalyScore,
    ]

    /// What a signal of this name measures; nil for names edgewatch does not publish itself.
    static func dimension(of name: String) -> Dimension? {
        switch name {
        case networkLatency, batteryRuntime: .time
        case bandwidth: .bitRate
        case networkLoss, batteryLevel: .ratio
        case anomalyScore: .plain
        case powerSource: .text
        default: nil
        }
    }
}

/// What a number measures.
enum Dimension: Sendable {
    case plain
    case ratio
    case time
    case bitRate
    case text

    /// The name in messages.
    var words: String {
        switch self {
        case .plain: "a plain number"
        case .ratio: "a ratio (30% or 0.3)"
        case .time: "a time (ms, s, m, h)"
        case .bitRate: "a bit rate (bps, kbps, Mbps, Gbps)"
        case .text: "a word in quotes"
        }
    }

    /// Whether a literal of this dimension can be compared with a signal of the other.
    ///
    /// Plain numbers fit every numeric signal: they are in its base unit.
    func fits(_ signal: Dimension) -> Bool {
        switch (self, signal) {
        case (.plain, .text), (.text, .plain): false
        case (.plain, _): true
        case (.ratio, .plain): true
        default: self == signal
        }
    }
}
