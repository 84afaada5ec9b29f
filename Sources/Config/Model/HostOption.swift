// SPDX-License-Identifier: Apache-2.0
//
// What can be set of a host collector, beside whether and how often it runs: one table for the keys of the file and for
// node_exporter's flags, so that the two cannot differ.

public import Samples

/// A setting of a host collector; the raw value is its key in the file.
public enum HostOption: String, Sendable, CaseIterable {
    /// What is collected: devices, mount points, units.
    case include
    /// What is not, though included.
    case exclude
    /// File systems by type.
    case typesInclude = "fs_types_include"
    case typesExclude = "fs_types_exclude"
    /// Single sensors, `chip;sensor`.
    case sensorInclude = "sensor_include"
    case sensorExclude = "sensor_exclude"
    /// Names of values.
    case fields
    case flagsInclude = "flags_include"
    case bugsInclude = "bugs_include"
    /// Further series.
    case guest
    case info
    case softirq
    case zeros = "include_zeros"
    case taskMetrics = "enable_task_metrics"
    case restarts = "enable_restarts_metrics"
    case startTimes = "enable_start_time_metrics"
    case zoneLabel = "enable_zone_label"
    /// A speed below zero is left out.
    case ignoreInvalidSpeed = "ignore_invalid_speed"
    /// Directories or patterns of them.
    case directories

    /// What kind of value it takes.
    enum Value: Equatable { case pattern, switching, texts }

    var value: Value {
        switch self {
        case .include, .exclude, .typesInclude, .typesExclude, .sensorInclude, .sensorExclude, .fields,
            .flagsInclude, .bugsInclude:
            .pattern
        case .guest, .info, .softirq, .zeros, .taskMetrics, .restarts, .startTimes, .zoneLabel,
            .ignoreInvalidSpeed:
            .switching
        case .directories: .texts
        }
    }
}

extension HostCollectorName {
    /// The settings of a collector with the flags that set them (`--collector.NAME.FLAG`), older spellings last.
    public var options: [(option: HostOption, flags: [String])] {
        switch self {
        case .arp: [(.include, ["device-include"]), (.exclude, ["device-exclude"])]
        case .cpu:
            [
                (.guest, ["guest"]), (.info, ["info"]), (.flagsInclude, ["info.flags-include"]),
                (.bugsInclude, ["info.bugs-include"]),
            ]
        case .diskstats: [(.include, ["device-include"]), (.exclude, ["device-exclude", "ignored-devices"])]
        case .filesystem:
            [
                (.include, ["mount-points-include"]),
                (.exclude, ["mount-points-exclude", "ignored-mount-points"]),
                (.typesInclude, ["fs-types-include"]),
                (.typesExclude, ["fs-types-exclude", "ignored-fs-types"]),
            ]
        case .hwmon:
            [
                (.include, ["chip-include"]), (.exclude, ["chip-exclude"]),
                (.sensorInclude, ["sensor-include"]), (.sensorExclude, ["sensor-exclude"]),
            ]
        case .interrupts:
            [(.include, ["name-include"]), (.exclude, ["name-exclude"]), (.zeros, ["include-zeros"])]
        case .netclass:
            [(.exclude, ["ignored-devices"]), (.ignoreInvalidSpeed, ["ignore-invalid-speed"])]
        case .netdev:
            [
                (.include, ["device-include", "device-whitelist"]),
                (.exclude, ["device-exclude", "device-blacklist"]),
            ]
        case .netstat, .vmstat: [(.fields, ["fields"])]
        case .powersupplyclass: [(.exclude, ["ignored-supplies"])]
        case .rapl: [(.zoneLabel, ["enable-zone-label"])]
        case .stat: [(.softirq, ["softirq"])]
        case .systemd:
            [
                (.include, ["unit-include", "unit-whitelist"]),
                (.exclude, ["unit-exclude", "unit-blacklist"]), (.taskMetrics, ["enable-task-metrics"]),
                (.restarts, ["enable-restarts-metrics"]), (.startTimes, ["enable-start-time-metrics"]),
            ]
        case .textfile: [(.directories, ["directory"])]
        default: []
        }
    }

    /// node_exporter's patterns where nothing is configured.
    func standardPattern(_ option: HostOption) -> String {
        switch (self, option) {
        case (.diskstats, .exclude): #"^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$"#
        case (.filesystem, .exclude):
            #"^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)"#
        case (.filesystem, .typesExclude):
            "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660"
                + "|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs"
                + "|tracefs)$"
        case (.netstat, .fields):
            "^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)"
                + "|TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)"
                + "|Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)"
                + "|Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$"
        case (.vmstat, .fields): "^(oom_kill|pgpg|pswp|pg.*fault).*"
        case (.systemd, .include): ".+"
        case (.systemd, .exclude): #".+\.(automount|device|mount|scope|slice)"#
        default: ""
        }
    }
}

/// A pattern as node_exporter takes them: RE2 that may match anywhere in the text; the empty one is none.
public struct HostPattern: Sendable, Equatable {
    private let pattern: Pattern?

    /// The pattern that is none.
    public static let none = HostPattern(nil)

    private init(_ pattern: Pattern?) {
        self.pattern = pattern
    }

    /// Compiles a pattern.
    ///
    /// - Parameter source: RE2 syntax.
    /// - Throws: `PatternError` with RE2's message.
    public init(_ source: String) throws(PatternError) {
        pattern = source.isEmpty ? nil : try Pattern(source)
    }

    /// Whether there is nothing to match.
    public var isNone: Bool { pattern == nil }
    /// The pattern as written.
    public var source: String { pattern?.source ?? "" }

    /// Whether some part of the text matches.
    public func matches(_ text: String) -> Bool { pattern?.matchesPart(of: text) ?? false }

    /// Whether all of the text matches.
    public func matchesWhole(_ text: String) -> Bool { pattern?.matches(text) ?? false }
}
