// SPDX-License-Identifier: Apache-2.0
//
// What a collector says of a metric family: its name, type, label names, and how much the family is worth when
// the node has to save. Families are `static let`s of their collector; nothing of them is built in a pass.

public import Samples

/// How much a family is worth when power or uplink run short.
///
/// The names are those of `keepMetrics` and `dropMetrics` in an `EdgeMonitoringStack` document.
public enum MetricClass: String, Sendable, CaseIterable {
    /// Whether the node works at all: load, free memory, free disk, power, temperature.
    case health
    /// What must not be missed whatever it costs.
    case critical
    /// The state of alerts.
    case alerts
    /// What ordinary dashboards show.
    case standard = "application"
    /// Breakdowns that explain a problem: per core, per queue, per counter.
    case detailedPerformance = "detailed_performance"
    /// What only the developer of a driver or device looks at.
    case debug
}

/// A set of metric classes.
public struct MetricClasses: OptionSet, Sendable, Hashable {
    /// One bit per class, in the order of declaration.
    public let rawValue: UInt8

    /// Takes the bits as they are.
    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// The set holding one class.
    public init(_ metricClass: MetricClass) {
        switch metricClass {
        case .health: rawValue = 1 << 0
        case .critical: rawValue = 1 << 1
        case .alerts: rawValue = 1 << 2
        case .standard: rawValue = 1 << 3
        case .detailedPerformance: rawValue = 1 << 4
        case .debug: rawValue = 1 << 5
        }
    }

    /// Every class.
    public static let all = MetricClasses(rawValue: 0b11_1111)

    /// Whether the set holds the class.
    public func contains(_ metricClass: MetricClass) -> Bool {
        contains(MetricClasses(metricClass))
    }
}

/// A metric family a collector produces.
public struct Family: Sendable {
    /// The metric's name, as it is stored.
    public let name: String
    /// One sentence for people.
    public let help: String
    /// Its type.
    public let kind: MetricMetadata.Kind
    /// The names of its labels, in the order the collector gives the values.
    public let labelNames: [String]
    /// What the family is worth when the node has to save.
    public let metricClass: MetricClass
    /// What the series' keys begin with: the name, with more where the label names are not always the same.
    let key: String
    /// Whether the metadata comes with the first sample; otherwise by `PassBuffer.describe`.
    let describesItself: Bool

    /// Describes a family.
    public init(
        _ name: String,
        _ kind: MetricMetadata.Kind,
        _ help: String,
        labels: [String] = [],
        class metricClass: MetricClass = .standard
    ) {
        self.name = name
        self.help = help
        self.kind = kind
        labelNames = labels
        self.metricClass = metricClass
        key = name
        describesItself = true
    }

    /// A family of a file others wrote, for one set of label names.
    init(textfile name: String, key: String, labels: [String]) {
        self.name = name
        self.key = key
        help = ""
        kind = .unknown
        labelNames = labels
        metricClass = .standard
        describesItself = false
    }

    /// The family as the store's metadata has it.
    var metadata: MetricMetadata {
        MetricMetadata(family: name, kind: kind, help: help)
    }
}
