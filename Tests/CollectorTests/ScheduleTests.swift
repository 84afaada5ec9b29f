// SPDX-License-Identifier: Apache-2.0

import Samples
import Testing

@testable import Collector

private let second: UInt64 = 1_000_000_000

@Test func ticksLieOnTheSourcesGrid() {
    var schedule = Schedule(
        spread: 4_321,
        interval: .seconds(10),
        isImmediate: false,
        wall: 100_000,
        now: 5 * second
    )
    #expect(schedule.due == 5 * second + 4_321_000_000)
    #expect(schedule.take(wall: 104_320, now: 9 * second) == nil)
    // Fired a millisecond late: snapped. Fired a little early: also.
    #expect(
        schedule.take(wall: 104_322, now: 9 * second + 322_000_000)
            == .init(time: .init(milliseconds: 104_321), missed: 0)
    )
    #expect(schedule.due == 9 * second + 322_000_000 + 9_999_000_000)
    let next = schedule.take(wall: 114_320, now: schedule.due - 400_000)
    #expect(next == .init(time: .init(milliseconds: 114_321), missed: 0))
    let after = schedule.take(wall: 124_321, now: schedule.due)
    #expect(after == .init(time: .init(milliseconds: 124_321), missed: 0))
}

@Test func lateTicksAreCountedNotMadeUpFor() {
    var schedule = Schedule(spread: 0, interval: .seconds(10), isImmediate: false, wall: 100_000, now: 0)
    #expect(schedule.due == 10 * second)
    #expect(
        schedule.take(wall: 145_000, now: 45 * second) == .init(time: .init(milliseconds: 145_000), missed: 3)
    )
    #expect(schedule.due == 50 * second)
}

@Test func aSteppedWallClockDoesNotStopTheSource() {
    var schedule = Schedule(spread: 0, interval: .seconds(10), isImmediate: false, wall: 1_000_000, now: 0)
    // The wall clock went back an hour before the tick.
    let tick = schedule.take(wall: 1_000_000 - 3_590_000, now: 10 * second)
    #expect(tick == .init(time: .init(milliseconds: -2_590_000), missed: 0))
    #expect(schedule.due == 20 * second)
    // And forward by a day.
    let later = schedule.take(wall: 86_400_000 + 3_000, now: 20 * second)
    #expect(later == .init(time: .init(milliseconds: 86_403_000), missed: 0))
    #expect(schedule.due == 27 * second)
}

@Test func intervalsChangeAtOnce() {
    var schedule = Schedule(spread: 3_000, interval: .seconds(15), isImmediate: true, wall: 61_000, now: 0)
    #expect(schedule.take(wall: 61_000, now: 0) == .init(time: .init(milliseconds: 61_000), missed: 0))
    #expect(schedule.due == 2 * second)
    schedule.setInterval(.seconds(60), wall: 61_000, now: 0)
    #expect(schedule.due == 2 * second, "63 s is on the minute's grid too")
    _ = schedule.take(wall: 63_000, now: 2 * second)
    #expect(schedule.due == 62 * second)
    schedule.setInterval(.seconds(60), wall: 64_000, now: 3 * second)
    #expect(schedule.due == 62 * second, "the same interval changes nothing")
    schedule.setInterval(.seconds(1), wall: 64_500, now: 3_500_000_000)
    #expect(schedule.due == 4 * second)
}

@Test func spreadIsStableAndDiffers() {
    let first = TargetList([scrapeJob("a", ["h:1", "h:2"])]).targets.map {
        SourceDefinition.scrape($0).spread
    }
    let second = TargetList([scrapeJob("a", ["h:1", "h:2"])]).targets.map {
        SourceDefinition.scrape($0).spread
    }
    #expect(first == second)
    #expect(first[0] != first[1])
}
