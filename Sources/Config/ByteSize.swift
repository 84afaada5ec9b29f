// SPDX-License-Identifier: Apache-2.0
//
// Sizes as Prometheus writes them: `512MB` is 512 × 1024². `KiB` and `KB` are the same.

/// Prometheus' notation of sizes.
public enum ByteSize {
    private static let units = ["B", "KB", "MB", "GB", "TB", "PB", "EB"]

    /// Reads a size in bytes, also a sum such as `1GB512MB`; nil when it is not one or does not fit.
    public static func parse(_ text: String) -> Int64? {
        if text == "0" { return 0 }
        var rest = text[...]
        var total: Int64 = 0
        repeat {
            guard let term = term(from: &rest) else { return nil }
            let (sum, overflow) = total.addingReportingOverflow(term)
            if overflow { return nil }
            total = sum
        } while !rest.isEmpty
        return total
    }

    private static func term(from rest: inout Substring) -> Int64? {
        let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard digits.first?.isNumber == true else { return nil }
        rest = rest.dropFirst(digits.count)
        var name = String(rest.prefix { $0.isASCII && $0.isLetter })
        rest = rest.dropFirst(name.count)
        if name.count == 3, name.hasSuffix("iB") { name = name.prefix(1) + "B" }
        guard let power = units.firstIndex(of: name) else { return nil }
        let factor = Int64(1) << (10 * Int64(power))
        if let whole = Int64(digits) {
            let (size, overflow) = whole.multipliedReportingOverflow(by: factor)
            return overflow ? nil : size
        }
        guard let number = Double(digits) else { return nil }
        return Int64(exactly: (number * Double(factor)).rounded(.down))
    }

    /// Writes a size with the largest unit that leaves a whole number.
    public static func format(_ size: Int64) -> String {
        var rest = size
        var power = 0
        while rest != 0, rest.isMultiple(of: 1024), power + 1 < units.count {
            rest /= 1024
            power += 1
        }
        return "\(rest)\(units[power])"
    }
}
