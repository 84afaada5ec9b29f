// SPDX-License-Identifier: Apache-2.0
//
// Time as a parameter. Wall time stamps samples; everything that measures a span (timeouts, backoff, `for:`)
// uses the monotonic clock, which no NTP step moves.

internal import CPlatform
internal import Glibc
internal import Synchronization

/// Wall time, monotonic time and sleeping, replaceable by tests.
public protocol EdgeClock: Sendable {
    /// Milliseconds since 1970 UTC, by the wall clock.
    func wallMilliseconds() -> Int64
    /// Nanoseconds since some fixed point; never goes back, counts through suspend.
    func monotonicNanoseconds() -> UInt64
    /// Sleeps; returns early by throwing `CancellationError` when the task is cancelled.
    func sleep(for duration: Duration) async throws
    /// Whether the kernel says that something (NTP, PTP, GPS) keeps the wall clock right.
    func isSynchronized() -> Bool
    /// Names the time since the machine started: `monotonicNanoseconds` of two processes compare only within one.
    func bootIdentifier() -> UInt64
}

/// The kernel's clocks.
public struct SystemClock: EdgeClock {
    /// Creates the clock.
    public init() {}

    /// Milliseconds since 1970 UTC.
    public func wallMilliseconds() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// Nanoseconds that never go back.
    public func monotonicNanoseconds() -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_BOOTTIME, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Sleeps; cancellation ends it early.
    public func sleep(for duration: Duration) async throws {
        try await Task.sleep(for: duration)
    }

    /// Whether the kernel's clock is disciplined (adjtimex without STA_UNSYNC).
    public func isSynchronized() -> Bool {
        ew_clock_is_synchronized() == 1
    }

    /// The kernel's random boot identifier, folded to 64 bits; 0 where there is none.
    public func bootIdentifier() -> UInt64 {
        guard let text = try? TextFile.read("/proc/sys/kernel/random/boot_id") else { return 0 }
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text where byte != UInt8(ascii: "\n") {
            hash = (hash ^ UInt64(byte)) &* 0x0100_0000_01b3
        }
        return hash
    }
}

/// A clock that moves only when told to.
public final class ManualClock: EdgeClock {
    private struct State {
        var wall: Int64
        var monotonic: UInt64
        var isSynchronized = true
        var boot: UInt64 = 1
    }

    private let state: Mutex<State>

    /// Starts at a wall time in milliseconds since 1970.
    public init(wallMilliseconds: Int64) {
        state = Mutex(State(wall: wallMilliseconds, monotonic: 1_000_000_000))
    }

    /// Milliseconds since 1970 UTC.
    public func wallMilliseconds() -> Int64 { state.withLock { $0.wall } }

    /// Nanoseconds that never go back.
    public func monotonicNanoseconds() -> UInt64 { state.withLock { $0.monotonic } }

    /// Moves both clocks forward by a number of milliseconds.
    public func advance(milliseconds: Int64) {
        state.withLock {
            $0.wall += milliseconds
            $0.monotonic += UInt64(max(0, milliseconds)) * 1_000_000
        }
    }

    /// What the kernel would say.
    public func isSynchronized() -> Bool { state.withLock { $0.isSynchronized } }

    /// The machine's start.
    public func bootIdentifier() -> UInt64 { state.withLock { $0.boot } }

    /// Says whether something keeps the clock right.
    public func setSynchronized(_ isSynchronized: Bool) {
        state.withLock { $0.isSynchronized = isSynchronized }
    }

    /// Starts the machine again, with this on the wall clock.
    public func reboot(wallMilliseconds: Int64) {
        state.withLock {
            $0.boot += 1
            $0.wall = wallMilliseconds
            $0.monotonic = 1_000_000_000
        }
    }

    /// Sets the wall clock alone, as NTP or an operator does.
    public func step(toWallMilliseconds wall: Int64) {
        state.withLock { $0.wall = wall }
    }

    /// Advances the clock by the duration and yields, so that loops under test run without waiting.
    public func sleep(for duration: Duration) async throws {
        try Task.checkCancellation()
        let parts = duration.components
        advance(milliseconds: parts.seconds * 1000 + parts.attoseconds / 1_000_000_000_000_000)
        await Task.yield()
    }
}
