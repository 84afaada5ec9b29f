// SPDX-License-Identifier: Apache-2.0
//
// Who pays for what a socket carried. Sockets are known from their birth to their end; each look at the kernel's own
// counters (TCP_INFO) charges the difference to the account that used the socket last, and to its running transfer:
//
//     open ─▶ ready (a transfer takes it) ─▶ sample, once a second ─▶ end of the transfer ─▶ … ─▶ close
//
// Invariant: the charges of a socket add up to what its counters said at the last look, plus what follows a close. Where
// several streams of HTTP/2 share a socket, the one that came last is charged for all; the sums stay right.
//
// libcurl tells of the end of a connection, but not of an attempt that came to nothing: it closes that itself. So until a
// connection is ready, a second descriptor holds the socket for a last look.
//
// Lives on the loop's thread. Connections outlive transfers and keep the close callback, so the ledger outlives both.

internal import CCurl

final class SocketLedger {
    /// A query and its answer, for each new connection to a name: that goes over UDP and is not seen here.
    static let lookup = WireCharge(sent: 60, received: 90, segmentsSent: 1, segmentsReceived: 1)

    private struct Socket {
        var account: UInt8
        /// The transfer that uses it, 0 for none.
        var ticket: UInt64
        var isV6: Bool
        var interface = ""
        var isInterfaceAsked = false
        /// Whether a connection could be tried at all.
        var hasRoute = false
        var localPort = 0
        /// The kernel's own name of it.
        var cookie: UInt64?
        /// The second descriptor; -1 for none.
        var twin: Int32 = -1
        /// What was charged so far.
        var counted = WireCharge()
        var facts = ccurl_socket_facts()
    }

    private struct Running {
        var charge = WireCharge()
        var interface = ""
        var opened = 0
        var deliveryRate: Int64 = 0
    }

    /// What a transfer cost in the end.
    struct Bill {
        var charge = WireCharge()
        var interface = ""
        /// Sockets made for it.
        var opened = 0
        /// Bytes per second as the kernel delivered them lately; 0 when unknown.
        var deliveryRate: Int64 = 0
        var roundTrip: Duration?
    }

    private let counts: WireCounts
    /// As many as libcurl has connections: bounded by the places of the loop and its kept connections.
    private var sockets: [Int32: Socket] = [:]
    /// By ticket; bounded by the loop's places.
    private var running: [UInt64: Running] = [:]

    init(counts: WireCounts) {
        self.counts = counts
    }

    /// Sockets open now.
    var openSockets: Int { sockets.count }

    // MARK: - The life of a socket

    /// Makes the socket of a new connection; -1 when the kernel has none.
    func open(
        _ address: UnsafeMutablePointer<curl_sockaddr>,
        for request: HTTPClientRequest,
        _ ticket: UInt64
    )
        -> Int32
    {
        let descriptor = ccurl_open_socket(address)
        guard descriptor >= 0 else { return -1 }
        // Another socket had the number, and nobody said that it was closed.
        if sockets[descriptor] != nil { bury(descriptor) }
        let buffer = Int32(clamping: request.sendBuffer ?? 0)
        if let congestion = request.congestionControl {
            ccurl_socket_tune(descriptor, buffer, congestion)
        } else {
            ccurl_socket_tune(descriptor, buffer, nil)
        }
        var socket = Socket(account: request.account, ticket: ticket, isV6: address.pointee.family == 10)
        if request.account != 0 {
            // The route before the connection: a connection that fails has an interface, too.
            var local = ccurl_address()
            socket.hasRoute = withUnsafePointer(to: &address.pointee.addr) {
                ccurl_route($0, address.pointee.addrlen, &local)
            }
            if socket.hasRoute { socket.interface = Self.interface(of: &local) }
            socket.isInterfaceAsked = socket.hasRoute
            socket.twin = ccurl_socket_twin(descriptor)
        }
        sockets[descriptor] = socket
        running[ticket, default: Running()].opened += 1
        return descriptor
    }

    /// A transfer is about to use the connection from this local port.
    func ready(_ ticket: UInt64, account: UInt8, localPort: Int) {
        for (descriptor, socket) in sockets {
            var port = socket.localPort
            if port == 0 {
                var local = ccurl_address()
                if ccurl_socket_local(descriptor, &local) == 0 { port = Int(ccurl_address_port(&local)) }
                sockets[descriptor]?.localPort = port
            }
            guard port == localPort, port != 0 else { continue }
            if socket.ticket != ticket { take(descriptor, ticket, account) }
            if socket.twin >= 0, isOpen(descriptor, socket) { dropTwin(of: descriptor) }
            return
        }
    }

    /// Whether libcurl has not closed the socket on its own.
    private func isOpen(_ descriptor: Int32, _ socket: Socket) -> Bool {
        var facts = ccurl_socket_facts()
        return ccurl_socket_facts(descriptor, &facts)
            && (socket.cookie == nil || facts.cookie == socket.cookie)
    }

    private func dropTwin(of descriptor: Int32) {
        guard let twin = sockets[descriptor]?.twin, twin >= 0 else { return }
        ccurl_socket_close(twin, false)
        sockets[descriptor]?.twin = -1
    }

    /// The last look at a socket that libcurl has closed.
    private func bury(_ descriptor: Int32) {
        let facts = read(descriptor)
        guard let socket = sockets.removeValue(forKey: descriptor), socket.twin >= 0 else { return }
        if let facts { charge(Self.farewell(facts, socket, drops: true), to: socket) }
        ccurl_socket_close(socket.twin, true)
    }

    /// The last look, then the end.
    func close(_ descriptor: Int32) {
        guard let facts = read(descriptor), let socket = sockets.removeValue(forKey: descriptor) else {
            dropTwin(of: descriptor)
            sockets[descriptor] = nil
            ccurl_socket_close(descriptor, false)
            return
        }
        // Nobody waits for what has not got across: the kernel would go on sending it, uncounted. A last alert of TLS
        // is no reason to break the connection off.
        let drops = facts.bytes_unsent > 0 || facts.segments_unacknowledged > 1
        charge(Self.farewell(facts, socket, drops: drops), to: socket)
        if socket.twin >= 0 { ccurl_socket_close(socket.twin, false) }
        ccurl_socket_close(descriptor, drops)
    }

    // MARK: - Transfers

    /// Looks at the sockets of a transfer; gives what it cost until now.
    @discardableResult
    func sample(_ ticket: UInt64) -> WireCharge {
        for (descriptor, socket) in sockets where socket.ticket == ticket {
            if socket.twin >= 0, !isOpen(descriptor, socket) {
                bury(descriptor)
            } else {
                read(descriptor)
            }
        }
        return running[ticket]?.charge ?? WireCharge()
    }

    /// The transfer is over; gives its bill.
    ///
    /// - Parameters:
    ///   - ticket: the transfer.
    ///   - active: the socket it used last; -1 for none.
    ///   - account: who pays.
    ///   - looksUp: whether a new connection asked for a name.
    /// - Returns: what it cost.
    func end(_ ticket: UInt64, active: Int32, account: UInt8, looksUp: Bool) -> Bill {
        if let socket = sockets[active], socket.ticket != ticket { take(active, ticket, account) }
        sample(ticket)
        var bill = Bill()
        if let facts = sockets[active]?.facts, facts.round_trip_microseconds > 0 {
            bill.roundTrip = .microseconds(Int64(facts.round_trip_microseconds))
        }
        let done = running.removeValue(forKey: ticket) ?? Running()
        bill.charge = done.charge
        bill.interface = done.interface
        bill.opened = done.opened
        bill.deliveryRate = done.deliveryRate
        if looksUp {
            bill.charge += Self.lookup
            counts.add(Self.lookup, account: account, interface: done.interface)
        }
        for (descriptor, socket) in sockets where socket.ticket == ticket {
            dropTwin(of: descriptor)
            sockets[descriptor]?.ticket = 0
        }
        return bill
    }

    private func take(_ descriptor: Int32, _ ticket: UInt64, _ account: UInt8) {
        // What it carried while nobody used it is still the last one's.
        read(descriptor)
        guard var socket = sockets[descriptor] else { return }
        socket.ticket = ticket
        socket.account = account
        if account != 0, !socket.isInterfaceAsked {
            var local = ccurl_address()
            if ccurl_socket_local(descriptor, &local) == 0 { socket.interface = Self.interface(of: &local) }
            socket.isInterfaceAsked = true
        }
        sockets[descriptor] = socket
        running[ticket, default: Running()].interface = socket.interface
    }

    @discardableResult
    private func read(_ descriptor: Int32) -> ccurl_socket_facts? {
        guard var socket = sockets[descriptor] else { return nil }
        var facts = ccurl_socket_facts()
        let known = socket.twin >= 0 ? socket.twin : descriptor
        // Closed without telling: the number may be another socket's by now.
        guard ccurl_socket_facts(known, &facts), socket.cookie == nil || socket.cookie == facts.cookie else {
            dropTwin(of: descriptor)
            sockets[descriptor] = nil
            return nil
        }
        socket.cookie = facts.cookie
        let total = Self.total(facts, isV6: socket.isV6)
        // Never back: an estimate of the first packets gives way to a better one.
        func step(_ field: KeyPath<WireCharge, Int64>) -> Int64 {
            max(0, total[keyPath: field] - socket.counted[keyPath: field])
        }
        var charge = WireCharge()
        charge.sent = step(\.sent)
        charge.received = step(\.received)
        charge.segmentsSent = step(\.segmentsSent)
        charge.segmentsReceived = step(\.segmentsReceived)
        charge.segmentsLost = step(\.segmentsLost)
        charge.dataSegmentsSent = step(\.dataSegmentsSent)
        socket.counted += charge
        socket.facts = facts
        sockets[descriptor] = socket
        self.charge(charge, to: socket)
        if facts.delivery_rate > 0 {
            running[socket.ticket]?.deliveryRate = Int64(clamping: facts.delivery_rate)
        }
        return facts
    }

    private func charge(_ charge: WireCharge, to socket: Socket) {
        if socket.ticket != 0 {
            running[socket.ticket, default: Running()].charge += charge
            running[socket.ticket]?.interface = socket.interface
        }
        counts.add(charge, account: socket.account, interface: socket.interface)
    }

    private static func interface(of local: UnsafePointer<ccurl_address>) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(CCURL_INTERFACE_SIZE)) { name in
            guard let start = name.baseAddress, ccurl_interface(local, start) else { return "" }
            return String(cString: start)
        }
    }
}

// MARK: - Packets

extension SocketLedger {
    /// States of a connection by the kernel's numbers.
    private enum State {
        static let established: UInt8 = 1
        static let synSent: UInt8 = 2
        static let closed: UInt8 = 7
        static let closeWait: UInt8 = 8
    }

    /// IP bytes of all a socket has sent and received by its counters.
    ///
    /// A TCP header has 20 bytes, 32 with timestamps (RFC 7323); the first of each side has up to 20 of options.
    private static func total(_ facts: ccurl_socket_facts, isV6: Bool) -> WireCharge {
        guard facts.has_bytes else { return WireCharge(segmentsLost: Int64(facts.segments_lost)) }
        let ip: Int64 = isV6 ? 40 : 20
        let out = Int64(facts.segments_sent)
        let back = Int64(facts.segments_received)
        var total = WireCharge()
        total.segmentsSent = out
        total.segmentsReceived = back
        total.segmentsLost = Int64(facts.segments_lost)
        total.dataSegmentsSent = Int64(facts.data_segments_sent)
        let isConnecting =
            facts.state == State.synSent
            || facts.state == State.closed && facts.bytes_sent == 0 && facts.bytes_received == 0
        if isConnecting {
            total.sent = out * (ip + 40)
            total.received = back * (ip + 20)
            return total
        }
        let header = ip + (facts.has_timestamps ? 32 : 20)
        total.sent = Int64(clamping: facts.bytes_sent) + out * header + (facts.has_timestamps ? 8 : 20)
        total.received =
            Int64(clamping: facts.bytes_received) + back * header + (facts.has_timestamps ? 8 : 12)
        return total
    }

    /// What follows the last look: the ends of both sides and their acknowledgements, or a reset.
    private static func farewell(_ facts: ccurl_socket_facts, _ socket: Socket, drops: Bool) -> WireCharge {
        let ip: Int64 = socket.isV6 ? 40 : 20
        if facts.segments_sent == 0 {
            // A connection refused at once: the kernel has forgotten its counters already.
            guard facts.has_bytes, socket.hasRoute else { return WireCharge() }
            return WireCharge(sent: ip + 40, received: ip + 20, segmentsSent: 1, segmentsReceived: 1)
        }
        let header = ip + (facts.has_timestamps ? 32 : 20)
        func packets(_ out: Int64, _ back: Int64) -> WireCharge {
            WireCharge(
                sent: out * header,
                received: back * header,
                segmentsSent: out,
                segmentsReceived: back
            )
        }
        return switch facts.state {
        case State.established: drops ? packets(1, 0) : packets(2, 1)
        case State.closeWait: drops ? packets(1, 0) : packets(1, 1)
        default: WireCharge()
        }
    }
}
