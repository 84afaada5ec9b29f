// SPDX-License-Identifier: Apache-2.0
//
// Seasonal and predictive rules: the expression's result feeds one model per series, and the series whose model has
// raised an alarm are the alerts. What the models think is written as series too, so that it can be graphed.

internal import Platform
internal import PromQL
internal import Samples

extension RuleEvaluator {
    /// Series a rule keeps models of; at about a kilobyte each, one rule takes a megabyte at most.
    static let modelLimit = 1000
    /// A model whose series has not been seen for this long makes room when room is short.
    static let idleMilliseconds: Int64 = 86_400_000
    /// A model whose series has not been seen for this long is forgotten.
    static let forgottenMilliseconds: Int64 = 14 * 86_400_000
    /// How often changed models are saved; a kill costs at most this much learning.
    static let modelSavePace: Duration = .seconds(3600)
    /// How often the time a pending alert has served is saved.
    static let heartbeat: Duration = .seconds(60)

    /// Splits a result into alerts and findings to store.
    func judge(
        _ samples: [VectorSample],
        by rule: RuleState,
        at time: Timestamp
    ) -> (inputs: [AlertInput], findings: [RuleSeries]) {
        guard rule.rule.judgement != .expression else {
            return (samples.map { AlertInput(labels: $0.labels, value: $0.value) }, [])
        }
        let offset = localOffset(at: time)
        var inputs: [AlertInput] = []
        var findings: [RuleSeries] = []
        var seen = Set<Labels>()
        for sample in samples {
            let series = sample.labels.dropping([Labels.metricNameLabel])
            guard seen.insert(series).inserted, var model = model(for: series, of: rule, at: time) else {
                continue
            }
            let finding = model.observe(
                sample.value,
                at: time,
                rule.rule.judgement,
                utcOffset: offset,
                seed: FNV1a.hash(rule.key, Fingerprint(series).description)
            )
            rule.models[series] = model
            rule.modelsSeen[series] = time.milliseconds
            findings += self.findings(finding, of: rule.rule, series)
            if finding.isRaised { inputs.append(input(sample, finding, of: rule.rule)) }
        }
        return (inputs, findings)
    }

    private func model(for series: Labels, of rule: RuleState, at time: Timestamp) -> SeriesModel? {
        if let known = rule.models[series] { return known }
        if rule.models.count >= Self.modelLimit {
            let idle = rule.modelsSeen.min { $0.value < $1.value }
            guard let idle, time.milliseconds - idle.value >= Self.idleMilliseconds else {
                metrics.rejectedModels.add()
                return nil
            }
            rule.models[idle.key] = nil
            rule.modelsSeen[idle.key] = nil
        }
        return SeriesModel(for: rule.rule.judgement)
    }

    private func findings(_ finding: ModelFinding, of rule: Rule, _ series: Labels) -> [RuleSeries] {
        let labels = series.setting(AlertSeries.alertName, rule.name)
        func found(_ metric: String, _ value: Double?) -> RuleSeries? {
            value.map { RuleSeries(labels: AlertSeries.labels(metric, of: labels), value: $0) }
        }
        switch rule.judgement {
        case .expression: return []
        case .seasonal: return [found(AlertSeries.deviation, finding.score)].compactMap(\.self)
        case .predictive:
            return [
                found(AlertSeries.probability, finding.score),
                found(AlertSeries.crossing, finding.secondsToCrossing),
            ].compactMap(\.self)
        }
    }

    private func input(_ sample: VectorSample, _ finding: ModelFinding, of rule: Rule) -> AlertInput {
        let score = TemplateValue.number(finding.score ?? 0)
        var input = AlertInput(labels: sample.labels, value: finding.score ?? 0)
        input.variables["current"] = .number(sample.value)
        switch rule.judgement {
        case .expression: break
        case .seasonal:
            input.variables["deviation"] = score
            input.variables["expected"] = .number(finding.expected ?? .nan)
        case .predictive(let options):
            input.variables["probability"] = score
            // Without a most probable hour it is somewhere within the horizon.
            let latest = Double(options.question.horizon) * 3600
            input.variables["eta"] = .number(finding.secondsToCrossing ?? latest)
        }
        return input
    }

    // MARK: - Saving

    /// Saves what changed since the last evaluation and may not be lost.
    func save(_ rule: RuleState, at time: Timestamp) async {
        await saveAlerts(rule, at: time)
        guard let last = rule.modelsSavedAt,
            time.milliseconds - last.milliseconds >= Self.modelSavePace.milliseconds
        else { return }
        await saveModels(rule, at: time, evenUnchanged: false)
    }

    private func saveAlerts(_ rule: RuleState, at time: Timestamp) async {
        let states = rule.alerts.alerts.mapValues(\.state)
        let didChange = states != rule.savedStates
        // Time served while pending is only worth saving where a restart looks at it.
        let counts = rule.rule.hold >= AlertRecord.gracePeriod && states.values.contains(.pending)
        let isStale =
            rule.savedAt.map { time.milliseconds - $0.milliseconds >= Self.heartbeat.milliseconds } ?? true
        guard didChange || (counts && isStale) else { return }
        rule.savedStates = states
        rule.savedAt = time
        let alerts = rule.alerts.alerts.values.sorted { $0.labels < $1.labels }
        await keeper.saveAlerts(
            rule.key,
            AlertRecord(savedAt: time, alerts: alerts),
            isDurable: didChange
        )
    }

    private func saveModels(_ rule: RuleState, at time: Timestamp, evenUnchanged: Bool) async {
        rule.modelsSavedAt = time
        for (labels, seen) in rule.modelsSeen
        where time.milliseconds - seen >= Self.forgottenMilliseconds {
            rule.models[labels] = nil
            rule.modelsSeen[labels] = nil
            await keeper.removeModel(rule.key, labels)
        }
        var changed: [(labels: Labels, model: SeriesModel)] = []
        for labels in Array(rule.models.keys) {
            guard var model = rule.models[labels], model.isDirty || evenUnchanged else { continue }
            model.isDirty = false
            rule.models[labels] = model
            changed.append((labels, model))
        }
        await keeper.saveModels(rule.key, changed)
    }

    /// Saves everything, for a stop in good order.
    func saveAll(at time: Timestamp) async {
        for group in groups {
            for rule in group.rules where rule.rule.kind == .alerting && rule.isRestored {
                await saveModels(rule, at: time, evenUnchanged: true)
                guard !rule.alerts.alerts.isEmpty else { continue }
                let alerts = rule.alerts.alerts.values.sorted { $0.labels < $1.labels }
                let record = AlertRecord(savedAt: time, alerts: alerts)
                await keeper.saveAlerts(rule.key, record, isDurable: true)
            }
        }
    }
}
