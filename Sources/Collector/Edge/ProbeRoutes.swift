// SPDX-License-Identifier: Apache-2.0
//
// From configured probes to addresses, and from an address to the interface its packets leave by: the kernel is asked
// for its choice by connecting a UDP socket, which sends nothing.

internal import Config
internal import Glibc
internal import Platform

/// A probe with where it goes now.
struct RoutedProbe {
    /// The interface its packets leave by.
    let interface: String
    /// The label of its series.
    let name: String
    let target: ProbeTarget
    /// Whether silence means loss from the start: the target was named, and in the way it is asked.
    let isDeclared: Bool
    /// Whether it is the first hop only.
    let isGateway: Bool
}

/// Finds ways to targets; remembers the last, for the time when names and routes are gone with the network.
struct ProbeRoutes {
    /// Where hosts are asked that may not be pinged from here: most answer at one of these, be it with a refusal.
    private static let fallbackPorts: [UInt16] = [53, 443, 80]
    /// Names are looked up again this often.
    private static let freshness: UInt64 = 300_000_000_000
    /// With gateways of many interfaces; bounds packets and sockets of a round.
    private static let limit = 64

    private struct Known {
        var address: SocketAddress
        var resolved: UInt64
        var interface: String?
    }

    private var hosts: [String: Known] = [:]
    private var portTurns: [String: Int] = [:]

    /// The probes of a round.
    mutating func probes(
        _ wanted: [EdgeNetworkConfig.Probe],
        gateways: [String: SocketAddress],
        now: UInt64
    ) -> [RoutedProbe] {
        var found: [RoutedProbe] = []
        for probe in wanted {
            switch probe {
            case .gateway:
                for (interface, address) in gateways.sorted(by: { $0.key < $1.key }) {
                    let name = address.text
                    let (way, _) = way(to: address, name)
                    found.append(
                        RoutedProbe(
                            interface: interface,
                            name: name,
                            target: ProbeTarget(address: address, way: way),
                            isDeclared: false,
                            isGateway: true
                        )
                    )
                }
            case .host(let host):
                guard let known = known(host, now: now), let interface = known.interface else { continue }
                let (way, isEcho) = way(to: known.address, host)
                found.append(
                    RoutedProbe(
                        interface: interface,
                        name: host,
                        target: ProbeTarget(address: known.address, way: way),
                        isDeclared: isEcho,
                        isGateway: false
                    )
                )
            case .tcp(let host, let port):
                guard let known = known(host, now: now), let interface = known.interface else { continue }
                found.append(
                    RoutedProbe(
                        interface: interface,
                        name: "tcp://\(host.contains(":") ? "[\(host)]" : host):\(port)",
                        target: ProbeTarget(
                            address: known.address,
                            way: .connect(port: UInt16(clamping: port))
                        ),
                        isDeclared: true,
                        isGateway: false
                    )
                )
            }
        }
        return Array(found.prefix(ProbeRoutes.limit))
    }

    /// A target that may not be pinged never answered: the next round tries another port.
    mutating func turnPort(of name: String) {
        portTurns[name, default: 0] = (portTurns[name, default: 0] + 1) % ProbeRoutes.fallbackPorts.count
    }

    private func way(to address: SocketAddress, _ name: String) -> (ProbeTarget.Way, isEcho: Bool) {
        if ProbeRound.mayEcho(address.family) { return (.echo, true) }
        return (.connect(port: ProbeRoutes.fallbackPorts[portTurns[name] ?? 0]), false)
    }

    private mutating func known(_ host: String, now: UInt64) -> Known? {
        var known = hosts[host]
        if known.map({ now &- $0.resolved >= ProbeRoutes.freshness }) ?? true {
            if let address = try? SocketAddress.resolve(host, port: 0).first {
                known = Known(address: address, resolved: now, interface: known?.interface)
            }
        }
        if let address = known?.address, let interface = ProbeRoutes.interface(to: address) {
            known?.interface = interface
        }
        hosts[host] = known
        return known
    }

    /// The interface by which packets to an address leave, nil when there is no way.
    static func interface(to address: SocketAddress) -> String? {
        let type = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.family, type, 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard address.withPort(9).connect(descriptor) == 0, let own = SocketAddress(ownOf: descriptor) else {
            return nil
        }
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return nil }
        defer { freeifaddrs(list) }
        var next = list
        while let entry = next {
            next = entry.pointee.ifa_next
            guard let address = SocketAddress(entry.pointee.ifa_addr), address.network == own.network else {
                continue
            }
            return String(cString: entry.pointee.ifa_name)
        }
        return nil
    }
}

extension SocketAddress {
    /// The address a socket is bound to.
    fileprivate init?(ownOf descriptor: Int32) {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let found = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw -> SocketAddress? in
                guard getsockname(descriptor, raw, &length) == 0 else { return nil }
                return SocketAddress(raw)
            }
        }
        guard let found else { return nil }
        self = found
    }

    /// An address of the system's lists; nil for families beside IPv4 and IPv6.
    fileprivate init?(_ raw: UnsafeMutablePointer<sockaddr>?) {
        guard let raw else { return nil }
        switch Int32(raw.pointee.sa_family) {
        case AF_INET:
            let bytes = raw.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { address in
                withUnsafeBytes(of: address.pointee.sin_addr) { Array($0) }
            }
            self.init(network: bytes, port: 0)
        case AF_INET6:
            let bytes = raw.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { address in
                withUnsafeBytes(of: address.pointee.sin6_addr) { Array($0) }
            }
            self.init(network: bytes, port: 0)
        default: return nil
        }
    }

    /// The address as people write it.
    var text: String {
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(family, network, &buffer, socklen_t(buffer.count)) != nil else { return "" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
