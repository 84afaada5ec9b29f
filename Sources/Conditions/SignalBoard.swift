// SPDX-License-Identifier: Apache-2.0
//
// Where signals are published and looked up. Publishers are few (sync, power, anomaly detection), readers ask a few
// times per second at most, so one lock over a small dictionary is all it takes.

public import Platform
internal import Synchronization

/// The named signals of this node.
public final class SignalBoard: Sendable {
    private struct Entry {
        var value: SignalValue
        var unit: String
        var published: UInt64
        var maximumAge: UInt64
    }

    private struct State {
        var entries: [String: Entry] = [:]
        var refused: UInt64 = 0
    }

    /// Names come from code and configuration, never from remote input; the bound only stops a mistake from growing.
    static let capacity = 256
    /// After this a signal is stale unless its publisher says otherwise.
    public static let defaultMaximumAge = Duration.seconds(300)

    private let clock: any EdgeClock
    private let state = Mutex(State())

    /// Creates an empty board that measures ages with the clock's monotonic time.
    public init(clock: any EdgeClock) {
        self.clock = clock
    }

    /// Publishes a signal's newest value in its base unit.
    ///
    /// A name beyond the board's 256 is refused and counted.
    public func publish(
        _ name: String,
        _ value: SignalValue,
        unit: String = "",
        maximumAge: Duration = SignalBoard.defaultMaximumAge
    ) {
        let now = clock.monotonicNanoseconds()
        let age = maximumAge.nanoseconds
        state.withLock { state in
            if state.entries[name] == nil, state.entries.count >= SignalBoard.capacity {
                state.refused += 1
                return
            }
            state.entries[name] = Entry(value: value, unit: unit, published: now, maximumAge: age)
        }
    }

    /// Forgets a signal, for a publisher that ends.
    public func withdraw(_ name: String) {
        state.withLock { _ = $0.entries.removeValue(forKey: name) }
    }

    /// A signal as it stands now, nil when it was never published.
    public func value(_ name: String) -> Signal? {
        let now = clock.monotonicNanoseconds()
        return state.withLock { $0.entries[name] }.map { SignalBoard.signal($0, now: now) }
    }

    /// All signals as they stand now, sorted by name.
    public func all() -> [(String, Signal)] {
        let now = clock.monotonicNanoseconds()
        let entries = state.withLock { $0.entries }
        return entries.sorted { $0.key < $1.key }.map { ($0.key, SignalBoard.signal($0.value, now: now)) }
    }

    /// Publications refused because the board was full.
    public var refused: UInt64 { state.withLock { $0.refused } }

    private static func signal(_ entry: Entry, now: UInt64) -> Signal {
        let age = now > entry.published ? now - entry.published : 0
        let isUnknown =
            switch entry.value {
            case .number(let number): number.isNaN
            case .text(let text): text.isEmpty
            }
        let quality: SignalQuality = isUnknown ? .unknown : age > entry.maximumAge ? .stale : .good
        return Signal(
            value: entry.value,
            unit: entry.unit,
            age: .nanoseconds(Int64(clamping: age)),
            quality: quality
        )
    }
}

extension Duration {
    /// Whole nanoseconds, never negative, clamped to UInt64.
    var nanoseconds: UInt64 {
        let parts = components
        guard parts.seconds >= 0, parts.attoseconds >= 0 else { return 0 }
        let (scaled, overflow) = UInt64(parts.seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflowSum) = scaled.addingReportingOverflow(UInt64(parts.attoseconds) / 1_000_000_000)
        return overflow || overflowSum ? .max : sum
    }
}
