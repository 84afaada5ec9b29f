// SPDX-License-Identifier: Apache-2.0
//
// `collectors.host.collectors` and `collectors.host.args`. The flags are read first, so a key of the file wins.

internal import Samples

extension HostCollectorConfig {
    /// Reads which collectors run, and on what.
    mutating func readCollectors(_ section: Section) {
        let arguments = section.list("args")
        let disablesAll = section.bool("disable_defaults") ?? false
        if disablesAll { collectors.disableAll() }
        var flags = NodeExporterFlags(self, section.problems)
        flags.read(arguments)
        self = flags.host
        section.section("collectors") { list in
            for name in HostCollectorName.allCases {
                guard list.node[name.rawValue] != nil else { continue }
                list.optionalSection(name.rawValue) { collectors[name].read($0) }
            }
            list.accept(HostCollectorName.allCases.map(\.rawValue))
        }
    }
}

extension HostCollectorSettings {
    fileprivate mutating func read(_ section: Section) {
        let said = section.bool("enabled")
        isEnabled = said ?? isEnabled
        interval = section.passInterval() ?? interval
        for (option, _) in name.options {
            let key = option.rawValue
            switch option.value {
            case .pattern: if let pattern = section.hostPattern(key) { self[pattern: option] = pattern }
            case .switching: if let value = section.bool(key) { self[switch: option] = value }
            case .texts:
                section.accept([key])
                if section.node[key] != nil {
                    directories = section.strings(key).map(section.context.resolve)
                }
            }
        }
        if said == nil, !isEnabled, section.node.entries?.isEmpty == false {
            section.problems.warn(
                section.node.error(
                    "the collector \"\(name.rawValue)\" is off",
                    remedy: "add \"enabled: true\""
                )
            )
        }
    }
}

extension Section {
    /// How often the machine is looked at: a pass takes milliseconds, and one more often than this is a mistyped unit.
    func passInterval() -> Duration? {
        guard let interval = interval("interval") else { return nil }
        if interval < .milliseconds(100) {
            let words = "the machine is looked at every 100 ms at most"
            report("interval", words, remedy: "write \"100ms\" or more")
        }
        return interval
    }

    /// A pattern that may match anywhere in the text; empty text is none.
    func hostPattern(_ key: String) -> HostPattern? {
        guard let node = take(key), let text = string(node, key) else { return nil }
        do {
            return try HostPattern(text)
        } catch {
            problems.add(node.error("\"\(key)\": \(error)"))
            return nil
        }
    }
}
