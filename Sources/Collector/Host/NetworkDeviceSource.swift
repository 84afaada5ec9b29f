// SPDX-License-Identifier: Apache-2.0
//
// Traffic counters per network device. /proc/net/dev has the same sums node_exporter makes from netlink (drop =
// dropped + missed, frame = length + over + crc + frame errors, carrier = carrier + aborted + window + heartbeat);
// only packets without a handler must be asked of /sys. The header names the columns, and is obeyed.
//
//     Inter-|   Receive                            |  Transmit
//      face |bytes packets errs drop …  multicast|bytes packets …
//        lo: 1 2 3 …

internal import Config
internal import Samples

/// The counters of node_network_*.
struct NetworkDeviceSource: HostSource {
    private struct Device {
        let name: [UInt8]
        let isKept: Bool
        let unhandledPath: String
    }

    /// A gateway with more interfaces is a switch; the rest is left out.
    private static let deviceLimit = 1024

    private let settings: HostCollectorSettings
    private let file = KernelFile(proc: "/net/dev")
    private var columns: [Family] = []
    private var header: [UInt8] = []
    private var devices: [Device] = []

    init(_ settings: HostCollectorSettings = HostCollectorSettings(.netdev)) {
        self.settings = settings
    }

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        try kernel.load(file)
        try addCounters(kernel.scanner, kernel.roots, into: &pass)
        for device in devices where device.isKept {
            guard pass.wants(Family.unhandled), let count = kernel.number(device.unhandledPath) else {
                continue
            }
            pass.add(Family.unhandled, count, device.name[...])
        }
    }

    /// Adds what the file says; the scanner ends here, so that nobody holds the buffer when the next file is read into it.
    private mutating func addCounters(
        _ scanner: TextScanner,
        _ roots: HostRoots,
        into pass: inout PassBuffer
    ) throws(HostFailure) {
        var text = scanner
        _ = text.nextLine()
        guard let titles = text.nextLine(), learnColumns(titles) else {
            throw .malformed(file.path(in: roots))
        }
        var row = 0
        while let line = text.nextLine() {
            guard row < NetworkDeviceSource.deviceLimit else {
                throw .tooMany(file.path(in: roots), row)
            }
            var fields = line
            // A name can hold a colon (an alias): the last one before the counters separates.
            guard let colon = line.rest.lastIndex(of: UInt8(ascii: ":")) else { continue }
            let name = TextScanner.trim(line.rest[..<colon])
            fields.skip(through: colon)
            guard !name.isEmpty else { continue }
            remember(name, row: row, sys: roots.sys)
            row += 1
            guard devices[row - 1].isKept else { continue }
            for family in columns {
                guard let value = fields.nextUnsigned() else { break }
                pass.add(family, Double(value), name)
            }
        }
        if devices.count > row { devices.removeSubrange(row...) }
    }

    private mutating func remember(_ name: ArraySlice<UInt8>, row: Int, sys: String) {
        if row < devices.count, devices[row].name.elementsEqual(name) { return }
        devices.removeSubrange(min(row, devices.count)...)
        let text = String(decoding: name, as: UTF8.self)
        devices.append(
            Device(
                name: Array(name),
                isKept: settings.collects(text),
                unhandledPath: "\(sys)/class/net/\(text)/statistics/rx_nohandler"
            )
        )
    }

    /// Makes the families from the second header line; remembered while the line stays the same.
    private mutating func learnColumns(_ titles: TextScanner) -> Bool {
        if header.elementsEqual(titles.rest) { return !columns.isEmpty }
        header = Array(titles.rest)
        columns = []
        var parts = titles
        guard parts.take(until: UInt8(ascii: "|")) != nil, let received = parts.take(until: UInt8(ascii: "|"))
        else { return false }
        for (direction, part) in [("receive", received), ("transmit", parts.rest)] {
            for title in part.split(separator: UInt8(ascii: " ")).prefix(32) {
                columns.append(
                    NetworkDeviceSource.family(direction, String(decoding: title, as: UTF8.self))
                )
            }
        }
        return !columns.isEmpty
    }

    private static func family(_ direction: String, _ title: String) -> Family {
        let metricClass: MetricClass =
            ["bytes", "packets", "errs", "drop"].contains(title) ? .standard : .detailedPerformance
        let what = meanings[title] ?? title
        return Family(
            "node_network_\(direction)_\(title)_total",
            .counter,
            direction == "receive" ? "Received: \(what)." : "Sent: \(what).",
            labels: ["device"],
            class: metricClass
        )
    }

    private static let meanings = [
        "bytes": "bytes", "packets": "packets", "errs": "packets with an error",
        "drop": "packets dropped", "fifo": "packets lost because a queue of the hardware was full",
        "frame": "packets with a wrong length, checksum or frame", "compressed": "compressed packets",
        "multicast": "multicast packets", "colls": "collisions", "carrier": "losses of the carrier",
    ]
}

extension Family {
    fileprivate static let unhandled = Family(
        "node_network_receive_nohandler_total",
        .counter,
        "Received: packets for a protocol nobody handles.",
        labels: ["device"],
        class: .detailedPerformance
    )
}
