// SPDX-License-Identifier: Apache-2.0

public import Samples

/// What is known of one Modbus unit.
public struct ModbusStatus: Sendable, Equatable {
    /// The configured name.
    public var name: String
    /// The server's `host:port`.
    public var address: String
    /// The unit identifier.
    public var unit: Int
    /// Whether the last pass brought anything; nil before the first.
    public var isUp: Bool?
    /// Why the last pass failed, wholly or in part; empty when it did not.
    public var lastError = ""
    /// When it was last asked.
    public var lastRead: Timestamp?
    /// How long that took.
    public var lastDuration = Duration.zero
    /// Whether the unit is asked less often because it did not answer.
    public var isSpared = false
    /// Requests of the last pass.
    public var requests = 0
    /// Registers of the configuration that the unit does not have, by metric and address.
    public var unsupported: [String] = []
}
