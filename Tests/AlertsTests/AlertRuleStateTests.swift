// SPDX-License-Identifier: Apache-2.0
//
// The alert generator compliance checklist (alerting reference, section 4), line by line, on the pure machine.

import Samples
import Testing

@testable import Alerts

private func at(_ seconds: Int64) -> Timestamp { Timestamp(milliseconds: 1_700_000_000_000 + seconds * 1000) }

private func seen(_ value: Double = 1, _ device: String = "sda", note: String = "n") -> AlertCandidate {
    AlertCandidate(
        labels: labels(["alertname": "DiskFull", "device": device]),
        annotations: labels(["summary": note]),
        value: value
    )
}

/// Evaluates one rule at 30 s steps.
private struct Harness {
    var state = AlertRuleState()
    var hold: Duration = .zero
    var keepFiring: Duration = .zero
    var limit = 0

    mutating func step(_ seconds: Int64, _ candidates: AlertCandidate...) throws -> AlertInstance? {
        try state.update(
            candidates,
            at: at(seconds),
            hold: hold,
            keepFiring: keepFiring,
            limit: limit
        )
        return state.alerts[seen().labels]
    }

    mutating func sent(_ seconds: Int64) -> [AlertInstance] {
        state.takeDue(at: at(seconds), interval: .seconds(30))
    }
}

@Test func pendingExactlyWhileHeldLessThanFor() throws {
    var rule = Harness(hold: .seconds(60))
    #expect(try rule.step(0, seen())?.state == .pending)
    #expect(try rule.step(30, seen())?.state == .pending)
    let fired = try rule.step(60, seen())
    #expect(fired?.state == .firing)
    #expect(fired?.activeAt == at(0))
    #expect(fired?.firedAt == at(60))
}

@Test func zeroForFiresAtOnce() throws {
    var rule = Harness()
    let alert = try rule.step(0, seen())
    #expect(alert?.state == .firing)
    #expect(alert?.firedAt == at(0))
}

@Test func forShorterThanTheIntervalFiresAtTheSecondEvaluation() throws {
    var rule = Harness(hold: .seconds(15))
    #expect(try rule.step(0, seen())?.state == .pending)
    #expect(try rule.step(30, seen())?.state == .firing)
}

@Test func pendingValueAndAnnotationsFollowTheNewestSample() throws {
    var rule = Harness(hold: .seconds(300))
    _ = try rule.step(0, seen(1, note: "one"))
    let alert = try rule.step(30, seen(2, note: "two"))
    #expect(alert?.value == 2)
    #expect(alert?.annotations["summary"] == "two")
    #expect(alert?.activeAt == at(0))
}

@Test func pendingIsForgottenAsSoonAsItIsMissing() throws {
    var rule = Harness(hold: .seconds(60))
    _ = try rule.step(0, seen())
    #expect(try rule.step(30) == nil)
    #expect(try rule.step(60, seen())?.activeAt == at(60))
}

@Test func pendingIsNeverSent() throws {
    var rule = Harness(hold: .seconds(60))
    _ = try rule.step(0, seen())
    #expect(rule.sent(0).isEmpty)
}

@Test func firingIsSentAtOnceAndThenAfterTheResendDelay() throws {
    var rule = Harness()
    var rounds: [Int64] = []
    for second in stride(from: Int64(0), through: 180, by: 30) {
        _ = try rule.step(second, seen())
        let sent = rule.sent(second)
        if !sent.isEmpty { rounds.append(second) }
        if second == 0 {
            #expect(sent.first?.validUntil == at(4 * 60))
        }
    }
    // Strictly more than 60 s since the last time, as Prometheus compares: every 90 s at exact 30 s ticks.
    #expect(rounds == [0, 90, 180])
}

@Test func resolvedIsSentAtOnceResentAndForgottenAfterFifteenMinutes() throws {
    var rule = Harness()
    _ = try rule.step(0, seen())
    #expect(rule.sent(0).count == 1)
    let resolved = try rule.step(30)
    #expect(resolved?.state == .inactive)
    #expect(resolved?.resolvedAt == at(30))
    #expect(resolved?.firedAt == at(0))
    var rounds: [Int64] = []
    for second in stride(from: Int64(30), through: 1200, by: 30) {
        if second > 30 { _ = try rule.step(second) }
        if !rule.sent(second).isEmpty { rounds.append(second) }
    }
    #expect(rounds.first == 30)
    #expect(rounds.allSatisfy { $0 <= 30 + 900 })
    #expect(rounds == Array(stride(from: Int64(30), through: 930, by: 90)))
    #expect(rule.state.alerts.isEmpty)
}

@Test func reappearingAfterResolutionIsANewAlertAndEndsTheResolvedResends() throws {
    var rule = Harness(hold: .seconds(60))
    for second in [Int64(0), 30, 60] { _ = try rule.step(second, seen()) }
    #expect(rule.sent(60).count == 1)
    _ = try rule.step(90)
    #expect(rule.sent(90).count == 1)
    let again = try rule.step(120, seen())
    #expect(again?.state == .pending)
    #expect(again?.activeAt == at(120))
    #expect(again?.resolvedAt == nil)
    for second in [Int64(150), 179] {
        _ = try rule.step(second, seen())
        #expect(rule.sent(second).isEmpty)
    }
}

@Test func keepFiringForBridgesGapsAndResolvesAfterwards() throws {
    var rule = Harness(keepFiring: .seconds(60))
    _ = try rule.step(0, seen(7))
    let kept = try rule.step(30)
    #expect(kept?.state == .firing)
    #expect(kept?.keepFiringSince == at(30))
    #expect(kept?.value == 7)
    #expect(try rule.step(60, seen())?.keepFiringSince == nil)
    _ = try rule.step(90)
    #expect(try rule.step(120)?.state == .firing)
    let ended = try rule.step(150)
    #expect(ended?.state == .inactive)
    #expect(ended?.resolvedAt == at(150))
}

@Test func aRaisedForSendsAFiringAlertBackToPending() throws {
    var rule = Harness()
    _ = try rule.step(0, seen())
    _ = rule.sent(0)
    rule.hold = .seconds(120)
    let back = try rule.step(30, seen())
    #expect(back?.state == .pending)
    #expect(back?.firedAt == nil)
    #expect(back?.lastSentAt == nil)
    #expect(try rule.step(120, seen())?.firedAt == at(120))
}

@Test func duplicateLabelSetsChangeNothing() throws {
    var rule = Harness()
    _ = try rule.step(0, seen())
    let before = rule.state
    #expect(throws: AlertRuleError.duplicateLabels) { try rule.step(30, seen(), seen(2)) }
    #expect(rule.state == before)
    #expect(
        "\(AlertRuleError.duplicateLabels)"
            == "vector contains metrics with the same labelset after applying alert labels"
    )
}

@Test func aboveTheLimitAllAlertsAreDropped() throws {
    var rule = Harness(limit: 2)
    _ = try rule.step(0, seen(1, "a"), seen(1, "b"))
    #expect(rule.state.active.count == 2)
    #expect(throws: AlertRuleError.limitExceeded(limit: 2, count: 3)) {
        try rule.step(30, seen(1, "a"), seen(1, "b"), seen(1, "c"))
    }
    #expect(rule.state.alerts.isEmpty)
    #expect("\(AlertRuleError.limitExceeded(limit: 2, count: 3))" == "exceeded limit of 2 with 3 alerts")
}

@Test func fingerprintsAreThoseOfPrometheusCommon() {
    // Values from prometheus/common model/signature_test.go.
    #expect(Fingerprint(Labels()).rawValue == 14_695_981_039_346_656_037)
    let set = labels(["name": "garland, briggs", "fear": "love is not enough"])
    #expect(Fingerprint(set).rawValue == 5_799_056_148_416_392_346)
    #expect(Fingerprint(set).description == "507a62d79ee76c9a")
}
