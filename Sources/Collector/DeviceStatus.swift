// SPDX-License-Identifier: Apache-2.0
//
// How the devices do that edgewatch asks itself: what a scrape target's health is for targets. A pass may block for as long
// as its device likes, so sources keep this apart from what they hold during a pass.

public import Samples

/// What is known of one device.
public struct DeviceStatus: Sendable, Equatable {
    /// What kind of device it is.
    public enum Kind: String, Sendable {
        /// A unit that speaks Modbus.
        case modbus
        /// A server of Network UPS Tools.
        case nut
        /// An uninterruptible power supply of such a server.
        case ups
        /// A disk, asked with smartctl.
        case disk
    }

    /// What kind of device it is.
    public var kind: Kind
    /// Its configured name, or the one it was found under.
    public var name: String
    /// Where it is: `host:port`, a path.
    public var address: String
    /// Whether it answered the last time; nil before the first time.
    public var isUp: Bool?
    /// Why it did not; empty when it did.
    public var lastError = ""
    /// When it was asked last.
    public var lastRead: Timestamp?
}

/// A source that knows how devices do.
protocol DeviceSource: CollectorSource {
    /// The devices of the last pass; never waits for one.
    var devices: [DeviceStatus] { get }
}
