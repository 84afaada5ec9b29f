// SPDX-License-Identifier: Apache-2.0
//
// Which host collectors run, how often, and on what. A pass runs the collectors that share an interval; the configuration
// of the host is taken apart into one for each.

internal import Samples

/// How one host collector is set up.
public struct HostCollectorSettings: Sendable, Equatable {
    /// Which one.
    public let name: HostCollectorName
    /// Whether it runs.
    public var isEnabled: Bool
    /// How often; nil is as often as the host.
    public var interval: Duration?
    /// Directories of the textfile collector.
    public var directories: [String] = []
    private var patterns: [HostOption: HostPattern] = [:]
    private var switches: Set<HostOption>

    /// A collector as it is when nothing is configured.
    public init(_ name: HostCollectorName) {
        self.name = name
        isEnabled = name.isOnByDefault
        switches = name == .cpu ? [.guest] : name == .interrupts ? [.zeros] : []
        for (option, _) in name.options where option.value == .pattern {
            patterns[option] = (try? HostPattern(name.standardPattern(option))) ?? HostPattern.none
        }
    }

    /// A pattern of the collector.
    public subscript(pattern option: HostOption) -> HostPattern {
        get { patterns[option] ?? .none }
        set { patterns[option] = newValue }
    }

    /// A switch of the collector.
    public subscript(switch option: HostOption) -> Bool {
        get { switches.contains(option) }
        set { if newValue { switches.insert(option) } else { switches.remove(option) } }
    }

    /// Whether a thing with this name is collected: one that `include` matches, if there is one, and `exclude` does not.
    public func collects(_ text: String) -> Bool {
        allows(text, include: .include, exclude: .exclude)
    }

    /// The same with other patterns.
    public func allows(_ text: String, include: HostOption, exclude: HostOption) -> Bool {
        let wanted = self[pattern: include]
        return (wanted.isNone || wanted.matches(text)) && !self[pattern: exclude].matches(text)
    }
}

/// How the host collectors are set up.
public struct HostCollectorsConfig: Sendable, Equatable {
    private var settings: [HostCollectorSettings]

    /// Creates node_exporter's defaults.
    public init() {
        settings = HostCollectorName.allCases.map(HostCollectorSettings.init)
    }

    /// The settings of a collector.
    public subscript(name: HostCollectorName) -> HostCollectorSettings {
        get { settings.first { $0.name == name } ?? HostCollectorSettings(name) }
        set {
            guard let place = settings.firstIndex(where: { $0.name == name }) else { return }
            settings[place] = newValue
        }
    }

    /// The collectors that run, in the order of their names.
    public var enabled: [HostCollectorSettings] { settings.filter(\.isEnabled) }

    /// Switches every collector off.
    mutating func disableAll() {
        for place in settings.indices { settings[place].isEnabled = false }
    }

    /// The same without the collectors for which `keeps` is false.
    func filtered(_ keeps: (HostCollectorSettings) -> Bool) -> HostCollectorsConfig {
        var copy = self
        for place in settings.indices where !keeps(settings[place]) {
            copy.settings[place].isEnabled = false
        }
        return copy
    }
}

extension HostCollectorConfig {
    /// Whether this is a pass beside the host's own.
    public var isFurtherPass: Bool { passName != "node" }

    /// The passes the configuration asks for: the host's own, one for each further interval among its collectors, and
    /// one for each collector that may be long in coming: systemd's answers, files that may be on a network.
    ///
    /// The host's own pass is there in any case, for it says `up`.
    public var passes: [HostCollectorConfig] {
        func isAlone(_ settings: HostCollectorSettings) -> Bool {
            settings.name == .systemd || settings.name == .textfile && !settings.directories.isEmpty
        }
        var own = self
        own.collectors = collectors.filtered { [interval] settings in
            !isAlone(settings) && (settings.interval ?? interval) == interval
        }
        var passes = [own]
        let rest = collectors.enabled.filter { !isAlone($0) }
        for other in Set(rest.compactMap(\.interval)).subtracting([interval]).sorted() {
            let kept = collectors.filtered { !isAlone($0) && $0.interval == other }
            passes.append(pass("node/\(PromDuration.format(other))", every: other, kept))
        }
        for settings in collectors.enabled where isAlone(settings) {
            let kept = collectors.filtered { $0.name == settings.name }
            passes.append(pass("node/\(settings.name.rawValue)", every: settings.interval ?? interval, kept))
        }
        return passes
    }

    private func pass(
        _ name: String,
        every interval: Duration,
        _ collectors: HostCollectorsConfig
    ) -> HostCollectorConfig {
        var pass = self
        pass.passName = name
        pass.interval = interval
        pass.collectors = collectors
        return pass
    }
}
