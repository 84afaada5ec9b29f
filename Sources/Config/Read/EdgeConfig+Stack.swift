// SPDX-License-Identifier: Apache-2.0
//
// `edgeSpecificMetrics` of an EdgeMonitoringStack document: which of the three families there are, and how often. What
// the document says of their types, labels and texts is what edgewatch gives them anyway; where it is not, a warning
// says so.

internal import Samples

extension EdgeConfig {
    /// Reads the list under `edgeSpecificMetrics` of a stack document's `spec`; nil when there is none.
    ///
    /// What the list does not name is not measured.
    init?(readingStack section: Section) {
        guard section.node["edgeSpecificMetrics"] != nil else { return nil }
        self.init()
        network.enabled = false
        power.enabled = false
        environment.enabled = false
        let wanted = section.sections("edgeSpecificMetrics", StackMetric.init(reading:))
        for metric in wanted {
            switch metric.name {
            case .network:
                network.enabled = true
                network.interval = metric.interval ?? network.interval
            case .power:
                power.enabled = true
                power.interval = metric.interval ?? power.interval
            case .environment:
                environment.enabled = true
                environment.interval = metric.interval ?? environment.interval
                if let quantities = metric.quantities { environment.quantities = quantities }
            }
        }
    }
}

/// One entry of the list.
private struct StackMetric {
    enum Name: String, CaseIterable {
        case network = "edge_network_quality"
        case power = "edge_power_status"
        case environment = "edge_environment"
    }

    let name: Name
    let interval: Duration?
    let quantities: Set<EdgeEnvironmentConfig.Quantity>?

    init?(reading entry: Section) {
        let name: Name? = entry.choice("name")
        if entry.node["name"] == nil { entry.report("name", "\"name\" is missing") }
        interval = entry.interval("collectionInterval")
        entry.accept(["type", "help"])
        let labels = entry.strings("labels")
        let values = entry.strings("values")
        let metrics = entry.sections("metrics", StackMetric.quantity)
        quantities = entry.node["metrics"] == nil ? nil : Set(metrics)
        guard let name else { return nil }
        self.name = name
        let known = name == .network ? ["edge_node", "interface"] : name == .power ? [] : ["sensor_location"]
        for label in labels where !known.contains(label) {
            entry.warn("labels", "\(name.rawValue) has no label \"\(label)\"")
        }
        for value in values where name == .power && !EdgePowerConfig.states.contains(value) {
            entry.warn("values", "edge_power_status never says \"\(value)\"")
        }
    }

    private static func quantity(reading entry: Section) -> EdgeEnvironmentConfig.Quantity? {
        let quantity: EdgeEnvironmentConfig.Quantity? = entry.choice("name")
        entry.accept(["type", "help"])
        let labels = entry.strings("labels")
        for label in labels where label != "sensor_location" {
            let family = quantity.map { "edge_environment_\($0.rawValue)" } ?? "edge_environment"
            entry.warn("labels", "\(family) has no label \"\(label)\"")
        }
        return quantity
    }
}

extension Section {
    fileprivate func warn(_ key: String, _ message: String) {
        problems.warn(place(of: key).error(message))
    }
}
