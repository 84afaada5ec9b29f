// SPDX-License-Identifier: Apache-2.0
//
// What udev knows of a block device, from its database: /run/udev/data/b<major>:<minor>, of which the lines
// `E:KEY=value` are properties. Read again only when the file has changed.

internal import Platform
internal import Samples

/// The properties of one block device, as label values.
struct UdevRecord {
    private static let keys: Set<String> = [
        "ID_PATH", "ID_WWN", "ID_MODEL", "ID_REVISION", "SCSI_IDENT_SERIAL", "ID_SERIAL_SHORT", "ID_SERIAL",
        "ID_FS_TYPE", "ID_FS_USAGE", "ID_FS_UUID", "ID_FS_VERSION", "DM_NAME", "DM_UUID", "DM_VG_NAME",
        "DM_LV_NAME", "DM_LV_LAYER", "ID_ATA", "ID_ATA_WRITE_CACHE", "ID_ATA_WRITE_CACHE_ENABLED",
        "ID_ATA_ROTATION_RATE_RPM",
    ]

    private let device: String
    private let path: String
    private let stamp: FileStamp
    /// The values of the families' labels, the device first.
    private let info: [String]
    private var filesystem: [String] = []
    private var mapper: [String] = []
    private var measures: [(family: Family, value: Double)] = []

    /// Reads the record of a device; without a directory it stays empty.
    init(device: String, major: UInt64, minor: UInt64, directory: String?, rotational: String = "") {
        self.device = device
        path = directory.map { "\($0)/b\(major):\(minor)" } ?? ""
        stamp = FileStamp(path)
        let properties = UdevRecord.properties(path)
        func value(_ key: String) -> String { properties[key] ?? "" }
        let serial = ["SCSI_IDENT_SERIAL", "ID_SERIAL_SHORT", "ID_SERIAL"].map(value).first { !$0.isEmpty }
        info = [
            device, "\(major)", "\(minor)", value("ID_PATH"), value("ID_WWN"), value("ID_MODEL"),
            serial ?? "",
            value("ID_REVISION"), rotational,
        ]
        if !value("ID_FS_TYPE").isEmpty {
            filesystem =
                [device] + ["ID_FS_TYPE", "ID_FS_USAGE", "ID_FS_UUID", "ID_FS_VERSION"].map(value)
        }
        if !value("DM_NAME").isEmpty {
            mapper =
                [device] + ["DM_NAME", "DM_UUID", "DM_VG_NAME", "DM_LV_NAME", "DM_LV_LAYER"].map(value)
        }
        guard !value("ID_ATA").isEmpty else { return }
        for (key, family) in Family.ata {
            guard let number = Double(value(key)), number.isFinite else { continue }
            measures.append((family, number))
        }
    }

    /// Whether the database still holds what was read.
    var isCurrent: Bool { FileStamp(path) == stamp }

    /// Adds what udev knows of the device.
    func add(into pass: inout PassBuffer) {
        pass.add(Family.diskInfo, 1, labels: info)
        if !filesystem.isEmpty { pass.add(Family.diskFilesystem, 1, labels: filesystem) }
        if !mapper.isEmpty { pass.add(Family.diskMapper, 1, labels: mapper) }
        for (family, value) in measures { pass.add(family, value, device) }
    }

    private static func properties(_ path: String) -> [String: String] {
        // udev's records are a few KiB; 64 KiB is none.
        guard !path.isEmpty, let bytes = try? TextFile.read(path, limit: 64 << 10) else { return [:] }
        var found: [String: String] = [:]
        var text = TextScanner(bytes, 0..<bytes.count)
        while var line = text.nextLine() {
            guard line.take(until: UInt8(ascii: ":"))?.spells("E") == true,
                let key = line.take(until: UInt8(ascii: "=")).map({ String(decoding: $0, as: UTF8.self) }),
                keys.contains(key)
            else { continue }
            found[key] = String(decoding: line.rest, as: UTF8.self)
        }
        return found
    }
}

extension Family {
    fileprivate static let diskInfo = Family(
        "node_disk_info",
        .gauge,
        "What the block device is; always 1.",
        labels: ["device", "major", "minor", "path", "wwn", "model", "serial", "revision", "rotational"]
    )
    fileprivate static let diskFilesystem = Family(
        "node_disk_filesystem_info",
        .gauge,
        "The file system on the block device; always 1.",
        labels: ["device", "type", "usage", "uuid", "version"]
    )
    fileprivate static let diskMapper = Family(
        "node_disk_device_mapper_info",
        .gauge,
        "What the device mapper makes of the block device; always 1.",
        labels: ["device", "name", "uuid", "vg_name", "lv_name", "lv_layer"]
    )
    fileprivate static let ata: [(key: String, family: Family)] = [
        (
            "ID_ATA_WRITE_CACHE",
            Family(
                "node_disk_ata_write_cache",
                .gauge,
                "Whether the disk has a write cache.",
                labels: ["device"]
            )
        ),
        (
            "ID_ATA_WRITE_CACHE_ENABLED",
            Family(
                "node_disk_ata_write_cache_enabled",
                .gauge,
                "Whether the disk's write cache is on.",
                labels: ["device"]
            )
        ),
        (
            "ID_ATA_ROTATION_RATE_RPM",
            Family(
                "node_disk_ata_rotation_rate_rpm",
                .gauge,
                "Revolutions per minute, 0 for flash.",
                labels: ["device"]
            )
        ),
    ]
}
