// SPDX-License-Identifier: Apache-2.0

internal import Samples

extension SmartConfig {
    /// Disks asked one after the other; more than a gateway has.
    public static let deviceLimit = 64

    /// Reads `collectors.smart`; nil when it is switched off.
    init?(reading section: Section) {
        self.init()
        let isEnabled = section.bool("enabled") ?? true
        interval = section.interval("interval") ?? interval
        path = section.path("path") ?? path
        devices = section.strings("devices")
        exclude = section.hostPattern("exclude") ?? exclude
        powerMode = section.choice("powermode") ?? powerMode
        labels = section.labels("labels")
        if interval < .seconds(10) {
            section.report("interval", "disks are asked every 10 s at most", remedy: "write \"10s\" or more")
        }
        if devices.count > SmartConfig.deviceLimit {
            section.report("devices", "more than \(SmartConfig.deviceLimit) disks")
        }
        for device in devices where device.isEmpty || device.hasPrefix("-") || device.hasPrefix(";") {
            section.report(
                "devices",
                "\"\(device)\" is no disk",
                remedy: "write \"/dev/sda\" or \"/dev/bus/0;megaraid,4\""
            )
        }
        guard isEnabled else { return nil }
    }
}
