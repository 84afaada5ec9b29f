// SPDX-License-Identifier: Apache-2.0

public import Samples

/// The health of disks, asked of smartctl.
public struct SmartConfig: Sendable, Equatable {
    /// Which power states of a disk are left alone; a disk in one of them is not asked, so it is not woken.
    public enum PowerMode: String, Sendable, CaseIterable {
        /// Every disk is asked.
        case never
        /// A sleeping disk is left alone.
        case sleep
        /// A disk that stands still is, too.
        case standby
        /// An idle one is, too.
        case idle
    }

    /// How often disks are asked.
    public var interval = Duration.seconds(300)
    /// The program.
    public var path = "/usr/sbin/smartctl"
    /// The disks, `device` or `device;type`; empty looks for them.
    public var devices: [String] = []
    /// Disks found that are not asked.
    public var exclude = HostPattern.none
    /// Which disks are left alone.
    public var powerMode = PowerMode.standby
    /// Further labels of all its series.
    public var labels = Labels()

    /// Creates the defaults.
    public init() {}
}
