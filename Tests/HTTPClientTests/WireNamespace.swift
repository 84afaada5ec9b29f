// SPDX-License-Identifier: Apache-2.0
//
// A client in a network namespace of its own, so that an interface's counters are its traffic and nothing else:
//
//     client ── emulator (delay, loss) ── server
//
// Made with iproute2; needs root. Offloads are off: with them one counted packet is many on a wire.

import Foundation
import Synchronization
import Testing

@testable import HTTPClient

final class WireNamespace: Sendable {
    static let emulator = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "../shared/faults/netemu.py").standardizedFileURL.path

    /// Whether namespaces can be made here; says so when not.
    static let isPossible: Bool = {
        let missing =
            getuid() != 0
            ? "root"
            : ["/usr/sbin/ip", "/usr/bin/python3", emulator]
                .first {
                    !FileManager.default.isExecutableFile(atPath: $0)
                        && !FileManager.default.fileExists(atPath: $0)
                }
        if let missing {
            print("SKIPPED: bytes on the wire are not compared with an interface's counters: no \(missing)")
            return false
        }
        // Root of a container may not be allowed to.
        let probe = Process()
        probe.executableURL = URL(fileURLWithPath: "/bin/sh")
        let name = "ewprobe\(getpid())"
        probe.arguments = [
            "-c",
            "ip netns add \(name) && ip -n \(name) link add ew0 type veth peer name ew1; s=$?; ip netns del \(name); exit $s",
        ]
        probe.standardError = FileHandle.nullDevice
        try? probe.run()
        probe.waitUntilExit()
        guard probe.terminationStatus == 0 else {
            print(
                "SKIPPED: bytes on the wire are not compared with an interface's counters: no network namespaces"
            )
            return false
        }
        return true
    }()

    let name: String
    let loop: TransferLoop
    let counts = WireCounts()
    private let processes = Mutex<[Process]>([])

    static let serverAddress = "10.77.0.2"

    init(delay: Int, loss: Int) throws {
        name = "ew\(UInt32.random(in: 0...0xff_ffff))"
        loop = TransferLoop(userAgent: "test", counts: counts)
        let (client, middle, server) = ("\(name)c", "\(name)m", "\(name)s")
        try Self.shell(
            """
            for n in \(client) \(middle) \(server); do
              ip netns add $n
              ip netns exec $n sh -c 'for f in all default; do echo 1 > /proc/sys/net/ipv6/conf/$f/disable_ipv6; done' || true
            done
            ip link add c0 netns \(client) type veth peer name c1 netns \(middle)
            ip link add s0 netns \(server) type veth peer name s1 netns \(middle)
            ip -n \(client) addr add 10.77.0.1/24 dev c0
            ip -n \(server) addr add 10.77.0.2/24 dev s0
            cat > /tmp/\(name).py <<'P'
            import ctypes, fcntl, socket, struct, sys
            for name in sys.argv[1:]:
                for command in (0x17, 0x1f, 0x24, 0x2c):  # transmit checksum, TSO, GSO, GRO
                    value = ctypes.create_string_buffer(struct.pack("II", command, 0))
                    request = struct.pack("16sP", name.encode(), ctypes.addressof(value)) + bytes(8)
                    fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0x8946, request)
            P
            ip netns exec \(client) python3 /tmp/\(name).py c0
            ip netns exec \(middle) python3 /tmp/\(name).py c1 s1
            ip netns exec \(server) python3 /tmp/\(name).py s0
            rm /tmp/\(name).py
            for l in "\(client) c0" "\(middle) c1" "\(middle) s1" "\(server) s0"; do
              set -- $l; ip -n $1 link set $2 up
            done
            mac=$(ip -n \(server) -br link show s0 | awk '{print $3}')
            ip -n \(client) neigh add 10.77.0.2 lladdr $mac dev c0 nud permanent
            mac=$(ip -n \(client) -br link show c0 | awk '{print $3}')
            ip -n \(server) neigh add 10.77.0.1 lladdr $mac dev s0 nud permanent
            """
        )
        try start(middle, [Self.emulator, "c1", "s1", "\(delay)", "\(loss)"])
        // Ready with a packet socket on each side, one line each after the heading.
        while try Self.shell("ip netns exec \(middle) cat /proc/net/packet").split(separator: "\n").count < 3
        {
            Thread.sleep(forTimeInterval: 0.02)
        }
    }

    func end() {
        loop.stop()
        for process in processes.withLock({ $0 }) {
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        for suffix in ["c", "m", "s"] { _ = try? Self.shell("ip netns del \(name)\(suffix)") }
    }

    /// Runs Python in a namespace; gives its first line where it is asked for.
    @discardableResult
    func start(_ namespace: String, _ arguments: [String], awaitsLine: Bool = false) throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/sbin/ip")
        process.arguments = ["netns", "exec", namespace, "python3"] + arguments
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        processes.withLock { $0.append(process) }
        guard awaitsLine else { return "" }
        return String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    }

    /// Sends from within the namespace.
    func send(_ request: HTTPClientRequest) async -> Result<HTTPClientResponse, HTTPClientError> {
        await withCheckedContinuation { continuation in
            // The loop's thread is made by whoever submits first, and threads inherit the namespace.
            Thread { [self] in
                enter()
                loop.submit(request, ticket: loop.newTicket()) { continuation.resume(returning: $0) }
            }.start()
        }
    }

    /// Moves the calling thread into the client's namespace.
    private func enter() {
        typealias Enter = @convention(c) (Int32, Int32) -> Int32
        let handle = open("/var/run/netns/\(name)c", O_RDONLY)
        defer { close(handle) }
        guard let symbol = dlsym(nil, "setns") else {
            Issue.record("no setns")
            return
        }
        // CLONE_NEWNET
        #expect(unsafeBitCast(symbol, to: Enter.self)(handle, 0x4000_0000) == 0)
    }

    /// Bytes and packets of the client's interface.
    func interface() throws -> WireCharge {
        let text = try Self.shell("ip netns exec \(name)c cat /proc/net/dev")
        let line = try #require(text.split(separator: "\n").first { $0.contains("c0:") })
        let fields = line.split(separator: ":")[1].split(separator: " ").compactMap { Int64($0) }
        return WireCharge(
            sent: fields[8],
            received: fields[0],
            segmentsSent: fields[9],
            segmentsReceived: fields[1]
        )
    }

    /// The counters once nothing is under way any more, ours and the interface's.
    func settled() throws -> (ours: WireCharge, interface: WireCharge) {
        var last: (WireCharge, WireCharge)?
        var quiet = 0
        while true {
            var ours = WireCharge()
            for count in counts.all() {
                ours.sent += count.sent
                ours.received += count.received
                ours.segmentsSent += count.segmentsSent
                ours.segmentsReceived += count.segmentsReceived
            }
            let interface = try interface()
            quiet = last.map { $0 == (ours, interface) } == true ? quiet + 1 : 0
            if quiet == 5 { return (ours, interface) }
            last = (ours, interface)
            Thread.sleep(forTimeInterval: 0.1)
        }
    }

    @discardableResult
    static func shell(_ script: String) throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-ec", script]
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(script)")
        return text
    }
}
