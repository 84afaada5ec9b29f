// SPDX-License-Identifier: Apache-2.0
//
// Times as people write and read them: relative to now, as Unix seconds or RFC 3339, and printed as ISO 8601 in the
// machine's time zone.

internal import Glibc
public import Samples
internal import Wire

/// Reads and writes times.
public enum TimeText {
    /// A time such as `now`, `-1h`, `now-90m`, `1700000000.5` or `2026-11-21T20:00:00Z`; nil when it is none.
    public static func parse(_ text: String, now: Timestamp) -> Timestamp? {
        var rest = Substring(text)
        let isNow = rest.hasPrefix("now")
        if isNow { rest.removeFirst(3) }
        if rest.isEmpty { return isNow ? now : nil }
        if let sign = rest.first, sign == "-" || sign == "+",
            let distance = PromDuration.parse(String(rest.dropFirst()))
        {
            let milliseconds = distance.milliseconds
            return now.advanced(byMilliseconds: sign == "-" ? -milliseconds : milliseconds)
        }
        guard !isNow else { return nil }
        if let seconds = Double(text), let milliseconds = Int64(exactly: (seconds * 1000).rounded()) {
            return Timestamp(milliseconds: milliseconds)
        }
        return RFC3339.parse(text)
    }

    /// Unix seconds as the HTTP API takes them, exactly.
    public static func seconds(_ time: Timestamp) -> String {
        let (whole, rest) = time.milliseconds.magnitude.quotientAndRemainder(dividingBy: 1000)
        let sign = time.milliseconds < 0 ? "-" : ""
        return "\(sign)\(whole)" + (rest == 0 ? "" : ".\(String(rest + 1000).dropFirst())")
    }

    /// RFC 3339 in UTC, for other programs.
    public static func utc(_ time: Timestamp) -> String { RFC3339.format(time) }

    /// `2026-11-21T21:00:00+01:00`, with milliseconds when there are some.
    public static func local(_ time: Timestamp) -> String {
        let parts = parts(time)
        let milliseconds = time.milliseconds - floor(time) * 1000
        let fraction = milliseconds == 0 ? "" : ".\(String(milliseconds + 1000).dropFirst())"
        let offset = parts.tm_gmtoff / 60
        let zone = "\(offset < 0 ? "-" : "+")\(two(abs(offset) / 60)):\(two(abs(offset) % 60))"
        return "\(date(parts))T\(clock(parts)):\(two(Int(parts.tm_sec)))\(fraction)\(zone)"
    }

    /// What tells times of a span apart on an axis: `21:00:05`, `21:00` or `11-21`.
    static func short(_ time: Timestamp, span: Duration) -> String {
        let parts = parts(time)
        if span < .seconds(300) { return "\(clock(parts)):\(two(Int(parts.tm_sec)))" }
        if span <= .seconds(2 * 86_400) { return clock(parts) }
        return String(date(parts).dropFirst(5)) + (span < .seconds(8 * 86_400) ? " \(clock(parts))" : "")
    }

    private static func floor(_ time: Timestamp) -> Int64 {
        let (quotient, remainder) = time.milliseconds.quotientAndRemainder(dividingBy: 1000)
        return remainder < 0 ? quotient - 1 : quotient
    }

    private static func parts(_ time: Timestamp) -> tm {
        var seconds = time_t(floor(time))
        var parts = tm()
        localtime_r(&seconds, &parts)
        return parts
    }

    private static func date(_ parts: tm) -> String {
        "\(Int(parts.tm_year) + 1900)-\(two(Int(parts.tm_mon) + 1))-\(two(Int(parts.tm_mday)))"
    }

    private static func clock(_ parts: tm) -> String {
        "\(two(Int(parts.tm_hour))):\(two(Int(parts.tm_min)))"
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
