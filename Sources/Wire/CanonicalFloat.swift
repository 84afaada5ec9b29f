// SPDX-License-Identifier: Apache-2.0
//
// Numbers in the labels `le` and `quantile` as OpenMetrics wants them: Go's %g with the shortest digits, and `.0`
// when neither a point nor an exponent is there. Source: Prometheus textparse, formatOpenMetricsFloat.

/// OpenMetrics' canonical numbers.
enum CanonicalFloat {
    /// The text: `1.0`, `0.005`, `1e+06`, `+Inf`.
    static func format(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "NaN" : value < 0 ? "-Inf" : "+Inf" }
        guard value != 0 else { return value.sign == .minus ? "-0.0" : "0.0" }
        let (digits, exponent) = decimal(value.magnitude)
        let sign = value < 0 ? "-" : ""
        guard exponent >= -4, exponent < 6 else { return sign + scientific(digits, exponent) }
        return sign + plain(digits, exponent)
    }

    /// The shortest digits D and exponent e with value = D₀.D₁D₂… × 10^e, read from Swift's description.
    private static func decimal(_ magnitude: Double) -> (digits: [Character], exponent: Int) {
        let parts = magnitude.description.split(separator: "e", maxSplits: 1)
        let mantissa = parts.first.map(Array.init) ?? []
        var exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        let point = mantissa.firstIndex(of: ".") ?? mantissa.count
        var digits = mantissa.filter { $0 != "." }
        exponent += point - 1
        while digits.first == "0" {
            digits.removeFirst()
            exponent -= 1
        }
        while digits.last == "0" { digits.removeLast() }
        return (digits, exponent)
    }

    private static func scientific(_ digits: [Character], _ exponent: Int) -> String {
        let fraction = digits.count > 1 ? "." + String(digits.dropFirst()) : ""
        let power = String(exponent.magnitude)
        return String(digits.prefix(1)) + fraction + (exponent < 0 ? "e-" : "e+")
            + (power.count < 2 ? "0" : "") + power
    }

    private static func plain(_ digits: [Character], _ exponent: Int) -> String {
        if exponent < 0 { return "0." + String(repeating: "0", count: -exponent - 1) + String(digits) }
        let whole = digits.prefix(exponent + 1)
        let zeros = String(repeating: "0", count: max(0, exponent + 1 - digits.count))
        let fraction = digits.dropFirst(exponent + 1)
        return String(whole) + zeros + "." + (fraction.isEmpty ? "0" : String(fraction))
    }
}
