// SPDX-License-Identifier: Apache-2.0
//
// What the evaluator keeps of rules and groups between evaluations. Classes, because models and alerts are changed in
// place; only the evaluator's actor touches them, everyone else gets `status`.

internal import Samples

/// One rule with all that its evaluations left behind.
final class RuleState {
    let rule: Rule
    /// Names the rule in the state store; independent of the file's path and of the rule's place.
    let key: String
    private let labels: Labels
    private let annotations: Labels
    /// The stage of its group it writes in.
    var stage: Int
    var alerts = AlertRuleState()
    var models: [Labels: SeriesModel] = [:]
    /// When each model last saw its series, in milliseconds, to make room for newer ones.
    var modelsSeen: [Labels: Int64] = [:]
    /// The series of the last successful evaluation; those missing in the next end.
    var written: [Labels: SeriesID] = [:]
    var health = RuleHealth.unknown
    var lastError: String?
    var evaluationTime: Duration = .zero
    var lastEvaluation: Timestamp?
    /// Whether saved state was put back, which happens before the first evaluation.
    var isRestored = false
    /// What was last saved: every known alert's state.
    var savedStates: [Labels: AlertState] = [:]
    var savedAt: Timestamp?
    var modelsSavedAt: Timestamp?

    init(rule: Rule, group: String, stage: Int) {
        self.rule = rule
        self.stage = stage
        labels = Labels(rule.labels.map { (name: $0.name, value: $0.template.source) })
        annotations = Labels(rule.annotations.map { (name: $0.name, value: $0.template.source) })
        let texts = rule.labels.map { "\($0.name)=\($0.template.source)" }.joined(separator: ",")
        key = FNV1a.hex(
            FNV1a.hash(group, rule.kind.rawValue, rule.judgement.kind.rawValue, rule.name, texts, rule.query)
        )
    }

    var status: RuleStatus {
        RuleStatus(
            kind: rule.kind,
            judgement: rule.judgement.kind,
            name: rule.name,
            query: rule.query,
            labels: labels,
            annotations: annotations,
            duration: rule.hold,
            keepFiringFor: rule.keepFiring,
            health: health,
            lastError: lastError,
            evaluationTime: evaluationTime,
            lastEvaluation: lastEvaluation,
            alerts: alerts.active.map(\.status)
        )
    }
}

/// One rule group being evaluated.
final class RuleGroupState {
    let group: RuleGroup
    let interval: Duration
    var rules: [RuleState]
    /// The store group of each stage, once there is one.
    var storeGroups: [Int: GroupID] = [:]
    var evaluationTime: Duration = .zero
    var lastEvaluation: Timestamp?
    /// The aligned time of the next evaluation, nil before the first.
    var nextDue: Timestamp?

    init(_ group: RuleGroup, defaultInterval: Duration) {
        self.group = group
        interval = group.interval ?? defaultInterval
        let stages = RuleStages.of(group.rules)
        rules = zip(group.rules, stages).map { RuleState(rule: $0, group: group.name, stage: $1) }
    }

    /// Where within its interval the group is evaluated: spread over groups, the same after a restart.
    var offsetMilliseconds: Int64 {
        let spread = FNV1a.hash(group.file, group.name) % UInt64(max(1, interval.milliseconds))
        return Int64(spread)
    }

    /// The first aligned time after `now`.
    func firstDue(after now: Timestamp) -> Timestamp {
        let length = max(1, interval.milliseconds)
        let offset = offsetMilliseconds
        let shifted = now.milliseconds - offset
        var base = shifted - shifted % length
        if base <= shifted { base += length }
        return Timestamp(milliseconds: base + offset)
    }

    var status: RuleGroupStatus {
        RuleGroupStatus(
            name: group.name,
            file: group.file,
            interval: interval,
            limit: group.limit,
            rules: rules.map(\.status),
            evaluationTime: evaluationTime,
            lastEvaluation: lastEvaluation
        )
    }
}
