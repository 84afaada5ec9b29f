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

    /// A file system, with the directories of its parts.
    private struct FileSystem {
        let uuid: String
        let path: String
        let allocation: String
        var devices: DeviceDirectory<(name: String, size: String)>
        var kinds: [Kind]
        var errors: DeviceDirectory<(id: String, file: String)>
    }

    /// A kind of block: data, metadata or system.
    private struct Kind {
        let name: String
        let reserved: String
        var profiles: DeviceDirectory<Profile>
    }

    /// How blocks of a kind are kept; the labels are kind, mode and file system.
    private struct Profile {
        let name: String
        let labels: [String]
        let total: String
        let used: String
    }

    private var directory = DeviceDirectory<FileSystem>(sys: "/fs/btrfs")

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        // Without the directory there are none.
        directory.updateIfThere(&kernel, limit: BtrfsSource.limit) { uuid, path, _ in
            FileSystem(
                uuid: uuid,
                path: path,
                allocation: path + "/allocation",
                devices: DeviceDirectory(path: path + "/devices"),
                kinds: ["data", "metadata", "system"].map { kind in
                    let place = "\(path)/allocation/\(kind)"
                    return Kind(
                        name: kind,
                        reserved: place + "/bytes_reserved",
                        profiles: DeviceDirectory(path: place)
                    )
                },
                errors: DeviceDirectory(path: path + "/devinfo")
            )
        }
        for index in directory.devices.indices {
            BtrfsSource.add(&directory.devices[index], &kernel, into: &pass)
        }
    }

    private static func add(
        _ system: inout FileSystem,
        _ kernel: inout KernelText,
        into pass: inout PassBuffer
    ) {
        // `features` lies beside the file systems.
        guard KernelText.isDirectory(system.allocation) else { return }
        let uuid = system.uuid
        KernelText.withDirectory(system.path) { place in
            pass.add(Family.btrfsInfo, 1) { labels in
                labels.append(kernel.value("label", in: place))
                labels.append(uuid)
            }
            if let size = kernel.number("allocation/global_rsv_size", in: place) {
                pass.add(Family.btrfsReserve, size, uuid)
            }
            addCommits(place, uuid, &kernel, into: &pass)
        }
        system.devices.updateIfThere(&kernel, limit: limit) { name, path, _ in (name, path + "/size") }
        for (name, file) in system.devices.devices {
            guard let sectors = kernel.number(file) else { continue }
            pass.add(Family.btrfsDevice, sectors * 512, name, uuid)
        }
        for index in system.kinds.indices {
            addAllocation(
                &system.kinds[index],
                uuid,
                devices: system.devices.devices.count,
                &kernel,
                into: &pass
            )
        }
        addErrors(&system, &kernel, into: &pass)
    }

    private static func addAllocation(
        _ kind: inout Kind,
        _ uuid: String,
        devices: Int,
        _ kernel: inout KernelText,
        into pass: inout PassBuffer
    ) {
        if let reserved = kernel.number(kind.reserved) {
            pass.add(Family.btrfsReserved, reserved, kind.name, uuid)
        }
        let name = kind.name
        kind.profiles.updateIfThere(&kernel, limit: limit) { profile, path, _ in
            // The entries of a kind are its attributes as well.
            guard KernelText.isDirectory(path) else { return nil }
            return Profile(
                name: profile,
                labels: [name, profile, uuid],
                total: path + "/total_bytes",
                used: path + "/used_bytes"
            )
        }
        for profile in kind.profiles.devices {
            guard let total = kernel.number(profile.total), let used = kernel.number(profile.used) else {
                continue
            }
            pass.add(Family.btrfsUsed, used, labels: profile.labels)
            pass.add(Family.btrfsSize, total, labels: profile.labels)
            pass.add(Family.btrfsRatio, ratio(profile.name, devices: devices), labels: profile.labels)
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

    private static func addCommits(
        _ place: Int32,
        _ uuid: String,
        _ kernel: inout KernelText,
        into pass: inout PassBuffer
    ) {
        guard kernel.tryLoad("commit_stats", in: place) else { return }
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
    private static func addErrors(
        _ system: inout FileSystem,
        _ kernel: inout KernelText,
        into pass: inout PassBuffer
    ) {
        system.errors.updateIfThere(&kernel, limit: limit) { id, path, _ in
            ("devid \(id)", path + "/error_stats")
        }
        let devices = system.devices.devices
        for (id, file) in system.errors.devices {
            guard kernel.tryLoad(file) else { continue }
            let device = devices.count == 1 ? devices[0].name : id
            var text = kernel.scanner
            while let line = text.nextLine() {
                var fields = line
                guard let key = fields.nextField(), key.suffix(5).spells("_errs"),
                    let value = fields.nextUnsigned()
                else { continue }
                pass.add(Family.btrfsErrors, Double(value)) { labels in
                    labels.append(device)
                    labels.append(key.dropLast(5))
                    labels.append(system.uuid)
                }
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
