// SPDX-License-Identifier: Apache-2.0

internal import Samples

extension ValidationConfig {
    init?(reading section: Section) {
        // Every key is read, also of a rule without a metric: what is not read would be called unknown.
        let metric = section.required("metric") == nil ? nil : section.pattern("metric")
        guard let any = metric ?? (try? Pattern("")) else { return nil }
        self.init(metric: any)
        matchers = section.matchers("match")
        min = section.number("min")
        max = section.number("max")
        if let min, let max, min > max {
            section.report("min", "\"min\" is larger than \"max\"")
        }
        maxChangePerSecond = section.number("max_change_per_second")
        if let change = maxChangePerSecond, change <= 0 {
            section.report("max_change_per_second", "\"max_change_per_second\": expected a number above 0")
        }
        stuckFor = section.interval("stuck_for")
        scale = section.number("scale") ?? scale
        if scale == 0 { section.report("scale", "\"scale\": expected a number other than 0") }
        offset = section.number("offset") ?? offset
        action = section.choice("action") ?? action
        if let label = section.string("quality_label") {
            qualityLabel = label
            if !section.isLabelName(label) || label == Labels.metricNameLabel {
                section.report("quality_label", "invalid label name \"\(label)\"")
            }
        }
        guard metric != nil else { return nil }
        let isIdle = min == nil && max == nil && maxChangePerSecond == nil && stuckFor == nil
        // A key that is wrong or misspelt has been reported: it would do something.
        let isMeant = ["min", "max", "max_change_per_second"].contains { section.node[$0]?.isNull == false }
        if isIdle, !isMeant, !section.hasUnknownKeys, scale == 1, offset == 0 {
            section.report(
                "metric",
                "the rule does nothing",
                remedy: "add min, max, max_change_per_second, stuck_for, scale or offset"
            )
        }
    }
}

extension Section {
    /// Rules for what a source's values may be; the first that is for a series counts.
    func validations() -> [ValidationConfig] { sections("validation", ValidationConfig.init(reading:)) }

    /// A mapping of label names to regular expressions.
    fileprivate func matchers(_ key: String) -> [LabelMatcher] {
        guard let node = take(key) else { return [] }
        guard let entries = node.entries else { return wrong(node, key, "a mapping of labels") ?? [] }
        return entries.compactMap { entry in
            guard let name = entry.key.string, let text = string(entry.value, key) else { return nil }
            do {
                return try LabelMatcher(name, .matches, text)
            } catch {
                problems.add(entry.value.error("\"\(key)\": \(error)"))
                return nil
            }
        }
    }
}
