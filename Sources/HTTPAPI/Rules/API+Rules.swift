// SPDX-License-Identifier: Apache-2.0
//
// /rules, /alerts and /alertmanagers. The members stand in the order Prometheus writes them.

internal import Alerts
internal import PromQL
internal import Samples
internal import Wire

extension API {
    /// The rule groups, filtered.
    func rules(_ parameters: Parameters) throws(APIError) -> Reply {
        let filter = try RuleFilter(parameters)
        let groups = services.rules()
        return Envelope.success { writer in
            writer.beginObject()
            writer.key("groups")
            writer.beginArray()
            for group in groups {
                guard let rules = filter.rules(of: group) else { continue }
                API.write(group, rules, withAlerts: !filter.excludesAlerts, &writer)
            }
            writer.endArray()
            writer.endObject()
        }
    }

    /// The pending and firing alerts.
    func alerts() -> Reply {
        Envelope.success { writer in
            writer.beginObject()
            writer.key("alerts")
            writer.beginArray()
            for alert in services.alerts() { API.write(alert, &writer) }
            writer.endArray()
            writer.endObject()
        }
    }

    /// Who is notified.
    func alertmanagers() -> Reply {
        Envelope.success { writer in
            writer.beginObject()
            writer.key("activeAlertmanagers")
            writer.beginArray()
            for url in services.alertmanagers() {
                writer.beginObject()
                writer.member("url", url)
                writer.endObject()
            }
            writer.endArray()
            writer.key("droppedAlertmanagers")
            writer.beginArray()
            writer.endArray()
            writer.endObject()
        }
    }

    // MARK: - Writing

    private static func write(
        _ group: RuleGroupStatus,
        _ rules: [RuleStatus],
        withAlerts: Bool,
        _ writer: inout JSONWriter
    ) {
        writer.beginObject()
        writer.member("name", group.name)
        writer.member("file", group.file)
        writer.key("rules")
        writer.beginArray()
        for rule in rules { write(rule, withAlerts: withAlerts, &writer) }
        writer.endArray()
        writer.member("interval", group.interval.inSeconds)
        writer.member("limit", group.limit)
        writer.member("evaluationTime", group.evaluationTime.inSeconds)
        writer.member("lastEvaluation", group.lastEvaluation)
        writer.endObject()
    }

    private static func write(_ rule: RuleStatus, withAlerts: Bool, _ writer: inout JSONWriter) {
        writer.beginObject()
        if rule.kind == .alerting { writer.member("state", rule.state.rawValue) }
        writer.member("name", rule.name)
        writer.member("query", rule.query)
        if rule.kind == .alerting {
            writer.member("duration", rule.duration.inSeconds)
            writer.member("keepFiringFor", rule.keepFiringFor.inSeconds)
        }
        // Prometheus leaves out a recording rule's labels when there are none.
        if rule.kind == .alerting || !rule.labels.isEmpty { writer.member("labels", rule.labels) }
        if rule.kind == .alerting {
            writer.member("annotations", rule.annotations)
            writer.key("alerts")
            if withAlerts {
                writer.beginArray()
                for alert in rule.alerts { write(alert, &writer) }
                writer.endArray()
            } else {
                writer.null()
            }
        }
        writer.member("health", rule.health.rawValue)
        if let error = rule.lastError, !error.isEmpty { writer.member("lastError", error) }
        writer.member("evaluationTime", rule.evaluationTime.inSeconds)
        writer.member("lastEvaluation", rule.lastEvaluation)
        writer.member("type", rule.kind.rawValue)
        writer.endObject()
    }

    private static func write(_ alert: AlertStatus, _ writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("labels", alert.labels)
        writer.member("annotations", alert.annotations)
        writer.member("state", alert.state.rawValue)
        writer.member("activeAt", alert.activeAt)
        if let since = alert.keepFiringSince { writer.member("keepFiringSince", since) }
        writer.member("value", ScientificNumber.format(alert.value))
        writer.endObject()
    }
}

/// The filters of `/rules`.
private struct RuleFilter {
    private let kind: RuleKind?
    private let names: [String]
    private let groups: [String]
    private let files: [String]
    private let selectors: [[LabelMatcher]]
    let excludesAlerts: Bool

    init(_ parameters: Parameters) throws(APIError) {
        switch parameters["type"].lowercased() {
        case "": kind = nil
        case "alert": kind = .alerting
        case "record": kind = .recording
        case let other: throw .invalid("type", "not supported value \(Labels.quoted(other))")
        }
        names = parameters.all("rule_name[]")
        groups = parameters.all("rule_group[]")
        files = parameters.all("file[]")
        var selectors: [[LabelMatcher]] = []
        for text in parameters.all("match[]") {
            do {
                selectors.append(try Parser.parseSelector(text))
            } catch {
                throw APIError(.badData, error.message)
            }
        }
        self.selectors = selectors
        switch parameters["exclude_alerts"].lowercased() {
        case "", "0", "f", "false": excludesAlerts = false
        case "1", "t", "true": excludesAlerts = true
        default:
            throw .invalid(
                "exclude_alerts",
                "strconv.ParseBool: parsing \(Labels.quoted(parameters["exclude_alerts"])): invalid syntax"
            )
        }
    }

    /// The rules of a group that pass, nil when the group is not to be shown.
    func rules(of group: RuleGroupStatus) -> [RuleStatus]? {
        guard groups.isEmpty || groups.contains(group.name), files.isEmpty || files.contains(group.file)
        else {
            return nil
        }
        let rules = group.rules.filter(passes)
        let isFiltered = kind != nil || !names.isEmpty || !selectors.isEmpty
        return rules.isEmpty && isFiltered ? nil : rules
    }

    private func passes(_ rule: RuleStatus) -> Bool {
        (kind == nil || rule.kind == kind) && (names.isEmpty || names.contains(rule.name))
            && (selectors.isEmpty || selectors.contains { $0.allSatisfy { $0.matches(rule.labels) } })
    }
}
