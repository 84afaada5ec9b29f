// SPDX-License-Identifier: Apache-2.0
//
// Billing months: from 00:00 UTC of a day to the same day of the next month. The calendar is the proleptic Gregorian one,
// by Howard Hinnant's `civil_from_days` and its inverse.

enum BillingMonth {
    private static let day: Int64 = 86_400_000

    /// The month a time is in, as a number that grows by one from month to month.
    static func number(of milliseconds: Int64, starts: Int) -> Int64 {
        let clamped = max(-(1 << 52), min(1 << 52, milliseconds))
        let days = clamped >= 0 ? clamped / day : (clamped - day + 1) / day
        let (year, month, dayOfMonth) = civil(days)
        let number = year * 12 + month - 1
        return dayOfMonth < Int64(starts) ? number - 1 : number
    }

    /// When a month begins.
    static func start(of number: Int64, starts: Int) -> Int64 {
        let year = number >= 0 ? number / 12 : (number - 11) / 12
        return (days(year: year, month: number - year * 12 + 1, day: Int64(starts))) * day
    }

    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let part = (5 * dayOfYear + 2) / 153
        let month = part < 10 ? part + 3 : part - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * part + 2) / 5 + 1)
    }

    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
