// SPDX-License-Identifier: Apache-2.0

internal import Glibc
public import Samples

/// How far local wall time is ahead of UTC, replaceable by tests.
public struct LocalOffset: Sendable {
    private let seconds: @Sendable (Timestamp) -> Int64

    /// Wraps a function from a time to the offset in seconds then in force.
    public init(_ seconds: @escaping @Sendable (Timestamp) -> Int64) {
        self.seconds = seconds
    }

    /// The offset in seconds at a time.
    public func callAsFunction(at time: Timestamp) -> Int64 { seconds(time) }

    /// The machine's time zone (`TZ`, `/etc/localtime`).
    public static let system = LocalOffset { time in
        var seconds = time_t(time.milliseconds / 1000)
        var parts = tm()
        guard localtime_r(&seconds, &parts) != nil else { return 0 }
        return Int64(parts.tm_gmtoff)
    }

    /// No offset.
    public static let utc = LocalOffset { _ in 0 }
}
