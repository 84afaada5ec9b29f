// SPDX-License-Identifier: Apache-2.0
//
// The alert state machine of one rule, as Prometheus has it (rules/alerting.go): pure, with the time of the evaluation
// passed in.
//
//     absent ──seen──▶ pending ──held `for`──▶ firing ──gone, `keep_firing_for` over──▶ inactive ──15 min──▶ absent
//                        │ gone ▶ absent        ▲ └── `for` raised by a reload ──▶ pending
//                        └──────────────────────┘
//
// Invariant: `alerts` is keyed by the alerts' own labels; a pending alert has neither firedAt nor resolvedAt, an
// inactive one has both.

internal import Samples

/// Why a rule's result was refused.
enum AlertRuleError: Error, Equatable, CustomStringConvertible {
    /// Two series of the result have equal labels once the rule's labels are applied.
    case duplicateLabels
    /// More alerts than the group's `limit`.
    case limitExceeded(limit: Int, count: Int)

    var description: String {
        switch self {
        case .duplicateLabels:
            "vector contains metrics with the same labelset after applying alert labels"
        case .limitExceeded(let limit, let count):
            "exceeded limit of \(limit) with \(count) alerts"
        }
    }
}

/// All alerts of one rule.
struct AlertRuleState: Sendable, Equatable {
    /// How long a resolved alert is kept to be re-sent (Prometheus' resolvedRetention).
    static let resolvedRetention: Duration = .seconds(15 * 60)
    /// How long after the last delivery an unchanged alert is sent again (Prometheus' resend delay).
    static let resendDelay: Duration = .seconds(60)

    private(set) var alerts: [Labels: AlertInstance] = [:]

    /// Takes the result of one evaluation.
    ///
    /// - Parameters:
    ///   - candidates: the result; each label set at most once, or nothing is changed and the call throws.
    ///   - now: the evaluation's time.
    ///   - hold: the rule's `for`.
    ///   - keepFiring: the rule's `keep_firing_for`.
    ///   - limit: the group's `limit`, 0 for none; above it all alerts of the rule are dropped.
    /// - Throws: `AlertRuleError` for a label set that comes twice, or above the limit.
    mutating func update(
        _ candidates: [AlertCandidate],
        at now: Timestamp,
        hold: Duration,
        keepFiring: Duration,
        limit: Int
    ) throws(AlertRuleError) {
        var present = Set<Labels>(minimumCapacity: candidates.count)
        for candidate in candidates where !present.insert(candidate.labels).inserted {
            throw .duplicateLabels
        }
        for candidate in candidates { admit(candidate, at: now) }
        var active = 0
        for labels in Array(alerts.keys) {
            guard var alert = alerts[labels] else { continue }
            let stays =
                present.contains(labels)
                ? keep(&alert, for: hold, at: now)
                : release(&alert, after: keepFiring, at: now)
            if alert.state != .inactive && stays { active += 1 }
            alerts[labels] = stays ? alert : nil
        }
        guard limit > 0, active > limit else { return }
        alerts.removeAll()
        throw .limitExceeded(limit: limit, count: active)
    }

    /// The alerts pending or firing, in label order.
    var active: [AlertInstance] {
        alerts.values.filter { $0.state != .inactive }.sorted { $0.labels < $1.labels }
    }

    /// The alerts a receiver must know of (firing, and resolved within the retention), in label order.
    var notifiable: [AlertInstance] {
        alerts.values.filter { $0.state != .pending }.sorted { $0.labels < $1.labels }
    }

    /// The alerts to hand to Alertmanagers now, marked as sent.
    ///
    /// An alert is due when it was resolved since it was last sent, or when it was last sent more than the resend delay
    /// ago. `validUntil` covers four missed rounds.
    mutating func takeDue(at now: Timestamp, interval: Duration) -> [AlertInstance] {
        let valid = 4 * max(interval.milliseconds, Self.resendDelay.milliseconds)
        var due: [AlertInstance] = []
        for var alert in notifiable {
            guard isDue(alert, at: now) else { continue }
            alert.lastSentAt = now
            alert.validUntil = now.advanced(byMilliseconds: valid)
            alerts[alert.labels] = alert
            due.append(alert)
        }
        return due
    }

    /// Puts an alert back that was saved before a restart; the first evaluation then treats it like any other.
    mutating func restore(_ alert: AlertInstance) {
        alerts[alert.labels] = alert
    }

    private func isDue(_ alert: AlertInstance, at now: Timestamp) -> Bool {
        guard let sent = alert.lastSentAt else { return true }
        if let resolved = alert.resolvedAt, resolved > sent { return true }
        return sent.advanced(byMilliseconds: Self.resendDelay.milliseconds) < now
    }

    private mutating func admit(_ candidate: AlertCandidate, at now: Timestamp) {
        if var known = alerts[candidate.labels], known.state != .inactive {
            known.value = candidate.value
            known.annotations = candidate.annotations
            alerts[candidate.labels] = known
            return
        }
        alerts[candidate.labels] = AlertInstance(
            labels: candidate.labels,
            annotations: candidate.annotations,
            value: candidate.value,
            activeAt: now
        )
    }

    /// An alert whose condition holds; always stays.
    private func keep(_ alert: inout AlertInstance, for hold: Duration, at now: Timestamp) -> Bool {
        alert.keepFiringSince = nil
        let held = now.milliseconds - alert.activeAt.milliseconds >= hold.milliseconds
        switch alert.state {
        case .pending where held:
            alert.state = .firing
            alert.firedAt = now
        case .firing where !held:
            alert.state = .pending
            alert.firedAt = nil
            alert.lastSentAt = nil
            alert.validUntil = nil
        default:
            break
        }
        return true
    }

    /// An alert whose condition is gone; returns whether it stays in the table.
    private func release(
        _ alert: inout AlertInstance,
        after keepFiring: Duration,
        at now: Timestamp
    ) -> Bool {
        switch alert.state {
        case .pending:
            return false
        case .firing:
            if keepFiring > .zero {
                let since = alert.keepFiringSince ?? now
                alert.keepFiringSince = since
                if now.milliseconds - since.milliseconds < keepFiring.milliseconds { return true }
            }
            alert.state = .inactive
            alert.resolvedAt = now
            return true
        case .inactive:
            guard let resolved = alert.resolvedAt else { return false }
            return now.milliseconds - resolved.milliseconds <= Self.resolvedRetention.milliseconds
        }
    }
}
