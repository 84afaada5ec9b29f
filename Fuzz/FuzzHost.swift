// SPDX-License-Identifier: Apache-2.0
//
// What the host collectors read: files of the kernel, of scripts, and the answers of smartctl. The first byte of a `host`
// input chooses the file, the rest is what it holds; two passes are made, for the second goes by what the first learnt.

import Config
import Foundation
import Platform
import Samples

@testable import Collector

/// A store that keeps nothing.
private final class NoStore: SampleSink {
    func group(_ identity: Labels) throws(SinkError) -> GroupID { GroupID(rawValue: 0) }
    func series(_ labels: Labels, in group: GroupID) throws(SinkError) -> SeriesID {
        precondition(labels["__name__"]?.isEmpty == false, "a series without a name")
        return SeriesID(rawValue: 0)
    }
    func append(_ batch: SampleBatch) throws(SinkError) -> AppendResult {
        precondition(batch.series.count == batch.values.count, "as many series as values")
        return AppendResult()
    }
    func describe(_ metadata: [MetricMetadata]) {}
}

/// A tree of files in memory, and what reads which of them.
private struct HostTree {
    private static let root = "/dev/shm/edgewatch-fuzz-\(getpid())"
    /// Files that are there whatever the input is.
    private static let fixed = [
        "proc/net/netstat": "", "proc/net/snmp": "", "proc/sys/net/netfilter/nf_conntrack_count": "1",
        "proc/sys/net/netfilter/nf_conntrack_max": "2", "proc/self/stat": "1 (x) S 1",
        "proc/stat": "cpu0 1\n",
        "sys/fs/btrfs/u/allocation/global_rsv_size": "1", "sys/fs/btrfs/u/devices/sda/size": "2",
        "proc/self/limits": "", "proc/1/mounts": "/dev/sda / ext4 rw 0 0\n",
    ]

    let roots = HostRoots(
        proc: root + "/proc",
        sys: root + "/sys",
        rootfs: root + "/root",
        udev: root + "/udev"
    )

    static let files: [(path: String, name: HostCollectorName)] = [
        ("proc/stat", .cpu), ("proc/stat", .stat), ("proc/meminfo", .meminfo), ("proc/vmstat", .vmstat),
        ("proc/diskstats", .diskstats), ("proc/net/dev", .netdev), ("proc/net/netstat", .netstat),
        ("proc/net/snmp6", .netstat), ("proc/net/sockstat", .sockstat),
        ("proc/net/stat/nf_conntrack", .conntrack), ("proc/schedstat", .schedstat),
        ("proc/net/softnet_stat", .softnet), ("proc/net/udp", .udpQueues), ("proc/net/arp", .arp),
        ("root/etc/os-release", .os), ("proc/mdstat", .mdadm), ("proc/interrupts", .interrupts),
        ("proc/net/tcp", .tcpstat), ("proc/cpuinfo", .cpu), ("proc/1/mounts", .filesystem),
        ("proc/1/mountinfo", .filesystem), ("sys/fs/xfs/sda/stats/stats", .xfs),
        ("sys/fs/btrfs/u/commit_stats", .btrfs), ("sys/fs/btrfs/u/devinfo/1/error_stats", .btrfs),
        ("proc/self/stat", .process), ("proc/self/limits", .process), ("proc/pressure/io", .pressure),
        ("proc/loadavg", .loadavg), ("proc/sys/fs/file-nr", .filefd),
    ]

    init() {
        for (path, text) in HostTree.fixed { write(path, Array(text.utf8)) }
    }

    func write(_ path: String, _ bytes: [UInt8]) {
        let full = "\(HostTree.root)/\(path)"
        try? FileManager.default.createDirectory(
            atPath: (full as NSString).deletingLastPathComponent,
            withIntermediateDirectories: true
        )
        try? Data(bytes).write(to: URL(fileURLWithPath: full))
    }

    func remove(_ path: String) {
        try? FileManager.default.removeItem(atPath: "\(HostTree.root)/\(path)")
        if let text = HostTree.fixed[path] { write(path, Array(text.utf8)) }
    }
}

private let tree = HostTree()

extension Targets {
    /// A file of the kernel.
    @Sendable static func host(_ input: [UInt8]) {
        guard let first = input.first else { return }
        let (path, name) = HostTree.files[Int(first) % HostTree.files.count]
        tree.write(path, Array(input.dropFirst()))
        defer { tree.remove(path) }
        var settings = HostCollectorSettings(name)
        settings[switch: .info] = true
        settings[switch: .softirq] = true
        let clock = SystemClock()
        var source = settings.source(HostSurroundings(roots: tree.roots, clock: clock))
        var kernel = KernelText(roots: tree.roots)
        var pass = PassBuffer(group: Labels(), sink: NoStore())
        for time in 1...2 {
            pass.begin()
            try? source.collect(&kernel, into: &pass)
            _ = try? pass.finish(at: Timestamp(milliseconds: Int64(time)))
        }
    }

    /// A file of a script.
    @Sendable static func textfile(_ input: [UInt8]) {
        guard let contents = try? TextfileContents(input, path: "/x.prom", limit: 1000) else { return }
        precondition(contents.rows.count <= 1000, "no more rows than asked for")
        var pass = PassBuffer(group: Labels(), sink: NoStore())
        pass.begin()
        for row in contents.rows {
            precondition(row.values.count == row.family.labelNames.count, "as many values as names")
            pass.add(row.family, row.value, labels: row.values)
        }
        _ = try? pass.finish(at: Timestamp(milliseconds: 1))
    }

    /// An answer of smartctl; the first byte is what it ended with.
    @Sendable static func smart(_ input: [UInt8]) {
        guard let status = input.first else { return }
        let bytes = Array(input.dropFirst())
        let report = SmartReport(bytes, status: Int32(status), device: "sda")
        precondition(
            report.kind == .answered || report.values.isEmpty,
            "values of a disk that did not answer"
        )
        for value in report.values {
            precondition(value.labels.count == value.family.labelNames.count, "as many values as names")
            precondition(value.value.isFinite, "a value that is none")
        }
        _ = SmartDevice.list(bytes).map(SmartDevice.distinct)
        _ = SmartVersion.labels(bytes)
    }
}
