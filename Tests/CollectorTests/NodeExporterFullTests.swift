// SPDX-License-Identifier: Apache-2.0
//
// Every name that the dashboard "Node Exporter Full" asks for is there on a machine that has the hardware, but for the
// exceptions docs/node-exporter-full.md gives reasons for. The page is what is tested.

import Config
import Foundation
import Logging
import Platform
import Samples
import Testing

@testable import Collector

@Suite struct NodeExporterFullTests {
    /// What the gateway's files lack of what the dashboard draws.
    private static let further: [String: String] = [
        "proc/meminfo": [
            "MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached", "SwapCached", "Active", "Inactive",
            "Active(anon)", "Inactive(anon)", "Active(file)", "Inactive(file)", "Unevictable", "Mlocked",
            "SwapTotal", "SwapFree", "Zswap", "Zswapped", "Dirty", "Writeback", "AnonPages", "Mapped",
            "Shmem",
            "Slab", "SReclaimable", "SUnreclaim", "KernelStack", "PageTables", "NFS_Unstable", "WritebackTmp",
            "CommitLimit", "Committed_AS", "VmallocTotal", "VmallocUsed", "VmallocChunk", "Percpu",
            "HardwareCorrupted", "AnonHugePages", "ShmemHugePages", "ShmemPmdMapped", "Hugepagesize",
            "DirectMap4k", "DirectMap2M", "DirectMap1G",
        ].map { "\($0): 4 kB\n" }.joined()
            + ["Total", "Free", "Rsvd", "Surp"].map { "HugePages_\($0): 1\n" }.joined(),
        "proc/pressure/memory": "some avg10=0 total=1\nfull avg10=0 total=2\n",
        "proc/pressure/irq": "full avg10=0 total=3\n",
        "sys/class/net/eth0/carrier": "1\n", "sys/class/net/eth0/mtu": "1500\n",
        "sys/devices/platform/coretemp.0/hwmon/hwmon3/temp1_max": "90000\n",
        "sys/devices/platform/coretemp.0/hwmon/hwmon3/temp1_crit_hyst": "95000\n",
        "sys/devices/platform/coretemp.0/hwmon/hwmon3/fan2_min": "300\n",
        "proc/self/stat": "42 (edgewatch) S 1 42 42 0 -1 0 0 0 0 0 250 50 0 0 20 0 7 0 1234 567000 89\n",
        "proc/self/fd/0": "", "proc/self/fd/1": "",
        "proc/self/limits":
            "Max open files            1024  4096  files\nMax address space  unlimited  unlimited  bytes\n",
    ]

    private func page() throws -> String {
        let root = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: "docs/node-exporter-full.md"), encoding: .utf8)
    }

    private func names(_ part: some StringProtocol) -> [String] {
        String(part).matches(of: #/`((?:node_|process_)\w+|up)`/#).map { String($0.output.1) }
    }

    @Test func everyNameIsThere() throws {
        let parts = try page().components(separatedBy: "\n## ")
        let wanted = names(try #require(parts.first { $0.hasPrefix("Names") }))
        let table = try #require(parts.first { $0.hasPrefix("Exceptions") }).split(separator: "\n")
            .filter { $0.hasPrefix("| `") }
        let exceptions = table.flatMap { names($0.split(separator: "|")[0]) }
        #expect(wanted.count > 225)
        #expect(Set(wanted).count == wanted.count)

        let files = HostFixture.gateway.merging(Self.further) { _, new in new }
        let fixture = try HostFixture(files)
        var config = HostCollectorsConfig()
        for name in [HostCollectorName.interrupts, .processes, .tcpstat] { config[name].isEnabled = true }
        let host = HostCollector(
            roots: fixture.roots,
            collectors: config,
            clock: SystemClock(),
            logger: Logger(label: "test")
        )
        let sink = RecordingSink()
        var pass = PassBuffer(group: Labels(), sink: sink)
        pass.begin()
        pass.add(Family("up", .gauge, "Whether the last pass succeeded."), 1)
        host.collect(into: &pass)
        _ = try pass.finish(at: Timestamp(milliseconds: 1))
        let found = Set(sink.newestValues().keys.map(family))
        #expect(wanted.filter { !found.contains($0) } == [])
        #expect(exceptions.count == 6)
        #expect(exceptions.filter { found.contains($0) } == [])
        // Every collector that has data for the dashboard found it.
        let failed = sink.newestValues().filter {
            $0.key.hasPrefix("node_scrape_collector_success") && $0.value == 0
        }
        #expect(
            Array(failed.keys) == ["node_scrape_collector_success{collector=\"accelerators\"}"]
        )
    }
}
