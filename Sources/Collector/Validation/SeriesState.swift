// SPDX-License-Identifier: Apache-2.0
//
// The judgement on one series' values, one after the other: a pure machine, told the time. Only values newer than the last
// move it; an older one (a push that comes late) is held to its range alone, and the same one again (a store that is asked
// twice) gets the answer it got.

internal import Config
internal import Samples

/// What is remembered of one series under a rule.
struct SeriesState: Sendable {
    /// Why a value is rejected.
    enum Reason: String, Sendable, CaseIterable {
        case range
        case rate
        case stuck
    }

    /// What is stored for a value.
    enum Verdict: Sendable, Equatable {
        case accepted(Double)
        case rejected(Reason, Double)
    }

    /// The last finite value accepted: nothing can be near infinity, and NaN is near nothing.
    private var accepted: (value: Double, time: Int64)?
    /// Since when the value has been what it is.
    private var steady: (value: Double, since: Int64)?
    /// The newest value judged, as it came, and what came of it.
    private var last: (bits: UInt64, time: Int64, verdict: Verdict)?
    /// Whether a value was ever stored that has not been ended.
    private(set) var isOpen = false

    /// Whether an end has nothing to end: the values since the last one were rejected, all of them or the latest.
    var hasEnded: Bool { last != nil && !isOpen }

    /// Judges a value.
    ///
    /// - Parameters:
    ///   - raw: the value as it came.
    ///   - time: its time in milliseconds.
    ///   - rule: the rule.
    ///   - isCounter: whether going down means beginning anew.
    /// - Returns: what to store.
    mutating func judge(_ raw: Double, at time: Int64, _ rule: ValidationConfig, isCounter: Bool) -> Verdict {
        if let last, last.time == time, last.bits == raw.bitPattern { return last.verdict }
        // A number that is none has no place on any scale.
        let value = raw.isNaN ? raw : raw * rule.scale + rule.offset
        let isInRange = !(value < rule.min ?? -.infinity) && !(value > rule.max ?? .infinity)
        guard last.map({ time > $0.time }) ?? true else {
            return isInRange ? .accepted(value) : .rejected(.range, value)
        }
        var verdict = Verdict.accepted(value)
        if !isInRange {
            verdict = .rejected(.range, value)
        } else if isTooFast(value, time, rule, isCounter) {
            verdict = .rejected(.rate, value)
        } else if isStuck(value, time, rule) {
            verdict = .rejected(.stuck, value)
        }
        if case .accepted = verdict {
            if value.isFinite { accepted = (value, time) }
            isOpen = true
        }
        last = (raw.bitPattern, time, verdict)
        return verdict
    }

    /// Notes that the series has ended.
    mutating func end() {
        accepted = nil
        steady = nil
        last = nil
        isOpen = false
    }

    /// Notes that the series was ended because a value was rejected; what is known of it stays.
    mutating func close() { isOpen = false }

    /// The longer ago the last good value, the farther a new one may be: a step that is real is believed in the end.
    private func isTooFast(
        _ value: Double,
        _ time: Int64,
        _ rule: ValidationConfig,
        _ isCounter: Bool
    ) -> Bool {
        guard let most = rule.maxChangePerSecond, let accepted else { return false }
        if isCounter, value < accepted.value { return false }
        return abs(value - accepted.value) > most * Double(milliseconds(from: accepted.time, to: time)) / 1000
    }

    private mutating func isStuck(_ value: Double, _ time: Int64, _ rule: ValidationConfig) -> Bool {
        guard let longest = rule.stuckFor else { return false }
        guard let steady, steady.value == value else {
            self.steady = (value, time)
            return false
        }
        return milliseconds(from: steady.since, to: time) >= longest.milliseconds
    }

    /// Times are a source's word; those from the two ends of Int64 are as far apart as can be told.
    private func milliseconds(from start: Int64, to end: Int64) -> Int64 {
        let (elapsed, overflow) = end.subtractingReportingOverflow(start)
        return overflow ? .max : elapsed
    }
}
