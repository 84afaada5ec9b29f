// SPDX-License-Identifier: Apache-2.0
//
// Every collector over a machine made of files, with every series and value that must come out.

import Platform
import Samples
import Testing

@testable import Collector

@Test func cpuTimesAreSecondsPerMode() throws {
    let fixture = try HostFixture(HostFixture.laptop)
    var source = CPUSource()
    let (values, failure) = try fixture.pass(&source)
    #expect(failure == nil)
    #expect(
        values == [
            #"node_cpu_seconds_total{cpu="0", mode="user"}"#: 1,
            #"node_cpu_seconds_total{cpu="0", mode="nice"}"#: 0.04,
            #"node_cpu_seconds_total{cpu="0", mode="system"}"#: 0.6,
            #"node_cpu_seconds_total{cpu="0", mode="idle"}"#: 30,
            #"node_cpu_seconds_total{cpu="0", mode="iowait"}"#: 0.4,
            #"node_cpu_seconds_total{cpu="0", mode="irq"}"#: 0.07,
            #"node_cpu_seconds_total{cpu="0", mode="softirq"}"#: 0,
            #"node_cpu_seconds_total{cpu="0", mode="steal"}"#: 0.09,
            #"node_cpu_seconds_total{cpu="1", mode="user"}"#: 2,
            #"node_cpu_seconds_total{cpu="1", mode="nice"}"#: 0,
            #"node_cpu_seconds_total{cpu="1", mode="system"}"#: 0.4,
            #"node_cpu_seconds_total{cpu="1", mode="idle"}"#: 20,
            #"node_cpu_seconds_total{cpu="1", mode="iowait"}"#: 0.2,
            #"node_cpu_seconds_total{cpu="1", mode="irq"}"#: 0,
            #"node_cpu_seconds_total{cpu="1", mode="softirq"}"#: 0.08,
            #"node_cpu_seconds_total{cpu="1", mode="steal"}"#: 0,
            #"node_cpu_guest_seconds_total{cpu="0", mode="user"}"#: 0.2,
            #"node_cpu_guest_seconds_total{cpu="0", mode="nice"}"#: 0.02,
            #"node_cpu_guest_seconds_total{cpu="1", mode="user"}"#: 0,
            #"node_cpu_guest_seconds_total{cpu="1", mode="nice"}"#: 0,
            // Two threads of one core count once.
            #"node_cpu_core_throttles_total{core="4", package="0"}"#: 5,
            #"node_cpu_package_throttles_total{package="0"}"#: 30,
        ]
    )
}

@Test func cpuCountersNeverGoBackButStartAnewAfterHotplug() throws {
    let fixture = try HostFixture(["proc/stat": "cpu0 100 0 0 1000 50\n"])
    var source = CPUSource()
    func times(_ line: String) throws -> [String: Double] {
        try fixture.write("proc/stat", line)
        let values = try fixture.pass(&source).values
        var short: [String: Double] = [:]
        for mode in ["user", "idle", "iowait"] {
            short[mode] = values[#"node_cpu_seconds_total{cpu="0", mode=""# + mode + #""}"#]
        }
        return short
    }
    #expect(try times("cpu0 100 0 0 1000 50\n") == ["user": 1, "idle": 10, "iowait": 0.5])
    #expect(try times("cpu0 110 0 0 990 40\n") == ["user": 1.1, "idle": 10, "iowait": 0.5])
    #expect(try times("cpu0 90 0 0 701 60\n") == ["user": 1.1, "idle": 10, "iowait": 0.6])
    #expect(try times("cpu0 9 0 0 700 6\n") == ["user": 0.09, "idle": 7, "iowait": 0.06])
}

@Test func aCPUThatGoesOfflineIsLeftOut() throws {
    let fixture = try HostFixture(["proc/stat": "cpu0 1 0 0 0\ncpu1 2 0 0 0\ncpu2 3 0 0 0\n"])
    var source = CPUSource()
    #expect(try fixture.pass(&source).values.count == 30)
    try fixture.write("proc/stat", "cpu0 1 0 0 0\ncpu2 5 0 0 0\n")
    let values = try fixture.pass(&source).values
    #expect(values.count == 20)
    #expect(values[#"node_cpu_seconds_total{cpu="2", mode="user"}"#] == 0.05)
}

@Test func systemWideCounters() throws {
    let fixture = try HostFixture(HostFixture.laptop)
    var stat = StatSource()
    #expect(
        try fixture.pass(&stat).values == [
            "node_intr_total": 12345, "node_context_switches_total": 987_654_321,
            "node_boot_time_seconds": 1_700_000_000, "node_forks_total": 4321, "node_procs_running": 2,
            "node_procs_blocked": 1,
        ]
    )
    var load = LoadSource()
    #expect(try fixture.pass(&load).values == ["node_load1": 0.35, "node_load5": 1.5, "node_load15": 12])
    var memory = MemorySource()
    let expected: [String: Double] = [
        "node_memory_MemTotal_bytes": 16_384_000_000, "node_memory_MemFree_bytes": 1_264_196_608,
        "node_memory_Active_anon_bytes": 227_555_328, "node_memory_HugePages_Total": 3,
        "node_memory_Hugepagesize_bytes": 2_097_152,
    ]
    #expect(try fixture.pass(&memory).values == expected)
    #expect(try fixture.pass(&memory).values == expected)
    var paging = VirtualMemorySource()
    #expect(
        try fixture.pass(&paging).values == [
            "node_vmstat_pgpgin": 100, "node_vmstat_pgpgout": 200, "node_vmstat_pswpin": 1,
            "node_vmstat_pswpout": 2, "node_vmstat_pgfault": 5000, "node_vmstat_pgmajfault": 7,
            "node_vmstat_oom_kill": 4,
        ]
    )
    var pressure = PressureSource()
    #expect(
        try fixture.pass(&pressure).values == [
            "node_pressure_cpu_waiting_seconds_total": 1.5, "node_pressure_io_waiting_seconds_total": 2.5,
            "node_pressure_io_stalled_seconds_total": 0.5,
        ]
    )
}

@Test func disksWithoutPartitionsAndLoops() throws {
    let fixture = try HostFixture(HostFixture.laptop)
    var source = DiskSource()
    var expected: [String: Double] = [
        #"node_disk_info{device="nvme0n1", major="259", minor="0"}"#: 1,
        #"node_disk_info{device="sda", major="8", minor="0", model="Rust_Disk", path="pci-0000:00:17.0-ata-1", "#
            + #"revision="CC43", serial="S123", wwn="0x5000c500"}"#: 1,
        #"node_disk_filesystem_info{device="sda", type="ext4", usage="filesystem", uuid="7f5b", version="1.0"}"#:
            1,
        #"node_disk_ata_rotation_rate_rpm{device="sda"}"#: 7200,
        #"node_disk_ata_write_cache{device="sda"}"#: 1,
        #"node_disk_ata_write_cache_enabled{device="sda"}"#: 0,
    ]
    let names = [
        "reads_completed_total", "reads_merged_total", "read_bytes_total", "read_time_seconds_total",
        "writes_completed_total", "writes_merged_total", "written_bytes_total", "write_time_seconds_total",
        "io_now",
        "io_time_seconds_total", "io_time_weighted_seconds_total", "discards_completed_total",
        "discards_merged_total", "discarded_sectors_total", "discard_time_seconds_total",
        "flush_requests_total",
        "flush_requests_time_seconds_total",
    ]
    let sda = [100, 10, 1_024_000, 1.5, 200, 20, 2_048_000, 2.5, 3, 3.5, 4.5, 5, 6, 7, 0.8, 9, 1]
    let nvme = [1, 2, 1536, 0.004, 5, 6, 3584, 0.008, 9, 0.01, 0.011]
    for (name, value) in zip(names, sda) { expected["node_disk_\(name){device=\"sda\"}"] = value }
    for (name, value) in zip(names, nvme) { expected["node_disk_\(name){device=\"nvme0n1\"}"] = value }
    #expect(try fixture.pass(&source).values == expected)
    #expect(try fixture.pass(&source).values == expected)
}

@Test func diskIsReadAnewWhenUdevLearnsMore() throws {
    let fixture = try HostFixture(["proc/diskstats": "8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n"])
    var source = DiskSource()
    #expect(try fixture.pass(&source).values[#"node_disk_info{device="sda", major="8", minor="0"}"#] == 1)
    try fixture.write("udev/b8:0", "E:DM_NAME=vg-root\nE:DM_UUID=LVM-x\nE:DM_VG_NAME=vg\nE:ID_SERIAL=only\n")
    let values = try fixture.pass(&source).values
    #expect(values[#"node_disk_info{device="sda", major="8", minor="0", serial="only"}"#] == 1)
    #expect(
        values[#"node_disk_device_mapper_info{device="sda", name="vg-root", uuid="LVM-x", vg_name="vg"}"#]
            == 1
    )
}

@Test func networkCountersAndState() throws {
    let fixture = try HostFixture(HostFixture.laptop)
    var source = NetworkDeviceSource()
    let (values, failure) = try fixture.pass(&source)
    #expect(failure == nil)
    #expect(values.count == 33)
    #expect(values[#"node_network_receive_bytes_total{device="lo"}"#] == 100)
    #expect(values[#"node_network_receive_bytes_total{device="eth0"}"#] == 18_446_744_073_709_551_616)
    #expect(values[#"node_network_receive_multicast_total{device="eth0"}"#] == 10)
    #expect(values[#"node_network_transmit_bytes_total{device="eth0"}"#] == 11)
    #expect(values[#"node_network_transmit_colls_total{device="eth0"}"#] == 16)
    #expect(values[#"node_network_transmit_carrier_total{device="eth0"}"#] == 17)
    #expect(values[#"node_network_transmit_compressed_total{device="eth0"}"#] == 18)
    #expect(values[#"node_network_receive_nohandler_total{device="eth0"}"#] == 21)
    var state = NetworkClassSource()
    #expect(
        try fixture.pass(&state).values == [
            #"node_network_up{device="eth0"}"#: 1, #"node_network_speed_bytes{device="eth0"}"#: 125_000_000,
            #"node_network_flags{device="eth0"}"#: 4099,
            #"node_network_carrier_changes_total{device="eth0"}"#: 3,
            #"node_network_info{address="02:00:00:00:00:01", adminstate="up", broadcast="ff:ff:ff:ff:ff:ff", device="eth0", "#
                + #"duplex="full", operstate="up"}"#: 1,
        ]
    )
}

@Test func zonesAndCoolingDevices() throws {
    let fixture = try HostFixture(HostFixture.laptop)
    var source = ThermalZoneSource()
    #expect(
        try fixture.pass(&source).values == [
            #"node_thermal_zone_temp{type="x86_pkg_temp", zone="0"}"#: 47.5,
            #"node_thermal_zone_temp{type="cold room", zone="12"}"#: -12.25,
            #"node_cooling_device_cur_state{name="0", type="Processor"}"#: 2,
            #"node_cooling_device_max_state{name="0", type="Processor"}"#: 10,
        ]
    )
}

@Test func sensorsOfTheHardware() throws {
    let fixture = try HostFixture(HostFixture.laptop)
    var source = HardwareMonitorSource(roots: fixture.roots)
    func series(_ name: String, _ sensor: String) -> String {
        "node_hwmon_\(name){chip=\"platform_coretemp_0\", sensor=\"\(sensor)\"}"
    }
    let expected = [
        #"node_hwmon_chip_names{chip="platform_coretemp_0", chip_name="coretemp"}"#: 1,
        #"node_hwmon_sensor_label{chip="platform_coretemp_0", label="Package id 0", sensor="temp1"}"#: 1,
        #"node_hwmon_sensor_label{chip="platform_coretemp_0", label="sclk", sensor="freq1"}"#: 1,
        series("temp_celsius", "temp1"): 52, series("temp_crit_celsius", "temp1"): 100,
        series("temp_crit_alarm_celsius", "temp1"): 0.001, series("temp_type", "temp1"): 4,
        series("fan_rpm", "fan2"): 1234, series("fan_alarm", "fan2"): 0,
        series("fan_beep_enabled", "fan2"): 1,
        series("in_volts", "in0"): 1.104, series("pwm", "pwm1"): 128,
        series("power_average_watt", "power1"): 15.5,
        series("energy_joule_total", "energy1"): 5, series("curr_amps", "curr1"): 0.25,
        series("humidity", "humidity1"): 0.045, series("freq_freq_mhz", "sclk"): 300,
        series("update_interval_seconds", "update_interval0"): 1.5, series("beep_enabled", "beep_enable0"): 1,
        #"node_hwmon_chip_names{chip="some_chip_1", chip_name="some_chip_1"}"#: 1,
    ]
    #expect(try fixture.pass(&source).values == expected)
    try fixture.remove("sys/class/hwmon/hwmon4")
    #expect(try fixture.pass(&source).values == expected.filter { !$0.key.contains("some_chip") })
    try fixture.remove("sys/class/hwmon")
    #expect(try fixture.pass(&source) == ([:], .absent))
}

@Test func sensorFileNamesAreTakenApartAsNodeExporterDoes() {
    func parts(_ name: String) -> [String]? { SensorFile(name).map { [$0.type, $0.sensor, $0.element] } }
    #expect(parts("temp1_crit_alarm") == ["temp", "temp1", "crit_alarm"])
    #expect(parts("pwm1") == ["pwm", "pwm1", ""])
    #expect(parts("beep_enable") == ["beep_enable", "beep_enable0", ""])
    #expect(parts("fan01_input") == ["fan", "fan1", "input"])
    #expect(parts("pwm1_auto_point2_temp") == ["pwm", "pwm1", "auto_point2_temp"])
    #expect(parts("beep_mask2x") == ["beep", "beep0", "mask2x"])
    #expect(parts("1temp") == nil)
    #expect(parts("temp1x") == nil)
    #expect(parts("temp99999999999_input") == nil)
    #expect(parts("") == nil)
    #expect(HardwareChip.clean("  It8728 (F).Ä:x_ ") == "it8728__f___:x")
}

@Test func clockAndItsSources() throws {
    let fixture = try HostFixture(HostFixture.laptop)
    var source = TimeSource(clock: ManualClock(wallMilliseconds: 1_700_000_000_125))
    let values = try fixture.pass(&source).values
    #expect(values["node_time_seconds"] == 1_700_000_000.125)
    #expect(values[#"node_time_clocksource_available_info{clocksource="tsc", device="0"}"#] == 1)
    #expect(values[#"node_time_clocksource_available_info{clocksource="hpet", device="0"}"#] == 1)
    #expect(values[#"node_time_clocksource_current_info{clocksource="tsc", device="0"}"#] == 1)
    #expect(values.keys.filter { $0.hasPrefix("node_time_zone_offset_seconds") }.count == 1)
    #expect(values.count == 5)
}
