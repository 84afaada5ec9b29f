// SPDX-License-Identifier: Apache-2.0
//
// Numbers and `printf` the way Go's fmt package writes them, since rule authors wrote their templates for it.
// Source: Go, package fmt ("Printing") and strconv.FormatFloat.

internal import Glibc
internal import Samples

/// Go's formatting of values.
enum GoFormat {
    /// `%v` of a float64: the fewest digits that read back, in exponent form below 1e-4 and from 1e6 on.
    static func general(_ value: Double) -> String {
        guard value.isFinite else { return special(value) }
        if value == 0 { return value.sign == .minus ? "-0" : "0" }
        let (digits, exponent) = shortestDigits(value.magnitude)
        let sign = value < 0 ? "-" : ""
        let isPlain = exponent >= -4 && exponent < 6
        return sign + (isPlain ? positional(digits, exponent) : exponential(digits, exponent))
    }

    /// The fewest digits that read back, always in exponent form with a capital E: `strconv.FormatFloat(v, 'E', -1, 64)`.
    static func scientific(_ value: Double) -> String {
        guard value.isFinite else { return special(value) }
        let (digits, exponent) = shortestDigits(value.magnitude)
        let text = value == 0 ? "0e+00" : exponential(digits, exponent)
        return ((value.sign == .minus ? "-" : "") + text).uppercased()
    }

    /// A float with a fixed number of digits: `verb` is one of e, E, f, F, g, G; NaN and infinities as Go names them.
    static func float(_ value: Double, verb: Character, precision: Int) -> String {
        guard value.isFinite else { return special(value) }
        let format = "%.\(min(max(precision, 0), 40))\(verb == "F" ? "f" : verb)"
        // A finite double needs at most 309 digits before the point and 40 behind it.
        var buffer = [CChar](repeating: 0, count: 400)
        let written = withVaList([value]) { vsnprintf(&buffer, buffer.count, format, $0) }
        let count = min(max(0, Int(written)), buffer.count - 1)
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// `%.4g`, what the humanize functions round to.
    static func fourDigits(_ value: Double) -> String {
        float(value, verb: "g", precision: 4)
    }

    private static func special(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        return value < 0 ? "-Inf" : "+Inf"
    }

    /// The decimal digits without trailing zeros, and the power of ten of the first.
    private static func shortestDigits(_ magnitude: Double) -> (digits: [UInt8], exponent: Int) {
        var digits: [UInt8] = []
        var pointAt: Int?
        var exponent = 0
        let text = Array(magnitude.description.utf8)
        var index = 0
        while index < text.count {
            let byte = text[index]
            if byte == UInt8(ascii: ".") {
                pointAt = digits.count
            } else if byte == UInt8(ascii: "e") {
                exponent = Int(String(decoding: text[(index + 1)...], as: UTF8.self)) ?? 0
                break
            } else {
                digits.append(byte)
            }
            index += 1
        }
        var first = (pointAt ?? digits.count) - 1 + exponent
        let leading = digits.prefix { $0 == UInt8(ascii: "0") }.count
        digits.removeFirst(leading)
        first -= leading
        while digits.last == UInt8(ascii: "0"), digits.count > 1 { digits.removeLast() }
        return (digits, first)
    }

    private static func exponential(_ digits: [UInt8], _ exponent: Int) -> String {
        var out = String(decoding: digits.prefix(1), as: UTF8.self)
        if digits.count > 1 { out += "." + String(decoding: digits.dropFirst(), as: UTF8.self) }
        let magnitude = String(exponent.magnitude)
        return out + "e" + (exponent < 0 ? "-" : "+") + (magnitude.count < 2 ? "0" : "") + magnitude
    }

    private static func positional(_ digits: [UInt8], _ exponent: Int) -> String {
        let text = String(decoding: digits, as: UTF8.self)
        if exponent < 0 { return "0." + String(repeating: "0", count: -exponent - 1) + text }
        if digits.count <= exponent + 1 {
            return text + String(repeating: "0", count: exponent + 1 - digits.count)
        }
        return String(decoding: digits[...exponent], as: UTF8.self) + "."
            + String(decoding: digits[(exponent + 1)...], as: UTF8.self)
    }
}
