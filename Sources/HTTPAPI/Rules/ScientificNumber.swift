// SPDX-License-Identifier: Apache-2.0

internal import Samples

/// The notation of alert values: Go's `strconv.FormatFloat(value, 'e', -1, 64)`, `1.5e+00`.
enum ScientificNumber {
    /// The shortest digits that read back as the same value, with an exponent of at least two digits.
    static func format(_ value: Double) -> String {
        guard value.isFinite else { return PromNumber.format(value) }
        guard value != 0 else { return value.sign == .minus ? "-0e+00" : "0e+00" }
        // Swift's description has the shortest digits, plain or with an exponent: 123.25, 1e-07.
        let parts = value.magnitude.description.split(separator: "e")
        let mantissa = parts[0].split(separator: ".")
        let whole = String(mantissa[0])
        let fraction = mantissa.count > 1 && mantissa[1] != "0" ? String(mantissa[1]) : ""
        let written = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        let digits = (whole + fraction).drop { $0 == "0" }
        let leadingZeros = whole.count + fraction.count - digits.count
        let exponent = written + whole.count - 1 - leadingZeros
        let significant = String(digits.reversed().drop { $0 == "0" }.reversed())
        let rest = significant.dropFirst()
        let point = rest.isEmpty ? "" : "."
        let size = String(exponent.magnitude)
        let sign = exponent < 0 ? "-" : "+"
        return (value < 0 ? "-" : "") + significant.prefix(1) + point + rest + "e" + sign
            + (size.count < 2 ? "0" + size : size)
    }
}
