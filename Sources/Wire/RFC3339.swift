// SPDX-License-Identifier: Apache-2.0
//
// Times as RFC 3339 text, the way Go's RFC3339Nano prints them: UTC with `Z`, as many decimals as needed and none
// for whole seconds. The calendar arithmetic is Howard Hinnant's `days_from_civil` and its inverse, exact for
// every representable time.

public import Samples

/// Times as text: `2026-01-02T03:04:05.123Z`.
public enum RFC3339 {
    private static let millisecondsPerDay: Int64 = 86_400_000

    /// A time as UTC text; trailing zeros of the fraction are left out.
    public static func format(_ time: Timestamp) -> String {
        var out: [UInt8] = []
        append(time, to: &out)
        return String(decoding: out, as: UTF8.self)
    }

    /// Appends what `format` gives.
    public static func append(_ time: Timestamp, to out: inout [UInt8]) {
        var day = time.milliseconds / millisecondsPerDay
        var rest = time.milliseconds % millisecondsPerDay
        if rest < 0 {
            rest += millisecondsPerDay
            day -= 1
        }
        let date = civil(fromDays: day)
        if date.year < 0 { out.append(UInt8(ascii: "-")) }
        append(date.year.magnitude, width: 4, to: &out)
        out.append(UInt8(ascii: "-"))
        append(UInt64(date.month), width: 2, to: &out)
        out.append(UInt8(ascii: "-"))
        append(UInt64(date.day), width: 2, to: &out)
        out.append(UInt8(ascii: "T"))
        append(UInt64(rest / 3_600_000), width: 2, to: &out)
        out.append(UInt8(ascii: ":"))
        append(UInt64(rest / 60_000 % 60), width: 2, to: &out)
        out.append(UInt8(ascii: ":"))
        append(UInt64(rest / 1000 % 60), width: 2, to: &out)
        if rest % 1000 != 0 {
            out.append(UInt8(ascii: "."))
            append(UInt64(rest % 1000), width: 3, to: &out)
            while out.last == UInt8(ascii: "0") { out.removeLast() }
        }
        out.append(UInt8(ascii: "Z"))
    }

    /// Reads a time with `Z` or a numeric offset, rounding the fraction down to milliseconds.
    ///
    /// - Parameter text: the time.
    /// - Returns: nil for anything but a valid date and time of the years 0000 to 9999.
    public static func parse(_ text: String) -> Timestamp? {
        var scanner = Scanner(bytes: Array(text.utf8))
        guard let year = scanner.number(digits: 4), scanner.skip("-"),
            let month = scanner.number(digits: 2), scanner.skip("-"),
            let day = scanner.number(digits: 2), scanner.skip("T") || scanner.skip("t"),
            let hour = scanner.number(digits: 2), scanner.skip(":"),
            let minute = scanner.number(digits: 2), scanner.skip(":"),
            let second = scanner.number(digits: 2),
            let fraction = scanner.fraction(), let offset = scanner.offsetMinutes(), scanner.isAtEnd,
            (1...12).contains(month), (1...daysInMonth(month, year: year)).contains(day),
            hour < 24, minute < 60, second < 60
        else { return nil }
        let seconds = days(year: year, month: month, day: day) * 86_400 + hour * 3600 + minute * 60 + second
        return Timestamp(milliseconds: (seconds - offset * 60) * 1000 + fraction)
    }

    private static func append(_ number: UInt64, width: Int, to out: inout [UInt8]) {
        let digits = String(number)
        for _ in digits.utf8.count..<max(width, digits.utf8.count) { out.append(UInt8(ascii: "0")) }
        out.append(contentsOf: digits.utf8)
    }
}

// MARK: - Calendar

extension RFC3339 {
    private static func daysInMonth(_ month: Int64, year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// Reads fixed-width fields; every verb leaves the offset alone when it fails.
    private struct Scanner {
        let bytes: [UInt8]
        var offset = 0

        var isAtEnd: Bool { offset == bytes.count }

        mutating func number(digits: Int) -> Int64? {
            guard bytes.count - offset >= digits else { return nil }
            var value: Int64 = 0
            for byte in bytes[offset..<(offset + digits)] {
                guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
                value = value * 10 + Int64(byte - UInt8(ascii: "0"))
            }
            offset += digits
            return value
        }

        mutating func skip(_ character: Unicode.Scalar) -> Bool {
            guard offset < bytes.count, bytes[offset] == UInt8(ascii: character) else { return false }
            offset += 1
            return true
        }

        /// Milliseconds of an optional `.digits`; nil for a point without digits.
        mutating func fraction() -> Int64? {
            guard skip(".") else { return 0 }
            var milliseconds: Int64 = 0
            var weight: Int64 = 100
            let start = offset
            while let digit = number(digits: 1) {
                milliseconds += digit * weight
                weight /= 10
            }
            return offset > start ? milliseconds : nil
        }

        mutating func offsetMinutes() -> Int64? {
            if skip("Z") || skip("z") { return 0 }
            let isWest = skip("-")
            guard isWest || skip("+"), let hours = number(digits: 2), skip(":"),
                let minutes = number(digits: 2), hours < 24, minutes < 60
            else { return nil }
            return (isWest ? -1 : 1) * (hours * 60 + minutes)
        }
    }
}
