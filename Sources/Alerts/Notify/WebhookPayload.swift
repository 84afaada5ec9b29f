// SPDX-License-Identifier: Apache-2.0
//
// Alertmanager's webhook payload, version 4 (Alertmanager documentation, "webhook_config"). Alerts of one name in one
// rule group are one message: the rule group stands where Alertmanager has the route.

internal import Samples
internal import Wire

/// One message to a webhook.
struct WebhookPayload: Sendable, Equatable {
    let receiver: String
    let ruleGroup: String
    let alertName: String
    let externalURL: String
    /// In fingerprint order, at least one.
    let alerts: [NotificationAlert]
    /// The most alerts to include; 0 is no limit.
    var limit = 0

    /// What receivers tell messages of different groups apart by.
    var groupKey: String {
        let route = Labels([(name: "rule_group", value: ruleGroup)])
        let group = Labels([(name: "alertname", value: alertName)])
        return "{}/\(route):\(group)"
    }

    /// `firing` while any alert fires.
    var status: String { alerts.contains { $0.resolvedAt == nil } ? "firing" : "resolved" }

    /// The body.
    func encoded() -> [UInt8] {
        let shown = limit > 0 ? Array(alerts.prefix(limit)) : alerts
        var json = JSONWriter()
        json.beginObject()
        json.key("receiver")
        json.string(receiver)
        json.key("status")
        json.string(status)
        json.key("alerts")
        json.beginArray()
        for alert in shown { Self.append(alert, to: &json) }
        json.endArray()
        json.key("groupLabels")
        json.object(Labels([(name: "alertname", value: alertName)]))
        json.key("commonLabels")
        json.object(Self.common(alerts.map(\.labels)))
        json.key("commonAnnotations")
        json.object(Self.common(alerts.map(\.annotations)))
        json.key("externalURL")
        json.string(externalURL)
        json.key("version")
        json.string("4")
        json.key("groupKey")
        json.string(groupKey)
        json.key("truncatedAlerts")
        json.number(alerts.count - shown.count)
        json.endObject()
        return json.bytes
    }

    private static func append(_ alert: NotificationAlert, to json: inout JSONWriter) {
        json.beginObject()
        json.key("status")
        json.string(alert.resolvedAt == nil ? "firing" : "resolved")
        json.key("labels")
        json.object(alert.labels)
        json.key("annotations")
        json.object(alert.annotations)
        json.key("startsAt")
        json.string(RFC3339.format(alert.startsAt))
        json.key("endsAt")
        // Go's zero time says "not ended".
        json.string(alert.resolvedAt.map { RFC3339.format($0) } ?? "0001-01-01T00:00:00Z")
        json.key("generatorURL")
        json.string(alert.generatorURL)
        json.key("fingerprint")
        json.string(alert.fingerprint.description)
        json.endObject()
    }

    /// The pairs all sets share.
    static func common(_ sets: [Labels]) -> Labels {
        guard let first = sets.first else { return Labels() }
        return Labels(first.pairs.filter { pair in sets.allSatisfy { $0[pair.name] == pair.value } })
    }

    /// Equal for messages that say the same, whenever they were made.
    var identity: String {
        var hash = FNV1a()
        hash.combine(groupKey.utf8)
        for alert in alerts {
            hash.combine(alert.fingerprint.description.utf8)
            hash.combine("\(alert.startsAt.milliseconds) \(alert.resolvedAt?.milliseconds ?? 0);".utf8)
        }
        return FNV1a.hex(hash.value)
    }
}
