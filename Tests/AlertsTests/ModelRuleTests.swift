// SPDX-License-Identifier: Apache-2.0
//
// Ten days in seconds: seasonal and predictive rules through the whole service, one evaluation in five minutes.

import Config
import Platform
import Samples
import Testing

@testable import Alerts

private let step: Int64 = 300_000
/// 1970-01-05, a Monday.
private let origin: Int64 = 4 * 86_400_000

private func fill(_ node: Node, _ labels: Labels, _ series: [Double]) {
    for (index, value) in series.enumerated() { node.store.add(labels, origin + Int64(index) * step, value) }
}

/// Evaluates from sample `first` to before sample `end` and returns where alerts of a name begin and end firing.
private func transitions(_ node: Node, _ name: String, _ range: Range<Int>) async -> [String] {
    var found: [String] = []
    var before = false
    for index in range {
        await node.evaluate(origin + Int64(index) * step)
        let isFiring = node.active.contains("\(name) firing")
        if isFiring != before { found.append("\(isFiring ? "fires" : "ends") at \(index)") }
        before = isFiring
    }
    return found
}

private func seasonalRules(_ extra: String = "") -> String {
    """
    groups:
    - name: daily
      interval: 5m
      rules:
      - alert: Unusual
        type: seasonal
        expr: throughput
        seasonality: daily
        deviation_threshold: 3sigma
        tz: UTC
        annotations:
          summary: '{{ $labels.line }}: {{ $current | printf "%.1f" }} instead of {{ $expected | printf "%.1f" }}, {{ $deviation | printf "%.2f" }} sigma'
    """ + extra
}

private let throughput = labels(["__name__": "throughput", "line": "4"])

@Test func aPlantedBumpFiresOnDayTenAndNineDaysAreQuiet() async throws {
    let node = try Node()
    try node.load(seasonalRules())
    fill(node, throughput, bumpedSeries())
    // The alarm is known at the third sample beyond the threshold; the figure is the prototype's.
    #expect(await transitions(node, "Unusual", 0..<2745).isEmpty)
    await node.evaluate(origin + 2745 * step)
    let alert = try #require(node.service.activeAlerts().first)
    #expect(alert.state == .firing)
    #expect((alert.value - 4.277121).magnitude < 2e-5)
    #expect(alert.annotations["summary"] == "4: 64.7 instead of 54.0, 4.28 sigma")
    #expect(await transitions(node, "Unusual", 2746..<2880) == ["fires at 2746", "ends at 2758"])
    let deviation = labels([
        "__name__": "edgewatch_rule_deviation_sigma", "alertname": "Unusual", "line": "4",
    ])
    // One sample for every evaluation from the third day on.
    #expect(node.store.samples(deviation).count == 2303)
    #expect(node.store.outOfOrder == 0)
}

@Test func aLearnedProfileSurvivesAKill() async throws {
    let node = try Node()
    try node.load(seasonalRules())
    fill(node, throughput, bumpedSeries())
    _ = await transitions(node, "Unusual", 0..<2600)
    node.restart()
    try node.load(seasonalRules())
    // At most an hour of learning is lost, so the bump is as visible as before.
    #expect(await transitions(node, "Unusual", 2600..<2880) == ["fires at 2745", "ends at 2758"])
}

private let used = labels(["__name__": "used_percent", "device": "sda1"])

private func predictiveRules(_ threshold: String) -> String {
    """
    groups:
    - name: disk
      interval: 5m
      rules:
      - alert: WillFill
        type: predictive
        expr: used_percent
        threshold: "\(threshold)"
        prediction_horizon: 24h
        lookback_window: 7d
        probability: 0.8
        annotations:
          summary: '{{ $labels.device }} full in {{ $eta | humanizeDuration }} (p={{ $probability | printf "%.2f" }})'
    """
}

@Test func aFillingDiskIsForeseenHoursAhead() async throws {
    let node = try Node()
    try node.load(predictiveRules("> 90"))
    var noise = Noise(seed: 21)
    // 4 % a day from 55 %: crosses 90 % at day 8.75, sample 2520.
    let series = (0..<2600).map { 55 + 4.0 / 288 * Double($0) + 0.1 * noise.next() }
    fill(node, used, series)
    let crossing = try #require(series.firstIndex { $0 >= 90 })
    #expect((2500...2530).contains(crossing))
    let events = await transitions(node, "WillFill", 0..<crossing)
    let fired = try #require(events.first.flatMap { Int($0.split(separator: " ").last ?? "") })
    #expect(events.count == 1, "\(events)")
    // Within the horizon, and not much later than it opens.
    #expect(crossing - fired <= 290)
    #expect(crossing - fired >= 240)
    let alert = try #require(node.service.activeAlerts().first)
    #expect(alert.value >= 0.8)
    let probability = labels([
        "__name__": "edgewatch_rule_probability", "alertname": "WillFill", "device": "sda1",
    ])
    #expect(node.store.samples(probability).count > 2400)
    let eta = labels(["__name__": "edgewatch_rule_eta_seconds", "alertname": "WillFill", "device": "sda1"])
    #expect(!node.store.samples(eta).isEmpty)
}

@Test func aDiskCleanedEveryNightIsNoReasonToWarn() async throws {
    let node = try Node()
    try node.load(predictiveRules("> 95"))
    var noise = Noise(seed: 22)
    // Fills by 25 % every day and is cleaned at midnight: a straight line would cross 95 % every afternoon.
    fill(node, used, (0..<2880).map { 60 + 25 * (Double($0 % 288) / 288) + 0.1 * noise.next() })
    // Two nights have to be seen before anyone can know.
    let events = await transitions(node, "WillFill", 0..<2880)
    let late = events.filter { (Int($0.split(separator: " ").last ?? "") ?? 0) >= 2 * 288 + 12 }
    #expect(late.filter { $0.hasPrefix("fires") }.isEmpty, "\(events)")
    #expect(node.active.isEmpty)
    // The line that is fooled, on the last afternoon.
    let last = (2860..<2866).map { 60 + 25 * (Double($0 % 288) / 288) }
    #expect((last.last ?? 0) + 25 > 95)
}

@Test func aRuleKeepsABoundedNumberOfModels() async throws {
    let node = try Node()
    try node.load(seasonalRules())
    for line in 0..<(RuleEvaluator.modelLimit + 5) {
        node.store.add(throughput.setting("line", "\(line)"), origin, 1)
    }
    await node.evaluate(origin)
    #expect(node.counter("edgewatch_rule_model_series_rejected_total") == 5)
}
