// SPDX-License-Identifier: Apache-2.0
//
// Side by side with Debian's node_exporter on this machine: the same series with the same types, counters between
// two of our own passes, constants equal. The exporter is told upstream's default filters, for Debian changes them.
//
// What 1.12 has beyond Debian's 1.5 is set aside: labels by `asOld`, families by the list below.

import Config
import Logging
import Platform
import Samples
import Synchronization
import Testing

@testable import Collector

private let compared = [
    "cpu", "stat", "loadavg", "meminfo", "vmstat", "pressure", "diskstats", "filesystem", "netdev",
    "netclass",
    "thermal_zone", "hwmon", "powersupplyclass", "time", "timex", "uname", "netstat", "sockstat", "conntrack",
    "schedstat", "softnet", "filefd", "entropy", "udp_queues", "arp", "os", "cpufreq", "edac",
    "nvme", "rapl", "mdadm", "bonding", "btrfs", "xfs", "dmi", "interrupts",
]

/// Families we have and 1.5 does not, each with its reason.
private let newerThanTheExporter: Set<String> = [
    // Since node_exporter 1.8, from /proc/pressure/irq of Linux 6.1.
    "node_pressure_irq_stalled_seconds_total",
    // Since 1.6 and 1.7: columns 9 to 12 of softnet_stat.
    "node_softnet_cpu_collision_total", "node_softnet_received_rps_total",
    "node_softnet_flow_limit_count_total", "node_softnet_backlog_len",
    // Since 1.7, 1.8 and 1.10.
    "node_cpu_isolated", "node_cpu_scaling_governor", "node_filesystem_mount_info",
]

/// Gauges that do not change while the test runs.
private let constants: Set<String> = [
    "node_memory_MemTotal_bytes", "node_memory_SwapTotal_bytes", "node_memory_Hugepagesize_bytes",
    "node_memory_HugePages_Total", "node_memory_VmallocTotal_bytes", "node_memory_CommitLimit_bytes",
    "node_boot_time_seconds", "node_filesystem_size_bytes", "node_filesystem_files",
    "node_filesystem_readonly", "node_filesystem_device_error", "node_disk_info", "node_network_info",
    "node_network_up", "node_network_flags", "node_network_mtu_bytes", "node_network_speed_bytes",
    "node_network_iface_id", "node_network_device_id", "node_network_protocol_type", "node_network_carrier",
    "node_network_transmit_queue_length", "node_uname_info", "node_time_zone_offset_seconds",
    "node_time_clocksource_current_info", "node_time_clocksource_available_info", "node_timex_sync_status",
    "node_timex_tick_seconds", "node_timex_status", "node_timex_tai_offset_seconds",
    "node_scrape_collector_success", "node_os_info", "node_os_version", "node_filefd_maximum",
    "node_entropy_pool_size_bits", "node_nf_conntrack_entries_limit",
]

@Test func sameAsNodeExporterOnThisMachine() throws {
    guard NodeExporter.isInstalled() else { return }
    let exporter = try NodeExporter(compared)
    defer { exporter.stop() }

    let host = HostCollector(
        collectors: only(compared),
        clock: SystemClock(),
        logger: Logger(label: "test")
    )
    let sink = RecordingSink()
    var pass = PassBuffer(group: Labels(), sink: sink)
    func snapshot() throws -> [String: Double] {
        pass.begin()
        host.collect(into: &pass)
        _ = try pass.finish(at: Timestamp(milliseconds: 1))
        return Dictionary(sink.newestValues().map { (asOld($0), $1) }) { first, _ in first }
    }
    // The exporter reads its own files too: ask once so that both have seen the same devices.
    _ = try exporter.scrape()
    let before = try snapshot()
    let (theirs, types) = try exporter.scrape()
    let after = try snapshot()

    // A file system that cannot be asked has more series and one more label in 1.12 than in 1.5.
    let isUnanswered: (String) -> Bool = { series in
        series.contains("device_error=\"")
            || (family(series) == "node_filesystem_device_error" && theirs[series] == 1)
    }
    let missing = theirs.keys.filter { before[$0] == nil && !isUnanswered($0) }.sorted()
    #expect(missing.isEmpty, "node_exporter has, we have not")
    let extra = before.keys.filter {
        theirs[$0] == nil && !newerThanTheExporter.contains(family($0)) && !isUnanswered($0)
    }.sorted()
    #expect(extra.isEmpty, "we have, node_exporter has not")

    let kinds = sink.state.withLock { state in
        Dictionary(state.metadata.map { ($0.family, $0.kind.rawValue) }) { first, _ in first }
    }
    for (name, type) in types
    where name.hasPrefix("node_") && theirs.keys.contains(where: { family($0) == name }) {
        #expect(kinds[name] == (type == "untyped" ? "unknown" : type), "type of \(name)")
    }
    for (series, value) in theirs {
        guard let low = before[series], let high = after[series] else { continue }
        if constants.contains(family(series)) {
            #expect(low == value && value == high, "\(series)")
        } else if types[family(series)] == "counter" {
            let slack = abs(value) * 1e-12
            #expect(low - slack <= value && value <= high + slack, "\(series)")
        }
    }
    print("compared \(theirs.count) series with node_exporter")
    #expect(theirs.count > 200)
}

/// The configuration in which just these collectors run.
func only(_ names: [String]) -> HostCollectorsConfig {
    var config = HostCollectorsConfig()
    for name in HostCollectorName.allCases { config[name].isEnabled = names.contains(name.rawValue) }
    return config
}

extension RecordingSink {
    /// The newest batch as series notation → value, stale markers left out.
    func newestValues() -> [String: Double] {
        state.withLock { state in
            guard let batch = state.batches.last else { return [:] }
            var result: [String: Double] = [:]
            for (id, value) in zip(batch.series, batch.values) where !value.isStale {
                result[state.series[Int(id.rawValue)].description] = value
            }
            return result
        }
    }
}
