// SPDX-License-Identifier: Apache-2.0

internal import Config
internal import PromQL
internal import Samples

/// Reads one rule of a group.
struct RuleReader {
    private static let common = ["expr", "labels"]
    private static let alertOnly = ["for", "keep_firing_for", "annotations", "type"]

    var file: RuleFileReader
    let group: String
    let index: Int
    let groupLabels: [(name: String, value: YAMLNode)]
    private var name = ""

    init(file: RuleFileReader, group: String, index: Int, groupLabels: [(name: String, value: YAMLNode)]) {
        self.file = file
        self.group = group
        self.index = index
        self.groupLabels = groupLabels
    }

    /// How Prometheus begins the message of a rule's mistake.
    private var prefix: String { "group \"\(group)\", rule \(index), \"\(name)\": " }

    private mutating func report(_ node: YAMLNode, _ message: String, remedy: String = "") {
        file.report(node.error(prefix + message, remedy: remedy))
    }

    /// The rule, nil when a mistake leaves nothing to evaluate.
    mutating func rule(_ node: YAMLNode) -> Rule? {
        guard node.entries != nil else {
            file.report(node.error("expected a mapping, found \(node.words)"))
            return nil
        }
        let record = file.text(node["record"]) ?? ""
        let alert = file.text(node["alert"]) ?? ""
        name = alert.isEmpty ? record : alert
        let type = file.text(node["type"]) ?? ""
        let allowed = ["record", "alert"] + Self.common + Self.alertOnly + JudgementReader.keys(of: type)
        reportMisplacedKeys(node, type: type)
        _ = file.keys(of: withoutModelKeys(node), allowed: allowed)
        let expression = expression(node)
        guard checkName(node, record: record, alert: alert) else { return nil }
        let kind: RuleKind = alert.isEmpty ? .recording : .alerting
        let labels = texts(labelPairs(node), isTemplate: kind == .alerting, what: "label", node)
        let annotations = annotations(node)
        var judgement = Judgement.expression
        if kind == .alerting {
            var reader = JudgementReader(rule: self)
            judgement = reader.judgement(type, node)
            self = reader.rule
        }
        let hold = file.duration(node["for"]) ?? .zero
        let keepFiring = file.duration(node["keep_firing_for"]) ?? .zero
        guard let expression else { return nil }
        return Rule(
            kind: kind,
            name: name,
            expression: expression,
            hold: hold,
            keepFiring: keepFiring,
            labels: labels,
            annotations: annotations,
            judgement: judgement,
            query: expression.description,
            line: node.line
        )
    }

    mutating func misplaced(_ node: YAMLNode, _ message: String, remedy: String = "") {
        report(node, message, remedy: remedy)
    }

    // MARK: - Keys

    /// Keys of the models in a rule that is not of their type get a message that says so.
    private mutating func reportMisplacedKeys(_ node: YAMLNode, type: String) {
        for entry in node.entries ?? [] {
            guard let key = entry.key.string, let owners = JudgementReader.owners[key], !owners.contains(type)
            else { continue }
            let remedy = "add \"type: \(owners.joined(separator: "\" or \"type: "))\""
            report(entry.key, "key \"\(key)\" has no meaning here", remedy: remedy)
        }
    }

    private func withoutModelKeys(_ node: YAMLNode) -> YAMLNode {
        let rest = (node.entries ?? []).filter { JudgementReader.owners[$0.key.string ?? ""] == nil }
        return YAMLNode(.mapping(rest), file: node.file, line: node.line, column: node.column)
    }

    private mutating func expression(_ node: YAMLNode) -> Expression? {
        guard let expr = node["expr"], let text = file.text(expr), !text.isEmpty else {
            report(node["expr"] ?? node, "field 'expr' must be set in rule")
            return nil
        }
        do {
            return try Parser.parse(text, features: file.features)
        } catch {
            report(expr, "could not parse expression: \(error.message)")
            return nil
        }
    }

    private mutating func checkName(_ node: YAMLNode, record: String, alert: String) -> Bool {
        if !record.isEmpty, !alert.isEmpty {
            report(node["record"] ?? node, "only one of 'record' and 'alert' must be set")
            return false
        }
        if record.isEmpty, alert.isEmpty {
            report(node, "one of 'record' or 'alert' must be set")
            return false
        }
        guard !record.isEmpty, let place = node["record"] else { return true }
        for key in ["annotations", "for", "keep_firing_for", "type"] where isSet(node[key]) {
            report(place, "invalid field '\(key)' in recording rule")
        }
        if record.contains("{") || record.contains("}") {
            report(place, "braces present in the recording rule name; should it be in expr?: \(record)")
        }
        return true
    }

    private func isSet(_ node: YAMLNode?) -> Bool {
        guard let node, !node.isNull else { return false }
        if let entries = node.entries { return !entries.isEmpty }
        return node.string.flatMap { PromDuration.parse($0) } != .zero
    }

    // MARK: - Labels and annotations

    /// The group's labels overridden by the rule's.
    private mutating func labelPairs(_ node: YAMLNode) -> [(name: String, value: YAMLNode)] {
        var own: [(name: String, value: YAMLNode)] = []
        for pair in file.pairs(node["labels"]) {
            if let checked = file.checkedLabel(pair, prefix: prefix) { own.append(checked) }
        }
        let inherited = groupLabels.filter { label in !own.contains { $0.name == label.name } }
        return (inherited + own).sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    private mutating func annotations(_ node: YAMLNode) -> [RuleText] {
        var checked: [(name: String, value: YAMLNode)] = []
        for pair in file.pairs(node["annotations"]) {
            let name = pair.key.string ?? ""
            if name.isEmpty {
                report(pair.key, "invalid annotation name: \(name)")
            } else {
                checked.append((name, pair.value))
            }
        }
        let sorted = checked.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        return texts(sorted, isTemplate: true, what: "annotation", node)
    }

    private mutating func texts(
        _ pairs: [(name: String, value: YAMLNode)],
        isTemplate: Bool,
        what: String,
        _ node: YAMLNode
    ) -> [RuleText] {
        var texts: [RuleText] = []
        for (name, value) in pairs {
            guard value.items == nil, value.entries == nil else {
                report(value, "expected text, found \(value.words)")
                continue
            }
            do {
                let source = value.string ?? ""
                texts.append(RuleText(name: name, template: try Template(source, isPlain: !isTemplate)))
            } catch {
                report(value, "\(what) \"\(name)\": template: __alert_\(self.name): \(error)")
            }
        }
        return texts
    }
}
