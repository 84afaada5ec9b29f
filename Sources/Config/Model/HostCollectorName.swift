// SPDX-License-Identifier: Apache-2.0
//
// The collectors of this machine's metrics, by the names node_exporter's flags give them. Whether one runs without being
// asked is node_exporter's choice, too; the differences are in docs/configuration.md.

/// One subject of this machine's metrics.
public enum HostCollectorName: String, Sendable, CaseIterable {
    case accelerators
    case arp
    case bonding
    case btrfs
    case conntrack
    case cpu
    case cpufreq
    case diskstats
    case dmi
    case drm
    case edac
    case entropy
    case filefd
    case filesystem
    case hwmon
    case interrupts
    case kernelHung = "kernel_hung"
    case loadavg
    case mdadm
    case meminfo
    case netclass
    case netdev
    case netstat
    case nvme
    case os
    case powersupplyclass
    case pressure
    case process
    case processes
    case rapl
    case schedstat
    case sockstat
    case softnet
    case stat
    case systemd
    case tcpstat
    case textfile
    case thermalZone = "thermal_zone"
    case time
    case timex
    case udpQueues = "udp_queues"
    case uname
    case vmstat
    case watchdog
    case xfs

    /// Whether it runs unless switched off: those that cost many files, many series or a conversation do not.
    public var isOnByDefault: Bool {
        switch self {
        case .interrupts, .processes, .systemd, .tcpstat: false
        default: true
        }
    }

    /// The collector a flag or a key means; `thermal` is what older documents call the thermal zones, `powersupply` what
    /// node_exporter itself calls the power supplies in some of its flags.
    static func meaning(_ word: String) -> HostCollectorName? {
        switch word {
        case "thermal": .thermalZone
        case "powersupply": .powersupplyclass
        default: HostCollectorName(rawValue: word)
        }
    }

    /// Collectors of node_exporter that edgewatch does not have.
    static let missing: Set<String> = [
        "bcache", "buddyinfo", "cgroups", "cpu_vulnerabilities", "drbd", "ethtool", "fibrechannel",
        "infiniband", "ipvs", "ksmd", "lnstat", "logind", "meminfo_numa", "mountstats", "network_route",
        "nfs",
        "nfsd", "ntp", "pcidevice", "perf", "qdisc", "runit", "selinux", "slabinfo", "softirqs",
        "supervisord",
        "swap", "sysctl", "tapestats", "wifi", "xfrm", "zfs", "zoneinfo",
    ]
}
