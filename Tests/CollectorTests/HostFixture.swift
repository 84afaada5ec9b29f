// SPDX-License-Identifier: Apache-2.0
//
// A small machine made of files, and one pass of one collector over it.

import Foundation
import Samples
import Synchronization

@testable import Collector

/// A tree of files in a temporary directory, removed with the value.
final class HostFixture: Sendable {
    let root: String

    /// Writes files by path; a value beginning with `->` makes a symbolic link, one ending the path with `/` a directory.
    init(_ files: [String: String]) throws {
        root = NSTemporaryDirectory() + "host-\(UUID().uuidString)"
        for (path, text) in files { try write(path, text) }
    }

    deinit {
        try? FileManager.default.removeItem(atPath: root)
    }

    var roots: HostRoots {
        HostRoots(proc: root + "/proc", sys: root + "/sys", rootfs: root + "/root", udev: root + "/udev")
    }

    func write(_ path: String, _ text: String) throws {
        try write(path, Array(text.utf8))
    }

    func write(_ path: String, _ bytes: [UInt8]) throws {
        let full = "\(root)/\(path)"
        let directory = path.hasSuffix("/") ? full : (full as NSString).deletingLastPathComponent
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        if path.hasSuffix("/") { return }
        let text = String(decoding: bytes, as: UTF8.self)
        if text.hasPrefix("->") {
            try FileManager.default.createSymbolicLink(
                atPath: full,
                withDestinationPath: String(text.dropFirst(2))
            )
        } else {
            try Data(bytes).write(to: URL(fileURLWithPath: full))
        }
    }

    func remove(_ path: String) throws {
        try FileManager.default.removeItem(atPath: "\(root)/\(path)")
    }

    /// One pass of a collector: series notation → value, and why it failed.
    func pass(
        _ source: inout some HostSource,
        roots: HostRoots? = nil
    ) throws -> (values: [String: Double], failure: HostFailure?) {
        let sink = RecordingSink()
        var buffer = PassBuffer(group: Labels(), sink: sink)
        var kernel = KernelText(roots: roots ?? self.roots)
        buffer.begin()
        var failure: HostFailure?
        do throws(HostFailure) {
            try source.collect(&kernel, into: &buffer)
        } catch {
            failure = error
        }
        _ = try buffer.finish(at: Timestamp(milliseconds: 1))
        return (sink.newestValues(), failure)
    }
}

extension HostFixture {
    /// A laptop with two batteries' worth of trouble: mains off, one battery, two disks, thermal zones, a fan.
    static let laptop: [String: String] = [
        "proc/stat": """
        cpu  300 4 100 5000 60 7 8 9 20 2
        cpu0 100 4 60 3000 40 7 0 9 20 2
        cpu1 200 0 40 2000 20 0 8 0 0 0
        intr 12345 1 2 3
        ctxt 987654321
        btime 1700000000
        processes 4321
        procs_running 2
        procs_blocked 1
        softirq 1 2 3

        """,
        "proc/loadavg": "0.35 1.5 12 2/345 6789\n",
        "proc/meminfo": """
        MemTotal:       16000000 kB
        MemFree:         1234567 kB
        Active(anon):     222222 kB
        HugePages_Total:       3
        Hugepagesize:       2048 kB

        """,
        "proc/vmstat":
            "nr_free_pages 5\npgpgin 100\npgpgout 200\npswpin 1\npswpout 2\npgfault 5000\npgfree 9\n"
            + "pgmajfault 7\npgscan_kswapd 3\noom_kill 4\n",
        "proc/pressure/cpu": "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\n"
            + "full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n",
        "proc/pressure/io": "some avg10=1.00 avg60=0.00 avg300=0.00 total=2500000\n"
            + "full avg10=0.00 avg60=0.00 avg300=0.00 total=500000\n",
        "proc/diskstats": """
           7       0 loop0 1 2 3 4 5 6 7 8 9 10 11
           8       0 sda 100 10 2000 1500 200 20 4000 2500 3 3500 4500 5 6 7 800 9 1000
           8       1 sda1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1
         259       0 nvme0n1 1 2 3 4 5 6 7 8 9 10 11

        """,
        "udev/b8:0": """
        S:disk/by-id/ata-X
        I:12345
        E:ID_MODEL=Rust_Disk
        E:ID_SERIAL=LONG
        E:ID_SERIAL_SHORT=S123
        E:ID_PATH=pci-0000:00:17.0-ata-1
        E:ID_WWN=0x5000c500
        E:ID_REVISION=CC43
        E:ID_FS_TYPE=ext4
        E:ID_FS_USAGE=filesystem
        E:ID_FS_UUID=7f5b
        E:ID_FS_VERSION=1.0
        E:ID_ATA=1
        E:ID_ATA_ROTATION_RATE_RPM=7200
        E:ID_ATA_WRITE_CACHE=1
        E:ID_ATA_WRITE_CACHE_ENABLED=0

        """,
        "proc/net/dev": """
        Inter-|   Receive                                                |  Transmit
         face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
            lo:     100       2    0    0    0     0          0         0      100       2    0    0    0     0       0          0
          eth0:18446744073709551615 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18

        """,
        "sys/class/net/eth0/statistics/rx_nohandler": "21\n",
        "sys/class/net/eth0/operstate": "up\n",
        "sys/class/net/eth0/address": "02:00:00:00:00:01\n",
        "sys/class/net/eth0/broadcast": "ff:ff:ff:ff:ff:ff\n",
        "sys/class/net/eth0/duplex": "full\n",
        "sys/class/net/eth0/ifalias": "\n",
        "sys/class/net/eth0/speed": "1000\n",
        "sys/class/net/eth0/flags": "0x1003\n",
        "sys/class/net/eth0/carrier_changes": "3\n",
        "sys/class/net/bonding_masters": "bond0\n",
        "sys/class/thermal/thermal_zone0/type": "x86_pkg_temp\n",
        "sys/class/thermal/thermal_zone0/policy": "step_wise\n",
        "sys/class/thermal/thermal_zone0/temp": "47500\n",
        "sys/class/thermal/thermal_zone1/type": "off\n",
        "sys/class/thermal/thermal_zone1/policy": "step_wise\n",
        "sys/class/thermal/thermal_zone1/mode": "disabled\n",
        "sys/class/thermal/thermal_zone1/temp": "1000\n",
        "sys/class/thermal/thermal_zone12/type": "cold room\n",
        "sys/class/thermal/thermal_zone12/policy": "step_wise\n",
        "sys/class/thermal/thermal_zone12/mode": "enabled\n",
        "sys/class/thermal/thermal_zone12/temp": "-12250\n",
        "sys/class/thermal/cooling_device0/type": "Processor\n",
        "sys/class/thermal/cooling_device0/cur_state": "2\n",
        "sys/class/thermal/cooling_device0/max_state": "10\n",
        "sys/devices/platform/coretemp.0/hwmon/hwmon3/name": "coretemp\n",
        "sys/devices/platform/coretemp.0/hwmon/hwmon3/device": "->../..",
        "sys/devices/platform/coretemp.0/hwmon/hwmon3/temp1_input": "52000\n",
        "sys/devices/platform/coretemp.0/hwmon/hwmon3/temp1_label": "Package id 0\n",
        "sys/devices/platform/coretemp.0/hwmon/hwmon3/temp1_crit": "100000\n",
        "sys/devices/platform/coretemp.0/hwmon/hwmon3/temp1_crit_alarm": "1\n",
        "sys/devices/platform/coretemp.0/hwmon/hwmon3/temp1_type": "4\n",
        "sys/devices/platform/coretemp.0/hwmon/hwmon3/fan2_input": "1234\n",
        "sys/devices/platform/coretemp.0/hwmon/hwmon3/fan2_alarm": "0\n",
        "sys/devices/platform/coretemp.0/hwmon/hwmon3/fan2_beep": "1\n",
        "sys/devices/platform/coretemp.0/hwmon/hwmon3/in0_input": "1104\n",
        "sys/devices/platform/coretemp.0/hwmon/hwmon3/pwm1": "128\n",
        "sys/devices/platform/coretemp.0/hwmon/hwmon3/power1_average": "15500000\n",
        "sys/devices/platform/coretemp.0/hwmon/hwmon3/energy1_input": "5000000\n",
        "sys/devices/platform/coretemp.0/hwmon/hwmon3/curr1_input": "250\n",
        "sys/devices/platform/coretemp.0/hwmon/hwmon3/humidity1_input": "45000\n",
        "sys/devices/platform/coretemp.0/hwmon/hwmon3/freq1_input": "300000000\n",
        "sys/devices/platform/coretemp.0/hwmon/hwmon3/freq1_label": "sclk\n",
        "sys/devices/platform/coretemp.0/hwmon/hwmon3/freq2_input": "1\n",
        "sys/devices/platform/coretemp.0/hwmon/hwmon3/update_interval": "1500\n",
        "sys/devices/platform/coretemp.0/hwmon/hwmon3/beep_enable": "1\n",
        "sys/devices/platform/coretemp.0/hwmon/hwmon3/uevent": "\n",
        "sys/class/hwmon/hwmon3": "->../../devices/platform/coretemp.0/hwmon/hwmon3",
        "sys/class/hwmon/hwmon4/name": "Some Chip-1\n",
        "sys/class/hwmon/hwmon4/temp1_input": "nonsense\n",
        "sys/class/power_supply/AC/type": "Mains\n",
        "sys/class/power_supply/AC/online": "0\n",
        "sys/class/power_supply/BAT0/type": "Battery\n",
        "sys/class/power_supply/BAT0/status": "Discharging\n",
        "sys/class/power_supply/BAT0/present": "1\n",
        "sys/class/power_supply/BAT0/capacity": "41\n",
        "sys/class/power_supply/BAT0/energy_now": "20500000\n",
        "sys/class/power_supply/BAT0/energy_full": "50000000\n",
        "sys/class/power_supply/BAT0/voltage_now": "11400000\n",
        "sys/class/power_supply/BAT0/power_now": "8500000\n",
        "sys/class/power_supply/BAT0/cycle_count": "317\n",
        "sys/class/power_supply/BAT0/temp": "-55\n",
        "sys/class/power_supply/BAT0/time_to_empty_now": "8640\n",
        "sys/class/power_supply/BAT0/technology": "Li-ion\n",
        "sys/class/power_supply/BAT0/model_name": "45N1 \n",
        "sys/class/power_supply/BAT0/capacity_level": "Normal\n",
        "sys/devices/system/clocksource/clocksource0/available_clocksource": "tsc hpet \n",
        "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc\n",
        "sys/devices/system/cpu/cpu0/topology/physical_package_id": "0\n",
        "sys/devices/system/cpu/cpu0/topology/core_id": "4\n",
        "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "5\n",
        "sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count": "30\n",
        "sys/devices/system/cpu/cpu1/topology/physical_package_id": "0\n",
        "sys/devices/system/cpu/cpu1/topology/core_id": "4\n",
        "sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count": "5\n",
        "sys/devices/system/cpu/cpufreq/x": "\n",
    ]
}
