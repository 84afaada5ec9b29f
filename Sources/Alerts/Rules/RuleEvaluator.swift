// SPDX-License-Identifier: Apache-2.0
//
// Owns the rule groups and evaluates them: one group after the other, since queries are local and a node has few
// cores. What must be told to receivers is returned, never sent from here, so that a slow receiver delays nothing.

internal import Logging
internal import Platform
internal import PromQL
internal import Samples

/// The rules in force.
struct RuleCatalog: Sendable {
    var groups: [RuleGroup]
    var evaluationInterval: Duration
    var externalLabels: Labels

    /// Every unit webhooks are told of.
    var webhookGroups: Set<String> {
        var keys: Set<String> = []
        for group in groups {
            for rule in group.rules where rule.kind == .alerting {
                keys.insert(WebhookGroup.key(file: group.file, group: group.name, alertName: rule.name))
            }
        }
        return keys
    }
}

/// What an evaluation of one group means for receivers.
struct RuleNotice: Sendable, Equatable {
    /// All rules of the group with one alert name; the unit webhooks are told of.
    struct Named: Sendable, Equatable {
        let alertName: String
        var alerts: [NoticedAlert]
    }

    /// An alert with the page that shows its expression.
    struct NoticedAlert: Sendable, Equatable {
        let alert: AlertInstance
        let generatorURL: String
    }

    let group: String
    let file: String
    let time: Timestamp
    /// What Alertmanagers have to hear now.
    var due: [NoticedAlert] = []
    /// Everything firing or lately resolved, whether told or not.
    var current: [Named] = []
}

/// Evaluates rules.
actor RuleEvaluator {
    let engine: QueryEngine
    let sink: any SampleSink
    let keeper: StateKeeper
    let clock: any EdgeClock
    let metrics: AlertMetrics
    let logger: Logger
    let externalURL: String
    let localOffset: LocalOffset
    var externalLabels = Labels()
    private(set) var groups: [RuleGroupState] = []
    private var savedAlerts: [String: AlertRecord]?
    private var savedModels: [String: [Labels: SeriesModel]] = [:]
    /// Why results could last not be stored, so that a lasting reason is logged once.
    var lastStoreFailure = ""
    /// Series of rules that are gone, to be ended at the next evaluation.
    var orphans: [GroupID: [SeriesID]] = [:]

    init(
        engine: QueryEngine,
        sink: any SampleSink,
        keeper: StateKeeper,
        clock: any EdgeClock,
        metrics: AlertMetrics,
        logger: Logger,
        externalURL: String,
        localOffset: LocalOffset
    ) {
        self.engine = engine
        self.sink = sink
        self.keeper = keeper
        self.clock = clock
        self.metrics = metrics
        self.logger = logger
        self.externalURL = externalURL
        self.localOffset = localOffset
    }

    // MARK: - Rules in force

    /// All groups as they are now.
    var statuses: [RuleGroupStatus] { groups.map(\.status) }

    /// Replaces the rules; state of rules that stay (same group, name and labels) is kept.
    func adopt(_ catalog: RuleCatalog) async {
        externalLabels = catalog.externalLabels
        if savedAlerts == nil { savedAlerts = await keeper.loadAlerts() }
        if catalog.groups.contains(where: { $0.rules.contains { $0.judgement != .expression } }) {
            savedModels = await keeper.loadModels()
        }
        let older = groups
        groups = catalog.groups.map { group in
            let fresh = RuleGroupState(group, defaultInterval: catalog.evaluationInterval)
            if let place = older.firstIndex(where: {
                $0.group.name == group.name && $0.group.file == group.file
            }) {
                Self.carryOver(from: older[place], to: fresh)
            }
            return fresh
        }
        await forget(allBut: Set(groups.flatMap { $0.rules.map(\.key) }))
        for group in older {
            for rule in group.rules where !rule.written.isEmpty {
                guard let storeGroup = group.storeGroups[rule.stage] else { continue }
                orphans[storeGroup, default: []] += rule.written.values
            }
        }
    }

    /// Moves the state of rules that continue; what is left in `old` belongs to rules that are gone.
    private static func carryOver(from old: RuleGroupState, to new: RuleGroupState) {
        new.storeGroups = old.storeGroups
        new.lastEvaluation = old.lastEvaluation
        new.evaluationTime = old.evaluationTime
        if new.interval == old.interval { new.nextDue = old.nextDue }
        for index in new.rules.indices {
            let rule = new.rules[index].rule
            guard let place = old.rules.firstIndex(where: { rule.continues($0.rule) }) else { continue }
            let before = old.rules.remove(at: place)
            let stage = new.rules[index].stage
            let after = RuleState(rule: rule, group: new.group.name, stage: stage)
            after.alerts = before.alerts
            after.isRestored = before.isRestored
            after.lastEvaluation = before.lastEvaluation
            after.health = before.health
            after.lastError = before.lastError
            after.evaluationTime = before.evaluationTime
            // A series belongs to its stage's store group.
            if stage == before.stage { after.written = before.written }
            if after.key == before.key {
                after.savedStates = before.savedStates
                after.savedAt = before.savedAt
                after.modelsSavedAt = before.modelsSavedAt
            }
            for (labels, model) in before.models where model.fits(rule.judgement) {
                after.models[labels] = model
                after.modelsSeen[labels] = before.modelsSeen[labels]
            }
            new.rules[index] = after
        }
    }

    // MARK: - Evaluation

    /// When the next group is due, nil without groups.
    func nextDue(now: Timestamp) -> Timestamp? {
        for index in groups.indices {
            let latest = now.advanced(byMilliseconds: groups[index].interval.milliseconds)
            // Also after the wall clock was set back: nothing may wait longer than its interval.
            if let due = groups[index].nextDue, due <= latest { continue }
            groups[index].nextDue = groups[index].firstDue(after: now)
        }
        return groups.compactMap(\.nextDue).min()
    }

    /// Evaluates every group that is due, at its aligned time.
    func evaluateDue(now: Timestamp) async -> [RuleNotice] {
        var notices: [RuleNotice] = []
        for index in groups.indices {
            guard let due = groups[index].nextDue, due <= now else { continue }
            let interval = max(1, groups[index].interval.milliseconds)
            let behind = (now.milliseconds - due.milliseconds) / interval
            metrics.missed.add(Int(clamping: behind))
            let time = due.advanced(byMilliseconds: behind * interval)
            groups[index].nextDue = time.advanced(byMilliseconds: interval)
            notices.append(await evaluate(index, at: time))
        }
        return notices
    }

    /// Evaluates every group at one time, due or not.
    func evaluateAll(at time: Timestamp) async -> [RuleNotice] {
        var notices: [RuleNotice] = []
        for index in groups.indices { notices.append(await evaluate(index, at: time)) }
        return notices
    }

    private func evaluate(_ index: Int, at time: Timestamp) async -> RuleNotice {
        endOrphans(at: time)
        let group = groups[index]
        let started = clock.monotonicNanoseconds()
        var notice = RuleNotice(group: group.group.name, file: group.group.file, time: time)
        let queryTime = time.advanced(byMilliseconds: -group.group.queryOffset.milliseconds)
        var batch: StageBatch?
        for place in group.rules.indices {
            let stage = group.rules[place].stage
            if place == 0 || stage != group.rules[place - 1].stage {
                store(&batch)
                batch = openStage(stage, of: group, at: queryTime)
            }
            await evaluate(place, of: group, at: time, into: &batch, &notice)
        }
        store(&batch)
        group.lastEvaluation = time
        group.evaluationTime = elapsed(since: started)
        metrics.lastDuration.set(group.evaluationTime.inSeconds)
        return notice
    }

    private func evaluate(
        _ place: Int,
        of group: RuleGroupState,
        at time: Timestamp,
        into batch: inout StageBatch?,
        _ notice: inout RuleNotice
    ) async {
        let started = clock.monotonicNanoseconds()
        let rule = group.rules[place]
        if !rule.isRestored { restore(rule, at: time) }
        metrics.evaluations.add()
        do {
            let series = try await outcome(of: rule, in: group, at: time)
            let isWhole = try write(series, of: rule, into: &batch)
            if rule.rule.kind == .alerting {
                let due = rule.alerts.takeDue(at: time, interval: group.interval)
                notice.due += due.map { noticed($0, of: rule) }
                await save(rule, at: time)
            }
            // As in Prometheus the rest of what the rule does goes on.
            rule.health = isWhole ? .ok : .err
            rule.lastError = isWhole ? nil : "duplicate sample for timestamp"
        } catch {
            metrics.failures.add()
            if rule.lastError != "\(error)" {
                logger.warning("rule \(rule.rule.name) of group \(group.group.name): \(error)")
            }
            rule.health = .err
            rule.lastError = "\(error)"
        }
        // Also after a failure: what is known still stands.
        if rule.rule.kind == .alerting { note(rule, &notice) }
        rule.evaluationTime = elapsed(since: started)
        rule.lastEvaluation = time
    }

    /// The series a rule writes at a time; an alerting rule's alerts are brought up to date on the way.
    private func outcome(
        of rule: RuleState,
        in group: RuleGroupState,
        at time: Timestamp
    ) async throws -> [RuleSeries] {
        let queryTime = time.advanced(byMilliseconds: -group.group.queryOffset.milliseconds)
        let output = try await engine.instant(rule.rule.expression, at: queryTime)
        let samples = try RuleOutput.vector(output.value)
        guard rule.rule.kind == .alerting else {
            return try RuleOutput.recorded(samples, by: rule.rule, limit: group.group.limit)
        }
        let (inputs, findings) = judge(samples, by: rule, at: time)
        var data = TemplateData(labels: Labels(), value: 0)
        data.externalLabels = externalLabels
        data.externalURL = externalURL
        data.now = time
        data.query = { [engine] text in await RuleEvaluator.answer(text, engine, at: queryTime) }
        var candidates: [AlertCandidate] = []
        candidates.reserveCapacity(inputs.count)
        for input in inputs {
            candidates.append(await RuleOutput.candidate(input, of: rule.rule, data))
        }
        try rule.alerts.update(
            candidates,
            at: time,
            hold: rule.rule.hold,
            keepFiring: rule.rule.keepFiring,
            limit: group.group.limit > 0 ? group.group.limit : AlertRecord.limit
        )
        return RuleOutput.series(of: rule.alerts.active) + findings
    }

    private static func answer(
        _ text: String,
        _ engine: QueryEngine,
        at time: Timestamp
    ) async -> Result<[TemplateValue], TemplateError> {
        do {
            let output = try await engine.instant(text, at: time)
            return .success(try RuleOutput.vector(output.value).map { .sample($0.labels, $0.value) })
        } catch {
            return .failure(TemplateError("\(error)"))
        }
    }

    private func noticed(_ alert: AlertInstance, of rule: RuleState) -> RuleNotice.NoticedAlert {
        RuleNotice.NoticedAlert(
            alert: alert,
            generatorURL: LinkText.generator(base: externalURL, expression: rule.rule.query)
        )
    }

    private func note(_ rule: RuleState, _ notice: inout RuleNotice) {
        let alerts = rule.alerts.notifiable.map { noticed($0, of: rule) }
        let name = rule.rule.name
        if let place = notice.current.firstIndex(where: { $0.alertName == name }) {
            notice.current[place].alerts += alerts
        } else {
            notice.current.append(RuleNotice.Named(alertName: name, alerts: alerts))
        }
    }

    // MARK: - Saved state

    /// Lets go of saved state no rule asks for; it leaves the store when no rule has asked for a month.
    private func forget(allBut keys: Set<String>) async {
        let oldest = clock.wallMilliseconds() - 30 * 86_400_000
        for (key, record) in savedAlerts ?? [:] where !keys.contains(key) {
            savedAlerts?[key] = nil
            guard record.savedAt.milliseconds < oldest else { continue }
            await keeper.saveAlerts(key, AlertRecord(savedAt: record.savedAt, alerts: []), isDurable: false)
        }
        for (key, models) in savedModels where !keys.contains(key) {
            savedModels[key] = nil
            for (labels, model) in models
            where (model.lastTick ?? 0) < oldest / SeriesModel.tickMilliseconds {
                await keeper.removeModel(key, labels)
            }
        }
    }

    private func restore(_ rule: RuleState, at time: Timestamp) {
        rule.isRestored = true
        if let record = savedAlerts?.removeValue(forKey: rule.key) {
            for alert in record.restored(at: time, hold: rule.rule.hold) { rule.alerts.restore(alert) }
            rule.savedStates = Dictionary(uniqueKeysWithValues: record.alerts.map { ($0.labels, $0.state) })
            rule.savedAt = record.savedAt
        }
        for (labels, model) in savedModels.removeValue(forKey: rule.key) ?? [:]
        where rule.models[labels] == nil && model.fits(rule.rule.judgement) {
            rule.models[labels] = model
            rule.modelsSeen[labels] = time.milliseconds
        }
        if rule.modelsSavedAt == nil { rule.modelsSavedAt = time }
    }

    private func elapsed(since start: UInt64) -> Duration {
        .nanoseconds(Int64(clamping: clock.monotonicNanoseconds() &- start))
    }
}
