// SPDX-License-Identifier: Apache-2.0
//
// Numbers and dates as Go prints them, and the calendar against Foundation's.

import Foundation
import Testing

@testable import PromQL

@Suite struct NumberTests {
    @Test(arguments: [
        (0.0, "0", "0"), (-0.0, "-0", "-0"), (1, "1", "1"), (100_000, "100000", "100000"),
        (1_000_000, "1000000", "1e+06"), (123_456_789, "123456789", "1.23456789e+08"),
        (0.0001, "0.0001", "0.0001"), (0.00001, "0.00001", "1e-05"), (-1.5e-7, "-0.00000015", "-1.5e-07"),
        (1e21, "1000000000000000000000", "1e+21"),
        (9.223372036854776e18, "9223372036854775808", "9.223372036854776e+18"),
        (1.5e300, "15" + String(repeating: "0", count: 299), "1.5e+300"),
        (.infinity, "+Inf", "+Inf"), (-.infinity, "-Inf", "-Inf"), (.nan, "NaN", "NaN"),
    ])
    func prints(_ value: Double, _ plain: String, _ general: String) {
        let shown = NumberText.plain(value)
        if value == 9.223372036854776e18 {
            // The shortest digits that read back, padded with zeros.
            #expect(shown == "9223372036854776000")
        } else {
            #expect(shown == plain)
        }
        #expect(NumberText.general(value) == general)
    }

    @Test func prefixedNumbers() {
        func parse(_ text: String) -> Double? { NumberText.parse(Array(text.utf8)[...]) }
        #expect(parse("0x1F") == 31)
        #expect(parse("010") == 8)
        #expect(parse("089") == 89)
        #expect(parse("1_000.5e1") == 10_005)
        #expect(parse(".5") == 0.5)
        #expect(parse("2.") == 2)
        #expect(parse("2.e3") == 2000)
        #expect(parse("InF") == .infinity)
        #expect(parse("9223372036854775808") == 9_223_372_036_854_775_808)
        #expect(parse("0x") == nil)
        #expect(parse("1e400") == nil)
        #expect(NumberText.fixed(.infinity, decimals: 6) == "+Inf")
        #expect(NumberText.fixed(-1.5, decimals: 3) == "-1.500")
        #expect(NumberText.fixed(1e300, decimals: 0).count == 301)
    }

    @Test func calendar() throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(identifier: "UTC"))
        var state: UInt64 = 7
        for _ in 0..<2000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            // 1600 to 2400, where Foundation's calendar is the proleptic Gregorian one.
            let seconds = Int64(state >> 20) % 25_000_000_000 - 11_670_000_000
            let time = CivilTime(seconds: seconds)
            let date = Date(timeIntervalSince1970: Double(seconds))
            let parts = calendar.dateComponents(
                [.year, .month, .day, .hour, .minute, .second, .weekday, .dayOfYear],
                from: date
            )
            #expect(time.year == Int64(parts.year ?? 0))
            #expect(time.month == parts.month)
            #expect(time.day == parts.day)
            #expect(time.hour == parts.hour)
            #expect(time.minute == parts.minute)
            #expect(time.second == parts.second)
            #expect(time.weekday + 1 == parts.weekday)
            #expect(time.dayOfYear == parts.dayOfYear)
            #expect(time.daysInMonth == calendar.range(of: .day, in: .month, for: date)?.count)
        }
        // As far as seconds are counted, 400 years being 12 622 780 800 seconds.
        let far = CivilTime(seconds: 1_000_000_000_000_000_000)
        #expect((far.year, far.hour, far.minute, far.second) == (31_688_740_476, 1, 46, 40))
        #expect(CivilTime(seconds: .max).year == 292_277_026_596)
        #expect(CivilTime(seconds: .min).year == -292_277_022_657)
        #expect(CivilTime(milliseconds: 1_767_323_045_999).rfc3339 == "2026-01-02T03:04:05Z")
    }
}
