// SPDX-License-Identifier: Apache-2.0
//
// TCP connections by state, and what waits in their queues, from /proc/net/tcp and tcp6. node_exporter asks netlink for
// the same and leaves out the states it does not see; here every state has its series, so that none ends at zero. Off
// unless switched on, for the kernel writes a line for each connection.

internal import Samples

/// node_tcp_connection_states.
struct TCPStateSource: HostSource {
    private static let states = Family(
        "node_tcp_connection_states",
        .gauge,
        "TCP connections in this state; bytes for the two queues.",
        labels: ["state"],
        class: .detailedPerformance
    )
    /// In the kernel's order, from 1 (include/net/tcp_states.h).
    private static let names = [
        "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait", "close", "close_wait",
        "last_ack", "listen", "closing",
    ]

    private let file = KernelFile(proc: "/net/tcp")
    private let file6 = KernelFile(proc: "/net/tcp6")

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        var counts = [11 of UInt64](repeating: 0)
        var sent: UInt64 = 0
        var received: UInt64 = 0
        try kernel.load(file)
        for isSecond in [false, true] {
            // A kernel without IPv6 has no such file.
            if isSecond, !kernel.tryLoad(file6) { break }
            var text = kernel.scanner
            _ = text.nextLine()
            while let line = text.nextLine() {
                guard let state = SocketLine.state(line), let (transmit, receive) = SocketLine.queues(line)
                else {
                    continue
                }
                sent &+= transmit
                received &+= receive
                if state >= 1, state <= 11 { counts[Int(state) - 1] += 1 }
            }
        }
        for (index, name) in TCPStateSource.names.enumerated() {
            pass.add(TCPStateSource.states, Double(counts[index]), name)
        }
        pass.add(TCPStateSource.states, Double(received), "rx_queued_bytes")
        pass.add(TCPStateSource.states, Double(sent), "tx_queued_bytes")
    }
}
