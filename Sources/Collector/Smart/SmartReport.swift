// SPDX-License-Identifier: Apache-2.0
//
// What `smartctl --json` says of a disk, as values of families. smartctl(8), RETURN VALUES: of the exit status' bits the
// first two mean that there is no answer, the third that part of it is missing, the others that the disk is ill and the answer
// whole. A disk left alone because it rests ends with 2 and a message that says so.
//
// Difference from smartctl_exporter: bytes read and written of NVMe disks are the standard's units of 1000 × 512 bytes
// whatever the disk's blocks are; the state is given for every disk that answers.

internal import Samples
internal import Wire

/// A disk's answer.
struct SmartReport {
    /// One value.
    struct Value {
        let family: Family
        let value: Double
        let labels: [String]
    }

    /// What came of asking.
    enum Kind {
        case answered
        /// The disk rests and was not asked.
        case resting
        case failed
    }

    private(set) var kind: Kind
    private(set) var values: [Value] = []
    private let device: String

    /// Values of one disk; a disk has some hundred.
    private static let valueLimit = 4096

    /// Reads an answer.
    ///
    /// - Parameters:
    ///   - bytes: what smartctl printed.
    ///   - status: what it ended with.
    ///   - device: the label.
    init(_ bytes: [UInt8], status: Int32, device: String) {
        self.device = device
        kind = .failed
        guard let json = try? JSONReader.parse(bytes), json.object != nil else { return }
        let messages = (json["smartctl"]?["messages"]?.array ?? []).compactMap { $0["string"]?.string }
        if status & 2 != 0, messages.contains(where: SmartReport.saysResting) {
            kind = .resting
            return
        }
        guard status >= 0, status & 3 == 0, status < 256 else { return }
        kind = .answered
        addDevice(json)
        addCapacity(json)
        addHealth(json, status: status)
        addAttributes(json)
        addStatistics(json)
        addLogs(json)
        addNVMe(json)
        addSCSI(json)
        if values.count > SmartReport.valueLimit { values.removeSubrange(SmartReport.valueLimit...) }
    }

    /// Whether a message is like `Device is in STANDBY mode, exit(2)`.
    private static func saysResting(_ message: String) -> Bool {
        message.hasPrefix("Device is in ") && message.contains(" mode")
    }

    private mutating func add(_ family: Family, _ value: Double?, _ labels: String...) {
        guard let value, value.isFinite, values.count <= SmartReport.valueLimit else { return }
        values.append(Value(family: family, value: value, labels: [device] + labels))
    }

    private mutating func addDevice(_ json: JSONValue) {
        let text = { (path: [String]) in
            path.reduce(Optional(json)) { $0?[$1] }?.string ?? ""
        }
        let product = text(["ata_additional_product_id"])
        let isATA = text(["device", "protocol"]) == "ATA"
        let labels = [
            text(["device", "type"]), text(["device", "protocol"]), text(["model_family"]),
            text(["model_name"]), text(["serial_number"]), product.isEmpty && isATA ? "unknown" : product,
            text(["firmware_version"]), text(["ata_version", "string"]), text(["sata_version", "string"]),
            text(["form_factor", "name"]), text(["scsi_vendor"]), text(["scsi_product"]),
            text(["scsi_revision"]),
            text(["scsi_version"]),
        ]
        values.append(Value(family: .smartInfo, value: 1, labels: [device] + labels))
    }

    private mutating func addCapacity(_ json: JSONValue) {
        add(.smartBlocks, json["user_capacity"]?["blocks"]?.number)
        add(.smartBytes, json["user_capacity"]?["bytes"]?.number)
        add(.smartNVMeBytes, json["nvme_total_capacity"]?.number)
        for type in ["logical", "physical"] { add(.smartBlockSize, json["\(type)_block_size"]?.number, type) }
        for type in ["max", "current"] {
            guard let speed = json["interface_speed"]?[type], let units = speed["units_per_second"]?.number,
                let bits = speed["bits_per_unit"]?.number
            else { continue }
            add(.smartSpeed, units * bits, type)
        }
        if let rate = json["rotation_rate"]?.number, rate > 0 { add(.smartRotation, rate) }
    }

    private mutating func addHealth(_ json: JSONValue, status: Int32) {
        if let isWell = json["smart_status"]?["passed"]?.bool {
            add(.smartStatus, isWell ? 1 : 0)
            add(.smartHealth, isWell ? 1 : 0)
        }
        add(.smartExit, json["smartctl"]?["exit_status"]?.number ?? Double(status))
        if let time = json["power_on_time"], let hours = time["hours"]?.number {
            add(.smartPowerOn, hours * 3600 + (time["minutes"]?.number ?? 0) * 60)
        }
        add(.smartPowerCycles, json["power_cycle_count"]?.number)
        for (type, value) in (json["temperature"]?.object ?? [:]).sorted(by: { $0.key < $1.key }) {
            add(.smartTemperature, value.number, type)
        }
        add(.smartState, json["ata_sct_status"]?["device_state"]?["value"]?.number ?? 0)
    }

    private mutating func addAttributes(_ json: JSONValue) {
        for attribute in json["ata_smart_attributes"]?["table"]?.array ?? [] {
            guard let name = attribute["name"]?.string,
                let id = attribute["id"]?.number.flatMap({ Int(exactly: $0) })
            else { continue }
            let short = SmartReport.trimmed(attribute["flags"]?["string"]?.string ?? "")
            let long = SmartReport.words(
                attribute["flags"],
                ["prefailure", "updated_online", "performance", "error_rate", "event_count", "auto_keep"]
            )
            for type in ["value", "worst", "thresh", "raw"] {
                let value = type == "raw" ? attribute["raw"]?["value"] : attribute[type]
                add(.smartAttribute, value?.number, name, short, long, type, "\(id)")
            }
        }
    }

    private mutating func addStatistics(_ json: JSONValue) {
        for page in json["ata_device_statistics"]?["pages"]?.array ?? [] {
            guard let table = page["name"]?.string else { continue }
            for row in page["table"]?.array ?? [] {
                guard let name = row["name"]?.string else { continue }
                let long = SmartReport.words(
                    row["flags"],
                    ["valid", "normalized", "supports_dsn", "monitored_condition_met"]
                )
                let short = SmartReport.trimmed(row["flags"]?["string"]?.string ?? "")
                add(.smartStatistics, row["value"]?.number, SmartReport.trimmed(table), name, short, long)
            }
        }
        for row in json["sata_phy_event_counters"]?["table"]?.array ?? [] {
            guard let name = row["name"]?.string else { continue }
            add(.smartStatistics, row["value"]?.number, "SATA PHY Event Counters", name, "V---", "valid")
        }
    }

    private mutating func addLogs(_ json: JSONValue) {
        for (type, log) in SmartReport.sorted(json["ata_smart_error_log"]) {
            add(.smartErrors, log["count"]?.number, type)
        }
        for (type, log) in SmartReport.sorted(json["ata_smart_self_test_log"]) {
            add(.smartTests, log["count"]?.number, type)
            add(.smartTestErrors, log["error_count_total"]?.number, type)
        }
        for (type, limit) in SmartReport.sorted(json["ata_sct_erc"]) {
            add(.smartRecovery, limit["deciseconds"]?.number.map { $0 / 10 }, type)
        }
    }

    private mutating func addNVMe(_ json: JSONValue) {
        guard let log = json["nvme_smart_health_information_log"] else { return }
        for (member, family) in Family.smartNVMe { add(family, log[member]?.number) }
        add(.smartRead, log["data_units_read"]?.number.map { $0 * 512_000 })
        add(.smartWritten, log["data_units_written"]?.number.map { $0 * 512_000 })
    }

    private mutating func addSCSI(_ json: JSONValue) {
        let names = ["model_family", "model_name", "serial_number"].map { json[$0]?.string ?? "" }
        add(.smartDefects, json["scsi_grown_defect_list"]?.number, names[0], names[1], names[2])
        for (log, member, family) in Family.smartSCSI {
            let value = json["scsi_error_counter_log"]?[log]?[member]?.number
            add(family, value, names[0], names[1], names[2])
        }
    }

    private static func sorted(_ json: JSONValue?) -> [(key: String, value: JSONValue)] {
        (json?.object ?? [:]).sorted { $0.key < $1.key }
    }

    /// Those of the names whose member is true, joined by commas.
    private static func words(_ flags: JSONValue?, _ names: [String]) -> String {
        names.filter { flags?[$0]?.bool == true }.joined(separator: ",")
    }

    private static func trimmed(_ text: String) -> String {
        String(decoding: TextScanner.trim(Array(text.utf8)[...]), as: UTF8.self)
    }
}

/// A disk to ask.
struct SmartDevice: Hashable {
    let path: String
    /// What `--device` is told, nil to let smartctl find out.
    let type: String?
    /// The label: the path without /dev/, with the type where several disks have one path.
    var label: String

    /// The device of a configured text, `path` or `path;type`.
    init(configured text: String) {
        let parts = text.split(separator: ";", maxSplits: 1).map(String.init)
        self.init(path: parts.first ?? "", type: parts.count > 1 ? parts[1] : nil)
    }

    init(path: String, type: String?) {
        self.path = path
        self.type = type
        label = path.hasPrefix("/dev/") ? String(path.dropFirst(5)) : path
    }

    /// The devices `smartctl --scan` found, nil when the answer is none.
    static func list(_ bytes: [UInt8]) -> [SmartDevice]? {
        guard let json = try? JSONReader.parse(bytes), json["smartctl"] != nil else { return nil }
        return (json["devices"]?.array ?? []).compactMap { device in
            // A name beginning with a dash would be an option to smartctl.
            guard let name = device["name"]?.string, name.hasPrefix("/") else { return nil }
            return SmartDevice(path: name, type: device["type"]?.string)
        }
    }

    /// The same with labels that tell them apart.
    static func distinct(_ devices: [SmartDevice]) -> [SmartDevice] {
        let counts = Dictionary(devices.map { ($0.label, 1) }, uniquingKeysWith: +)
        return devices.map { device in
            var device = device
            if counts[device.label, default: 0] > 1, let type = device.type { device.label += " [\(type)]" }
            return device
        }
    }
}
