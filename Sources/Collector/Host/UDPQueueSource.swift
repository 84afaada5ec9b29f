// SPDX-License-Identifier: Apache-2.0
//
// Bytes that wait in the queues of UDP sockets, summed over all: the fifth column of /proc/net/udp and udp6 is
// `send:receive` in hexadecimal (proc_net(5)).

internal import Samples

/// node_udp_queues.
struct UDPQueueSource: HostSource {
    private static let queues = Family(
        "node_udp_queues",
        .gauge,
        "Bytes waiting in the queues of UDP sockets.",
        labels: ["queue", "ip"],
        class: .detailedPerformance
    )

    private let files = [
        (file: KernelFile(proc: "/net/udp"), version: "v4"),
        (file: KernelFile(proc: "/net/udp6"), version: "v6"),
    ]

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        var found = false
        for (file, version) in files {
            guard kernel.tryLoad(file) else { continue }
            found = true
            var text = kernel.scanner
            _ = text.nextLine()
            var sent: UInt64 = 0
            var received: UInt64 = 0
            while let line = text.nextLine() {
                guard let (transmit, receive) = SocketLine.queues(line) else { continue }
                sent &+= transmit
                received &+= receive
            }
            pass.add(UDPQueueSource.queues, Double(sent), "tx", version)
            pass.add(UDPQueueSource.queues, Double(received), "rx", version)
        }
        if !found { throw .absent }
    }
}

/// A line of /proc/net/udp or tcp: `slot: local remote state send:receive …`.
enum SocketLine {
    /// The bytes in the socket's queues, nil when the line has none.
    static func queues(_ line: TextScanner) -> (transmit: UInt64, receive: UInt64)? {
        var fields = line
        for _ in 0..<4 { guard fields.nextField() != nil else { return nil } }
        guard let pair = fields.nextField(), let colon = pair.firstIndex(of: UInt8(ascii: ":")),
            let transmit = KernelNumber.hexadecimal(pair[..<colon]),
            let receive = KernelNumber.hexadecimal(pair[(colon + 1)...])
        else { return nil }
        return (transmit, receive)
    }

    /// The socket's state, nil when the line has none.
    static func state(_ line: TextScanner) -> UInt64? {
        var fields = line
        for _ in 0..<3 { guard fields.nextField() != nil else { return nil } }
        return fields.nextField().flatMap { KernelNumber.hexadecimal($0) }
    }
}
