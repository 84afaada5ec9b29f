// SPDX-License-Identifier: Apache-2.0
//
// Rule files: Prometheus' format (model/rulefmt) with its error messages, each at its place, plus the rule kinds
// `type: seasonal` and `type: predictive`. docs/rules.md describes every key.

public import Config
public import PromQL
internal import Samples

/// Reads and checks rule files.
public enum RuleFileLoader {
    /// Parses one file.
    ///
    /// - Parameters:
    ///   - bytes: the file's contents.
    ///   - file: its name, for errors and for the groups' identity.
    ///   - features: what of PromQL is on beyond the defaults.
    /// - Returns: the groups in file order; none for an empty file.
    /// - Throws: `ConfigErrors` with all mistakes found.
    public static func parse(
        _ bytes: [UInt8],
        file: String,
        features: QueryFeatures = QueryFeatures()
    ) throws(ConfigErrors) -> [RuleGroup] {
        let document = try YAMLReader.parse(bytes, file: file)
        var reader = RuleFileReader(file: file, features: features)
        let groups = reader.groups(document)
        guard reader.errors.isEmpty else { throw ConfigErrors(reader.errors) }
        return groups
    }
}

/// One pass over a document; mistakes are gathered, not thrown.
struct RuleFileReader {
    let file: String
    let features: QueryFeatures
    private(set) var errors: [ConfigError] = []

    init(file: String, features: QueryFeatures = QueryFeatures()) {
        self.file = file
        self.features = features
    }

    mutating func report(_ error: ConfigError) {
        errors.append(error)
    }

    // MARK: - Groups

    mutating func groups(_ document: YAMLNode) -> [RuleGroup] {
        if document.isNull { return [] }
        guard keys(of: document, allowed: ["groups"]) != nil, let list = document["groups"] else { return [] }
        if list.isNull { return [] }
        guard let items = list.items else {
            report(list.error("expected a list of groups, found \(list.words)"))
            return []
        }
        var names = Set<String>()
        var groups: [RuleGroup] = []
        for item in items {
            guard let group = group(item) else { continue }
            if !names.insert(group.name).inserted {
                report(item.error("groupname: \"\(group.name)\" is repeated in the same file"))
            }
            groups.append(group)
        }
        return groups
    }

    private mutating func group(_ node: YAMLNode) -> RuleGroup? {
        let allowed = ["name", "interval", "query_offset", "limit", "labels", "rules"]
        guard keys(of: node, allowed: allowed) != nil else { return nil }
        let name = text(node["name"]) ?? ""
        if name.isEmpty { report(node.error("Groupname must not be empty")) }
        let labels = pairs(node["labels"]).compactMap { checkedLabel($0, prefix: "") }
        var rules: [Rule] = []
        if let list = node["rules"], !list.isNull {
            if let items = list.items {
                for (index, item) in items.enumerated() {
                    var reader = RuleReader(file: self, group: name, index: index + 1, groupLabels: labels)
                    if let rule = reader.rule(item) { rules.append(rule) }
                    errors = reader.file.errors
                }
            } else {
                report(list.error("expected a list of rules, found \(list.words)"))
            }
        }
        let limit = node["limit"].map { integer($0) } ?? 0
        return RuleGroup(
            name: name,
            file: file,
            interval: duration(node["interval"]).flatMap { $0 > .zero ? $0 : nil },
            queryOffset: duration(node["query_offset"]) ?? .zero,
            limit: max(0, limit),
            rules: rules
        )
    }

    // MARK: - Values

    /// The entries of a mapping whose keys are all allowed; unknown ones are reported.
    mutating func keys(of node: YAMLNode, allowed: [String]) -> [YAMLNode.Entry]? {
        guard let entries = node.entries else {
            report(node.error("expected a mapping, found \(node.words)"))
            return nil
        }
        for entry in entries {
            let key = entry.key.string ?? ""
            guard !allowed.contains(key) else { continue }
            let near = NearestName.of(key, among: allowed)
            let remedy =
                near.map { "did you mean \"\($0)\"?" } ?? "known are \(allowed.joined(separator: ", "))"
            report(entry.key.error("unknown key \"\(key)\"", remedy: remedy))
        }
        return entries
    }

    mutating func text(_ node: YAMLNode?) -> String? {
        guard let node, !node.isNull else { return nil }
        guard let text = node.string else {
            report(node.error("expected text, found \(node.words)"))
            return nil
        }
        return text
    }

    mutating func duration(_ node: YAMLNode?) -> Duration? {
        guard let node, !node.isNull else { return nil }
        guard let text = node.string, let duration = PromDuration.parse(text) else {
            report(
                node.error(
                    "not a valid duration string: \(node.words)",
                    remedy: "write for example 5m or 1h30m"
                )
            )
            return nil
        }
        return duration
    }

    private mutating func integer(_ node: YAMLNode) -> Int {
        if node.isNull { return 0 }
        guard let number = node.integer, let value = Int(exactly: number) else {
            report(node.error("expected a whole number, found \(node.words)"))
            return 0
        }
        return value
    }

    /// Names with values of a mapping of texts.
    mutating func pairs(_ node: YAMLNode?) -> [(key: YAMLNode, value: YAMLNode)] {
        guard let node, !node.isNull else { return [] }
        guard let entries = node.entries else {
            report(node.error("expected a mapping, found \(node.words)"))
            return []
        }
        return entries.map { ($0.key, $0.value) }
    }

    /// A label whose name is valid; `prefix` leads the message.
    mutating func checkedLabel(
        _ pair: (key: YAMLNode, value: YAMLNode),
        prefix: String
    ) -> (name: String, value: YAMLNode)? {
        let name = pair.key.string ?? ""
        guard !name.isEmpty, name != Labels.metricNameLabel else {
            report(pair.key.error("\(prefix)invalid label name: \(name)"))
            return nil
        }
        return (name, pair.value)
    }
}

/// The name a misspelt one probably stands for.
enum NearestName {
    /// The closest of the names, nil when none is within a third of the length.
    static func of(_ name: String, among names: [String]) -> String? {
        let ranked = names.map { (name: $0, distance: distance(Array(name.utf8), Array($0.utf8))) }
        guard let best = ranked.min(by: { $0.distance < $1.distance }) else { return nil }
        return best.distance <= max(2, name.utf8.count / 3) ? best.name : nil
    }

    /// Levenshtein distance.
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        // Keys are short; a long one is not a typing mistake.
        guard left.count < 64, right.count < 64 else { return .max }
        var previous = Array(0...right.count)
        for (row, byte) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                let replaced = previous[column] + (byte == other ? 0 : 1)
                current.append(min(replaced, previous[column + 1] + 1, current[column] + 1))
            }
            previous = current
        }
        return previous[right.count]
    }
}
