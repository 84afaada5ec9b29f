// SPDX-License-Identifier: Apache-2.0
//
// A point of wall-clock time as Prometheus counts it: whole milliseconds since 1970, UTC. Columns of samples
// hold the bare Int64; a single time in an interface is a `Timestamp`.

/// A point in time in milliseconds since 1970-01-01 UTC.
public struct Timestamp: Sendable, Hashable, Comparable {
    /// Milliseconds since 1970-01-01 UTC.
    public var milliseconds: Int64

    /// Creates a time from milliseconds since 1970-01-01 UTC.
    @inlinable
    public init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// Seconds since 1970, with the milliseconds as fraction.
    @inlinable
    public var seconds: Double { Double(milliseconds) / 1000 }

    /// The earliest representable time.
    public static let min = Timestamp(milliseconds: .min)
    /// The latest representable time.
    public static let max = Timestamp(milliseconds: .max)

    /// Order as the type documents it.
    @inlinable
    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.milliseconds < right.milliseconds
    }

    /// This time plus a number of milliseconds, clamped to the representable range.
    @inlinable
    public func advanced(byMilliseconds delta: Int64) -> Timestamp {
        let (sum, overflow) = milliseconds.addingReportingOverflow(delta)
        return Timestamp(milliseconds: overflow ? (delta < 0 ? .min : .max) : sum)
    }
}

extension Duration {
    /// The duration in whole milliseconds, rounded toward zero and clamped to Int64.
    public var milliseconds: Int64 {
        let parts = components
        let (scaled, overflow) = parts.seconds.multipliedReportingOverflow(by: 1000)
        if overflow { return parts.seconds < 0 ? .min : .max }
        let (sum, overflowSum) = scaled.addingReportingOverflow(parts.attoseconds / 1_000_000_000_000_000)
        return overflowSum ? (scaled < 0 ? .min : .max) : sum
    }

    /// The duration in seconds as a floating-point number.
    public var inSeconds: Double {
        let parts = components
        return Double(parts.seconds) + Double(parts.attoseconds) / 1e18
    }
}
