// SPDX-License-Identifier: Apache-2.0
//
// The Retry-After field (RFC 9110, section 10.2.3): whole seconds, or a date in one of HTTP's three forms, of which
// only the first may be sent today (IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT`). What is negative, past or unreadable
// asks for nothing; what asks for longer than the cap is a mistake and waits the cap.

/// Reads Retry-After.
enum RetryAfter {
    /// The longest wait a receiver can impose.
    static let cap = Duration.seconds(300)

    /// The wait asked for, nil when none.
    static func parse(_ text: String, nowMilliseconds: Int64) -> Duration? {
        if let seconds = seconds(text) { return seconds > 0 ? min(.seconds(seconds), cap) : nil }
        guard let date = date(text) else { return nil }
        let (left, overflow) = (date * 1000).subtractingReportingOverflow(nowMilliseconds)
        return !overflow && left > 0 ? min(.milliseconds(left), cap) : nil
    }

    /// A number of seconds, clamped; nil when the text is not one.
    private static func seconds(_ text: String) -> Int64? {
        let digits = text.hasPrefix("-") ? text.dropFirst() : Substring(text)
        guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        let magnitude = Int64(digits) ?? .max
        return min(text.hasPrefix("-") ? -magnitude : magnitude, 1 << 32)
    }

    /// Seconds since 1970 of an IMF-fixdate.
    private static func date(_ text: String) -> Int64? {
        let words = text.split(separator: " ")
        guard words.count == 6, words[0].hasSuffix(","), words[5] == "GMT",
            let day = Int64(words[1]), (1...31).contains(day),
            let month = months.firstIndex(of: String(words[2])),
            let year = Int64(words[3]), (1970...9999).contains(year)
        else { return nil }
        let time = words[4].split(separator: ":").map { Int64($0) }
        guard time.count == 3, let hour = time[0], let minute = time[1], let second = time[2],
            (0...23).contains(hour), (0...59).contains(minute), (0...60).contains(second)
        else { return nil }
        return daysSince1970(year: year, month: Int64(month) + 1, day: day) * 86400 + hour * 3600 + minute
            * 60
            + second
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
    private static func daysSince1970(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
