// SPDX-License-Identifier: Apache-2.0
//
// The figures come from the prototype the forecast was ported from (reference/anomaly-prototype/forecast2.py): exact
// where nothing is drawn, and within the spread of 150 draws where the prototype drew 4000 futures with NumPy's
// generator. The exact shares of futures come from the same recipe with SplitMix64 in Python.

import Samples
import Testing

@testable import Alerts

private func history(_ series: [Double], capacity: Int = 168) -> HourlyHistory {
    var history = HourlyHistory(capacity: capacity)
    for (index, value) in series.enumerated() {
        _ = history.observe(value, at: Timestamp(milliseconds: Int64(index) * 300_000))
    }
    return history
}

private func linear(_ count: Int, seed: UInt64, base: Double, perDay: Double, noise: Double) -> [Double] {
    var random = Noise(seed: seed)
    return (0..<count).map { base + perDay / 288 * Double($0) + noise * random.next() }
}

/// Fills through the day and is cleaned at midnight.
private func sawtooth(_ count: Int, seed: UInt64, base: Double, height: Double) -> [Double] {
    var random = Noise(seed: seed)
    return (0..<count).map { base + height * (Double($0 % 288) / 288) + 0.1 * random.next() }
}

/// Grows slowly, and fast in the last four hours.
private func burst(_ count: Int) -> [Double] {
    var random = Noise(seed: 4)
    return (0..<count).map { index in
        let slow = 0.1 / 288 * Double(index)
        let fast = 8.0 / 288 * Double(max(0, index - (count - 48)))
        return 60.0 + slow + fast + 0.05 * random.next()
    }
}

private func course(_ series: [Double], _ threshold: Double) -> Forecast.Course {
    let history = history(series)
    return Forecast.Course(
        medians: history.medians.map(Double.init),
        level: HourlyHistory.median(history.recent.suffix(6)),
        noise: history.noise,
        threshold: threshold,
        horizon: 24
    )
}

private func increments(_ course: Forecast.Course) -> [Double] {
    zip(course.medians.dropFirst(), course.medians).map { $0 - $1 }
}

@Test func sharesOfFuturesAreThoseOfTheRecipe() {
    struct Case {
        let name: String
        let series: [Double]
        let threshold: Double
        let share: Double
        let prototype: Double
        let eta: Double?
    }
    let week = 2016
    let steady = linear(week, seed: 1, base: 50, perDay: 2, noise: 0.1)
    let saw = sawtooth(week, seed: 2, base: 50, height: 10)
    let cases = [
        Case(name: "line", series: steady, threshold: 65, share: 1, prototype: 1, eta: 12),
        Case(name: "line, too far", series: steady, threshold: 67.5, share: 0, prototype: 0, eta: nil),
        Case(name: "saw", series: saw, threshold: 65, share: 46.0 / 150, prototype: 0.33, eta: nil),
        Case(name: "saw, near", series: saw, threshold: 60.5, share: 99.0 / 150, prototype: 0.662, eta: nil),
        Case(
            name: "saw at noon",
            series: sawtooth(week - 144, seed: 3, base: 50, height: 10),
            threshold: 62,
            share: 12.0 / 150,
            prototype: 0.053,
            eta: nil
        ),
    ]
    for item in cases {
        let course = course(item.series, item.threshold)
        let drawn = course.bootstrap(increments(course), seed: 42)
        #expect(drawn.probability == item.share, "\(item.name)")
        #expect(drawn.hoursToCrossing == item.eta, "\(item.name)")
        // Four standard deviations of a share of 150.
        let spread = 4 * (item.prototype * (1 - item.prototype) / 150).squareRoot()
        #expect((drawn.probability - item.prototype).magnitude <= spread, "\(item.name)")
        #expect(course.surprise(increments(course)) == 0, "\(item.name)")
    }
}

@Test func recentTrendsAgreeWithThePrototype() {
    let steady = course(linear(2016, seed: 1, base: 50, perDay: 2, noise: 0.1), 65)
    #expect((steady.recentTrend(increments(steady)).probability - 0.86785043).magnitude < 1e-5)
    let saw = course(sawtooth(2016, seed: 2, base: 50, height: 10), 65)
    #expect((saw.recentTrend(increments(saw)).probability - 0.89929730).magnitude < 1e-5)
}

@Test func aSuddenChangeOfPaceIsBelievedMoreThanTheWeekBefore() {
    let course = course(burst(2016), 70)
    let steps = increments(course)
    #expect((course.surprise(steps) - 0.85).magnitude < 1e-9)
    #expect((course.recentTrend(steps).probability - 0.17148102).magnitude < 1e-5)
    #expect((course.futures(seed: 42).probability - 0.14575887).magnitude < 1e-5)
    let nearer = Forecast.of(
        history(burst(2016)),
        Forecast.Question(threshold: 66, isBelow: false, horizon: 24),
        seed: 42
    )
    #expect(((nearer?.probability ?? 0) - 0.60235456).magnitude < 1e-5)
    #expect(nearer?.hoursToCrossing == 18)
}

@Test func aShortHistoryIsJudgedByALine() {
    func verdict(_ series: [Double], _ threshold: Double) -> Forecast? {
        Forecast.of(
            history(series),
            Forecast.Question(threshold: threshold, isBelow: false, horizon: 24),
            seed: 1
        )
    }
    let rising = linear(240, seed: 5, base: 50, perDay: 6, noise: 0.2)
    let near = verdict(rising, 60)
    #expect((near?.probability ?? 0) > 0.999_999)
    #expect(near?.hoursToCrossing == 22)
    let far = verdict(rising, 61)
    #expect(((far?.probability ?? 1) - 1.8277867927785207e-09).magnitude < 1e-10)
    #expect(far?.hoursToCrossing == nil)
    #expect((verdict(linear(240, seed: 6, base: 50, perDay: 0, noise: 0.2), 51)?.probability ?? 1) < 1e-30)
    #expect(verdict(Array(rising.prefix(71)), 60) == nil)
    #expect(verdict(Array(rising.prefix(72)), 60) != nil)
}

@Test func fallingBelowIsTheMirrorImage() {
    let rising = linear(2016, seed: 1, base: 50, perDay: 2, noise: 0.1)
    let above = Forecast.of(
        history(rising),
        Forecast.Question(threshold: 65, isBelow: false, horizon: 24),
        seed: 9
    )
    let below = Forecast.of(
        history(rising.map { -$0 }),
        Forecast.Question(threshold: -65, isBelow: true, horizon: 24),
        seed: 9
    )
    #expect(above == below)
    #expect(above?.probability == 1)
}

@Test func whatIsAlreadyCrossedIsCertain() {
    let verdict = Forecast.of(
        history(linear(2016, seed: 1, base: 50, perDay: 2, noise: 0.1)),
        Forecast.Question(threshold: 60, isBelow: false, horizon: 24),
        seed: 1
    )
    #expect(verdict == Forecast(probability: 1, hoursToCrossing: 0))
}

@Test func aStepAmongTheNewestSamplesIsNotNoise() {
    var steps = HourlyHistory(capacity: 24)
    for (index, value) in [85.0, 85.2, 84.9, 85.1, 85, 60, 60.2, 59.9].enumerated() {
        _ = steps.observe(value, at: Timestamp(milliseconds: Int64(index) * 300_000))
    }
    #expect(steps.noise < 0.15)
    let slope = history((0..<12).map { Double($0) })
    #expect(slope.noise == HourlyHistory.deviation((0..<12).map { Double($0) }))
}

@Test func hoursWithoutSamplesAreBridgedAndLongAbsencesForgotten() {
    var history = HourlyHistory(capacity: 24)
    func time(_ hour: Int64, _ tick: Int64) -> Timestamp {
        Timestamp(milliseconds: (hour * 12 + tick) * 300_000)
    }
    for tick in 0..<12 { _ = history.observe(10, at: time(100, Int64(tick))) }
    #expect(history.medians == [10])
    for tick in 0..<12 { _ = history.observe(18, at: time(104, Int64(tick))) }
    #expect(history.medians == [10, 12, 14, 16, 18])
    #expect(history.lastHour == 104)
    // A clock that went back adds nothing.
    #expect(history.observe(99, at: time(103, 0)) == false)
    #expect(history.medians.count == 5)
    for tick in 0..<12 { _ = history.observe(7, at: time(200, Int64(tick))) }
    #expect(history.medians == [7])
}
