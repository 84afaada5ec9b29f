// SPDX-License-Identifier: Apache-2.0
//
// btrfs file systems from /sys/fs/btrfs/<uuid> (kernel, Documentation/filesystems/btrfs.rst and fs/btrfs/sysfs.c):
//
//     label  devices/<name>/size  commit_stats  devinfo/<id>/error_stats
//     allocation/global_rsv_size  allocation/{data,metadata,system}/{bytes_reserved,<profile>/{total_bytes,used_bytes}}

internal import Samples

/// node_btrfs_*.
struct BtrfsSource: HostSource {
    /// File systems, devices of one, and profiles of a kind of block.
    private static let limit = 128

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        let base = kernel.roots.sys + "/fs/btrfs"
        for uuid in KernelText.names(in: base).prefix(BtrfsSource.limit) {
            let directory = "\(base)/\(uuid)"
            // `features` lies beside the file systems.
            guard KernelText.isDirectory(directory + "/allocation") else { continue }
            pass.add(Family.btrfsInfo, 1, kernel.text(directory + "/label"), uuid)
            if let size = kernel.number(directory + "/allocation/global_rsv_size") {
                pass.add(Family.btrfsReserve, size, uuid)
            }
            let devices = KernelText.names(in: directory + "/devices").prefix(BtrfsSource.limit)
            for device in devices {
                guard let sectors = kernel.number("\(directory)/devices/\(device)/size") else { continue }
                pass.add(Family.btrfsDevice, sectors * 512, device, uuid)
            }
            for kind in ["data", "metadata", "system"] {
                addAllocation(directory, kind, uuid, devices: devices.count, &kernel, into: &pass)
            }
            addCommits(directory, uuid, &kernel, into: &pass)
            addErrors(directory, uuid, Array(devices), &kernel, into: &pass)
        }
    }

    private func addAllocation(
        _ directory: String,
        _ kind: String,
        _ uuid: String,
        devices: Int,
        _ kernel: inout KernelText,
        into pass: inout PassBuffer
    ) {
        let place = "\(directory)/allocation/\(kind)"
        if let reserved = kernel.number(place + "/bytes_reserved") {
            pass.add(Family.btrfsReserved, reserved, kind, uuid)
        }
        for profile in KernelText.names(in: place).prefix(BtrfsSource.limit) {
            guard let total = kernel.number("\(place)/\(profile)/total_bytes"),
                let used = kernel.number("\(place)/\(profile)/used_bytes")
            else { continue }
            let labels = [kind, profile, uuid]
            pass.add(Family.btrfsUsed, used, labels: labels)
            pass.add(Family.btrfsSize, total, labels: labels)
            pass.add(Family.btrfsRatio, BtrfsSource.ratio(profile, devices: devices), labels: labels)
        }
    }

    /// Bytes on disks for each byte stored (mkfs.btrfs(8), "Profiles").
    static func ratio(_ profile: String, devices: Int) -> Double {
        switch profile {
        case "dup", "raid1", "raid10": 2
        case "raid1c3": 3
        case "raid1c4": 4
        case "raid5": devices > 1 ? Double(devices) / Double(devices - 1) : 1
        case "raid6": devices > 2 ? Double(devices) / Double(devices - 2) : 1
        default: 1
        }
    }

    private func addCommits(
        _ directory: String,
        _ uuid: String,
        _ kernel: inout KernelText,
        into pass: inout PassBuffer
    ) {
        guard (try? kernel.load(directory + "/commit_stats")) != nil else { return }
        var text = kernel.scanner
        while let line = text.nextLine() {
            var fields = line
            guard let key = fields.nextField(), let value = fields.nextUnsigned() else { continue }
            if key.spells("commits") { pass.add(Family.btrfsCommits, Double(value), uuid) }
            if key.spells("last_commit_ms") { pass.add(Family.btrfsLastCommit, Double(value) / 1000, uuid) }
            if key.spells("max_commit_ms") { pass.add(Family.btrfsLongestCommit, Double(value) / 1000, uuid) }
            if key.spells("total_commit_ms") { pass.add(Family.btrfsCommitTime, Double(value) / 1000, uuid) }
        }
    }

    /// Errors are told by the number of a device; its name is known only where there is one.
    private func addErrors(
        _ directory: String,
        _ uuid: String,
        _ devices: [String],
        _ kernel: inout KernelText,
        into pass: inout PassBuffer
    ) {
        for id in KernelText.names(in: directory + "/devinfo").prefix(BtrfsSource.limit) {
            guard (try? kernel.load("\(directory)/devinfo/\(id)/error_stats")) != nil else { continue }
            let device = devices.count == 1 ? devices[0] : "devid \(id)"
            var text = kernel.scanner
            while let line = text.nextLine() {
                var fields = line
                guard let key = fields.nextField(), key.suffix(5).spells("_errs"),
                    let value = fields.nextUnsigned()
                else { continue }
                let type = String(decoding: key.dropLast(5), as: UTF8.self)
                pass.add(Family.btrfsErrors, Double(value), labels: [device, type, uuid])
            }
        }
    }
}

extension Family {
    private static func btrfs(
        _ name: String,
        _ help: String,
        _ labels: [String] = [],
        _ kind: MetricMetadata.Kind = .gauge,
        class metricClass: MetricClass = .standard
    ) -> Family {
        Family("node_btrfs_\(name)", kind, help, labels: labels + ["uuid"], class: metricClass)
    }

    fileprivate static let btrfsInfo = btrfs("info", "A btrfs file system; always 1.", ["label"])
    fileprivate static let btrfsReserve = btrfs("global_rsv_size_bytes", "Space kept for emergencies.")
    fileprivate static let btrfsDevice = btrfs("device_size_bytes", "Size of the device.", ["device"])
    fileprivate static let btrfsReserved = btrfs(
        "reserved_bytes",
        "Space promised to what is being written.",
        ["block_group_type"]
    )
    private static let profile = ["block_group_type", "mode"]
    fileprivate static let btrfsUsed = btrfs("used_bytes", "Space in use.", profile, class: .health)
    fileprivate static let btrfsSize = btrfs("size_bytes", "Space allocated.", profile, class: .health)
    fileprivate static let btrfsRatio = btrfs("allocation_ratio", "Bytes on disks for each byte.", profile)
    fileprivate static let btrfsCommits = btrfs("commits_total", "Transactions written.", [], .counter)
    fileprivate static let btrfsCommitTime = btrfs(
        "commit_seconds_total",
        "Time writing transactions took.",
        [],
        .counter
    )
    fileprivate static let btrfsLastCommit = btrfs("last_commit_seconds", "Time the last one took.")
    fileprivate static let btrfsLongestCommit = btrfs("max_commit_seconds", "Time the longest one took.")
    fileprivate static let btrfsErrors = btrfs(
        "device_errors_total",
        "Errors of the device.",
        ["device", "type"],
        .counter,
        class: .health
    )
}
