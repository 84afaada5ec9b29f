// SPDX-License-Identifier: Apache-2.0
//
// Block devices from /proc/diskstats (kernel, Documentation/admin-guide/iostats.rst) and udev's database.
//
//     major minor name  reads merged sectors ms  writes merged sectors ms  now ms weighted_ms
//                       discards merged sectors ms  flushes ms            (since 4.18 and 5.5)
//
// `rotational` of node_disk_info is node_exporter's since 1.9.

internal import Config
internal import Glibc
internal import Platform
internal import Samples

/// node_disk_*.
struct DiskSource: HostSource {
    /// What is known of one device, by its line in the file.
    private struct Device {
        let name: [UInt8]
        let isIgnored: Bool
        let udev: UdevRecord
    }

    /// More block devices than a gateway has; a machine beyond it loses the rest.
    private static let deviceLimit = 1024

    private let settings: HostCollectorSettings
    private let file = KernelFile(proc: "/diskstats")
    private var devices: [Device] = []

    /// Unless set otherwise, RAM disks, loop devices, floppies and partitions are left out.
    init(_ settings: HostCollectorSettings = HostCollectorSettings(.diskstats)) {
        self.settings = settings
    }

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        try kernel.load(file)
        var text = kernel.scanner
        var row = 0
        while let line = text.nextLine() {
            guard row < DiskSource.deviceLimit else { throw .tooMany(file.path(in: kernel.roots), row) }
            var fields = line
            guard let major = fields.nextUnsigned(), let minor = fields.nextUnsigned(),
                let name = fields.nextField()
            else { continue }
            recognise(name, row: row, major: major, minor: minor, kernel.roots)
            if !devices[row].isIgnored {
                addCounters(name, &fields, into: &pass)
                devices[row].udev.add(into: &pass)
            }
            row += 1
        }
        if devices.count > row { devices.removeSubrange(row...) }
    }

    /// Makes `devices[row]` the device of that name, as udev knows it now.
    private mutating func recognise(
        _ name: ArraySlice<UInt8>,
        row: Int,
        major: UInt64,
        minor: UInt64,
        _ roots: HostRoots
    ) {
        if row < devices.count, devices[row].name.elementsEqual(name) {
            if devices[row].isIgnored || devices[row].udev.isCurrent { return }
        } else {
            devices.removeSubrange(min(row, devices.count)...)
        }
        let text = String(decoding: name, as: UTF8.self)
        let isIgnored = !settings.collects(text)
        let record = UdevRecord(
            device: text,
            major: major,
            minor: minor,
            directory: isIgnored ? nil : roots.udev,
            rotational: isIgnored ? "" : DiskSource.rotational(text, roots)
        )
        let device = Device(name: Array(name), isIgnored: isIgnored, udev: record)
        if row < devices.count { devices[row] = device } else { devices.append(device) }
    }

    /// `1` for a disk that turns, `0` for one that does not, "" where the kernel does not say.
    private static func rotational(_ name: String, _ roots: HostRoots) -> String {
        let path = "\(roots.sys)/block/\(name)/queue/rotational"
        guard let bytes = try? TextFile.read(path, limit: 64) else { return "" }
        return String(decoding: TextScanner.trim(bytes[...]), as: UTF8.self)
    }

    private func addCounters(
        _ name: ArraySlice<UInt8>,
        _ fields: inout TextScanner,
        into pass: inout PassBuffer
    ) {
        for column in DiskColumn.all {
            guard let value = fields.nextUnsigned() else { return }
            pass.add(column.family, Double(value) * column.numerator / column.denominator, name)
        }
    }
}

/// One column of /proc/diskstats; a sector there is 512 bytes, whatever the device's is.
private struct DiskColumn {
    let family: Family
    let numerator: Double
    let denominator: Double

    private init(
        _ name: String,
        _ help: String,
        _ kind: MetricMetadata.Kind = .counter,
        numerator: Double = 1,
        denominator: Double = 1,
        class metricClass: MetricClass = .standard
    ) {
        family = Family("node_disk_" + name, kind, help, labels: ["device"], class: metricClass)
        self.numerator = numerator
        self.denominator = denominator
    }

    static let all = [
        DiskColumn("reads_completed_total", "Reads completed."),
        DiskColumn("reads_merged_total", "Reads merged with an adjacent one.", class: .detailedPerformance),
        DiskColumn("read_bytes_total", "Bytes read.", numerator: 512),
        DiskColumn("read_time_seconds_total", "Time all reads took together.", denominator: 1000),
        DiskColumn("writes_completed_total", "Writes completed."),
        DiskColumn("writes_merged_total", "Writes merged with an adjacent one.", class: .detailedPerformance),
        DiskColumn("written_bytes_total", "Bytes written.", numerator: 512),
        DiskColumn("write_time_seconds_total", "Time all writes took together.", denominator: 1000),
        DiskColumn("io_now", "Requests in progress.", .gauge),
        DiskColumn("io_time_seconds_total", "Time in which the device was busy.", denominator: 1000),
        DiskColumn(
            "io_time_weighted_seconds_total",
            "Time in which the device was busy, weighted by the requests in progress.",
            denominator: 1000
        ),
        DiskColumn("discards_completed_total", "Discards completed.", class: .detailedPerformance),
        DiskColumn("discards_merged_total", "Discards merged.", class: .detailedPerformance),
        DiskColumn("discarded_sectors_total", "Sectors discarded.", class: .detailedPerformance),
        DiskColumn(
            "discard_time_seconds_total",
            "Time all discards took together.",
            denominator: 1000,
            class: .detailedPerformance
        ),
        DiskColumn("flush_requests_total", "Flushes completed.", class: .detailedPerformance),
        DiskColumn(
            "flush_requests_time_seconds_total",
            "Time all flushes took together.",
            denominator: 1000,
            class: .detailedPerformance
        ),
    ]
}
