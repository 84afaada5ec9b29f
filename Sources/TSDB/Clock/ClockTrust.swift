// SPDX-License-Identifier: Apache-2.0
//
// Whether the wall clock can be believed. A gateway without a battery-backed clock starts in 1970, or where it was
// switched off, and is set right when the network comes. Until then rows are provisional: stored and shown with the
// time the clock says, but neither sealed nor shipped, and moved by the clock's error once that is known
// (Store+Clock.swift).
//
// The clock is trusted when the kernel says that something keeps it right; or when it is neither before this release
// was made nor before the newest row stored; or when it says something possible for an hour, because then an
// operator set it or nobody will. Trust once given stays: what happens to a trusted clock is a jump, not an error.

/// Decides whether rows are provisional.
struct ClockTrust: Sendable, Equatable {
    /// How long a possible time must be shown before it is believed although something newer is stored.
    static let patience: UInt64 = 3_600_000_000_000

    /// Where wall time and monotonic time stood when they were read together.
    struct Reading: Sendable, Equatable {
        var wall: Int64
        var monotonic: UInt64

        /// Wall time when the monotonic clock was 0, in milliseconds: equal for two readings unless the clock was set.
        var origin: Int64 { wall &- Int64(clamping: monotonic / 1_000_000) }
    }

    private(set) var isTrusted = false
    /// The release was made then; no true time is before it.
    private let release: Int64
    /// The newest row stored when the store was opened.
    private let newest: Int64
    private var first: Reading?

    /// - Parameters:
    ///   - release: when this release was made, in milliseconds since 1970.
    ///   - newest: the newest row stored; nil when there is none.
    init(release: Int64, newest: Int64?) {
        self.release = release
        self.newest = newest ?? release
    }

    /// Looks at the clock; returns whether it is trusted now.
    mutating func look(_ reading: Reading, isSynchronized: Bool) -> Bool {
        if isTrusted { return true }
        if first.map({ abs($0.origin &- reading.origin) > ClockTrust.tolerance }) ?? true { first = reading }
        let shown = reading.monotonic &- (first?.monotonic ?? reading.monotonic)
        isTrusted =
            reading.wall >= release
            && (isSynchronized || reading.wall >= newest || shown >= ClockTrust.patience)
        return isTrusted
    }

    /// Less than this is slewing and rounding, in milliseconds.
    static let tolerance: Int64 = 500
}
