// SPDX-License-Identifier: Apache-2.0
//
// Hardware of the gateway fixture, as far as node_exporter 1.5 cannot vouch for it: families and labels that are newer.

import Config
import Samples
import Testing

@testable import Collector

@Suite struct HostHardwareTests {
    private func values(
        _ source: some HostSource,
        _ files: [String: String] = HostFixture.gateway,
        where keep: (String) -> Bool = { _ in true }
    ) throws -> [String: Double] {
        var source = source
        let fixture = try HostFixture(files)
        _ = try fixture.pass(&source)
        return try fixture.pass(&source).values.filter { keep($0.key) }
    }

    @Test func governorsAndIsolatedCPUs() throws {
        #expect(
            try values(CPUFrequencySource()) { $0.contains("governor") } == [
                #"node_cpu_scaling_governor{cpu="0", governor="performance"}"#: 0,
                #"node_cpu_scaling_governor{cpu="0", governor="powersave"}"#: 1,
                #"node_cpu_scaling_governor{cpu="1", governor="performance"}"#: 1,
                #"node_cpu_scaling_governor{cpu="1", governor="powersave"}"#: 0,
            ]
        )
        #expect(
            try values(CPUSource()) { $0.contains("isolated") } == [#"node_cpu_isolated{cpu="1"}"#: 1]
        )
        #expect(CPUInfo.list("1-3,5") == ["1", "2", "3", "5"])
        #expect(CPUInfo.list("") == [])
        #expect(CPUInfo.list("3-1") == [])
        #expect(CPUInfo.list("0-999999999") == [])
        var settings = HostCollectorSettings(.cpu)
        settings[pattern: .bugsInclude] = try HostPattern("v1$")
        #expect(
            try values(CPUSource(settings)) { $0.contains("bug") || $0.contains("flag") } == [
                #"node_cpu_bug_info{bug="spectre_v1"}"#: 1
            ]
        )
    }

    @Test func memoryErrorsByModule() throws {
        #expect(
            try values(MemoryErrorSource()) { $0.contains("channel") } == [
                #"node_edac_channel_correctable_errors_total{channel="0", controller="0", csrow="0", dimm_label="DIMM_A1"}"#:
                    2,
                #"node_edac_channel_uncorrectable_errors_total{channel="0", controller="0", csrow="0", dimm_label="DIMM_A1"}"#:
                    1,
                #"node_edac_channel_correctable_errors_total{channel="2", controller="0", csrow="0", dimm_label="DIMM_B1"}"#:
                    1,
            ]
        )
    }

    @Test func namespacesOfAnNVMeDisk() throws {
        #expect(
            try values(NVMeSource()) == [
                #"node_nvme_info{cntlid="1997", device="nvme0", firmware_revision="1B2QEXP7", model="Fast Disk 512GB", "#
                    + #"serial="S680HF8N190894I", state="live"}"#: 1,
                #"node_nvme_namespace_info{ana_state="optimized", device="nvme0", nsid="1"}"#: 1,
                #"node_nvme_namespace_capacity_bytes{device="nvme0", nsid="1"}"#: 512_110_190_592,
                #"node_nvme_namespace_size_bytes{device="nvme0", nsid="1"}"#: 512_110_190_592,
                #"node_nvme_namespace_used_bytes{device="nvme0", nsid="1"}"#: 250_000_000_000,
                #"node_nvme_namespace_logical_block_size_bytes{device="nvme0", nsid="1"}"#: 512,
            ]
        )
        #expect(NVMeSource.namespace("nvme0c12n3", of: "nvme0") == "3")
        for name in ["nvme0", "nvme", "n1", "nvmen1", "nvme0n", "nvme0n1p2", "hwmon1"] {
            #expect(NVMeSource.namespace(name, of: "nvme0") == nil)
        }
    }

    @Test func transactionsAndErrorsOfBtrfs() throws {
        let uuid = #"uuid="0abb23a9-579b-43e6-ad30-227ef47fcb9d""#
        let found = try values(BtrfsSource()) { $0.contains("commit") || $0.contains("errors") }
        #expect(found.count == 9)
        #expect(found["node_btrfs_commits_total{\(uuid)}"] == 51)
        #expect(found["node_btrfs_commit_seconds_total{\(uuid)}"] == 4.567)
        #expect(found["node_btrfs_last_commit_seconds{\(uuid)}"] == 0.012)
        #expect(found["node_btrfs_max_commit_seconds{\(uuid)}"] == 0.345)
        // Of several devices sysfs does not say which the number is.
        #expect(found[#"node_btrfs_device_errors_total{device="devid 1", type="corruption", \#(uuid)}"#] == 4)
        #expect(BtrfsSource.ratio("raid6", devices: 5) == 5.0 / 3)
        #expect(BtrfsSource.ratio("raid5", devices: 1) == 1)
    }

    @Test func watchdogs() throws {
        let found = try values(WatchdogSource())
        #expect(found.count == 8)
        #expect(found[#"node_watchdog_timeout_seconds{name="watchdog0"}"#] == 60)
        #expect(found[#"node_watchdog_timeleft_seconds{name="watchdog0"}"#] == 300)
        #expect(
            found[
                #"node_watchdog_info{identity="Software Watchdog", name="watchdog0", options="0x8380", "#
                    + #"pretimeout_governor="noop", state="active", status="0x8000"}"#
            ] == 1
        )
    }

    @Test func connectionsByState() throws {
        let found = try values(TCPStateSource())
        #expect(found.count == 13)
        #expect(found[#"node_tcp_connection_states{state="listen"}"#] == 1)
        #expect(found[#"node_tcp_connection_states{state="established"}"#] == 1)
        #expect(found[#"node_tcp_connection_states{state="closing"}"#] == 0)
        #expect(found[#"node_tcp_connection_states{state="tx_queued_bytes"}"#] == 16)
        #expect(found[#"node_tcp_connection_states{state="rx_queued_bytes"}"#] == 2)
    }

    @Test func disksThatTurnAndWhatIsMounted() throws {
        let found = try values(DiskSource()) { $0.contains("node_disk_info") }
        #expect(found.keys.contains { $0.contains(#"device="sda""#) && $0.contains(#"rotational="1""#) })
        #expect(found.keys.contains { $0.contains(#"device="nvme0n1""#) && $0.contains(#"rotational="0""#) })
        let mounts = try values(FilesystemSource(timeout: .seconds(20))) { $0.contains("mount_info") }
        #expect(
            mounts == [
                #"node_filesystem_mount_info{device="/dev/sda1", major="8", minor="1", mountpoint="/"}"#: 1
            ]
        )
    }

    @Test func oneFamilyForAllEnergyZonesWhenAsked() throws {
        var settings = HostCollectorSettings(.rapl)
        settings[switch: .zoneLabel] = true
        let found = try values(EnergySource(settings))
        #expect(found.count == 3)
        #expect(found.keys.allSatisfy { $0.hasPrefix("node_rapl_joules_total{index=") })
        #expect(EnergySource.clean("psys-io ü") == "psys_io__")
    }

    @Test func interruptsOfANameOnly() throws {
        var settings = HostCollectorSettings(.interrupts)
        settings[pattern: .include] = try HostPattern("rtc")
        settings[switch: .zeros] = false
        #expect(
            try values(InterruptSource(settings)) == [
                #"node_interrupts_total{cpu="1", devices="8-edge rtc0", info="IO-APIC", type="8"}"#: 3
            ]
        )
    }
}
