// SPDX-License-Identifier: Apache-2.0
//
// A round of probes: to each target a few packets, some time apart, all targets at once, and one wait for whatever
// comes back. ICMP echo goes through a datagram socket, which needs no privilege where net.ipv4.ping_group_range
// allows it (icmp(7)); the kernel fills in identifier and checksum. A TCP connect is answered by an acceptance and as
// well by a refusal: both say that the packet got there and back.
//
//     echo request   8 (IPv6: 128) │ 0 │ checksum │ identifier │ number │ 8 bytes only this round has

internal import Glibc
internal import Platform

/// Where probes are sent.
struct ProbeTarget: Sendable, Equatable {
    enum Way: Sendable, Equatable {
        case echo
        case connect(port: UInt16)
    }

    let address: SocketAddress
    let way: Way
}

/// A round under way; blocks for at most `duration`.
struct ProbeRound: ~Copyable {
    /// Packets to each target.
    static let attempts = 5
    /// Between the packets to one target.
    private static let spacing: UInt64 = 100_000_000
    /// What is not back this long after the last packet left is lost.
    private static let patience: UInt64 = 1_000_000_000

    private struct Attempt {
        let target: Int
        let number: Int
        let sent: UInt64
        /// The connecting socket; -1 for an echo.
        let descriptor: Int32
    }

    private let targets: [ProbeTarget]
    private let clock: any EdgeClock
    private let token: UInt64
    private var sockets: [Int32]
    private var open: [Attempt] = []
    private var results: [[Double?]]

    private init(_ targets: [ProbeTarget], clock: any EdgeClock) {
        self.targets = targets
        self.clock = clock
        token = UInt64.random(in: .min ... .max)
        results = targets.map { _ in [Double?](repeating: nil, count: ProbeRound.attempts) }
        sockets = targets.map { $0.way == .echo ? ProbeRound.echoSocket($0.address) : -1 }
    }

    deinit {
        for descriptor in sockets where descriptor >= 0 { close(descriptor) }
        for attempt in open where attempt.descriptor >= 0 { close(attempt.descriptor) }
    }

    /// Whether echoes may be sent from here.
    static func mayEcho(_ family: Int32) -> Bool {
        let descriptor = echoSocket(family: family)
        if descriptor >= 0 { close(descriptor) }
        return descriptor >= 0
    }

    /// Probes all targets: the round trips of each in seconds, nil for what did not come back.
    static func run(_ targets: [ProbeTarget], clock: any EdgeClock) -> [[Double?]] {
        guard !targets.isEmpty else { return [] }
        var round = ProbeRound(targets, clock: clock)
        round.run()
        return round.results
    }

    private mutating func run() {
        let start = clock.monotonicNanoseconds()
        for number in 0..<ProbeRound.attempts {
            for target in targets.indices { send(number, to: target) }
            let isLast = number == ProbeRound.attempts - 1
            let lasts = isLast ? ProbeRound.patience : ProbeRound.spacing
            let spent = UInt64(number) * ProbeRound.spacing
            gather(until: start &+ spent &+ lasts, all: isLast)
        }
    }

    private mutating func send(_ number: Int, to target: Int) {
        let now = clock.monotonicNanoseconds()
        switch targets[target].way {
        case .echo:
            guard sockets[target] >= 0 else { return }
            var packet: [UInt8] = [targets[target].address.family == AF_INET ? 8 : 128, 0, 0, 0, 0, 0, 0]
            packet.append(UInt8(truncatingIfNeeded: number))
            for shift in stride(from: 56, through: 0, by: -8) {
                packet.append(UInt8(truncatingIfNeeded: token >> UInt64(shift)))
            }
            let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
            guard Glibc.send(sockets[target], packet, packet.count, flags) == packet.count else { return }
            open.append(Attempt(target: target, number: number, sent: now, descriptor: -1))
        case .connect(let port):
            let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
            let address = targets[target].address.withPort(port)
            let descriptor = socket(address.family, type, 0)
            guard descriptor >= 0 else { return }
            let code = address.connect(descriptor) == 0 ? 0 : errno
            let attempt = Attempt(target: target, number: number, sent: now, descriptor: descriptor)
            if code == EINPROGRESS {
                open.append(attempt)
            } else {
                settle(attempt, code)
            }
        }
    }

    /// Takes what comes until a time, or with `all` until nothing is missing.
    private mutating func gather(until end: UInt64, all: Bool) {
        while !(all && open.isEmpty) {
            let now = clock.monotonicNanoseconds()
            guard now < end else { return }
            var entries = sockets.filter { $0 >= 0 }.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            entries += open.filter { $0.descriptor >= 0 }
                .map { pollfd(fd: $0.descriptor, events: Int16(POLLOUT), revents: 0) }
            let wait = Int32(clamping: (end - now) / 1_000_000 + 1)
            let ready = poll(&entries, nfds_t(entries.count), wait)
            guard ready > 0 else {
                if ready < 0, errno != EINTR { return }
                continue
            }
            for entry in entries where entry.revents != 0 {
                if let target = sockets.firstIndex(of: entry.fd) {
                    receive(target)
                } else if let index = open.firstIndex(where: { $0.descriptor == entry.fd }) {
                    settle(open.remove(at: index), TCPConnection.pendingError(entry.fd))
                }
            }
        }
    }

    /// Notes how a connect ended.
    private mutating func settle(_ attempt: Attempt, _ code: Int32) {
        close(attempt.descriptor)
        guard code == 0 || code == ECONNREFUSED else { return }
        let took = clock.monotonicNanoseconds() &- attempt.sent
        results[attempt.target][attempt.number] = Double(took) / 1e9
    }

    /// Takes the echoes that are there; what is not the answer to something sent is left alone.
    private mutating func receive(_ target: Int) {
        var packet = [UInt8](repeating: 0, count: 64)
        let answer: UInt8 = targets[target].address.family == AF_INET ? 0 : 129
        // One answer to each packet and some more: a host that answers a thousand times does not keep us.
        for _ in 0..<(2 * ProbeRound.attempts) {
            let count = recv(sockets[target], &packet, packet.count, Int32(MSG_DONTWAIT))
            // An error that came for an earlier packet (no route, host unreachable) is taken with this, too.
            guard count >= 0 else { return }
            let now = clock.monotonicNanoseconds()
            guard count >= 16, packet[0] == answer else { continue }
            let found = packet[8..<16].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            guard found == token, packet[6] == 0,
                let index = open.firstIndex(where: {
                    $0.descriptor < 0 && $0.target == target && $0.number == Int(packet[7])
                })
            else { continue }
            let attempt = open.remove(at: index)
            results[target][attempt.number] = Double(now &- attempt.sent) / 1e9
        }
    }

    private static func echoSocket(_ address: SocketAddress) -> Int32 {
        let descriptor = echoSocket(family: address.family)
        guard descriptor >= 0 else { return -1 }
        guard address.connect(descriptor) == 0 else {
            close(descriptor)
            return -1
        }
        return descriptor
    }

    private static func echoSocket(family: Int32) -> Int32 {
        let type = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        return socket(family, type, Int32(family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6))
    }
}
