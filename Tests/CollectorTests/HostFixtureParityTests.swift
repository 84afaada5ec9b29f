// SPDX-License-Identifier: Apache-2.0
//
// Debian's node_exporter and our collectors over the same tree of files, for hardware this machine lacks: the same series,
// the same types, the same values. What node_exporter 1.12 has beyond 1.5 is listed, each with its reason.

import Config
import Logging
import Platform
import Samples
import Synchronization
import Testing

@testable import Collector

@Suite struct HostFixtureParityTests {
    /// Not netdev and tcpstat, for which the exporter asks netlink and thus this machine.
    private let shared = [
        "cpu", "cpufreq", "edac", "drm", "nvme", "rapl", "mdadm", "bonding", "btrfs", "xfs", "dmi",
        "interrupts",
        "processes", "netstat", "sockstat", "conntrack", "schedstat", "softnet", "filefd", "entropy",
        "udp_queues",
        "arp", "os", "diskstats", "netclass", "thermal_zone", "hwmon", "powersupplyclass",
        "meminfo",
        "stat", "vmstat", "loadavg",
    ]

    /// Families that 1.5 lacks.
    private let newer: Set<String> = [
        "node_cpu_scaling_governor", "node_cpu_isolated",
        // The channels of a row of memory chips.
        "node_edac_channel_correctable_errors_total", "node_edac_channel_uncorrectable_errors_total",
        "node_nvme_namespace_info", "node_nvme_namespace_capacity_bytes", "node_nvme_namespace_size_bytes",
        "node_nvme_namespace_used_bytes", "node_nvme_namespace_logical_block_size_bytes",
        // commit_stats, and errors from sysfs instead of an ioctl on the mounted file system.
        "node_btrfs_commits_total", "node_btrfs_commit_seconds_total", "node_btrfs_last_commit_seconds",
        "node_btrfs_max_commit_seconds", "node_btrfs_device_errors_total",
        "node_softnet_cpu_collision_total", "node_softnet_received_rps_total",
        "node_softnet_flow_limit_count_total", "node_softnet_backlog_len",
        // Clock rates of sensors, since 1.6.
        "node_hwmon_freq_freq_mhz",
    ]
    /// Series that only one of the two has.
    private let different: Set<String> = [
        // 1.5 gives the temperature of a zone that is switched off.
        #"node_thermal_zone_temp{type="off", zone="1"}"#,
        // 1.5 knows no clock rates of sensors, hence not their names.
        #"node_hwmon_sensor_label{chip="platform_coretemp_0", label="sclk", sensor="freq1"}"#,
    ]

    @Test func sameAsNodeExporterOverAGateway() throws {
        guard NodeExporter.isInstalled() else { return }
        let fixture = try HostFixture(HostFixture.gateway)
        let exporter = try NodeExporter(
            shared,
            roots: fixture.roots,
            arguments: ["--collector.cpu.info", "--collector.cpu.info.flags-include=^(aes|sse2)$"]
        )
        defer { exporter.stop() }
        let (theirs, types) = try exporter.scrape()

        var collectors = only(shared)
        collectors[.cpu][pattern: .flagsInclude] = try HostPattern("^(aes|sse2)$")
        let host = HostCollector(
            roots: fixture.roots,
            collectors: collectors,
            clock: ManualClock(wallMilliseconds: 0),
            logger: Logger(label: "test")
        )
        let sink = RecordingSink()
        var pass = PassBuffer(group: Labels(), sink: sink)
        pass.begin()
        host.collect(into: &pass)
        _ = try pass.finish(at: Timestamp(milliseconds: 1))
        let ours = Dictionary(sink.newestValues().map { (asOld($0), $1) }) { first, _ in first }

        let isCompared: (String) -> Bool = { [different] series in
            !series.hasPrefix("node_scrape_collector_duration") && !different.contains(series)
        }
        let missing = theirs.keys.filter { ours[$0] == nil && isCompared($0) }.sorted()
        #expect(missing == [], "node_exporter has, we have not: \(missing)")
        let extra = ours.keys.filter {
            theirs[$0] == nil && isCompared($0) && !newer.contains(family($0))
        }.sorted()
        #expect(extra == [], "we have, node_exporter has not: \(extra)")
        for (series, value) in theirs where isCompared(series) {
            guard let own = ours[series] else { continue }
            #expect(abs(own - value) <= abs(value) * 1e-9, "\(series): \(own), node_exporter \(value)")
        }
        let kinds = sink.state.withLock { state in
            Dictionary(state.metadata.map { ($0.family, $0.kind.rawValue) }) { first, _ in first }
        }
        for (name, type) in types where theirs.keys.contains(where: { family($0) == name }) {
            #expect(kinds[name] == (type == "untyped" ? "unknown" : type), "type of \(name)")
        }
        print("compared \(theirs.count) series with node_exporter over a gateway's files")
        #expect(theirs.count > 300)
    }
}

/// The series without the labels that came after node_exporter 1.5.
func asOld(_ series: String) -> String {
    let newer = [
        ("node_network_info{", #"adminstate="[a-z]*", "#), ("node_disk_info{", #", rotational="[01]""#),
        ("node_nvme_info{", #"cntlid="[0-9]*", "#),
    ]
    guard let (_, label) = newer.first(where: { series.hasPrefix($0.0) }),
        let pattern = try? Pattern("(.*?)\(label)(.*)")
    else { return series }
    return pattern.expand("$1$2", matching: series) ?? series
}

/// The name of a series' family.
func family(_ series: String) -> String {
    String(series.prefix { $0 != "{" })
}
