// SPDX-License-Identifier: Apache-2.0
//
// Files that are cut short, damaged or absurd: nothing traps, and what is no number is no sample.

import Config
import Logging
import Platform
import Samples
import Testing

@testable import Collector

/// One pass of all collectors over a fixture.
private func passOfAll(_ host: HostCollector) throws -> [String: Double] {
    let sink = RecordingSink()
    var buffer = PassBuffer(group: Labels(), sink: sink)
    buffer.begin()
    host.collect(into: &buffer)
    _ = try buffer.finish(at: Timestamp(milliseconds: 1))
    return sink.newestValues()
}

private func collector(_ fixture: HostFixture) -> HostCollector {
    HostCollector(
        roots: fixture.roots,
        clock: ManualClock(wallMilliseconds: 0),
        logger: Logger(label: "test")
    )
}

@Test func wholeLaptopInOnePass() throws {
    let fixture = try HostFixture(HostFixture.laptop)
    let host = collector(fixture)
    let first = try passOfAll(host)
    for name in [
        "cpu", "stat", "meminfo", "diskstats", "netdev", "hwmon", "powersupplyclass", "thermal_zone",
    ] {
        #expect(first["node_scrape_collector_success{collector=\"\(name)\"}"] == 1)
    }
    // The fixture has no table of mounts.
    #expect(first[#"node_scrape_collector_success{collector="filesystem"}"#] == 0)
    #expect(first[#"node_scrape_collector_duration_seconds{collector="filesystem"}"#] == 0)
    #expect(first["node_load1"] == 0.35)
    #expect(Set(first.keys) == Set(try passOfAll(host).keys))
}

@Test func onBatteryOnlyVitalFilesAreRead() throws {
    let fixture = try HostFixture(HostFixture.laptop)
    let host = collector(fixture)
    let sink = RecordingSink()
    var buffer = PassBuffer(group: Labels(), sink: sink)
    func values(_ classes: MetricClasses) throws -> [String: Double] {
        buffer.metricClassFilter = classes
        buffer.begin()
        host.collect(into: &buffer)
        _ = try buffer.finish(at: Timestamp(milliseconds: 1))
        return sink.newestValues()
    }
    let all = try values(.all)
    let total = buffer.statistics.values
    let vital = try values(MetricClasses(.health))
    #expect(buffer.statistics.values + buffer.statistics.notKept >= total)
    #expect(buffer.statistics.ended == total - vital.count)
    #expect(vital[#"node_network_up{device="eth0"}"#] == 1)
    #expect(vital[#"node_power_supply_capacity{power_supply="BAT0"}"#] == 41)
    #expect(vital[#"node_thermal_zone_temp{type="x86_pkg_temp", zone="0"}"#] == 47.5)
    #expect(vital["node_load1"] == 0.35)
    #expect(vital[#"node_network_flags{device="eth0"}"#] == nil)
    #expect(vital[#"node_cpu_seconds_total{cpu="0", mode="user"}"#] == nil)
    #expect(try values(.all).keys.sorted() == all.keys.sorted())
}

@Test func emptyMachineFailsQuietly() throws {
    let fixture = try HostFixture([:])
    let values = try passOfAll(collector(fixture))
    let working = values.filter { $0.key.hasPrefix("node_scrape_collector_success") && $0.value == 1 }.keys
    #expect(
        Set(working)
            .isSubset(
                of: Set(
                    ["btrfs", "cpufreq", "edac", "textfile", "thermal_zone", "time", "timex", "uname", "xfs"]
                        .map {
                            "node_scrape_collector_success{collector=\"\($0)\"}"
                        }
                )
            )
    )
}

@Test func everyFileCutShortAnywhere() throws {
    let fixture = try HostFixture(HostFixture.laptop)
    let host = collector(fixture)
    for (path, text) in HostFixture.laptop where !text.hasPrefix("->") {
        let bytes = Array(text.utf8)
        // Every length of a short file, a spread of lengths of a long one.
        for length in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 3)) {
            try fixture.write(path, Array(bytes[..<length]))
            #expect(try passOfAll(host).values.allSatisfy(\.isFinite))
        }
        try fixture.write(path, bytes)
    }
}

@Test func everyFileDamagedAtRandom() throws {
    let fixture = try HostFixture(HostFixture.laptop)
    let host = collector(fixture)
    var random = SeededGenerator(seed: 20_261_121)
    let hostile: [[UInt8]] = [
        Array("-1".utf8), Array("18446744073709551616".utf8), Array("99999999999999999999999999999999".utf8),
        Array("1e999".utf8), Array("nan".utf8), Array("inf".utf8), [0xff, 0xfe], [0], Array(": : |".utf8),
        Array("0x".utf8), Array("\\777".utf8), Array("\n\n".utf8), Array("=".utf8), Array("(".utf8),
    ]
    for round in 0..<3 {
        for (path, text) in HostFixture.laptop.sorted(by: { $0.key < $1.key }) where !text.hasPrefix("->") {
            var bytes = Array(text.utf8)
            for _ in 0...round {
                let place = Int.random(in: 0...bytes.count, using: &random)
                let end = min(bytes.count, place + Int.random(in: 0...3, using: &random))
                bytes.replaceSubrange(place..<end, with: hostile.randomElement(using: &random) ?? [])
            }
            try fixture.write(path, bytes)
            #expect(try passOfAll(host).values.allSatisfy(\.isFinite))
        }
    }
}

@Test func everyFileOfAGatewayDamagedAtRandom() throws {
    let fixture = try HostFixture(HostFixture.gateway)
    var collectors = HostCollectorsConfig()
    for name in [HostCollectorName.interrupts, .processes, .tcpstat] { collectors[name].isEnabled = true }
    collectors[.cpu][switch: .info] = true
    let host = HostCollector(
        roots: fixture.roots,
        collectors: collectors,
        clock: ManualClock(wallMilliseconds: 0),
        logger: Logger(label: "test")
    )
    var random = SeededGenerator(seed: 20_261_122)
    for (path, text) in HostFixture.gateway.sorted(by: { $0.key < $1.key })
    where HostFixture.laptop[path] == nil && !text.isEmpty {
        let whole = Array(text.utf8)
        var bytes = whole
        for _ in 0..<3 {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            bytes[place] = UInt8.random(in: 0...255, using: &random)
        }
        if Bool.random(using: &random) {
            bytes.removeSubrange(Int.random(in: 0..<bytes.count, using: &random)...)
        }
        try fixture.write(path, bytes)
        #expect(try passOfAll(host).values.allSatisfy(\.isFinite))
        try fixture.write(path, whole)
    }
}

@Test func numbersThatAreNone() {
    func number(_ text: String) -> Double? { KernelNumber.decimal(Array(text.utf8)[...]) }
    #expect(number("18446744073709551615") == 18_446_744_073_709_551_616)
    #expect(number("18446744073709551616") == 18_446_744_073_709_551_616)
    #expect(number("-12250") == -12250)
    #expect(number("+5") == 5)
    #expect(number("0.35") == 0.35)
    for text in ["", "-", ".", "nan", "inf", "-Inf", "1e999", "12kB", "0x10", "1 2", "1_0", "\u{0661}"] {
        #expect(number(text) == nil, "\(text)")
    }
    #expect(KernelNumber.unsigned(Array("18446744073709551615".utf8)[...]) == .max)
    #expect(KernelNumber.unsigned(Array("18446744073709551616".utf8)[...]) == nil)
    #expect(KernelNumber.unsigned(Array("-1".utf8)[...]) == nil)
    #expect(NetworkClassSource.hexadecimal(Array("0xffffffff".utf8)[...]) == 4_294_967_295)
    #expect(NetworkClassSource.hexadecimal(Array("0x100000000".utf8)[...]) == nil)
    #expect(NetworkClassSource.hexadecimal(Array("1003".utf8)[...]) == nil)
}

@Test func absurdLinesOfTheLargeFiles() throws {
    let fixture = try HostFixture([
        "proc/stat":
            "cpu\ncpu-1 1 2 3\ncpu99999999999999999999 1\ncpu7 18446744073709551615 x 3\ncpu7 1 1 1\n",
        "proc/meminfo":
            "MemTotal: -5 kB\nNoColon 5 kB\nOdd: 5 MB\nBad\u{1}Name(a)b: 2 kB\nHuge: 18446744073709551615 kB\n: 3\n",
        "proc/diskstats": "8 0\n8 x sda 1 2\n4294967296 1 sdb 5 junk 7\n",
        "proc/net/dev": "a\n face |bytes|bytes\n: 1 2\n  e:0:1: 7 8\nnope\nlast:",
    ])
    var cpu = CPUSource()
    let times = try fixture.pass(&cpu).values
    #expect(times.count == 10)
    #expect(times[#"node_cpu_seconds_total{cpu="7", mode="user"}"#] == 184_467_440_737_095_516.15)
    #expect(times[#"node_cpu_seconds_total{cpu="7", mode="system"}"#] == 0.03)
    var memory = MemorySource()
    #expect(
        try fixture.pass(&memory).values == [
            "node_memory_Bad_Name_ab_bytes": 2048,
            "node_memory_Huge_bytes": 18_446_744_073_709_551_616 * 1024,
        ]
    )
    var disks = DiskSource()
    #expect(
        try fixture.pass(&disks).values == [
            #"node_disk_info{device="sdb", major="4294967296", minor="1"}"#: 1,
            #"node_disk_reads_completed_total{device="sdb"}"#: 5,
        ]
    )
    var network = NetworkDeviceSource()
    #expect(
        try fixture.pass(&network).values == [
            #"node_network_receive_bytes_total{device="e:0:1"}"#: 7,
            #"node_network_transmit_bytes_total{device="e:0:1"}"#: 8,
        ]
    )
}

@Test func filesThatAreNotWhatTheyShouldBe() throws {
    let fixture = try HostFixture(["proc/stat/": "", "proc/meminfo": "", "proc/loadavg": "a b c\n"])
    var cpu = CPUSource()
    #expect(try fixture.pass(&cpu).failure == .unreadable(fixture.root + "/proc/stat", 21))
    var memory = MemorySource()
    #expect(try fixture.pass(&memory).failure == .malformed(fixture.root + "/proc/meminfo"))
    var load = LoadSource()
    #expect(try fixture.pass(&load).failure == .malformed(fixture.root + "/proc/loadavg"))
    var disks = DiskSource()
    #expect(try fixture.pass(&disks).failure == .unreadable(fixture.root + "/proc/diskstats", 2))
}

@Test func tooManyDevicesAreCutAndSaid() throws {
    let lines = (0..<1100).map { "8 \($0) disk\($0)x 1 2 3 4 5 6 7 8 9 10 11" }.joined(separator: "\n")
    let fixture = try HostFixture(["proc/diskstats": lines])
    var disks = DiskSource()
    let (values, failure) = try fixture.pass(&disks)
    #expect(values.count == 1024 * 12)
    #expect(failure == .tooMany(fixture.root + "/proc/diskstats", 1024))
}

@Test func aFileLargerThanTheLimitIsRefused() throws {
    let fixture = try HostFixture([:])
    try fixture.write("proc/stat", [UInt8](repeating: UInt8(ascii: "x"), count: (4 << 20) + 1))
    var stat = StatSource()
    #expect(try fixture.pass(&stat).failure == .unreadable(fixture.root + "/proc/stat", 27))
    try fixture.write("proc/stat", "btime 5\n")
    #expect(try fixture.pass(&stat).values == ["node_boot_time_seconds": 5])
}
