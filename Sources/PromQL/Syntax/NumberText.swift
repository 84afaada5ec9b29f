// SPDX-License-Identifier: Apache-2.0
//
// Numbers and durations as PromQL writes them, and how its messages and printer show them.

internal import Glibc

/// Reads number literals and prints numbers the way Go's strconv and fmt do.
enum NumberText {
    /// A number token's value; nil when it is none.
    ///
    /// Integers first, by Go's base prefixes (a leading 0 is octal), then floating point.
    static func parse(_ token: ArraySlice<UInt8>) -> Double? {
        guard case .success(let value) = read(token) else { return nil }
        return value
    }

    /// Go's words for why a token is no number.
    enum Failure: String, Error {
        case syntax = "invalid syntax"
        case range = "value out of range"
    }

    /// As `parse`, with the reason where it is none.
    static func read(_ token: ArraySlice<UInt8>) -> Result<Double, Failure> {
        let text = token.filter { $0 != UInt8(ascii: "_") }.map { $0 >= 0x41 && $0 <= 0x5a ? $0 | 0x20 : $0 }
        let word = String(decoding: text, as: UTF8.self)
        switch word {
        case "inf": return .success(.infinity)
        case "nan": return .success(.nan)
        default: break
        }
        if word.hasPrefix("0x") {
            guard let integer = Int64(word.dropFirst(2), radix: 16) else { return .failure(.syntax) }
            return .success(Double(integer))
        }
        if word.count > 1, word.hasPrefix("0"), let octal = Int64(word, radix: 8) {
            return .success(Double(octal))
        }
        if let integer = Int64(word) { return .success(Double(integer)) }
        var padded = word
        if padded.hasPrefix(".") { padded = "0" + padded }
        if padded.hasSuffix(".") { padded += "0" }
        if let dot = padded.firstIndex(of: "."), padded[padded.index(after: dot)...].hasPrefix("e") {
            padded.insert("0", at: padded.index(after: dot))
        }
        guard let value = Double(padded) else { return .failure(.syntax) }
        // A literal beyond the range of a double is an error, as in strconv.ParseFloat.
        return value.isFinite ? .success(value) : .failure(.range)
    }

    /// The shortest decimal without exponent that reads back as the value.
    static func plain(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        let (isNegative, digits, exponent) = decimal(value)
        var out = isNegative ? "-" : ""
        if exponent <= 0 {
            out += "0"
            if digits != "0" { out += "." + String(repeating: "0", count: -exponent) + digits }
        } else if exponent >= digits.count {
            out += digits + String(repeating: "0", count: exponent - digits.count)
        } else {
            out += digits.prefix(exponent) + "." + digits.dropFirst(exponent)
        }
        return out
    }

    /// Go's %g: the shortest digits, with an exponent below 1e-4 and from 1e6 on.
    static func general(_ value: Double) -> String {
        guard value.isFinite, value != 0 else { return plain(value) }
        let (isNegative, digits, exponent) = decimal(value)
        let power = exponent - 1
        guard power < -4 || power >= 6 else { return plain(value) }
        let magnitude = abs(power) < 10 ? "0\(abs(power))" : "\(abs(power))"
        let mantissa = digits.count > 1 ? "\(digits.prefix(1)).\(digits.dropFirst())" : digits
        return "\(isNegative ? "-" : "")\(mantissa)e\(power < 0 ? "-" : "+")\(magnitude)"
    }

    /// OpenMetrics' form of a number: as `general`, but 1 is 1.0.
    static func openMetrics(_ value: Double) -> String {
        let text = general(value)
        return value.isFinite && !text.utf8.contains { $0 == 0x2e || $0 == 0x65 } ? text + ".0" : text
    }

    /// C's %f with a number of decimals.
    static func fixed(_ value: Double, decimals: Int) -> String {
        guard value.isFinite else { return plain(value) }
        // A double has at most 309 digits before the point.
        var buffer = [CChar](repeating: 0, count: 352)
        let count = withVaList([Int32(clamping: min(decimals, 30)), value]) {
            vsnprintf(&buffer, buffer.count, "%.*f", $0)
        }
        return String(decoding: buffer[..<max(0, Int(count))].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Sign, significant digits without leading or trailing zeros, and the position of the point: 0.ddd × 10^exponent.
    private static func decimal(_ value: Double) -> (isNegative: Bool, digits: String, exponent: Int) {
        let isNegative = value.sign == .minus
        let text = abs(value).description
        let parts = text.split(separator: "e", maxSplits: 1)
        let number = parts[0].split(separator: ".", maxSplits: 1)
        let whole = String(number[0])
        let fraction = number.count > 1 ? String(number[1]) : ""
        var exponent = whole.count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
        var digits = Substring(whole + fraction)
        while digits.hasPrefix("0"), digits.count > 1 {
            digits = digits.dropFirst()
            exponent -= 1
        }
        while digits.hasSuffix("0"), digits.count > 1 { digits = digits.dropLast() }
        if digits == "0" { exponent = 0 }
        return (isNegative, String(digits), exponent)
    }
}

/// Reads duration literals such as `1h30m`.
enum DurationText {
    /// Units from long to short, in milliseconds.
    private static let units: [(name: String, milliseconds: UInt64)] = [
        ("y", 365 * 86_400_000), ("w", 7 * 86_400_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000),
        ("s", 1000), ("ms", 1),
    ]
    /// The longest duration Go's int64 nanoseconds hold.
    private static let limit: UInt64 = 9_223_372_036_854

    /// The duration in milliseconds, or Prometheus' words for what is wrong.
    static func parse(_ token: ArraySlice<UInt8>) -> Result<Int64, Failure> {
        let text = String(decoding: token, as: UTF8.self)
        let invalid = Failure(message: "not a valid duration string: \(EscapedString.quote(Array(token)))")
        var total: UInt64 = 0
        var nextUnit = 0
        var index = token.startIndex
        while index < token.endIndex {
            let digitsStart = index
            while index < token.endIndex, Lexer.isDigit(token[index]) { index += 1 }
            guard let value = UInt64(String(decoding: token[digitsStart..<index], as: UTF8.self)) else {
                return .failure(invalid)
            }
            let unitStart = index
            while index < token.endIndex, !Lexer.isDigit(token[index]) { index += 1 }
            guard index > unitStart else { return .failure(invalid) }
            let name = String(decoding: token[unitStart..<index], as: UTF8.self)
            guard let unit = units.firstIndex(where: { $0.name == name }) else {
                let words = "unknown unit \(EscapedString.quote(Array(name.utf8))) in duration"
                return .failure(Failure(message: "\(words) \(EscapedString.quote(Array(text.utf8)))"))
            }
            guard unit >= nextUnit else { return .failure(invalid) }
            nextUnit = unit + 1
            let (span, overflow) = value.multipliedReportingOverflow(by: units[unit].milliseconds)
            guard !overflow, span <= limit, total + span <= limit else {
                return .failure(Failure(message: "duration out of range"))
            }
            total += span
        }
        return .success(Int64(total))
    }

    struct Failure: Error {
        let message: String
    }
}
