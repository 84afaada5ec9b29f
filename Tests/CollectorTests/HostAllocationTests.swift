// SPDX-License-Identifier: Apache-2.0
//
// What a pass of the host asks of the allocator once it knows the machine: a few blocks, however many devices there are. Counted
// are the calls of the pass's own thread; nothing here depends on time. In a debug build every access to a slice allocates, so
// this is for optimised ones: `make allocations`.

import AllocationCounter
import Config
import Foundation
import Logging
import Platform
import Samples
import Synchronization
import Testing

@testable import Collector

/// Whether assertions are checked, as in builds that are not optimised.
private let isDebugBuild: Bool = {
    var isDebug = false
    assert(
        {
            isDebug = true
            return true
        }()
    )
    return isDebug
}()

/// A store that gives numbers and keeps nothing.
private final class NumberingSink: SampleSink {
    private let next = Atomic<UInt32>(0)

    func group(_ identity: Labels) throws(SinkError) -> GroupID { GroupID(rawValue: 0) }
    func series(_ labels: Labels, in group: GroupID) throws(SinkError) -> SeriesID {
        SeriesID(rawValue: next.wrappingAdd(1, ordering: .relaxed).oldValue)
    }
    func append(_ batch: SampleBatch) throws(SinkError) -> AppendResult {
        AppendResult(appended: batch.series.count)
    }
    func append(exemplars: [ExemplarSample]) throws(SinkError) -> AppendResult { AppendResult() }
    func describe(_ metadata: [MetricMetadata]) {}
    func release(_ group: GroupID) {}
    func release(_ series: [SeriesID]) {}
}

@Suite(
    .disabled(if: isDebugBuild, "a debug build allocates where an optimised one does not"),
    .enabled(if: ew_test_allocations() >= 0, "a sanitizer's allocator is not counted")
)
struct HostAllocationTests {
    /// What a steady pass may ask for.
    ///
    /// Three blocks hand the mounts' errand to its lane, one is libc's copy of the time zone's name; the rest is room for a libc
    /// or a runtime that does otherwise.
    private static let limit = 8

    /// The fewest allocations of a pass among some that follow the first five, and the series of the last.
    ///
    /// The fewest, for on a live machine a device may come or a table of mounts change while a pass is counted. There are fewer
    /// passes than between two looks at what the machine has.
    private func steady(
        _ roots: HostRoots,
        _ collectors: HostCollectorsConfig
    ) throws -> (allocations: Int, series: Int) {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let host = HostCollector(
            roots: roots,
            collectors: collectors,
            mountTimeout: .seconds(20),
            clock: SystemClock(),
            logger: logger
        )
        var pass = PassBuffer(group: Labels(), sink: NumberingSink())
        var fewest = Int.max
        for time in 1...25 {
            let before = ew_test_allocations()
            pass.begin()
            host.collect(into: &pass)
            _ = try pass.finish(at: Timestamp(milliseconds: Int64(time)))
            if time > 5 { fewest = min(fewest, ew_test_allocations() - before) }
        }
        return (fewest, pass.statistics.values)
    }

    /// The collectors of a gateway, with those that are off by default.
    private func collectors(_ fixture: HostFixture) -> HostCollectorsConfig {
        var collectors = HostCollectorsConfig()
        for name in [HostCollectorName.interrupts, .tcpstat] { collectors[name].isEnabled = true }
        collectors[.cpu][switch: .info] = true
        collectors[.stat][switch: .softirq] = true
        collectors[.textfile].directories = [fixture.root + "/textfile"]
        return collectors
    }

    @Test func allocationsAreCounted() {
        let before = ew_test_allocations()
        let bytes = [UInt8](repeating: 1, count: Int.random(in: 1000...1001))
        #expect(ew_test_allocations() > before)
        #expect(bytes.first == 1)
    }

    @Test func aPassAllocatesNothingForADevice() throws {
        let few = try HostFixture(HostFixture.gateway)
        let many = try HostFixture(HostFixture.gateway)
        try few.write("textfile/a.prom", "a{x=\"1\"} 1\n")
        for fixture in [few, many] {
            // What is missing is an error of its collector, which the test library notes and so allocates.
            try fixture.write(
                "proc/self/stat",
                "1 (edgewatch) S 0 1 1 0 -1 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19\n"
            )
            try fixture.write(
                "proc/self/limits",
                "Max open files            1024                 4096        files\n"
            )
            try fixture.write("proc/self/fd/3", "")
            try fixture.write("sys/class/drm/card0/device/gpu_busy_percent", "4\n")
            try fixture.write("sys/class/apex/apex_0/temp", "41000\n")
            // A value that is none is looked at twice.
            try fixture.write("sys/class/hwmon/hwmon4/temp1_input", "1000\n")
        }
        for index in 0..<20 { try HostAllocationTests.addDevices(index, to: many) }
        let small = try steady(few.roots, collectors(few))
        let large = try steady(many.roots, collectors(many))
        #expect(large.series > small.series + 1500)
        #expect(large.allocations == small.allocations)
        #expect(small.allocations <= HostAllocationTests.limit)
    }

    @Test func aPassOfThisMachineAllocatesAHandful() throws {
        let sink = RecordingSink()
        var pass = PassBuffer(group: Labels(), sink: sink)
        pass.begin()
        HostCollector(clock: SystemClock(), logger: Logger(label: "test")).collect(into: &pass)
        _ = try pass.finish(at: Timestamp(milliseconds: 0))
        var collectors = HostCollectorsConfig()
        // Of a collector that fails the test library notes where the error was thrown, which allocates.
        for (series, value) in sink.newestValues() where series.hasPrefix("node_scrape_collector_success") {
            guard value == 0, let name = HostCollectorName(rawValue: String(series.split(separator: "\"")[1]))
            else { continue }
            collectors[name].isEnabled = false
        }
        // libsensors allocates for each sensor whose value it computes.
        collectors[.hwmon].isEnabled = false
        let (allocations, series) = try steady(HostRoots(), collectors)
        #expect(series > 200)
        #expect(allocations <= HostAllocationTests.limit)
    }

    /// One device more of every class.
    private static func addDevices(_ index: Int, to fixture: HostFixture) throws {
        let number = 100 + index
        var files: [String: String] = [
            "sys/class/thermal/thermal_zone\(number)/type": "a zone with a name that is long\n",
            "sys/class/thermal/thermal_zone\(number)/policy": "step_wise\n",
            "sys/class/thermal/thermal_zone\(number)/temp": "47500\n",
            "sys/class/thermal/cooling_device\(number)/type": "Processor\n",
            "sys/class/thermal/cooling_device\(number)/cur_state": "2\n",
            "sys/class/thermal/cooling_device\(number)/max_state": "10\n",
            "sys/class/net/a-device-\(number)/statistics/rx_nohandler": "21\n",
            "sys/class/power_supply/a-battery-of-the-node-\(number)/type": "Battery\n",
            "sys/class/power_supply/a-battery-of-the-node-\(number)/capacity": "41\n",
            "sys/class/power_supply/a-battery-of-the-node-\(number)/model_name":
                "a name beyond sixteen bytes\n",
            "sys/class/watchdog/watchdog\(number)/timeleft": "300\n",
            "sys/class/watchdog/watchdog\(number)/identity": "Software Watchdog\n",
            "sys/class/drm/card\(number)/device/gpu_busy_percent": "4\n",
            "sys/class/drm/card\(number)/device/unique_id": "0123456789abcdef0123\n",
            "sys/class/hwmon/hwmon\(number)/name": "chip\(number)\n",
            "sys/class/hwmon/hwmon\(number)/temp1_input": "52000\n",
            "sys/class/hwmon/hwmon\(number)/temp1_label": "a label beyond sixteen bytes\n",
            "sys/class/powercap/intel-rapl:\(number)/name": "package-\(number)\n",
            "sys/class/powercap/intel-rapl:\(number)/energy_uj": "240422366267\n",
            "sys/devices/system/edac/mc/mc\(number)/ce_count": "1\n",
            "sys/devices/system/edac/mc/mc\(number)/csrow0/ce_count": "3\n",
            "sys/devices/system/edac/mc/mc\(number)/csrow0/ch0_ce_count": "2\n",
            "sys/devices/system/edac/mc/mc\(number)/csrow0/ch0_dimm_label": "a module beyond sixteen bytes\n",
            "sys/devices/system/cpu/cpu\(number)/cpufreq/scaling_cur_freq": "1219917\n",
            "sys/devices/system/cpu/cpu\(number)/cpufreq/scaling_governor": "powersave\n",
            "sys/devices/system/cpu/cpu\(number)/cpufreq/scaling_available_governors":
                "performance powersave\n",
            "sys/fs/xfs/nvme\(number)n1/stats/stats": "extent_alloc 92447 97589 92448 93751\nabt 1 2 3 4\n",
            "textfile/\(number).prom": "a_metric_of_a_file{file=\"\(number)\"} 1\nb{c=\"\(number)\"} 2\n",
        ]
        for file in [
            "operstate", "address", "broadcast", "duplex", "carrier", "carrier_changes", "speed", "mtu",
            "flags", "dormant", "ifindex", "iflink", "type",
        ] {
            files["sys/class/net/a-device-\(number)/\(file)"] =
                ["address", "broadcast"].contains(file) ? "02:00:00:00:00:01\n" : "1\n"
        }
        let nvme = "sys/class/nvme/nvme\(number)"
        for file in ["firmware_rev", "model", "serial", "state", "cntlid"] {
            files["\(nvme)/\(file)"] = "a text beyond sixteen bytes\n"
        }
        for file in ["size", "nuse", "ana_state", "queue/logical_block_size"] {
            files["\(nvme)/nvme\(number)n1/\(file)"] = "512\n"
        }
        let btrfs = "sys/fs/btrfs/0abb23a9-579b-43e6-ad30-\(number)"
        for file in [
            "label", "allocation/global_rsv_size", "devices/a/size", "allocation/data/bytes_reserved",
            "allocation/data/single/total_bytes", "allocation/data/single/used_bytes",
        ] { files["\(btrfs)/\(file)"] = "1\n" }
        files["\(btrfs)/devinfo/1/error_stats"] = "write_errs 1\nread_errs 2\n"
        for (path, text) in files { try fixture.write(path, text) }
        try addLines(number, to: fixture)
    }

    /// One line more in each table of the kernel.
    private static func addLines(_ number: Int, to fixture: HostFixture) throws {
        let lines = [
            "proc/net/dev": " a-device-\(number): 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
            "proc/diskstats": " 259 \(number) nvme\(number)n1 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n",
            "proc/net/arp": "10.0.0.\(number) 0x1 0x2 02:00:00:00:00:02 * a-device-\(number)\n",
            "proc/schedstat": "cpu\(number) 1 0 3 2 3 2 2045936778163039 343796328169361 4767485306\n",
            "proc/interrupts": " \(number): 7 9 IO-APIC \(number)-edge a-device-with-a-long-name\n",
            "proc/mdstat": "md\(number) : active raid1 sdb1[1] sda1[0]\n      1046528 blocks [2/2] [UU]\n\n",
            "proc/1/mounts": "/dev/nvme\(number)n1 /mounts/number/\(number) ext4 rw 0 0\n",
            "proc/1/mountinfo": "\(number) 1 259:\(number) / /mounts/number/\(number) rw - ext4 x rw\n",
        ]
        for (path, line) in lines {
            let text = try String(contentsOfFile: "\(fixture.root)/\(path)", encoding: .utf8)
            try fixture.write(path, text + line)
        }
        try fixture.write("root/mounts/number/\(number)/", "")
        try fixture.write("udev/b259:\(number)", "E:ID_MODEL=A_Disk\nE:ID_SERIAL=a serial beyond sixteen\n")
    }
}
