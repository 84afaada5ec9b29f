// SPDX-License-Identifier: Apache-2.0
//
// Seconds since 1970 to a date in UTC, by the days-to-civil algorithm of Howard Hinnant ("chrono-Compatible
// Low-Level Date Algorithms", 2013).

/// A moment as calendar fields.
struct CivilTime {
    let year: Int64
    let month: Int
    let day: Int
    let hour: Int
    let minute: Int
    let second: Int
    /// 0 is Sunday.
    let weekday: Int
    /// 1 is the first of January.
    let dayOfYear: Int

    init(seconds: Int64) {
        // The bound keeps the first second of the earliest day in range.
        let clamped = max(seconds, .min + 86_400)
        let days = Self.floorDivide(clamped, 86_400)
        let rest = Int(clamped - days * 86_400)
        hour = rest / 3600
        minute = rest / 60 % 60
        second = rest % 60
        weekday = Int(Self.floorModulo(days + 4, 7))
        let shifted = days + 719_468
        let era = Self.floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayFromMarch = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayFromMarch + 2) / 153
        day = Int(dayFromMarch - (153 * monthFromMarch + 2) / 5) + 1
        month = Int(monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9)
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334][month - 1]
        dayOfYear = before + day + (month > 2 && Self.isLeap(year) ? 1 : 0)
    }

    init(milliseconds: Int64) {
        self.init(seconds: Self.floorDivide(milliseconds, 1000))
    }

    var daysInMonth: Int {
        if month == 2 { return Self.isLeap(year) ? 29 : 28 }
        return [4, 6, 9, 11].contains(month) ? 30 : 31
    }

    /// `2026-01-02T03:04:05Z`.
    var rfc3339: String {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let digits = String(year.magnitude)
        let padded = String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        return
            "\(year < 0 ? "-" : "")\(padded)-\(two(month))-\(two(day))T\(two(hour)):\(two(minute)):\(two(second))Z"
    }

    private static func isLeap(_ year: Int64) -> Bool {
        (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        let quotient = value / divisor
        return value % divisor < 0 ? quotient - 1 : quotient
    }

    private static func floorModulo(_ value: Int64, _ divisor: Int64) -> Int64 {
        value - floorDivide(value, divisor) * divisor
    }
}
