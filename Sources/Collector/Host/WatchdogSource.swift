// SPDX-License-Identifier: Apache-2.0
//
// Watchdogs, and what firmware says of the board (kernel, Documentation/ABI/testing/sysfs-class-watchdog and
// sysfs-firmware-dmi): files of one value each.

internal import Glibc
internal import Samples

/// node_watchdog_*.
struct WatchdogSource: HostSource {
    private static let numbers: [(file: String, family: Family)] = [
        ("bootstatus", gauge("bootstatus", "Status at boot.")),
        ("fw_version", gauge("fw_version", "Version of the watchdog's firmware.", .debug)),
        ("nowayout", gauge("nowayout", "Whether it cannot be stopped.", .debug)),
        ("timeleft", gauge("timeleft_seconds", "Time before it bites.", .health)),
        ("timeout", gauge("timeout_seconds", "Time without a sign of life before it bites.")),
        ("pretimeout", gauge("pretimeout_seconds", "How long before biting it barks.")),
        ("access_cs0", gauge("access_cs0", "Whether it has booted from the second flash.", .debug)),
    ]
    private static let texts = ["options", "identity", "state", "status", "pretimeout_governor"]
    private static let info = Family(
        "node_watchdog_info",
        .gauge,
        "What the watchdog is; always 1.",
        labels: ["name"] + texts
    )
    /// More watchdogs than a board has.
    private static let limit = 64

    private var directory = DeviceDirectory<(name: String, path: String)>(sys: "/class/watchdog")

    private static func gauge(
        _ name: String,
        _ help: String,
        _ metricClass: MetricClass = .standard
    ) -> Family {
        Family("node_watchdog_\(name)", .gauge, help, labels: ["name"], class: metricClass)
    }

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        try directory.update(&kernel, limit: WatchdogSource.limit) { name, path, _ in (name, path) }
        for (name, path) in directory.devices {
            KernelText.withDirectory(path) { directory in
                for (file, family) in WatchdogSource.numbers {
                    guard let text = kernel.value(file, in: directory) else { continue }
                    let value = NetworkClassSource.hexadecimal(text) ?? KernelNumber.decimal(text)
                    if let value { pass.add(family, value, name) }
                }
                pass.add(WatchdogSource.info, 1) { labels in
                    labels.append(name)
                    for text in WatchdogSource.texts { labels.append(kernel.value(text, in: directory)) }
                }
            }
        }
    }
}

/// node_dmi_info: what firmware says of the board; it says so once.
struct DMISource: HostSource {
    private static let files = [
        "bios_date", "bios_release", "bios_vendor", "bios_version", "board_asset_tag", "board_name",
        "board_serial", "board_vendor", "board_version", "chassis_asset_tag", "chassis_serial",
        "chassis_vendor", "chassis_version", "product_family", "product_name", "product_serial",
        "product_sku", "product_uuid", "product_version", "sys_vendor",
    ]
    private static let info = Family(
        "node_dmi_info",
        .gauge,
        "What firmware says of the board; always 1.",
        labels: files.dropLast() + ["system_vendor"]
    )

    private var place = KernelPlace(sys: "/class/dmi/id")
    private var values: [String] = []

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        if values.isEmpty {
            let read: [String]? = KernelText.withDirectory(place.path(in: kernel.roots)) { directory in
                DMISource.files.map { kernel.text($0, in: directory) }
            }
            guard let read else { throw .absent }
            values = read
        }
        pass.add(DMISource.info, 1, labels: values)
    }
}
