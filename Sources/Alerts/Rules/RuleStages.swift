// SPDX-License-Identifier: Apache-2.0
//
// Rules of a group see what earlier rules wrote at the same time, yet the store keeps one row per group and time. So a
// group is cut into stages: a stage ends where the next rule may read what the stage wrote. Each stage is one store
// group with one row per evaluation; most groups are a single stage.

internal import PromQL
internal import Samples

/// Where each rule of a group writes.
enum RuleStages {
    /// The stage of each rule, ascending from 0.
    static func of(_ rules: [Rule]) -> [Int] {
        var stages: [Int] = []
        var stage = 0
        var written: Set<String> = []
        for rule in rules {
            if !written.isEmpty, rule.hasQueryingTemplates || rule.reads(anyOf: written) {
                stage += 1
                written.removeAll()
            }
            stages.append(stage)
            written.formUnion(rule.writtenNames)
        }
        return stages
    }
}

extension Rule {
    /// The metric names the rule may write.
    fileprivate var writtenNames: Set<String> {
        guard kind == .alerting else { return [name] }
        var names: Set<String> = [AlertSeries.state, AlertSeries.activeAt]
        switch judgement {
        case .expression: break
        case .seasonal: names.insert(AlertSeries.deviation)
        case .predictive: names.formUnion([AlertSeries.probability, AlertSeries.crossing])
        }
        return names
    }

    /// Whether some selector may match one of the names.
    fileprivate func reads(anyOf names: Set<String>) -> Bool {
        expression.selectors.contains { matchers in
            let onName = matchers.filter { $0.name == Labels.metricNameLabel }
            return names.contains { name in onName.allSatisfy { $0.matches(name) } }
        }
    }
}

/// The series alerting rules write.
enum AlertSeries {
    /// 1 for every active alert, with its state as label.
    static let state = "ALERTS"
    /// When every active alert began, in Unix seconds.
    static let activeAt = "ALERTS_FOR_STATE"
    /// Deviation from the daily profile, in standard deviations.
    static let deviation = "edgewatch_rule_deviation_sigma"
    /// Probability of crossing the threshold within the horizon.
    static let probability = "edgewatch_rule_probability"
    /// Seconds until the probable crossing.
    static let crossing = "edgewatch_rule_eta_seconds"

    static let alertName = "alertname"
    static let alertState = "alertstate"

    /// A series of one alert.
    static func labels(_ metric: String, of alert: Labels, state: AlertState? = nil) -> Labels {
        var builder = LabelsBuilder(alert)
        builder.set(Labels.metricNameLabel, metric)
        if let state { builder.set(alertState, state.rawValue) }
        return builder.labels()
    }
}
