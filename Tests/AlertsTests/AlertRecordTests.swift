// SPDX-License-Identifier: Apache-2.0

import Bytes
import Samples
import Testing

@testable import Alerts

private let start: Int64 = 1_700_000_000_000

private func time(minutes: Int64) -> Timestamp { Timestamp(milliseconds: start + minutes * 60_000) }

private func alert(_ state: AlertState, activeAt minutes: Int64, _ name: String = "A") -> AlertInstance {
    var alert = AlertInstance(
        labels: labels(["alertname": name, "device": "sda"]),
        annotations: labels(["summary": "äöü"]),
        value: -0.5,
        activeAt: time(minutes: minutes)
    )
    alert.state = state
    if state != .pending { alert.firedAt = time(minutes: minutes + 1) }
    if state == .inactive { alert.resolvedAt = time(minutes: minutes + 2) }
    return alert
}

private func restored(
    _ alert: AlertInstance,
    savedAt saved: Int64,
    now: Int64,
    hold: Duration
) -> AlertInstance? {
    AlertRecord(savedAt: time(minutes: saved), alerts: [alert]).restored(at: time(minutes: now), hold: hold)
        .first
}

@Test func recordsSurviveTheStateStore() throws {
    var kept = alert(.firing, activeAt: 0, "B")
    kept.keepFiringSince = time(minutes: 5)
    let alerts = [alert(.pending, activeAt: 0), kept, alert(.inactive, activeAt: 1, "C")]
    let record = AlertRecord(savedAt: time(minutes: 7), alerts: alerts)
    #expect(try AlertRecord(decoding: record.encoded()) == record)
}

@Test func damagedRecordsAreRefusedWithoutATrap() {
    let bytes = AlertRecord(savedAt: time(minutes: 7), alerts: [alert(.firing, activeAt: 0)]).encoded()
    for index in bytes.indices {
        var damaged = bytes
        damaged[index] ^= 0x21
        #expect(throws: CorruptionError.self) { try AlertRecord(decoding: damaged) }
        #expect(throws: CorruptionError.self) { try AlertRecord(decoding: Array(bytes[..<index])) }
        damaged.removeLast(4)
        damaged.append(littleEndian: CRC32C.checksum(damaged))
        _ = try? AlertRecord(decoding: damaged)
    }
}

@Test func pendingTimeServedBeforeAnOutageCounts() {
    let pending = alert(.pending, activeAt: 0)
    let hour = Duration.seconds(3600)
    // 20 of 60 minutes served, away for 15: the remaining 40 minutes begin now.
    #expect(restored(pending, savedAt: 20, now: 35, hold: hour)?.activeAt == time(minutes: 15))
    // 55 of 60 served: it fires after the grace period of 10 minutes, not after the remaining 5.
    #expect(restored(pending, savedAt: 55, now: 60, hold: hour)?.activeAt == time(minutes: 60 + 10 - 60))
    // All served: unchanged, the first evaluation lets it fire.
    #expect(restored(pending, savedAt: 60, now: 70, hold: hour)?.activeAt == time(minutes: 0))
}

@Test func pendingAlertsBeginAnewAfterALongOutageOrWithAShortFor() {
    let pending = alert(.pending, activeAt: 0)
    #expect(restored(pending, savedAt: 20, now: 81, hold: .seconds(3600)) == nil)
    #expect(restored(pending, savedAt: 20, now: 80, hold: .seconds(3600)) != nil)
    #expect(restored(pending, savedAt: 2, now: 3, hold: .seconds(599)) == nil)
    #expect(restored(pending, savedAt: 2, now: 3, hold: .seconds(600)) != nil)
    // Saved in the future: the wall clock was set back.
    #expect(restored(pending, savedAt: 20, now: 10, hold: .seconds(3600)) == nil)
}

@Test func firingAndResolvedAlertsComeBackAsTheyWere() throws {
    let firing = alert(.firing, activeAt: 0)
    let after = try #require(restored(firing, savedAt: 5, now: 500, hold: .seconds(60)))
    #expect(after == firing)
    // Still true: goes on firing since the same time. No longer true: resolved and told.
    var state = AlertRuleState()
    state.restore(after)
    try state.update([], at: time(minutes: 500), hold: .seconds(60), keepFiring: .zero, limit: 0)
    #expect(
        state.takeDue(at: time(minutes: 500), interval: .seconds(60)).map(\.resolvedAt) == [
            time(minutes: 500)
        ]
    )
    var other = AlertRuleState()
    other.restore(after)
    let seen = AlertCandidate(labels: after.labels, annotations: after.annotations, value: 2)
    try other.update([seen], at: time(minutes: 500), hold: .seconds(60), keepFiring: .zero, limit: 0)
    #expect(other.active.map(\.firedAt) == [time(minutes: 1)])
}
