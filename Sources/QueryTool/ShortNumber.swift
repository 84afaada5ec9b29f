// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Samples

/// Numbers for axes and summaries: four digits, and k, M, G, T for large ones.
enum ShortNumber {
    static func text(_ value: Double) -> String {
        guard value.isFinite, value != 0 else { return PromNumber.format(value) }
        let magnitude = value.magnitude
        for (limit, suffix) in [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")] where magnitude >= limit {
            guard magnitude < 1e16 else { break }
            return digits(value / (suffix == "k" ? 1e3 : limit)) + suffix
        }
        return digits(value)
    }

    /// Rounded to four digits.
    private static func digits(_ value: Double) -> String {
        let exponent = log10(value.magnitude).rounded(.down)
        guard exponent > -300, exponent < 300 else { return PromNumber.format(value) }
        // Dividing by a power of ten gives the nearest number to the rounded one; multiplying by its inverse does not.
        if exponent >= 3 {
            let unit = pow(10, exponent - 3)
            return PromNumber.format((value / unit).rounded() * unit)
        }
        let unit = pow(10, 3 - exponent)
        return PromNumber.format((value * unit).rounded() / unit)
    }
}
