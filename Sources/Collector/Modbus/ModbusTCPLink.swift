// SPDX-License-Identifier: Apache-2.0
//
// Modbus TCP through libmodbus, whose calls block: only ever used on the line's own lane. libmodbus checks
// transaction, unit and function of an answer; after a timeout or an answer to something else the connection is
// dropped, so that a late reply cannot be taken for the next one's.

internal import CModbus
internal import Config
internal import Glibc
internal import Platform

/// One connection to a Modbus TCP server or gateway.
final class ModbusTCPLink: ModbusLink {
    /// libmodbus waits with select(2), which must not be given a descriptor from here on.
    private static let selectLimit: Int32 = 1024
    /// After a failed connect the other units of the line do not try again at once: each would wait for its timeout.
    private static let pauseAfterFailedConnect: UInt64 = 2_000_000_000

    private let host: String
    private let port: Int
    private let clock: any EdgeClock
    private var context: OpaquePointer?
    private var refusesUntil: UInt64 = 0
    private var refusal = ""
    private var words = [UInt16](repeating: 0, count: Int(MODBUS_MAX_READ_REGISTERS))
    private var bits = [UInt8](repeating: 0, count: Int(MODBUS_MAX_READ_BITS))

    init(host: String, port: Int, clock: any EdgeClock) {
        self.host = host
        self.port = port
        self.clock = clock
    }

    deinit {
        disconnect()
    }

    func read(_ request: ModbusRequest) throws(ModbusFailure) -> [UInt16] {
        let wasConnected = context != nil
        do {
            return try readOnce(request)
        } catch {
            // A server may have closed the idle connection; the first request of a pass finds out.
            guard wasConnected, case .connection = error else { throw error }
            return try readOnce(request)
        }
    }

    func wait(_ duration: Duration) {
        usleep(UInt32(clamping: duration.components.attoseconds / 1_000_000_000_000))
    }

    private func readOnce(_ request: ModbusRequest) throws(ModbusFailure) -> [UInt16] {
        let context = try connected(timeout: request.timeout)
        guard modbus_set_slave(context, Int32(request.unit)) == 0 else {
            throw .nonsense("unit \(request.unit) cannot be asked")
        }
        let start = Int32(request.start)
        let count = Int32(request.count)
        let got =
            switch request.table {
            case .holding: modbus_read_registers(context, start, count, &words)
            case .input: modbus_read_input_registers(context, start, count, &words)
            case .coil: modbus_read_bits(context, start, count, &bits)
            case .discrete: modbus_read_input_bits(context, start, count, &bits)
            }
        guard got == count else { throw failure(code: errno) }
        switch request.table {
        case .holding, .input: return Array(words[..<request.count])
        case .coil, .discrete: return bits[..<request.count].map { UInt16($0) }
        }
    }

    private func connected(timeout: Duration) throws(ModbusFailure) -> OpaquePointer {
        if let context {
            setTimeout(context, timeout)
            return context
        }
        guard clock.monotonicNanoseconds() >= refusesUntil else { throw .connection(refusal) }
        let probe = open("/dev/null", O_RDONLY | O_CLOEXEC)
        if probe >= 0 { close(probe) }
        guard probe >= 0, probe < ModbusTCPLink.selectLimit else {
            throw .connection("too many open files for libmodbus")
        }
        guard let fresh = modbus_new_tcp_pi(host, String(port)) else {
            throw .connection("not an address: \(host):\(port)")
        }
        setTimeout(fresh, timeout)
        guard modbus_connect(fresh) == 0 else {
            let code = errno
            modbus_free(fresh)
            refusal = "cannot connect to \(host):\(port): \(ModbusTCPLink.words(code))"
            refusesUntil = clock.monotonicNanoseconds() &+ ModbusTCPLink.pauseAfterFailedConnect
            throw .connection(refusal)
        }
        context = fresh
        return fresh
    }

    private func setTimeout(_ context: OpaquePointer, _ timeout: Duration) {
        let parts = timeout.components
        let seconds = UInt32(clamping: parts.seconds)
        let microseconds = UInt32(clamping: parts.attoseconds / 1_000_000_000_000)
        // libmodbus takes zero for an error.
        modbus_set_response_timeout(context, seconds, seconds == 0 ? max(1, microseconds) : microseconds)
        modbus_set_byte_timeout(context, seconds, seconds == 0 ? max(1, microseconds) : microseconds)
    }

    private func failure(code: Int32) -> ModbusFailure {
        let exception = Int(code) - Int(MODBUS_ENOBASE)
        // libmodbus' own errors follow the protocol's eleven exceptions.
        if (1...11).contains(exception) { return .exception(exception) }
        disconnect()
        if code == ETIMEDOUT { return .timeout }
        if exception > 11, exception < 32 { return .nonsense(ModbusTCPLink.words(code)) }
        return .connection(ModbusTCPLink.words(code))
    }

    private func disconnect() {
        guard let context else { return }
        modbus_close(context)
        modbus_free(context)
        self.context = nil
    }

    private static func words(_ code: Int32) -> String {
        modbus_strerror(code).map { String(cString: $0) } ?? ErrorNumber.words(code)
    }
}
