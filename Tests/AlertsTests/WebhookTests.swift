// SPDX-License-Identifier: Apache-2.0

import Config
import Samples
import Testing

@testable import Alerts

private let start: Int64 = 1_767_322_984_000  // 2026-01-02T03:03:04Z

private func time(_ seconds: Int64) -> Timestamp { Timestamp(milliseconds: start + seconds * 1000) }

private func alert(_ device: String, startsAt: Int64 = 0, resolvedAt: Int64? = nil) -> NotificationAlert {
    NotificationAlert(
        labels: labels(["alertname": "DiskFull", "device": device, "site": "berlin"]),
        annotations: labels(["summary": "\(device) <full> & \"hot\""]),
        startsAt: time(startsAt),
        resolvedAt: resolvedAt.map(time),
        generatorURL: "http://edge:9090/graph?g0.expr=free+%3C+1&g0.tab=1"
    )
}

private func update(
    _ group: inout WebhookGroup,
    _ alerts: [NotificationAlert],
    _ seconds: Int64,
    sendsResolved: Bool = true
) -> [String] {
    group.update(alerts, at: time(seconds), repeatInterval: .seconds(4 * 3600), sendsResolved: sendsResolved)
        .map { "\($0.labels["device"] ?? "") \($0.resolvedAt == nil ? "firing" : "resolved")" }.sorted()
}

@Test func aGroupIsToldOfBeginningsEndsAndRepeats() {
    var group = WebhookGroup()
    #expect(update(&group, [], 0).isEmpty)
    #expect(update(&group, [alert("a")], 0) == ["a firing"])
    #expect(update(&group, [alert("a")], 60).isEmpty)
    // A newcomer brings the whole group along.
    #expect(update(&group, [alert("a"), alert("b", startsAt: 120)], 120) == ["a firing", "b firing"])
    #expect(
        update(&group, [alert("a", resolvedAt: 180), alert("b", startsAt: 120)], 180) == [
            "a resolved", "b firing",
        ]
    )
    // The resolved one stays in the rule's memory for a while but is told once.
    #expect(update(&group, [alert("a", resolvedAt: 180), alert("b", startsAt: 120)], 240).isEmpty)
    #expect(update(&group, [alert("b", startsAt: 120)], 180 + 4 * 3600 - 1).isEmpty)
    #expect(update(&group, [alert("b", startsAt: 120)], 180 + 4 * 3600) == ["b firing"])
    #expect(update(&group, [alert("b", startsAt: 120)], 180 + 4 * 3600 + 60).isEmpty)
    #expect(update(&group, [alert("b", startsAt: 120, resolvedAt: 20_000)], 20_000) == ["b resolved"])
    #expect(group.isEmpty)
    #expect(update(&group, [alert("b", startsAt: 120, resolvedAt: 20_000)], 40_000).isEmpty)
}

@Test func anAlertThatReturnsIsNews() {
    var group = WebhookGroup()
    #expect(update(&group, [alert("a")], 0) == ["a firing"])
    // Ended and began again between two evaluations of the group.
    #expect(update(&group, [alert("a", startsAt: 30)], 60) == ["a firing"])
}

@Test func anAlertThatVanishesIsResolved() {
    var group = WebhookGroup()
    #expect(update(&group, [alert("a"), alert("b")], 0).count == 2)
    #expect(update(&group, [alert("b")], 60) == ["a resolved", "b firing"])
}

@Test func withoutSendResolvedEndsAreNotTold() {
    var group = WebhookGroup()
    #expect(update(&group, [alert("a")], 0, sendsResolved: false) == ["a firing"])
    #expect(update(&group, [alert("a", resolvedAt: 60)], 60, sendsResolved: false).isEmpty)
    #expect(group.isEmpty)
    #expect(update(&group, [alert("a", startsAt: 120)], 120, sendsResolved: false) == ["a firing"])
}

@Test func whatWasToldSurvivesARestart() throws {
    var group = WebhookGroup()
    _ = update(&group, [alert("a"), alert("b", startsAt: 5)], 10)
    var restored = try WebhookGroup(decoding: group.encoded())
    #expect(restored == group)
    #expect(update(&restored, [alert("a"), alert("b", startsAt: 5)], 60).isEmpty)
    #expect(update(&restored, [alert("a")], 120) == ["a firing", "b resolved"])
}

@Test func theWebhookPayloadIsAlertmanagersVersion4() {
    let payload = WebhookPayload(
        receiver: "pager",
        ruleGroup: "disk",
        alertName: "DiskFull",
        externalURL: "http://edge:9090",
        alerts: [alert("a"), alert("b", startsAt: 5, resolvedAt: 65)]
    )
    let fingerprints = payload.alerts.map(\.fingerprint.description)
    let expected =
        #"{"receiver":"pager","status":"firing","alerts":["#
        + #"{"status":"firing","labels":{"alertname":"DiskFull","device":"a","site":"berlin"},"#
        + #""annotations":{"summary":"a \u003cfull\u003e \u0026 \"hot\""},"#
        + #""startsAt":"2026-01-02T03:03:04Z","endsAt":"0001-01-01T00:00:00Z","#
        + #""generatorURL":"http://edge:9090/graph?g0.expr=free+%3C+1\u0026g0.tab=1","#
        + #""fingerprint":"\#(fingerprints[0])"},"#
        + #"{"status":"resolved","labels":{"alertname":"DiskFull","device":"b","site":"berlin"},"#
        + #""annotations":{"summary":"b \u003cfull\u003e \u0026 \"hot\""},"#
        + #""startsAt":"2026-01-02T03:03:09Z","endsAt":"2026-01-02T03:04:09Z","#
        + #""generatorURL":"http://edge:9090/graph?g0.expr=free+%3C+1\u0026g0.tab=1","#
        + #""fingerprint":"\#(fingerprints[1])"}],"#
        + #""groupLabels":{"alertname":"DiskFull"},"#
        + #""commonLabels":{"alertname":"DiskFull","site":"berlin"},"commonAnnotations":{},"#
        + #""externalURL":"http://edge:9090","version":"4","#
        + #""groupKey":"{}/{rule_group=\"disk\"}:{alertname=\"DiskFull\"}","truncatedAlerts":0}"#
    #expect(String(decoding: payload.encoded(), as: UTF8.self) == expected)
    var short = payload
    short.limit = 1
    let text = String(decoding: short.encoded(), as: UTF8.self)
    #expect(text.contains(#""truncatedAlerts":1"#))
    #expect(!text.contains(#""device":"b""#))
    let ended = WebhookPayload(
        receiver: "pager",
        ruleGroup: "disk",
        alertName: "DiskFull",
        externalURL: "http://edge:9090",
        alerts: [alert("a", resolvedAt: 60)]
    )
    #expect(ended.status == "resolved")
    #expect(ended.identity != payload.identity)
}

@Test func theAlertmanagerPayloadIsAPIVersion2() {
    var firing = AlertInstance(
        labels: labels(["alertname": "A", "site": "own"]),
        annotations: labels(["s": "x"]),
        value: 1,
        activeAt: time(0)
    )
    firing.firedAt = time(60)
    firing.validUntil = time(300)
    let noticed = RuleNotice.NoticedAlert(alert: firing, generatorURL: "http://e/graph?g0.expr=up&g0.tab=1")
    let external = labels(["site": "berlin", "rack": "7"])
    let told = NotificationAlert(noticed, externalLabels: external, relabeling: []).map { [$0] } ?? []
    let expected =
        #"[{"labels":{"alertname":"A","rack":"7","site":"own"},"annotations":{"s":"x"},"#
        + #""startsAt":"2026-01-02T03:04:04Z","endsAt":"2026-01-02T03:08:04Z","#
        + #""generatorURL":"http://e/graph?g0.expr=up\u0026g0.tab=1"}]"#
    #expect(String(decoding: AlertmanagerPayload.encode(told), as: UTF8.self) == expected)
    firing.resolvedAt = time(90)
    let resolved = RuleNotice.NoticedAlert(alert: firing, generatorURL: "u")
    let ended = NotificationAlert(resolved, externalLabels: Labels(), relabeling: []).map { [$0] } ?? []
    #expect(
        String(decoding: AlertmanagerPayload.encode(ended), as: UTF8.self).contains(
            #""endsAt":"2026-01-02T03:04:34Z""#
        )
    )
}

@Test func retriesBackOffToFiveMinutesWithJitter() {
    var backoff = RetryBackoff(seed: 7)
    var waits: [Double] = []
    for _ in 0..<20 {
        let next = backoff.next()
        waits.append(Double(next.components.seconds) + Double(next.components.attoseconds) / 1e18)
    }
    for (attempt, wait) in waits.enumerated() {
        let cap = min(300, Double(1 << min(attempt, 12)))
        #expect(wait >= cap / 2 - 0.001 && wait <= cap, "attempt \(attempt)")
    }
    #expect(Set(waits.suffix(8)).count == 8)
    backoff.reset()
    #expect(backoff.next() <= .seconds(1))
}
