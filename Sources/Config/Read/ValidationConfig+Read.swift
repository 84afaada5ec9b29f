// SPDX-License-Identifier: Apache-2.0

internal import Samples

extension ValidationConfig {
    init?(reading section: Section) {
        guard section.required("metric") != nil, let metric = section.pattern("metric") else { return nil }
        self.init(metric: metric)
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
        offset = section.number("offset") ?? offset
        action = section.choice("action") ?? action
        if let label = section.string("quality_label") {
            qualityLabel = label
            if !section.isLabelName(label) || label == Labels.metricNameLabel {
                section.report("quality_label", "invalid label name \"\(label)\"")
            }
        }
        let isIdle = min == nil && max == nil && maxChangePerSecond == nil && stuckFor == nil
        if isIdle, scale == 1, offset == 0 {
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
