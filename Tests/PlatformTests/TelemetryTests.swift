// SPDX-License-Identifier: Apache-2.0

import Platform
import Testing

@Suite struct TelemetryTests {
    @Test func countersOnlyGrow() {
        let counter = Telemetry().counter("c_total", "C.")
        counter.add()
        counter.add(5)
        counter.add(0)
        counter.add(-3)
        #expect(counter.value == 6)
    }

    @Test func gaugesHoldTheNewest() {
        let gauge = Telemetry().gauge("g", "G.")
        #expect(gauge.value == 0)
        gauge.set(-1.5)
        #expect(gauge.value == -1.5)
    }

    @Test func oneInstrumentPerNameAndLabels() {
        let telemetry = Telemetry()
        let first = telemetry.counter("b_total", "Bs.", [("lane", "a")])
        let same = telemetry.counter("b_total", "Bs.", [("lane", "a")])
        let other = telemetry.counter("b_total", "Bs.", [("lane", "b")])
        #expect(first === same)
        #expect(first !== other)
        #expect(telemetry.gauge("g", "G.") === telemetry.gauge("g", "G."))
        // A name taken by another kind gives an instrument that is not shown rather than a crash.
        #expect(telemetry.gauge("b_total", "Bs.", [("lane", "a")]).value == 0)
    }

    @Test func familiesAreSortedWithTheirSamples() {
        let telemetry = Telemetry()
        telemetry.gauge("z", "Last.").set(2.5)
        telemetry.counter("a_total", "First.", [("x", "1")]).add(3)
        telemetry.counter("a_total", "First.", [("x", "2")]).add(4)
        telemetry.computed("m", "Middle.") { 1 }
        telemetry.computed("m", "Middle.") { 7 }
        let families = telemetry.families()
        #expect(families.map(\.name) == ["a_total", "m", "z"])
        #expect(families.map(\.isCounter) == [true, false, false])
        #expect(families.map(\.help) == ["First.", "Middle.", "Last."])
        #expect(families[0].samples.map(\.value) == [3, 4])
        #expect(families[0].samples.map { $0.labels.map(\.value) } == [["1"], ["2"]])
        #expect(families[1].samples.map(\.value) == [7])
    }

    @Test func countsFromManyTasks() async {
        let counter = Telemetry().counter("n_total", "N.")
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask { for _ in 0..<10_000 { counter.add() } }
            }
        }
        #expect(counter.value == 80_000)
    }
}

@Suite struct ClockTests {
    @Test func manualClockMovesOnlyWhenTold() async throws {
        let clock = ManualClock(wallMilliseconds: 1000)
        let start = clock.monotonicNanoseconds()
        #expect(clock.wallMilliseconds() == 1000)
        clock.advance(milliseconds: 250)
        #expect(clock.wallMilliseconds() == 1250)
        #expect(clock.monotonicNanoseconds() - start == 250_000_000)
        try await clock.sleep(for: .seconds(1.5))
        #expect(clock.wallMilliseconds() == 2750)
        #expect(clock.monotonicNanoseconds() - start == 1_750_000_000)
    }

    @Test func steppingTheWallClockLeavesMonotonicTime() {
        let clock = ManualClock(wallMilliseconds: 1000)
        let start = clock.monotonicNanoseconds()
        clock.step(toWallMilliseconds: -5)
        #expect(clock.wallMilliseconds() == -5)
        #expect(clock.monotonicNanoseconds() == start)
    }

    @Test func sleepingEndsByCancellation() async {
        for clock in [ManualClock(wallMilliseconds: 0), SystemClock()] as [any EdgeClock] {
            let task = Task { try await clock.sleep(for: .seconds(86_400)) }
            task.cancel()
            // The manual clock may have slept before it was cancelled; the kernel's would take a day.
            if clock is SystemClock { await #expect(throws: CancellationError.self) { try await task.value } }
        }
    }

    @Test func systemClockAgreesWithItself() {
        let clock = SystemClock()
        let first = clock.monotonicNanoseconds()
        #expect(clock.monotonicNanoseconds() >= first)
        // 2020-01-01 to 2100-01-01.
        #expect((1_577_836_800_000..<4_102_444_800_000).contains(clock.wallMilliseconds()))
    }
}

@Suite struct SeededGeneratorTests {
    /// The reference output of SplitMix64 for seed 1234567 (Vigna's splitmix64.c).
    @Test func isSplitMix64() {
        var generator = SeededGenerator(seed: 1_234_567)
        let words = (0..<5).map { _ in generator.next() }
        #expect(
            words == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
                4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
            ]
        )
    }
}
