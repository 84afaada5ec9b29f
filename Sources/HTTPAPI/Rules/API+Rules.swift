// SPDX-License-Identifier: Apache-2.0
//
// /rules, /alerts and /alertmanagers. The members stand in the order Prometheus writes them. Pages of groups are told
// apart by a token that names the first group of the next page, so that nothing is kept between requests.

internal import Alerts
internal import Crypto
internal import PromQL
internal import Samples
internal import Wire

extension API {
    /// The rule groups, filtered.
    func rules(_ parameters: Parameters) throws(APIError) -> Reply {
        let filter = try RuleFilter(parameters)
        let (groups, next) = try RulePage(parameters).cut(services.rules(), filter)
        return Envelope.success { writer in
            writer.beginObject()
            writer.key("groups")
            writer.beginArray()
            for (group, rules) in groups {
                API.write(group, rules, withAlerts: !filter.excludesAlerts, &writer)
            }
            writer.endArray()
            if let next { writer.member("groupNextToken", next) }
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

/// Which groups of `/rules` are shown at once.
private struct RulePage {
    private let limit: Int?
    private let token: String

    init(_ parameters: Parameters) throws(APIError) {
        token = parameters["group_next_token"]
        let text = parameters["group_limit"]
        guard !text.isEmpty else {
            guard token.isEmpty else {
                throw .invalid(
                    "group_next_token",
                    "group_limit needs to be present in order to paginate over the groups"
                )
            }
            limit = nil
            return
        }
        guard let number = Int32(text) else {
            let reason = Int(text) == nil ? "invalid syntax" : "value out of range"
            throw .invalid(
                "group_limit",
                "group_limit needs to be a valid number: strconv.ParseInt: parsing \(Labels.quoted(text)): "
                    + reason
            )
        }
        guard number > 0 else { throw .invalid("group_limit", "group_limit needs to be greater than 0") }
        limit = Int(number)
    }

    /// The groups of this page with the rules that pass, and the token of the next page when there is one.
    func cut(
        _ groups: [RuleGroupStatus],
        _ filter: RuleFilter
    ) throws(APIError) -> (groups: [(RuleGroupStatus, [RuleStatus])], next: String?) {
        var rest = groups[...]
        if !token.isEmpty {
            guard let first = rest.firstIndex(where: { RulePage.token(of: $0) == token }) else {
                throw .invalid(
                    "group_next_token",
                    "invalid group_next_token '\(token)'. were rule groups changed?"
                )
            }
            rest = rest[first...]
        }
        var found: [(RuleGroupStatus, [RuleStatus])] = []
        for group in rest {
            guard let rules = filter.rules(of: group) else { continue }
            if found.count == limit { return (found, RulePage.token(of: group)) }
            found.append((group, rules))
        }
        return (found, nil)
    }

    private static func token(of group: RuleGroupStatus) -> String {
        let digest = SHA256.hash(data: Array("\(group.file);\(group.name)".utf8))
        return digest.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
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
        return rules.isEmpty ? nil : rules
    }

    private func passes(_ rule: RuleStatus) -> Bool {
        (kind == nil || rule.kind == kind) && (names.isEmpty || names.contains(rule.name))
            && (selectors.isEmpty || selectors.contains { $0.allSatisfy { $0.matches(rule.labels) } })
    }
}
