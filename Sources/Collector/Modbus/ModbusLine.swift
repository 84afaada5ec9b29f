// SPDX-License-Identifier: Apache-2.0
//
// Units behind one address share a line: one connection, and one lane on which their passes run one after the other,
// since a gateway or a serial line behind it answers one request at a time anyway.

internal import Platform
internal import Synchronization

/// A connection shared by the units behind it.
final class ModbusLine: Sendable {
    /// `host:port`.
    let address: String
    private let lane: BlockingQueue
    private let link: Mutex<ModbusTCPLink>

    init(host: String, port: Int, clock: any EdgeClock) {
        address = ModbusLines.address(host, port)
        lane = BlockingQueue(label: "edgewatch.modbus")
        link = Mutex(ModbusTCPLink(host: host, port: port, clock: clock))
    }

    /// Runs blocking work with the connection, after what was handed in before.
    func run(_ body: @escaping @Sendable (ModbusTCPLink) -> Void) async {
        try? await lane.run { [self] in link.withLock { body($0) } }
    }
}

/// The lines in use, by address.
final class ModbusLines: Sendable {
    private struct Reference {
        weak var line: ModbusLine?
    }

    private let clock: any EdgeClock
    private let lines = Mutex<[String: Reference]>([:])

    init(clock: any EdgeClock) {
        self.clock = clock
    }

    /// The line to an address: the one other units use already, or a new one.
    func line(host: String, port: Int) -> ModbusLine {
        lines.withLock { lines in
            lines = lines.filter { $0.value.line != nil }
            let address = ModbusLines.address(host, port)
            if let known = lines[address]?.line { return known }
            let fresh = ModbusLine(host: host, port: port, clock: clock)
            lines[address] = Reference(line: fresh)
            return fresh
        }
    }

    static func address(_ host: String, _ port: Int) -> String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
