// SPDX-License-Identifier: Apache-2.0
//
// From a query's answer to what a rule makes of it: series to write, or alerts to keep track of.

internal import PromQL
internal import Samples

/// Why a rule could not be evaluated.
struct RuleError: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// A series a rule writes, with its value.
struct RuleSeries: Sendable, Equatable {
    let labels: Labels
    let value: Double
    /// The value of a native histogram, instead of the number.
    var histogram: NativeHistogram?
}

/// One element of an alerting rule's result, with what its templates may see besides.
struct AlertInput: Sendable {
    let labels: Labels
    let value: Double
    var variables: [String: TemplateValue] = [:]
}

enum RuleOutput {
    /// The instant vector in an answer; a scalar becomes one element without labels.
    static func vector(_ value: QueryValue) throws(RuleError) -> [VectorSample] {
        switch value {
        case .vector(let samples): return samples
        case .scalar(let time, let value):
            return [VectorSample(labels: Labels(), timestamp: time, value: value)]
        case .string, .matrix: throw RuleError("rule result is not a vector or scalar")
        }
    }

    /// What a recording rule writes.
    static func recorded(
        _ samples: [VectorSample],
        by rule: Rule,
        limit: Int
    ) throws(RuleError) -> [RuleSeries] {
        var seen = Set<Labels>(minimumCapacity: samples.count)
        var series: [RuleSeries] = []
        series.reserveCapacity(samples.count)
        for sample in samples {
            var builder = LabelsBuilder(sample.labels)
            builder.set(Labels.metricNameLabel, rule.name)
            for label in rule.labels { builder.set(label.name, label.template.source) }
            let labels = builder.labels()
            guard seen.insert(labels).inserted else {
                throw RuleError("vector contains metrics with the same labelset after applying rule labels")
            }
            series.append(RuleSeries(labels: labels, value: sample.value, histogram: sample.histogram))
        }
        guard limit == 0 || series.count <= limit else {
            throw RuleError("exceeded limit of \(limit) with \(series.count) series")
        }
        return series
    }

    /// An alert with its labels and annotations expanded.
    static func candidate(
        _ input: AlertInput,
        of rule: Rule,
        _ data: TemplateData
    ) async -> AlertCandidate {
        var data = data
        data.labels = input.labels
        data.value = input.value
        data.variables = input.variables
        var builder = LabelsBuilder(input.labels)
        builder.remove(Labels.metricNameLabel)
        for label in rule.labels { builder.set(label.name, await text(label, of: rule, data)) }
        builder.set(AlertSeries.alertName, rule.name)
        var annotations = LabelsBuilder()
        for annotation in rule.annotations {
            annotations.set(annotation.name, await text(annotation, of: rule, data))
        }
        return AlertCandidate(
            labels: builder.labels(),
            annotations: annotations.labels(),
            value: input.value
        )
    }

    private static func text(_ text: RuleText, of rule: Rule, _ data: TemplateData) async -> String {
        do {
            return try await text.template.expand(data)
        } catch {
            return "<error expanding template: error executing template __alert_\(rule.name): \(error)>"
        }
    }

    /// What the store keeps of active alerts.
    static func series(of alerts: [AlertInstance]) -> [RuleSeries] {
        alerts.flatMap { alert in
            [
                RuleSeries(
                    labels: AlertSeries.labels(AlertSeries.state, of: alert.labels, state: alert.state),
                    value: 1
                ),
                RuleSeries(
                    labels: AlertSeries.labels(AlertSeries.activeAt, of: alert.labels),
                    value: Double(alert.activeAt.milliseconds / 1000)
                ),
            ]
        }
    }
}
