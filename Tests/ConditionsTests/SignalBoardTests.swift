// SPDX-License-Identifier: Apache-2.0

import Conditions
import Platform
import Testing

@Suite struct SignalBoardTests {
    @Test func signalsAgeAndGoStale() {
        let clock = ManualClock(wallMilliseconds: 0)
        let board = SignalBoard(clock: clock)
        board.publish("bandwidth", .number(5e6), unit: "bits_per_second")
        board.publish("power_source", .text("grid"), maximumAge: .seconds(10))
        clock.advance(milliseconds: 10_000)
        let source = board.value("power_source")
        #expect(source?.value == .text("grid"))
        #expect(source?.age == .seconds(10))
        #expect(source?.quality == .good)
        clock.advance(milliseconds: 1)
        #expect(board.value("power_source")?.quality == .stale)
        clock.advance(milliseconds: 289_999)
        #expect(board.value("bandwidth")?.quality == .good)
        clock.advance(milliseconds: 1)
        #expect(board.value("bandwidth")?.quality == .stale)
        #expect(board.value("bandwidth")?.unit == "bits_per_second")
        board.publish("bandwidth", .number(1e6))
        #expect(board.value("bandwidth")?.quality == .good)
        #expect(board.value("bandwidth")?.age == .zero)
    }

    @Test func steppingTheWallClockAgesNothing() {
        let clock = ManualClock(wallMilliseconds: 0)
        let board = SignalBoard(clock: clock)
        board.publish("x", .number(1))
        clock.step(toWallMilliseconds: 1_000_000_000)
        #expect(board.value("x")?.age == .zero)
    }

    @Test func staleSignalsDecideNothing() throws {
        let clock = ManualClock(wallMilliseconds: 0)
        let board = SignalBoard(clock: clock)
        board.publish("x", .number(2))
        let condition = try Condition.parse("x > 1")
        #expect(condition.evaluate(board) == true)
        clock.advance(milliseconds: 300_001)
        #expect(condition.evaluate(board) == nil)
    }

    @Test func unknownValuesAreUnknown() {
        let board = SignalBoard(clock: ManualClock(wallMilliseconds: 0))
        board.publish("x", .number(.nan))
        board.publish("y", .text(""))
        #expect(board.value("x")?.quality == .unknown)
        #expect(board.value("y")?.quality == .unknown)
        #expect(board.value("z") == nil)
    }

    @Test func listsSortedAndWithdraws() {
        let board = SignalBoard(clock: ManualClock(wallMilliseconds: 0))
        for name in ["b", "c", "a"] { board.publish(name, .number(1)) }
        board.withdraw("c")
        #expect(board.all().map(\.0) == ["a", "b"])
    }

    @Test func isBounded() {
        let board = SignalBoard(clock: ManualClock(wallMilliseconds: 0))
        for index in 0..<300 { board.publish("s\(index)", .number(1)) }
        #expect(board.all().count == 256)
        #expect(board.refused == 44)
        board.publish("s0", .number(2))
        #expect(board.value("s0")?.value == .number(2))
    }
}
