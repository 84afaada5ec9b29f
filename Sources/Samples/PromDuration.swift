// SPDX-License-Identifier: Apache-2.0
//
// Durations as Prometheus writes them: `1d12h`, `1m30s`, `500ms`. Units y w d h m s ms, each at most once, from large
// to small, whole numbers only; `0` alone needs no unit. Source: prometheus/common model/time.go.

/// Prometheus' notation of durations.
public enum PromDuration {
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("y", 365 * 86_400_000), ("w", 7 * 86_400_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000),
        ("s", 1000), ("ms", 1),
    ]
    /// Go's durations are nanoseconds in an Int64, so nothing longer (about 292 years) is a duration to Prometheus.
    private static let limit = Int64.max / 1_000_000

    /// Reads a duration; nil when it is not one or is longer than 292 years.
    public static func parse(_ text: String) -> Duration? {
        if text == "0" { return .zero }
        let bytes = Array(text.utf8)
        var offset = 0
        var total: Int64 = 0
        var nextUnit = 0
        while offset < bytes.count {
            guard let amount = number(in: bytes, at: &offset), let unit = unit(in: bytes, at: &offset),
                unit >= nextUnit
            else { return nil }
            nextUnit = unit + 1
            let (scaled, overflow) = amount.multipliedReportingOverflow(by: units[unit].milliseconds)
            guard !overflow, scaled <= limit - total else { return nil }
            total += scaled
        }
        return bytes.isEmpty ? nil : .milliseconds(total)
    }

    /// Writes a duration as Prometheus does, to the millisecond.
    ///
    /// Years and weeks appear only when nothing remains after them (`90d`, not `12w6d`); zero is `0s`.
    public static func format(_ duration: Duration) -> String {
        let whole = duration.milliseconds
        guard whole != 0 else { return "0s" }
        var rest = whole.magnitude
        var out = whole < 0 ? "-" : ""
        for unit in units {
            let size = UInt64(unit.milliseconds)
            let mustBeExact = unit.name == "y" || unit.name == "w"
            if mustBeExact && !rest.isMultiple(of: size) { continue }
            if rest >= size { out += "\(rest / size)\(unit.name)" }
            rest %= size
        }
        return out
    }

    private static func number(in bytes: [UInt8], at offset: inout Int) -> Int64? {
        var value: Int64 = 0
        let start = offset
        while offset < bytes.count, bytes[offset] >= UInt8(ascii: "0"), bytes[offset] <= UInt8(ascii: "9") {
            // No unit is smaller than the millisecond, so a larger number is out of range already.
            guard value <= limit / 10 else { return nil }
            value = value * 10 + Int64(bytes[offset] - UInt8(ascii: "0"))
            offset += 1
        }
        return offset > start ? value : nil
    }

    private static func unit(in bytes: [UInt8], at offset: inout Int) -> Int? {
        let start = offset
        while offset < bytes.count, bytes[offset] > UInt8(ascii: "9") { offset += 1 }
        let name = bytes[start..<offset]
        return units.firstIndex { name.elementsEqual($0.name.utf8) }
    }
}
