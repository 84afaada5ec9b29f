// SPDX-License-Identifier: Apache-2.0
//
// Time that has certainly passed, and the date that is believed, for budgets: a clock that jumps must not make
// yesterday's spending forgotten. While the machine runs, the clock that counts since its start is exact. Over a restart
// only the wall clock is left: it counts forward, and back as nothing. Time off that no clock has seen never counts, so a
// device without a battery may take yesterday's spending for today's, and never the other way.
//
// The date goes on with the time that passed. Another one is believed only from a clock that something keeps right.

/// What the clocks say at one moment.
struct ClockReading: Sendable, Equatable {
    /// Names the machine's start; 0 when unknown.
    var boot: UInt64
    /// Nanoseconds since then.
    var monotonic: UInt64
    /// Milliseconds since 1970.
    var wall: Int64
    /// Whether something keeps the wall clock right.
    var isTrusted: Bool
}

struct CertainTime: Sendable {
    /// How far a trusted wall clock may be from the date that was believed for that not to have been wrong.
    static let tolerance: Int64 = 3_600_000

    /// Nanoseconds since the first reading, at least.
    private(set) var elapsed: UInt64
    /// The machine's start at the newest reading, and the time since; nil before the first.
    private(set) var last: (boot: UInt64, monotonic: UInt64)?
    /// The date that is believed, in milliseconds since 1970.
    private(set) var date: Int64
    /// The furthest any wall clock has been, carried on by the time that passed.
    ///
    /// Over a restart only what is beyond counts.
    private(set) var horizon: Int64

    init() {
        (elapsed, last, date, horizon) = (0, nil, 0, 0)
    }

    /// Goes on from what was kept.
    init(elapsed: UInt64, boot: UInt64, monotonic: UInt64, date: Int64, horizon: Int64) {
        (self.elapsed, last) = (elapsed, (boot, monotonic))
        (self.date, self.horizon) = (Self.sane(date), Self.sane(horizon))
    }

    /// No clock says millennia; what one says cannot overflow a sum.
    private static func sane(_ milliseconds: Int64) -> Int64 {
        max(-(1 << 52), min(1 << 52, milliseconds))
    }

    /// Takes a newer reading.
    ///
    /// - Parameter reading: what the clocks say.
    /// - Returns: true when the date moved by more than the time that passed.
    mutating func advance(to reading: ClockReading) -> Bool {
        let wall = Self.sane(reading.wall)
        defer { last = (reading.boot, reading.monotonic) }
        guard let last else {
            (date, horizon) = (wall, wall)
            return false
        }
        var isBelieved = reading.isTrusted
        if reading.boot == last.boot {
            if reading.monotonic > last.monotonic { pass(reading.monotonic - last.monotonic) }
        } else {
            if wall > horizon { pass(UInt64(wall - horizon) * 1_000_000) }
            isBelieved = isBelieved || wall > date
        }
        horizon = reading.isTrusted ? wall : max(horizon, wall)
        guard isBelieved else { return false }
        defer { date = wall }
        return abs(wall - date) > Self.tolerance
    }

    private mutating func pass(_ nanoseconds: UInt64) {
        let (sum, isOver) = elapsed.addingReportingOverflow(nanoseconds)
        elapsed = isOver ? .max : sum
        let milliseconds = Int64(clamping: nanoseconds / 1_000_000)
        date = Self.sane(date + milliseconds)
        horizon = Self.sane(horizon + milliseconds)
    }
}
