// SPDX-License-Identifier: Apache-2.0
//
// When a source runs. Ticks lie on a grid of the wall clock, shifted per source, so that a fleet of targets is spread
// over the interval and a restart keeps everybody's place. Waiting is measured by the monotonic clock: a stepped wall
// clock moves the next tick, it never makes a source wait for the clock to come back.
//
// A tick that passed while the source was busy, or the machine asleep, is counted and not made up for: samples of the
// past cannot be collected later.

internal import Samples

/// The ticks of one source.
struct Schedule: Equatable {
    /// A tick that came.
    struct Tick: Equatable {
        /// The time the pass stands for: the grid's, when it is within the jitter of a timer.
        var time: Timestamp
        /// Ticks that passed unseen.
        var missed: Int
    }

    /// Timers are late by a millisecond or two; Prometheus snaps to the grid within the same bound.
    private static let jitter: Int64 = 2
    /// A timer may also fire a little early.
    private static let early: UInt64 = 500_000

    private let spread: UInt64
    private var interval: Int64
    /// The time the next tick stands for, milliseconds.
    private(set) var dueWall: Int64
    /// When to run; monotonic nanoseconds.
    private(set) var due: UInt64

    /// Plans the first tick.
    ///
    /// - Parameters:
    ///   - spread: any number that is the source's own; decides the place in the interval.
    ///   - interval: time between ticks.
    ///   - isImmediate: whether the first tick is now rather than at the source's place in the interval.
    ///   - wall: the wall clock in milliseconds.
    ///   - now: the monotonic clock in nanoseconds.
    init(spread: UInt64, interval: Duration, isImmediate: Bool, wall: Int64, now: UInt64) {
        self.spread = spread
        self.interval = max(1, interval.milliseconds)
        dueWall = wall
        due = now
        if !isImmediate { plan(after: wall, wall: wall, now: now) }
    }

    /// Changes the interval; the next tick is planned anew when it is another.
    mutating func setInterval(_ wanted: Duration, wall: Int64, now: UInt64) {
        let wanted = max(1, wanted.milliseconds)
        guard wanted != interval else { return }
        interval = wanted
        plan(after: wall, wall: wall, now: now)
    }

    /// Takes the tick when it is due, and plans the next one.
    mutating func take(wall: Int64, now: UInt64) -> Tick? {
        guard now &+ Schedule.early >= due else { return nil }
        let late = Int64(clamping: (now > due ? now - due : 0) / 1_000_000)
        let missed = late / interval
        let isOnGrid = missed == 0 && abs(wall - dueWall) <= min(Schedule.jitter, interval / 100)
        let time = isOnGrid ? dueWall : wall
        plan(after: max(wall, time), wall: wall, now: now)
        return Tick(time: Timestamp(milliseconds: time), missed: Int(missed))
    }

    private mutating func plan(after time: Int64, wall: Int64, now: UInt64) {
        let phase = Int64(spread % UInt64(interval))
        var past = (time - phase) % interval
        if past < 0 { past += interval }
        dueWall = time + interval - past
        due = now &+ UInt64(dueWall - wall) &* 1_000_000
    }
}
