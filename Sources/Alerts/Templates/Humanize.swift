// SPDX-License-Identifier: Apache-2.0
//
// Numbers for people, exactly as Prometheus' template functions of these names print them.

internal import Samples
internal import Wire

/// Prometheus' humanize functions.
enum Humanize {
    private static let larger = ["k", "M", "G", "T", "P", "E", "Z", "Y"]
    private static let smaller = ["m", "u", "n", "p", "f", "a", "z", "y"]

    /// Four digits with an SI prefix: `1.235M`, `120m`.
    static func metric(_ value: Double) -> String {
        guard value != 0, value.isFinite else { return GoFormat.fourDigits(value) }
        if value.magnitude < 1 { return reduced(value) }
        return scaled(value, by: 1000, larger)
    }

    /// Four digits with a binary prefix: `1Mi`.
    static func binary(_ value: Double) -> String {
        guard value.magnitude > 1, value.isFinite else { return GoFormat.fourDigits(value) }
        return scaled(value, by: 1024, larger.map { $0 + "i" })
    }

    /// Seconds as `1d 2h 3m 4s`, `1.234s` or `120ms`.
    static func duration(_ value: Double) -> String {
        guard value.isFinite else { return GoFormat.fourDigits(value) }
        if value == 0 { return "0s" }
        if value.magnitude < 1 { return reduced(value) + "s" }
        let sign = value < 0 ? "-" : ""
        // Longer than the age of the universe: no use in splitting, and Int64 would overflow.
        guard value.magnitude < 1e18 else { return sign + GoFormat.fourDigits(value.magnitude) + "s" }
        let whole = Int64(value.magnitude)
        let (seconds, minutes) = (whole % 60, whole / 60 % 60)
        let (hours, days) = (whole / 3600 % 24, whole / 86_400)
        if days != 0 { return "\(sign)\(days)d \(hours)h \(minutes)m \(seconds)s" }
        if hours != 0 { return "\(sign)\(hours)h \(minutes)m \(seconds)s" }
        if minutes != 0 { return "\(sign)\(minutes)m \(seconds)s" }
        return sign + GoFormat.fourDigits(value.magnitude) + "s"
    }

    /// A ratio as percentage: `12.35%`.
    static func percentage(_ value: Double) -> String {
        GoFormat.fourDigits(value * 100) + "%"
    }

    /// Unix seconds as `2022-01-25 12:36:43 +0000 UTC`.
    ///
    /// - Throws: `TemplateError` when the time in nanoseconds exceeds Int64.
    static func timestamp(_ value: Double) throws(TemplateError) -> String {
        guard value.isFinite else { return GoFormat.fourDigits(value) }
        guard let nanoseconds = Int64(exactly: (value * 1e9).rounded(.towardZero)) else {
            throw TemplateError(
                "\(GoFormat.general(value)) cannot be represented as a nanoseconds timestamp since it overflows int64"
            )
        }
        let text = RFC3339.format(Timestamp(milliseconds: nanoseconds / 1_000_000))
        return text.dropLast().split(separator: "T").joined(separator: " ") + " +0000 UTC"
    }

    private static func scaled(_ value: Double, by base: Double, _ prefixes: [String]) -> String {
        var value = value
        var prefix = ""
        for next in prefixes where value.magnitude >= base {
            prefix = next
            value /= base
        }
        return GoFormat.fourDigits(value) + prefix
    }

    private static func reduced(_ value: Double) -> String {
        var value = value
        var prefix = ""
        for next in smaller where value.magnitude < 1 {
            prefix = next
            value *= 1000
        }
        return GoFormat.fourDigits(value) + prefix
    }
}
