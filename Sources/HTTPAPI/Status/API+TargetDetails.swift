// SPDX-License-Identifier: Apache-2.0
//
// /targets/metadata, /targets/relabel_steps and /scrape_pools/config: what is known of single targets and jobs.

internal import Config
internal import PromQL
internal import Samples
internal import Wire

extension API {
    /// What targets say of their metrics.
    ///
    /// The store keeps what was said by family, not by target; a target has the families it has series of.
    func targetMetadata(_ parameters: Parameters) async throws(APIError) -> Reply {
        let limit = try number("limit", parameters).map { $0 < 0 ? Int.max : $0 } ?? .max
        let metric = parameters["metric"]
        var matchers: [LabelMatcher] = []
        if !parameters["match_target"].isEmpty {
            do {
                matchers = try Parser.parseSelector(parameters["match_target"])
            } catch {
                throw .invalid("match_target", error.message)
            }
        }
        let families = services.source.metadata()
        let targets = await services.targets().filter { target in
            matchers.allSatisfy { $0.matches(target.labels) }
        }
        var found: [(target: Labels, family: MetricMetadata)] = []
        for target in targets where found.count < limit {
            let names = try names(of: target)
            for family in families.values.sorted(by: { $0.family < $1.family })
            where (metric.isEmpty || family.family == metric) && family.isAmong(names) {
                if found.count < limit { found.append((target.labels, family)) }
            }
        }
        return Envelope.success { writer in
            writer.beginArray()
            for (target, family) in found {
                writer.beginObject()
                writer.member("target", target)
                if metric.isEmpty { writer.member("metric", family.family) }
                writer.member("type", family.kind.rawValue)
                writer.member("help", family.help)
                writer.member("unit", family.unit)
                writer.endObject()
            }
            writer.endArray()
        }
    }

    private func names(of target: TargetView) throws(APIError) -> Set<String> {
        let matchers = target.labels.pairs.map { LabelMatcher($0.name, equals: $0.value) }
        return Set(
            try reading { () throws(SourceError) in
                try services.source.labelValues(
                    Labels.metricNameLabel,
                    matchers,
                    from: API.earliest,
                    through: API.latest
                )
            }
        )
    }

    /// What each relabelling rule of a job makes of a label set.
    func relabelSteps(_ parameters: Parameters) throws(APIError) -> Reply {
        let pool = parameters["scrapePool"]
        guard !pool.isEmpty else { throw APIError(.badData, "no scrapePool parameter provided") }
        let text = parameters["labels"]
        guard !text.isEmpty else { throw APIError(.badData, "no labels parameter provided") }
        let labels = try API.labels(text)
        guard let job = services.scrapeConfigs().first(where: { $0.jobName == pool }) else {
            throw APIError(.badData, "scrape pool not found: \(pool)")
        }
        return Envelope.success { writer in
            var labels = labels
            var keep = true
            writer.beginObject()
            writer.key("steps")
            writer.beginArray()
            for rule in job.relabelConfigs where keep {
                keep = rule.apply(to: &labels)
                writer.beginObject()
                writer.key("rule")
                writer.rule(rule)
                writer.member("output", keep ? labels.labels() : Labels())
                writer.member("keep", keep)
                writer.endObject()
            }
            writer.endArray()
            writer.endObject()
        }
    }

    /// A label set written as an object.
    private static func labels(_ text: String) throws(APIError) -> LabelsBuilder {
        let members: [String: JSONValue]
        do {
            members = try JSONReader.parse(Array(text.utf8)).object ?? [:]
        } catch {
            throw APIError(.badData, "error parsing labels: \(error)")
        }
        var labels = LabelsBuilder()
        for (name, value) in members {
            guard let value = value.string else {
                throw APIError(.badData, "error parsing labels: \(Labels.quoted(name)) is no string")
            }
            labels.set(name, value)
        }
        return labels
    }

    /// The configuration of a job.
    func scrapePoolConfiguration(_ parameters: Parameters) throws(APIError) -> Reply {
        let pool = parameters["scrapePool"]
        guard !pool.isEmpty else { throw APIError(.badData, "no scrapePool parameter provided") }
        guard let text = services.jobYAML(pool) else {
            throw APIError(.notFound, "scrape pool not found: \(pool)")
        }
        return Envelope.success { writer in
            writer.beginObject()
            writer.member("yaml", text)
            writer.endObject()
        }
    }
}

extension MetricMetadata {
    /// What follows a family's name in the names of its series.
    private static let suffixes = ["", "_total", "_bucket", "_sum", "_count", "_created", "_info"]

    /// Whether one of the names is of a series of the family.
    fileprivate func isAmong(_ names: Set<String>) -> Bool {
        MetricMetadata.suffixes.contains { names.contains(family + $0) }
    }
}

extension JSONWriter {
    /// Writes a relabelling rule.
    fileprivate mutating func rule(_ rule: RelabelConfig) {
        beginObject()
        if !rule.sourceLabels.isEmpty {
            key("sourceLabels")
            strings(rule.sourceLabels)
        }
        if !rule.separator.isEmpty { member("separator", rule.separator) }
        member("regex", rule.regex.source)
        if rule.modulus != 0 { member("modulus", rule.modulus) }
        if !rule.targetLabel.isEmpty { member("targetLabel", rule.targetLabel) }
        if !rule.replacement.isEmpty { member("replacement", rule.replacement) }
        member("action", rule.action.rawValue)
        endObject()
    }
}
