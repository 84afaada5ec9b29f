// SPDX-License-Identifier: Apache-2.0
//
// The service evaluated step by step over samples in memory, with the real query engine.

import Config
import Platform
import Samples
import StateStore
import Testing

@testable import Alerts

private let up = labels(["__name__": "up", "instance": "a:1", "job": "node"])

@Test func recordingRulesWriteSeriesAndEndThoseThatVanish() async throws {
    let node = try Node()
    try node.load(
        """
        groups:
        - name: g
          rules:
          - record: job:up:max
            expr: max by (job) (up)
            labels: {source: rules}
          - record: doubled
            expr: job:up:max * 2
          - record: constant
            expr: 7
        """
    )
    node.store.add(up, 0, 1)
    await node.evaluate(60_000)
    await node.evaluate(120_000)
    await node.evaluate(1_000_000)
    let recorded = labels(["__name__": "job:up:max", "job": "node", "source": "rules"])
    #expect(node.store.samples(recorded) == ["60000 1", "120000 1", "1000000 end"])
    // The second rule saw the first one's result of the same time.
    let doubled = labels(["__name__": "doubled", "job": "node", "source": "rules"])
    #expect(node.store.samples(doubled) == ["60000 2", "120000 2", "1000000 end"])
    #expect(node.store.samples(labels(["__name__": "constant"])) == ["60000 7", "120000 7", "1000000 7"])
    #expect(node.store.outOfOrder == 0)
    let rules = try #require(node.service.groups().first).rules
    #expect(rules.map(\.health) == [.ok, .ok, .ok])
    #expect(rules.map(\.lastEvaluation) == Array(repeating: Timestamp(milliseconds: 1_000_000), count: 3))
}

@Test func alertsWriteTheirSeriesAndEndTheOldState() async throws {
    let node = try Node()
    try node.load(
        """
        groups:
        - name: g
          rules:
          - alert: Down
            expr: up == 0
            for: 2m
            labels: {severity: page, was: "{{ $labels.alertname }}|{{ $labels.job }}", instance: ""}
            annotations: {summary: "{{ $labels.instance }} is {{ $value }}"}
          - record: firing
            expr: count(ALERTS{alertstate="firing"})
        """
    )
    for minute in 0...5 { node.store.add(up, Int64(minute) * 60_000, minute == 5 ? 1 : 0) }
    for minute in 1...5 { await node.evaluate(Int64(minute) * 60_000) }
    let pairs: KeyValuePairs = [
        "__name__": "ALERTS", "alertname": "Down", "job": "node", "severity": "page", "was": "|node",
    ]
    let alerts = labels(pairs)
    #expect(
        node.store.samples(alerts.setting("alertstate", "pending"))
            == ["60000 1", "120000 1", "180000 end"]
    )
    #expect(
        node.store.samples(alerts.setting("alertstate", "firing"))
            == ["180000 1", "240000 1", "300000 end"]
    )
    let activeAt = alerts.setting("__name__", "ALERTS_FOR_STATE")
    #expect(
        node.store.samples(activeAt)
            == ["60000 60", "120000 60", "180000 60", "240000 60", "300000 end"]
    )
    #expect(node.store.samples(labels(["__name__": "firing"])) == ["180000 1", "240000 1", "300000 end"])
    #expect(node.active.isEmpty)
    #expect(node.store.outOfOrder == 0)
}

@Test func theAPIShowsWhatIsPendingAndFiring() async throws {
    let node = try Node()
    let rules = """
        groups:
        - name: g
          interval: 30s
          limit: 9
          rules:
          - alert: Down
            expr: up   == 0
            for: 1m
            keep_firing_for: 2m
            annotations: {summary: "{{ $labels.instance }} is {{ $value }}"}
        """
    try node.load(rules)
    let before = try #require(node.service.groups().first)
    #expect(before.rules.first?.health == .unknown)
    #expect(before.rules.first?.lastEvaluation == nil)
    node.store.add(up, 0, 0)
    await node.evaluate(30_000)
    let group = try #require(node.service.groups().first)
    #expect(group.interval == .seconds(30))
    #expect(group.limit == 9)
    let rule = try #require(group.rules.first)
    #expect(rule.query == "up == 0")
    #expect(rule.duration == .seconds(60))
    #expect(rule.keepFiringFor == .seconds(120))
    #expect(rule.state == .pending)
    #expect(rule.annotations["summary"] == "{{ $labels.instance }} is {{ $value }}")
    let alert = try #require(rule.alerts.first)
    #expect(alert.annotations["summary"] == "a:1 is 0")
    #expect(alert.labels == labels(["alertname": "Down", "instance": "a:1", "job": "node"]))
    #expect(alert.activeAt == Timestamp(milliseconds: 30_000))
    await node.evaluate(90_000)
    #expect(node.active == ["Down firing"])
}

@Test func errorsShowInTheStatusAndLeaveAlertsAlone() async throws {
    let node = try Node()
    try node.load(
        """
        groups:
        - name: g
          rules:
          - alert: Down
            expr: up == 0
            labels: {instance: same}
          - record: r
            expr: label_replace(up, "instance", "x", "", "")
          - record: text
            expr: '"hello"'
        """
    )
    node.store.add(up, 0, 0)
    await node.evaluate(60_000)
    #expect(node.active == ["Down firing"])
    node.store.add(up.setting("instance", "b:1"), 60_000, 0)
    await node.evaluate(120_000)
    let rules = try #require(node.service.groups().first).rules
    #expect(rules.map(\.health) == [.err, .err, .err])
    #expect(
        rules[0].lastError == "vector contains metrics with the same labelset after applying alert labels"
    )
    #expect(rules[2].lastError == "rule result is not a vector or scalar")
    #expect(node.active == ["Down firing"])
    #expect(node.counter("edgewatch_rule_evaluation_failures_total") == 4)
}

@Test func aReloadKeepsAlertsOfRulesThatStayAndEndsSeriesOfThoseThatGo() async throws {
    let node = try Node()
    let down = "  - alert: Down\n    expr: up == 0\n    for: 5m\n"
    let gone = "  - record: gone\n    expr: up\n"
    try node.load("groups:\n- name: g\n  rules:\n" + down + gone)
    node.store.add(up, 0, 0)
    await node.evaluate(60_000)
    try node.load("groups:\n- name: g\n  rules:\n  - record: fresh\n    expr: up\n" + down)
    await node.evaluate(120_000)
    #expect(node.service.activeAlerts().map(\.activeAt) == [Timestamp(milliseconds: 60_000)])
    let ended = up.setting("__name__", "gone")
    #expect(node.store.samples(ended) == ["60000 0", "120000 end"])
    #expect(node.store.samples(up.setting("__name__", "fresh")).count == 1)
    // A rule file with a mistake changes nothing.
    #expect(throws: ConfigErrors.self) { try node.load("groups:\n- nam: x\n") }
    await node.evaluate(180_000)
    #expect(node.active == ["Down pending"])
}

@Test func pendingAndFiringAlertsSurviveAKill() async throws {
    let node = try Node()
    let rules = """
        groups:
        - name: g
          rules:
          - alert: Slow
            expr: up == 0
            for: 30m
          - alert: Now
            expr: up == 0
        """
    try node.load(rules)
    for minute in 0..<120 { node.store.add(up, Int64(minute) * 60_000, minute < 60 ? 0 : 1) }
    for minute in 1...15 { await node.evaluate(Int64(minute) * 60_000) }
    #expect(node.active == ["Slow pending", "Now firing"])
    node.restart()
    try node.load(rules)
    // Five minutes away: 14 of 30 minutes were served, so it fires at 20 + 16 instead of 31.
    for minute in 20...35 { await node.evaluate(Int64(minute) * 60_000) }
    #expect(node.active == ["Slow pending", "Now firing"])
    await node.evaluate(36 * 60_000)
    #expect(node.active == ["Slow firing", "Now firing"])
    let now = node.service.activeAlerts().last
    #expect(now?.activeAt == Timestamp(milliseconds: 60_000))
    node.restart()
    try node.load(rules)
    await node.evaluate(65 * 60_000)
    #expect(node.active.isEmpty)
}

@Test func groupsAreSpreadAndAlignedToTheirInterval() throws {
    let files = (0..<20).map { "groups:\n- name: g\($0)\n  interval: 1m\n  rules: []\n" }
    let groups = try files.flatMap { try RuleFileLoader.parse(Array($0.utf8), file: "r.yml") }
    let states = groups.map { RuleGroupState($0, defaultInterval: .seconds(15)) }
    let offsets = states.map(\.offsetMilliseconds)
    #expect(offsets.allSatisfy { (0..<60_000).contains($0) })
    #expect(Set(offsets).count == 20)
    for state in states {
        let now = Timestamp(milliseconds: 1_700_000_012_345)
        let due = state.firstDue(after: now)
        #expect(due > now && due.milliseconds - now.milliseconds <= 60_000)
        #expect((due.milliseconds - state.offsetMilliseconds) % 60_000 == 0)
    }
}

@Test func missedEvaluationsAreCountedAndNotMadeUpFor() async throws {
    let node = try Node(at: 1_000_000_000)
    try node.load("groups:\n- name: g\n  interval: 1m\n  rules:\n  - record: r\n    expr: time()\n")
    await node.service.evaluate(at: Timestamp(milliseconds: 999_000_000))
    let first = try #require(await node.service.evaluateDue(at: Timestamp(milliseconds: 1_000_000_000)))
    #expect(await node.service.evaluateDue(at: first) == first.advanced(byMilliseconds: 60_000))
    #expect(node.counter("edgewatch_rule_group_iterations_missed_total") == 0)
    let late = first.advanced(byMilliseconds: 5 * 60_000 + 1)
    #expect(await node.service.evaluateDue(at: late) == first.advanced(byMilliseconds: 6 * 60_000))
    #expect(node.counter("edgewatch_rule_group_iterations_missed_total") == 4)
    let times = node.store.samples(labels(["__name__": "r"])).map { $0.split(separator: " ")[0] }
    #expect(times.dropFirst().map { Int64($0) } == [first.milliseconds, first.milliseconds + 300_000])
    // The wall clock set back by a day: the group does not wait for the old time to come again.
    let back = first.advanced(byMilliseconds: -86_400_000)
    let next = try #require(await node.service.evaluateDue(at: back))
    #expect(next.milliseconds - back.milliseconds <= 60_000)
}

@Test func savedStateOfRulesGoneForAMonthIsForgotten() async throws {
    let month: Int64 = 30 * 86_400_000
    let node = try Node(at: month * 20)
    let alerts = [
        AlertInstance(
            labels: labels(["alertname": "X"]),
            annotations: Labels(),
            value: 1,
            activeAt: .init(milliseconds: 0)
        )
    ]
    for (key, age) in [("old", month + 1), ("young", month - 1)] {
        let record = AlertRecord(savedAt: Timestamp(milliseconds: month * 20 - age), alerts: alerts)
        try node.state.put("alerts", key, record.encoded())
    }
    try node.load("groups: []")
    await node.evaluate(month * 20)
    #expect(try node.state.all("alerts").map(\.key) == ["young"])
}

@Test func ruleThatContradictsAnEarlierOneSaysSo() async throws {
    let node = try Node()
    try node.load(
        """
        groups:
        - name: g
          rules:
          - {record: same, expr: vector(1)}
          - {record: same, expr: vector(1)}
          - {record: same, expr: vector(2)}
        """
    )
    await node.evaluate(60_000)
    let rules = try #require(node.service.groups().first).rules
    #expect(rules.map(\.health) == [.ok, .ok, .err])
    #expect(rules.map(\.lastError) == [nil, nil, "duplicate sample for timestamp"])
    #expect(node.store.samples(labels(["__name__": "same"])) == ["60000 1"])
}
