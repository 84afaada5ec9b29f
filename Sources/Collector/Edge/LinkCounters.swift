// SPDX-License-Identifier: Apache-2.0
//
// What the kernel knows of an interface: whether it is up and has a carrier, its errors, the signal of a radio, and the
// gateways behind it (kernel, Documentation/ABI/testing/sysfs-class-net; Documentation/networking/statistics;
// proc_pid_net(5): route, wireless, ipv6_route).

internal import Glibc

/// An interface as it is now.
struct LinkState: Equatable {
    let name: String
    var hasCarrier = true
    /// Whether it has had a carrier since the machine started.
    var hadCarrier = true
    /// Packets and errors since the interface was made, both directions.
    var packets = 0.0
    var errors = 0.0
    /// dBm of a radio.
    var signal: Double?
}

/// Reads interfaces and routes.
enum LinkCounters {
    /// More interfaces than a gateway judges.
    private static let linkLimit = 64

    /// The interfaces that are up, without loopback.
    static func read(_ kernel: inout KernelText, where isWanted: (String) -> Bool) -> [LinkState] {
        let base = kernel.roots.sys + "/class/net"
        let signals = wireless(&kernel)
        var links: [LinkState] = []
        for name in KernelText.names(in: base) where isWanted(name) && links.count < linkLimit {
            let directory = "\(base)/\(name)"
            let isUp: UInt32 = 1
            let isLoopback: UInt32 = 8
            guard let flags = flags(kernel.text(directory + "/flags")), flags & isUp != 0,
                flags & isLoopback == 0
            else { continue }
            var link = LinkState(name: name)
            // Reading the carrier of an interface that is going down is an error.
            link.hasCarrier = (kernel.number(directory + "/carrier") ?? 0) > 0
            link.hadCarrier = link.hasCarrier || (kernel.number(directory + "/carrier_up_count") ?? 0) > 0
            for direction in ["rx", "tx"] {
                link.packets += kernel.number("\(directory)/statistics/\(direction)_packets") ?? 0
                link.errors += kernel.number("\(directory)/statistics/\(direction)_errors") ?? 0
            }
            link.signal = signals[name]
            links.append(link)
        }
        return links
    }

    private static func flags(_ text: String) -> UInt32? {
        text.hasPrefix("0x") ? UInt32(text.dropFirst(2), radix: 16) : UInt32(text)
    }

    /// dBm by interface: ` wlan0: 0000   54.  -56.  -256 …` after two lines of headings.
    private static func wireless(_ kernel: inout KernelText) -> [String: Double] {
        do {
            try kernel.load(kernel.roots.proc + "/net/wireless")
        } catch {
            return [:]
        }
        var text = kernel.scanner
        var signals: [String: Double] = [:]
        while let line = text.nextLine(), signals.count < linkLimit {
            var fields = line
            guard let name = fields.take(until: UInt8(ascii: ":")) else { continue }
            _ = fields.nextField()
            _ = fields.nextField()
            guard let level = fields.nextField().flatMap({ KernelNumber.decimal(withoutPoint($0)) }) else {
                continue
            }
            // Old drivers give the byte without its sign.
            let signal = level > 63 ? level - 256 : level
            guard signal < 0 else { continue }
            signals[String(decoding: TextScanner.trim(name), as: UTF8.self)] = signal
        }
        return signals
    }

    private static func withoutPoint(_ field: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        field.last == UInt8(ascii: ".") ? field.dropLast() : field
    }

    /// The default gateway of each interface: of IPv4, or where it has none of IPv6.
    ///
    /// - Parameters:
    ///   - kernel: reads the tables.
    ///   - number: the number of an interface, for addresses that are valid on one only.
    /// - Returns: addresses by interface.
    static func gateways(_ kernel: inout KernelText, number: (String) -> UInt32) -> [String: SocketAddress] {
        var found: [String: SocketAddress] = [:]
        if (try? kernel.load(kernel.roots.proc + "/net/ipv6_route")) != nil {
            var text = kernel.scanner
            while let line = text.nextLine() {
                let fields = texts(line)
                guard fields.count >= 10, fields[0].allSatisfy({ $0 == "0" }), fields[1] == "00",
                    let bytes = hex(fields[4]), bytes.count == 16, bytes.contains(where: { $0 != 0 })
                else { continue }
                let name = fields[9]
                guard found[name] == nil, found.count < linkLimit else { continue }
                let isLinkLocal = bytes[0] == 0xfe && bytes[1] & 0xc0 == 0x80
                found[name] = SocketAddress(network: bytes, port: 0, scope: isLinkLocal ? number(name) : 0)
            }
        }
        if (try? kernel.load(kernel.roots.proc + "/net/route")) != nil {
            var text = kernel.scanner
            var hasFour: Set<String> = []
            while let line = text.nextLine(), hasFour.count < linkLimit {
                let fields = texts(line)
                let isGateway: UInt32 = 2
                guard fields.count >= 8, fields[1] == "00000000", fields[7] == "00000000",
                    let flags = UInt32(fields[3], radix: 16), flags & isGateway != 0,
                    let address = hex(fields[2]), address.count == 4, hasFour.insert(fields[0]).inserted
                else { continue }
                // The kernel prints the word as the processor reads it.
                let bytes = UInt32(1).littleEndian == 1 ? Array(address.reversed()) : address
                found[fields[0]] = SocketAddress(network: bytes, port: 0)
            }
        }
        return found
    }

    private static func texts(_ line: TextScanner) -> [String] {
        line.rest.split { $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: " ") }
            .map { String(decoding: $0, as: UTF8.self) }
    }

    private static func hex(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count % 2 == 0, digits.count <= 32 else { return nil }
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: digits.count, by: 2) {
            guard let byte = UInt8(String(decoding: digits[start..<(start + 2)], as: UTF8.self), radix: 16)
            else {
                return nil
            }
            bytes.append(byte)
        }
        return bytes
    }
}
