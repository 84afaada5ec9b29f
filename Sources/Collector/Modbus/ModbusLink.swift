// SPDX-License-Identifier: Apache-2.0

internal import Config

/// Why a request brought no registers.
enum ModbusFailure: Error, Equatable {
    /// The unit answered with an exception code (Modbus Application Protocol 1.1b3, section 7).
    case exception(Int)
    /// No answer in time.
    case timeout
    /// No connection, or it broke.
    case connection(String)
    /// An answer that is not one to the request.
    case nonsense(String)

    /// The failure in words.
    var words: String {
        switch self {
        case .exception(let code):
            ModbusFailure.exceptionWords[code].map { "exception \(code): \($0)" } ?? "exception \(code)"
        case .timeout: "no answer in time"
        case .connection(let reason): reason
        case .nonsense(let reason): "unusable answer: \(reason)"
        }
    }

    /// The kind of failure, for a label.
    var kind: String {
        switch self {
        case .exception: "exception"
        case .timeout: "timeout"
        case .connection: "connection"
        case .nonsense: "nonsense"
        }
    }

    private static let exceptionWords = [
        1: "illegal function", 2: "illegal data address", 3: "illegal data value", 4: "server device failure",
        5: "acknowledge", 6: "server device busy", 8: "memory parity error", 10: "gateway path unavailable",
        11: "gateway target device failed to respond",
    ]
}

/// One request for neighbouring registers or bits.
struct ModbusRequest: Equatable {
    var unit: Int
    var table: ModbusRegisterConfig.Table
    var start: Int
    var count: Int
    var timeout: Duration
}

/// A way to ask Modbus units, one request at a time; blocks.
protocol ModbusLink: AnyObject {
    /// The registers, or the bits as 0 and 1.
    func read(_ request: ModbusRequest) throws(ModbusFailure) -> [UInt16]
    /// Waits before a busy unit is asked again.
    func wait(_ duration: Duration)
}
