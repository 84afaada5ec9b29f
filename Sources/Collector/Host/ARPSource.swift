// SPDX-License-Identifier: Apache-2.0
//
// Neighbours known by address, by device: the sixth column of /proc/net/arp (arp(7)). node_exporter asks netlink since
// 1.6, for the same entries.

internal import Config
internal import Samples

/// node_arp_entries.
struct ARPSource: HostSource {
    private static let entries = Family(
        "node_arp_entries",
        .gauge,
        "Neighbours known by address.",
        labels: ["device"]
    )
    /// As in `NetworkDeviceSource`.
    private static let deviceLimit = 1024

    private let settings: HostCollectorSettings
    private let file = KernelFile(proc: "/net/arp")
    private var devices: [(name: [UInt8], isKept: Bool, count: Int)] = []

    init(_ settings: HostCollectorSettings = HostCollectorSettings(.arp)) {
        self.settings = settings
    }

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        try kernel.load(file)
        for index in devices.indices { devices[index].count = 0 }
        var text = kernel.scanner
        _ = text.nextLine()
        var isTruncated = false
        while let line = text.nextLine() {
            var fields = line
            for _ in 0..<5 { _ = fields.nextField() }
            guard let name = fields.nextField() else { continue }
            if let index = devices.firstIndex(where: { $0.name.elementsEqual(name) }) {
                devices[index].count += 1
            } else if devices.count < ARPSource.deviceLimit {
                let isKept = settings.collects(String(decoding: name, as: UTF8.self))
                devices.append((Array(name), isKept, 1))
            } else {
                isTruncated = true
            }
        }
        devices.removeAll { $0.count == 0 }
        for device in devices where device.isKept {
            pass.add(ARPSource.entries, Double(device.count), device.name[...])
        }
        if isTruncated { throw .tooMany(file.path(in: kernel.roots), ARPSource.deviceLimit) }
    }
}
