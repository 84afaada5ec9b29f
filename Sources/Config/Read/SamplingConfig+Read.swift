// SPDX-License-Identifier: Apache-2.0

internal import Conditions

extension SamplingConfig {
    init(reading section: Section) {
        self.init()
        enabled = section.bool("enabled") ?? enabled
        strategies = section.sections("strategies", SamplingStrategy.init(reading:))
        section.reportRepeated("name", in: "strategies")
    }
}

extension SamplingStrategy {
    fileprivate init?(reading section: Section) {
        let name = section.required("name")
        let condition = section.condition("condition")
        let action: SamplingAction? = section.optionalSection("action", SamplingAction.init(reading:))
        if section.node["action"] == nil { section.report("action", "\"action\" is missing") }
        let enterAfter = section.integer("enter_after", in: 1...1000)
        let leaveAfter = section.duration("leave_after")
        guard let name, let condition, let action else { return nil }
        self.init(name: name, condition: condition, action: action)
        self.enterAfter = enterAfter ?? self.enterAfter
        self.leaveAfter = leaveAfter ?? self.leaveAfter
    }
}

extension SamplingAction {
    fileprivate init?(reading section: Section) {
        let kind: Kind? = section.choice("type")
        if section.node["type"] == nil { section.report("type", "\"type\" is missing") }
        self.init(kind: kind ?? .reduceFrequency)
        newInterval = section.interval("new_interval")
        metrics = section.strings("metrics")
        keepMetrics = section.metricClasses("keep_metrics")
        dropMetrics = section.metricClasses("drop_metrics")
        duration = section.interval("duration")
        guard let kind else { return nil }
        let unwanted: [String]
        switch kind {
        case .reduceFrequency, .increaseFrequency:
            unwanted = ["keep_metrics", "drop_metrics"]
            if section.node["new_interval"] == nil {
                section.report("type", "\(kind.rawValue) needs a \"new_interval\"")
            }
        case .reduceMetrics:
            unwanted = ["new_interval", "metrics"]
            if section.node["keep_metrics"] == nil, section.node["drop_metrics"] == nil {
                section.report("type", "reduce_metrics needs \"keep_metrics\" or \"drop_metrics\"")
            }
        }
        for key in unwanted where section.node[key] != nil {
            section.report(key, "\(kind.rawValue) takes no \"\(key)\"")
        }
    }
}

extension Section {
    /// A list of metric classes.
    fileprivate func metricClasses(_ key: String) -> [String] {
        let known = SamplingAction.metricClasses
        return list(key).compactMap { node in
            guard let name = string(node, key) else { return nil }
            if known.contains(name) { return name }
            let remedy = Nearest.remedy(for: name, among: known)
            problems.add(node.error("unknown metric class \"\(name)\"", remedy: remedy))
            return nil
        }
    }

    /// A condition over signals; a missing one is reported.
    func condition(_ key: String) -> Condition? {
        guard let text = required(key), let node = take(key) else { return nil }
        do {
            return try Condition.parse(text)
        } catch {
            problems.add(node.error("\"\(key)\", at its \(error)"))
            return nil
        }
    }
}
