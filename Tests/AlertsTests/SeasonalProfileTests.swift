// SPDX-License-Identifier: Apache-2.0
//
// The figures come from the prototype the profile was ported from (reference/anomaly-prototype/seasonal2.py), run on
// the same generated series in double precision; the profile keeps its buckets in single precision.

import Glibc
import Platform
import Samples
import Testing

@testable import Alerts

/// Deterministic noise that Python can repeat bit for bit: the sum of twelve uniform draws.
struct Noise {
    private var generator: SeededGenerator

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
    }

    mutating func next() -> Double {
        var sum = 0.0
        for _ in 0..<12 { sum += Double(generator.next() >> 11) * 0x1p-53 }
        return sum - 6
    }
}

/// A daily course with noise of two, one sample in five minutes.
func dailySeries(_ count: Int, seed: UInt64) -> [Double] {
    var noise = Noise(seed: seed)
    return (0..<count).map { index in
        let time = Double(index) * 300
        let day = 20 * sin(2 * Double.pi * time / 86400)
        let half = 8 * max(0, sin(4 * Double.pi * time / 86400 + 1))
        return 50 + day + half + 2 * noise.next()
    }
}

/// Ten days with a bump of five standard deviations for one hour on the tenth.
func bumpedSeries() -> [Double] {
    var series = dailySeries(2880, seed: 11)
    for index in 2742..<2754 { series[index] += 10 }
    return series
}

private func run(_ series: [Double], hasWeekend: Bool) -> [Double?] {
    var profile = SeasonalProfile(hasWeekend: hasWeekend)
    return series.enumerated().map {
        profile.observe($0.element, localSeconds: Double($0.offset) * 300).sigma
    }
}

private func isClose(_ value: Double?, _ expected: Double) -> Bool {
    guard let value else { return false }
    return (value - expected).magnitude < 2e-5
}

@Test func dailyProfileAgreesWithThePrototype() {
    let sigma = run(bumpedSeries(), hasWeekend: false)
    #expect(sigma.firstIndex { $0 != nil } == 577)
    #expect(sigma.count { $0 != nil } == 2303)
    let expected: [Int: Double] = [
        580: 0.297383, 1000: -1.803589, 1500: 0.242853, 2000: 1.025668, 2500: 0.131728, 2741: -0.143703,
        2742: 4.969121, 2745: 4.277121, 2753: 3.629587, 2754: -0.195661, 2879: -2.10958,
    ]
    for (index, value) in expected { #expect(isClose(sigma[index], value), "at \(index)") }
    #expect((sigma.compactMap { $0 }.reduce(0, +) - 18.324590664747433).magnitude < 1e-2)
    #expect(sigma[..<2742].count { ($0 ?? 0).magnitude > 3 } == 1)
}

@Test func weekendProfileAgreesWithThePrototype() {
    // Starting at 1970-01-01, a Thursday: indices 576…1151 are Saturday and Sunday.
    let sigma = run(bumpedSeries(), hasWeekend: true)
    #expect(sigma.count { $0 != nil } == 1918)
    #expect(sigma[1000] == nil)
    let expected: [Int: Double] = [
        580: 0.297383, 1500: 0.224644, 2000: 0.994718, 2742: 4.088242, 2745: 3.732548, 2879: -1.873862,
    ]
    for (index, value) in expected { #expect(isClose(sigma[index], value), "at \(index)") }
}

@Test func aBumpOfAnHourOnDayTenRaisesTheAlarmAndNothingBeforeDoes() {
    let sigma = run(bumpedSeries(), hasWeekend: false)
    var alarm = SeasonalAlarm()
    var events: [String] = []
    for (index, value) in sigma.enumerated() {
        let before = alarm.isRaised
        alarm.observe(value, threshold: 3)
        if alarm.isRaised != before { events.append("\(alarm.isRaised ? "raised" : "cleared") \(index)") }
    }
    #expect(events == ["raised 2745", "cleared 2758"])
}

@Test func anAlarmNeedsThreeOfFiveAndEndsAfterFiveCalmSamples() {
    var alarm = SeasonalAlarm()
    var states: [Bool] = []
    for sigma in [4, 0, 4, 0, 0, 4, 0, -4, 0, 3.5, 1, 1, 1, 1, 2.5, 1, 1, 1, 1, 1] {
        alarm.observe(sigma, threshold: 3)
        states.append(alarm.isRaised)
    }
    // Third of five at index 9; 2.5 at index 14 is not below two and starts the calm anew.
    #expect(states.firstIndex(of: true) == 9)
    #expect(states[9...18].allSatisfy { $0 })
    #expect(states[19] == false)
}

@Test func aBucketUnseenForTwoWeeksHasToBeLearnedAgain() {
    var profile = SeasonalProfile(hasWeekend: false)
    for (index, value) in dailySeries(5 * 288, seed: 3).enumerated() {
        _ = profile.observe(value, localSeconds: Double(index) * 300)
    }
    var resumed = profile
    let noon = 20.0 * 86_400 + 43_200
    #expect(resumed.observe(50, localSeconds: noon).sigma == nil)
    let sooner = 10.0 * 86_400 + 43_200
    #expect(profile.observe(50, localSeconds: sooner).sigma != nil)
}

@Test func aConstantSeriesIsNeverUnusual() {
    var profile = SeasonalProfile(hasWeekend: false)
    var largest = 0.0
    for index in 0..<(288 * 6) {
        let sigma = profile.observe(1_234_567_891, localSeconds: Double(index) * 300).sigma
        largest = max(largest, sigma?.magnitude ?? 0)
    }
    #expect(largest < 1)
}
