// SPDX-License-Identifier: Apache-2.0

internal import Samples
internal import Wire

/// The body of `POST /api/v2/alerts` (Alertmanager's OpenAPI document, `postableAlerts`).
enum AlertmanagerPayload {
    static func encode(_ alerts: some Sequence<NotificationAlert>) -> [UInt8] {
        var json = JSONWriter()
        json.beginArray()
        for alert in alerts {
            json.beginObject()
            json.key("labels")
            json.object(alert.labels)
            json.key("annotations")
            json.object(alert.annotations)
            json.key("startsAt")
            json.string(RFC3339.format(alert.startsAt))
            if let end = alert.resolvedAt ?? alert.validUntil {
                json.key("endsAt")
                json.string(RFC3339.format(end))
            }
            json.key("generatorURL")
            json.string(alert.generatorURL)
            json.endObject()
        }
        json.endArray()
        return json.bytes
    }
}
