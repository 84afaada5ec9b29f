// SPDX-License-Identifier: Apache-2.0
//
// The rules of shipping, each a name, selectors and destinations.

extension SyncRuleConfig {
    /// A set of rules fits into a word (`RuleSet`).
    private static let limit = 64

    /// Reads the rules of `sync`, for destinations with these names.
    static func list(_ section: Section, destinations: [String]) -> [SyncRuleConfig] {
        let rules = section.sections("rules") { SyncRuleConfig(reading: $0, destinations) }
        section.reportSharedNames(rules.map(\.name), in: "rules")
        if rules.count > limit {
            section.report("rules", "\(rules.count) rules; at most \(limit) are possible")
        }
        return rules
    }

    private init?(reading section: Section, _ known: [String]) {
        let selectors = section.selectors("selector")
        let name = section.string("name")
        let destinations = section.list("destinations").compactMap { section.destination($0, among: known) }
        guard let first = selectors.first else { return nil }
        self.init(name: name ?? first.description, selectors: selectors)
        self.destinations = destinations
    }
}

extension Section {
    /// A selector or a list of them.
    fileprivate func selectors(_ key: String) -> [SyncSelector] {
        guard let value = take(key) else {
            report(key, "\"\(key)\" is missing", remedy: "to ship everything write \"metrics\"")
            return []
        }
        let nodes = value.items ?? [value]
        if nodes.isEmpty {
            report(key, "\"\(key)\" is empty", remedy: "to ship everything write \"metrics\"")
        }
        return nodes.compactMap { selector($0, key) }
    }

    private func selector(_ node: YAMLNode, _ key: String) -> SyncSelector? {
        guard let text = string(node, key) else { return nil }
        do throws(SelectorError) {
            let selector = try SyncSelector(parsing: text)
            if selector.kind == .logs || selector.kind == .traces {
                problems.warn(
                    node.error("there are no \(selector.kind) here, so \"\(text)\" selects nothing")
                )
            }
            return selector
        } catch {
            problems.add(node.error("\"\(key)\": \(error)"))
            return nil
        }
    }

    fileprivate func destination(_ node: YAMLNode, among known: [String]) -> String? {
        guard let name = string(node, "destinations") else { return nil }
        guard !known.contains(name) else { return name }
        problems.add(
            node.error(
                "\"remote_write\" has no destination called \"\(name)\"",
                remedy: known.isEmpty ? "list it there" : Nearest.remedy(for: name, among: known)
            )
        )
        return nil
    }
}
