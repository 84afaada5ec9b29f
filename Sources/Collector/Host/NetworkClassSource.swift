// SPDX-License-Identifier: Apache-2.0
//
// The state of each network device from /sys/class/net (kernel, Documentation/ABI/testing/sysfs-class-net).
// `adminstate`, whether the device is switched on, is node_exporter's since 1.7.

internal import Config
internal import Samples

/// node_network_up, node_network_info and the attributes of network devices.
struct NetworkClassSource: HostSource {
    /// One attribute file.
    private struct Attribute {
        let file: String
        let family: Family
        /// Whether the file holds a hexadecimal number.
        let isHexadecimal: Bool
        /// What the file's unit is in the metric's.
        let factor: Double

        init(
            _ file: String,
            _ name: String,
            _ help: String,
            _ kind: MetricMetadata.Kind = .gauge,
            hexadecimal: Bool = false,
            factor: Double = 1,
            class metricClass: MetricClass = .debug
        ) {
            self.file = file
            family = Family("node_network_" + name, kind, help, labels: ["device"], class: metricClass)
            isHexadecimal = hexadecimal
            self.factor = factor
        }
    }

    private static let attributes = [
        Attribute("carrier", "carrier", "Whether the device has a link.", class: .standard),
        Attribute(
            "carrier_changes",
            "carrier_changes_total",
            "Times the link came or went.",
            .counter,
            class: .standard
        ),
        Attribute("carrier_up_count", "carrier_up_changes_total", "Times the link came.", .counter),
        Attribute("carrier_down_count", "carrier_down_changes_total", "Times the link went.", .counter),
        // Megabits per second; -1 when unknown, as in node_exporter.
        Attribute(
            "speed",
            "speed_bytes",
            "Speed of the link in bytes per second.",
            factor: 125_000,
            class: .standard
        ),
        Attribute("mtu", "mtu_bytes", "Largest packet sent.", class: .detailedPerformance),
        Attribute(
            "tx_queue_len",
            "transmit_queue_length",
            "Packets the send queue takes.",
            class: .detailedPerformance
        ),
        Attribute("flags", "flags", "Flags of the device.", hexadecimal: true),
        Attribute("dormant", "dormant", "Whether the device waits for an event before it is up."),
        Attribute("addr_assign_type", "address_assign_type", "How the address was given."),
        Attribute("name_assign_type", "name_assign_type", "How the name was given."),
        Attribute("dev_id", "device_id", "Tells devices that share an address apart.", hexadecimal: true),
        Attribute("ifindex", "iface_id", "The kernel's number of the device."),
        Attribute("iflink", "iface_link", "The kernel's number of the device below."),
        Attribute("link_mode", "iface_link_mode", "Whether user space sets the link's state."),
        Attribute("netdev_group", "net_dev_group", "Group of the device."),
        Attribute("type", "protocol_type", "Protocol of the link layer, an ARPHRD number."),
    ]
    /// As in `NetworkDeviceSource`.
    private static let deviceLimit = 1024

    /// One device.
    private struct Device {
        let name: String
        let path: String
    }

    private let settings: HostCollectorSettings
    private var directory = DeviceDirectory<Device>(sys: "/class/net")

    init(_ settings: HostCollectorSettings = HostCollectorSettings(.netclass)) {
        self.settings = settings
    }

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        try directory.update(&kernel, limit: NetworkClassSource.deviceLimit) { [settings] name, path, _ in
            settings.collects(name) ? Device(name: name, path: path) : nil
        }
        for device in directory.devices {
            // /sys/class/net/bonding_masters is a file, no device.
            KernelText.withDirectory(device.path) { add(device.name, $0, &kernel, into: &pass) }
        }
        if directory.count > NetworkClassSource.deviceLimit {
            throw .tooMany(directory.path(in: kernel.roots), NetworkClassSource.deviceLimit)
        }
    }

    private func add(
        _ name: String,
        _ directory: Int32,
        _ kernel: inout KernelText,
        into pass: inout PassBuffer
    ) {
        let isUp = kernel.value("operstate", in: directory)?.spells("up") == true
        pass.add(Family.networkUp, isUp ? 1 : 0, name)
        pass.add(Family.networkInfo, 1) { labels in
            labels.append(name)
            labels.append(kernel.value("address", in: directory))
            labels.append(kernel.value("broadcast", in: directory))
            labels.append(kernel.value("duplex", in: directory))
            labels.append(kernel.value("operstate", in: directory))
            labels.append(kernel.value("ifalias", in: directory))
            labels.append(NetworkClassSource.adminState(&kernel, directory))
        }
        for attribute in NetworkClassSource.attributes {
            guard pass.wants(attribute.family), let text = kernel.value(attribute.file, in: directory) else {
                continue
            }
            let value =
                attribute.isHexadecimal ? NetworkClassSource.hexadecimal(text) : KernelNumber.decimal(text)
            guard let value else { continue }
            if value < 0, attribute.file == "speed", settings[switch: .ignoreInvalidSpeed] { continue }
            pass.add(attribute.family, value * attribute.factor, name)
        }
    }

    /// Whether the device is switched on: the lowest flag, IFF_UP.
    private static func adminState(_ kernel: inout KernelText, _ directory: Int32) -> String {
        guard let flags = kernel.value("flags", in: directory).flatMap(hexadecimal) else { return "" }
        return flags.truncatingRemainder(dividingBy: 2) == 1 ? "up" : "down"
    }

    /// A number as `0x1003`, nil when it is none or exceeds 32 bits, which no such attribute does.
    static func hexadecimal(_ text: ArraySlice<UInt8>) -> Double? {
        guard let digits = text.after("0x"), digits.count <= 8 else { return nil }
        return KernelNumber.hexadecimal(digits).map { Double($0) }
    }
}

extension Family {
    fileprivate static let networkUp = Family(
        "node_network_up",
        .gauge,
        "Whether the device's operational state is up.",
        labels: ["device"],
        class: .health
    )
    fileprivate static let networkInfo = Family(
        "node_network_info",
        .gauge,
        "What the network device is; always 1.",
        labels: ["device", "address", "broadcast", "duplex", "operstate", "ifalias", "adminstate"]
    )
}
