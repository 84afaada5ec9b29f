// SPDX-License-Identifier: Apache-2.0
//
// Lists, mappings and label sets of a section.

internal import Samples

extension Section {
    /// A list of anything.
    func list(_ key: String) -> [YAMLNode] {
        guard let node = take(key) else { return [] }
        return node.items ?? wrong(node, key, "a list") ?? []
    }

    /// A list of scalars.
    func strings(_ key: String) -> [String] {
        list(key).compactMap { string($0, key) }
    }

    /// A list of mappings.
    func sections<Element>(_ key: String, _ body: (Section) -> Element?) -> [Element] {
        list(key).compactMap { item in
            guard !item.isNull else {
                problems.add(item.error("an entry of \"\(key)\" is empty"))
                return nil
            }
            return Section.read(item, problems, context, body)
        }
    }

    /// A mapping; a missing one is read as empty.
    func section<Element>(_ key: String, _ body: (Section) -> Element) -> Element {
        let empty = YAMLNode(.mapping([]), file: node.file, line: node.line, column: node.column)
        return Section.read(take(key) ?? empty, problems, context, body)
    }

    /// A mapping that may be missing.
    func optionalSection<Element>(_ key: String, _ body: (Section) -> Element?) -> Element? {
        take(key).flatMap { Section.read($0, problems, context, body) }
    }

    /// A mapping of label names to values.
    func labels(_ key: String, expandingVariables: Bool = false) -> Labels {
        guard let node = take(key) else { return Labels() }
        guard let entries = node.entries else { return wrong(node, key, "a mapping of labels") ?? Labels() }
        var builder = LabelsBuilder()
        for entry in entries {
            let name = entry.key.string ?? ""
            guard isLabelName(name) else {
                problems.add(entry.key.error("invalid label name \"\(name)\""))
                continue
            }
            guard !entry.value.isNull, let value = string(entry.value, name) else { continue }
            builder.set(name, expandingVariables ? expandVariables(value, at: entry.value) : value)
        }
        return builder.labels()
    }

    /// A list of label names.
    func labelNames(_ key: String) -> [String] {
        list(key).compactMap { node in
            guard let name = string(node, key) else { return nil }
            guard isLabelName(name) else {
                problems.add(node.error("invalid label name \"\(name)\""))
                return nil
            }
            return name
        }
    }

    /// Whether a label may have this name under the configured validation scheme.
    func isLabelName(_ name: String) -> Bool {
        context.hasLegacyNames ? Labels.isLegacyLabelName(name) : !name.isEmpty
    }

    /// Expands `$NAME` and `${NAME}`; `$$` is a dollar, an unset variable is nothing (and a warning).
    private func expandVariables(_ text: String, at node: YAMLNode) -> String {
        let (expanded, missing) = VariableExpansion.expand(text, context.environment)
        for name in missing {
            problems.warn(node.error("the environment variable \"\(name)\" is not set"))
        }
        return expanded
    }
}
