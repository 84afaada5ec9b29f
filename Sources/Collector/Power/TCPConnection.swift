// SPDX-License-Identifier: Apache-2.0
//
// A TCP connection whose every call ends by one deadline: the socket never blocks, poll(2) waits. For small exchanges
// on a lane of their own; HTTP has libcurl. Finding an address may ask a name server, which getaddrinfo gives no
// deadline; write addresses where that matters.

internal import Glibc
internal import Platform

/// Why a connection could not be made or used.
struct ConnectionFailure: Error, Equatable, CustomStringConvertible {
    /// The system's error number; ETIMEDOUT for a deadline that passed.
    let code: Int32
    /// For people.
    let description: String

    init(_ what: String, code: Int32) {
        self.code = code
        description = "\(what): \(strerror(code).map { String(cString: $0) } ?? "error \(code)")"
    }

    init(_ what: String, resolving status: Int32) {
        code = EHOSTUNREACH
        description = "\(what): \(String(cString: gai_strerror(status)))"
    }
}

/// A socket address as the system calls take it.
struct SocketAddress: Sendable, Equatable {
    /// `AF_INET` or `AF_INET6`.
    let family: Int32
    /// The `sockaddr` of that family.
    private(set) var bytes: [UInt8]

    /// The addresses of a host, at most eight: one that has more answers by its first as well as by its ninth.
    static func resolve(_ host: String, port: Int) throws(ConnectionFailure) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        var status = getaddrinfo(host, String(port), &hints, &found)
        if status != 0 {
            // A machine with nothing but loopback has no "configured" family, and still reaches itself.
            hints.ai_flags = AI_NUMERICSERV
            status = getaddrinfo(host, String(port), &hints, &found)
        }
        guard status == 0 else { throw ConnectionFailure(host, resolving: status) }
        defer { freeaddrinfo(found) }
        var addresses: [SocketAddress] = []
        var next = found
        while let entry = next, addresses.count < 8 {
            let info = entry.pointee
            if let address = info.ai_addr, info.ai_family == AF_INET || info.ai_family == AF_INET6 {
                let raw = UnsafeRawBufferPointer(start: address, count: Int(info.ai_addrlen))
                addresses.append(SocketAddress(family: info.ai_family, bytes: Array(raw)))
            }
            next = info.ai_next
        }
        guard !addresses.isEmpty else { throw ConnectionFailure(host, code: EADDRNOTAVAIL) }
        return addresses
    }

    /// An address of four or sixteen bytes in network order.
    ///
    /// - Parameters:
    ///   - network: the bytes of the address.
    ///   - port: the port.
    ///   - scope: the interface's number, for addresses that mean something on one interface only.
    init?(network: [UInt8], port: UInt16, scope: UInt32 = 0) {
        if network.count == 4 {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            withUnsafeMutableBytes(of: &address.sin_addr) { $0.copyBytes(from: network) }
            family = AF_INET
            bytes = withUnsafeBytes(of: address) { Array($0) }
        } else if network.count == 16 {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            address.sin6_scope_id = scope
            withUnsafeMutableBytes(of: &address.sin6_addr) { $0.copyBytes(from: network) }
            family = AF_INET6
            bytes = withUnsafeBytes(of: address) { Array($0) }
        } else {
            return nil
        }
    }

    private init(family: Int32, bytes: [UInt8]) {
        self.family = family
        self.bytes = bytes
    }

    /// The same host's other port; in both families the port follows the family's two bytes.
    func withPort(_ port: UInt16) -> SocketAddress {
        var copy = self
        copy.bytes[2] = UInt8(truncatingIfNeeded: port >> 8)
        copy.bytes[3] = UInt8(truncatingIfNeeded: port)
        return copy
    }

    /// The address without port and scope: four or sixteen bytes.
    var network: [UInt8] {
        family == AF_INET ? Array(bytes.dropFirst(4).prefix(4)) : Array(bytes.dropFirst(8).prefix(16))
    }

    /// Begins or makes a connection; the result of connect(2), with `errno` set.
    func connect(_ descriptor: Int32) -> Int32 {
        bytes.withUnsafeBytes { raw in
            guard let base = raw.baseAddress else { return -1 }
            return Glibc.connect(
                descriptor,
                base.assumingMemoryBound(to: sockaddr.self),
                socklen_t(raw.count)
            )
        }
    }
}

/// A connection to a TCP server.
struct TCPConnection: ~Copyable {
    private let descriptor: Int32
    private let name: String
    private let deadline: UInt64
    private let clock: any EdgeClock

    /// Connects to the first address of a host that answers.
    ///
    /// - Parameters:
    ///   - host: a name or an address.
    ///   - port: the port.
    ///   - deadline: when this and every later call gives up; monotonic nanoseconds.
    ///   - clock: the time source.
    /// - Throws: `ConnectionFailure` of the last address tried.
    init(host: String, port: Int, deadline: UInt64, clock: any EdgeClock) throws(ConnectionFailure) {
        let name = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        var failure = ConnectionFailure(name, code: EADDRNOTAVAIL)
        var connected: Int32 = -1
        for address in try SocketAddress.resolve(host, port: port) {
            do throws(ConnectionFailure) {
                connected = try TCPConnection.open(address, name, deadline, clock)
                break
            } catch {
                failure = error
            }
        }
        guard connected >= 0 else { throw failure }
        descriptor = connected
        self.name = name
        self.deadline = deadline
        self.clock = clock
    }

    deinit {
        close(descriptor)
    }

    /// Sends all bytes.
    func send(_ bytes: [UInt8]) throws(ConnectionFailure) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { raw in
                Glibc.send(descriptor, raw.baseAddress, raw.count, Int32(MSG_NOSIGNAL))
            }
            if count >= 0 {
                sent += count
            } else {
                let code = errno
                if code == EAGAIN {
                    try TCPConnection.wait(descriptor, POLLOUT, name, deadline, clock)
                } else if code != EINTR {
                    throw ConnectionFailure(name, code: code)
                }
            }
        }
    }

    /// Some bytes that came, at most 4 KiB; the other side's end is an error, since it is never the end of an answer.
    func receive() throws(ConnectionFailure) -> ArraySlice<UInt8> {
        var buffer = [UInt8](repeating: 0, count: 4 << 10)
        while true {
            let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            if count > 0 {
                // A server that never stops sending never lets poll look at the clock.
                guard clock.monotonicNanoseconds() < deadline else {
                    throw ConnectionFailure(name, code: ETIMEDOUT)
                }
                return buffer[..<count]
            }
            if count == 0 { throw ConnectionFailure(name, code: ECONNRESET) }
            let code = errno
            if code == EAGAIN {
                try TCPConnection.wait(descriptor, POLLIN, name, deadline, clock)
            } else if code != EINTR {
                throw ConnectionFailure(name, code: code)
            }
        }
    }

    private static func open(
        _ address: SocketAddress,
        _ name: String,
        _ deadline: UInt64,
        _ clock: any EdgeClock
    ) throws(ConnectionFailure) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(address.family, type, 0)
        guard descriptor >= 0 else { throw ConnectionFailure(name, code: errno) }
        do throws(ConnectionFailure) {
            if address.connect(descriptor) != 0 {
                let code = errno
                guard code == EINPROGRESS || code == EINTR else { throw ConnectionFailure(name, code: code) }
                try wait(descriptor, POLLOUT, name, deadline, clock)
                let result = pendingError(descriptor)
                guard result == 0 else { throw ConnectionFailure(name, code: result) }
            }
        } catch {
            close(descriptor)
            throw error
        }
        return descriptor
    }

    /// What became of a connect that was waited for; 0 when it succeeded.
    static func pendingError(_ descriptor: Int32) -> Int32 {
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0 ? code : errno
    }

    private static func wait(
        _ descriptor: Int32,
        _ event: Int32,
        _ name: String,
        _ deadline: UInt64,
        _ clock: any EdgeClock
    ) throws(ConnectionFailure) {
        while true {
            let now = clock.monotonicNanoseconds()
            guard now < deadline else { throw ConnectionFailure(name, code: ETIMEDOUT) }
            var entry = pollfd(fd: descriptor, events: Int16(truncatingIfNeeded: event), revents: 0)
            // Rounded up, or the last fraction of a millisecond would be spent spinning.
            let ready = poll(&entry, 1, Int32(clamping: (deadline - now) / 1_000_000 + 1))
            if ready > 0 { return }
            if ready < 0, errno != EINTR { throw ConnectionFailure(name, code: errno) }
        }
    }
}
