// SPDX-License-Identifier: Apache-2.0
//
// node_exporter's command line, as it stands in unit files and manifests, read into the settings of the host collectors:
//
//     --collector.NAME  --no-collector.NAME  --collector.disable-defaults
//     --collector.NAME.FLAG=value  --collector.NAME.FLAG value  --collector.NAME.FLAG  --no-collector.NAME.FLAG
//     --path.procfs=…  --path.sysfs=…  --path.rootfs=…
//
// A flag without a meaning here is a warning that names it: a command line must be usable as it is.

/// Reads flags into a host configuration.
struct NodeExporterFlags {
    /// Flags of collectors that choose how node_exporter gets at the same figures, and whether they take a value.
    private static let withoutEffect = [
        "netlink": false, "mount-timeout": true, "stat-workers": true,
    ]

    private(set) var host: HostCollectorConfig
    private let problems: Problems

    init(_ host: HostCollectorConfig, _ problems: Problems) {
        self.host = host
        self.problems = problems
    }

    /// Reads a list of flags; one of a value may have the value as the next item.
    mutating func read(_ arguments: [YAMLNode]) {
        let words = arguments.map { $0.string ?? "" }
        // Wherever it stands, it concerns the collectors that no flag names.
        if words.contains("--collector.disable-defaults") { host.collectors.disableAll() }
        var place = 0
        while place < arguments.count {
            let node = arguments[place]
            let next = place + 1 < words.count && !words[place + 1].hasPrefix("--") ? words[place + 1] : nil
            place += read(words[place], at: node, next: next) ? 2 : 1
        }
    }

    /// Reads one flag; true when it took the next item as its value.
    private mutating func read(_ word: String, at node: YAMLNode, next: String?) -> Bool {
        if word == "--collector.disable-defaults" { return false }
        guard word.hasPrefix("--") else {
            problems.add(node.error("expected a flag of node_exporter such as \"--collector.cpu\""))
            return false
        }
        let isOff = word.hasPrefix("--no-")
        let parts = word.dropFirst(isOff ? 5 : 2).split(
            separator: "=",
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        let flag = String(parts[0])
        let value = parts.count > 1 ? String(parts[1]) : nil
        if readPath(flag, value ?? next) { return value == nil }
        guard flag.hasPrefix("collector.") else {
            problems.warn(node.error("the flag \"\(word)\" has no effect in edgewatch"))
            return false
        }
        let rest = flag.dropFirst("collector.".count)
        let dot = rest.firstIndex(of: ".") ?? rest.endIndex
        let collector = String(rest[..<dot])
        guard let name = HostCollectorName.meaning(collector) else {
            noteUnknown(collector, word, isWanted: !isOff && dot == rest.endIndex, at: node)
            return false
        }
        if dot == rest.endIndex {
            host.collectors[name].isEnabled = isOff == (value == "false")
            return false
        }
        let option = String(rest[rest.index(after: dot)...])
        return set(option, of: name, word, value: value, isOff: isOff, at: node, next: next)
    }

    private mutating func readPath(_ flag: String, _ value: String?) -> Bool {
        guard let value else { return false }
        switch flag {
        case "path.procfs": host.procPath = value
        case "path.sysfs": host.sysPath = value
        case "path.rootfs": host.rootfsPath = value
        default: return false
        }
        return true
    }

    private func noteUnknown(_ collector: String, _ word: String, isWanted: Bool, at node: YAMLNode) {
        if HostCollectorName.missing.contains(collector) {
            guard isWanted else { return }
            problems.warn(node.error("\"\(word)\": edgewatch does not have this collector"))
            return
        }
        let known = HostCollectorName.allCases.map(\.rawValue)
        problems.warn(
            node.error("unknown flag \"\(word)\"", remedy: Nearest.remedy(for: collector, among: known))
        )
    }

    private mutating func set(
        _ flag: String,
        of name: HostCollectorName,
        _ word: String,
        value: String?,
        isOff: Bool,
        at node: YAMLNode,
        next: String?
    ) -> Bool {
        guard let option = name.options.first(where: { $0.flags.contains(flag) })?.option else {
            if let takesValue = NodeExporterFlags.withoutEffect[flag] {
                problems.warn(node.error("the flag \"\(word)\" has no effect in edgewatch"))
                return takesValue && value == nil && next != nil
            }
            let known = name.options.flatMap(\.flags)
            problems.warn(
                node.error("unknown flag \"\(word)\"", remedy: Nearest.remedy(for: flag, among: known))
            )
            return false
        }
        if option.value == .switching {
            host.collectors[name][switch: option] = isOff == (value == "false")
            return false
        }
        guard let text = value ?? next else {
            problems.add(node.error("the flag \"\(word)\" needs a value", remedy: "write \"\(word)=…\""))
            return false
        }
        if option.value == .texts {
            host.collectors[name].directories.append(text)
            return value == nil
        }
        do {
            host.collectors[name][pattern: option] = try HostPattern(text)
        } catch {
            problems.add(node.error("\"\(word)\": \(error)"))
        }
        return value == nil
    }
}
