// SPDX-License-Identifier: Apache-2.0

public import Samples

/// How a destination is doing, for the API and the page.
public struct DestinationStatus: Sendable, Equatable {
    /// What a destination is busy with.
    public enum State: String, Sendable {
        /// All samples are delivered, or nothing was tried yet.
        case idle
        /// Samples wait and are being delivered.
        case delivering
        /// The destination does not answer or asks to wait; samples are kept and tried again.
        case retrying
        /// The destination refuses us (credentials, path, certificate); samples are kept and tried now and then.
        case refused
    }

    /// The destination's unique name.
    public var name: String
    /// Where it is, without credentials and query.
    public var url: String
    /// The age of the oldest sample not yet delivered; 0 when there is none.
    public var backlogSeconds: Double
    /// Rows of the log not yet delivered.
    public var backlogRows: UInt64
    /// When it last accepted something.
    public var lastSuccess: Timestamp?
    /// What went wrong at the last attempt that failed, nil after a success.
    public var lastError: String?
    /// Samples accepted since the process started.
    public var sentSamples: UInt64
    /// Samples given up since the process started because they were rejected, too old or too large.
    public var droppedSamples: UInt64
    /// Rows that left the store's ring before they were delivered, since the process started.
    public var lostRows: UInt64
    /// What it is busy with.
    public var state: State
}
