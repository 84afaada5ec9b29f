// SPDX-License-Identifier: Apache-2.0
//
// Sample values as text, exactly as Prometheus' JSON and exposition formats have them (Go strconv.FormatFloat with
// the shortest digits that read back the same; strconv.ParseFloat). Independent of the locale.

/// Prometheus' notation of sample values.
public enum PromNumber {
    /// The NaN that parsing yields, the one Prometheus calls normal (`model/value`, NormalNaN).
    public static let normalNaN = Double(bitPattern: 0x7ff8_0000_0000_0001)

    // MARK: - Writing

    /// The shortest text that reads back as the same value.
    ///
    /// Plain digits, except below 1e-6 and from 1e21 on: `1e-07`, `1e+21`. Not a number is `NaN`, infinities are
    /// `+Inf` and `-Inf`.
    public static func format(_ value: Double) -> String {
        var out: [UInt8] = []
        append(value, to: &out)
        return String(decoding: out, as: UTF8.self)
    }

    /// The shortest digits that read back as the same value, without an exponent however many they are.
    public static func plain(_ value: Double) -> String {
        guard value.isFinite, value != 0 else { return format(value) }
        // The smallest number has 324 zeros and one digit, others up to 17.
        var out = [UInt8](repeating: 0, count: 384)
        var text = DigitWriter(place: 0)
        var span = out.mutableSpan
        if value < 0 { text.write(byte: UInt8(ascii: "-"), &span) }
        text.writePlain(ShortestDecimal(value.magnitude), &span)
        return String(decoding: out[..<text.place], as: UTF8.self)
    }

    /// Appends the text `format` gives.
    public static func append(_ value: Double, to out: inout [UInt8]) {
        let start = out.count
        out.append(contentsOf: repeatElement(0, count: textLimit))
        var text = out.mutableSpan
        let end = write(value, into: &text, at: start)
        out.removeLast(out.count - end)
    }

    /// More bytes than the text of any value has.
    public static let textLimit = 32

    /// Writes the text `format` gives over bytes from a place on, where there must be room for `textLimit` of them.
    ///
    /// - Parameters:
    ///   - value: the number.
    ///   - out: receives the text.
    ///   - start: where it begins.
    /// - Returns: where it ends.
    public static func write(_ value: Double, into out: inout MutableSpan<UInt8>, at start: Int) -> Int {
        var text = DigitWriter(place: start)
        guard value.isFinite else {
            text.write(value.isNaN ? "NaN" : value < 0 ? "-Inf" : "+Inf", &out)
            return text.place
        }
        if value.sign == .minus { text.write(byte: UInt8(ascii: "-"), &out) }
        let magnitude = value.magnitude
        // Counters and gauges are mostly whole numbers: below 2^53 the integer's digits are the shortest.
        if magnitude < 9_007_199_254_740_992, let whole = UInt64(exactly: magnitude) {
            text.write(whole, &out)
            return text.place
        }
        let decimal = ShortestDecimal(magnitude)
        if magnitude < 1e-6 || magnitude >= 1e21 {
            text.writeScientific(decimal, &out)
        } else {
            text.writePlain(decimal, &out)
        }
        return text.place
    }

    /// Writes a whole number over bytes from a place on, where there must be room for 20 of them; returns where it ends.
    public static func write(whole: UInt64, into out: inout MutableSpan<UInt8>, at start: Int) -> Int {
        var text = DigitWriter(place: start)
        text.write(whole, &out)
        return text.place
    }

    // MARK: - Reading

    /// Reads a value by the rules of the text exposition format.
    ///
    /// Decimal with optional sign, fraction and exponent; `inf`, `infinity` with optional sign and `nan`, in any
    /// case. Hexadecimal, digit separators and blanks are refused, as is what is too large for a double.
    public static func parse(_ text: some Collection<UInt8>) -> Double? {
        let parsed = text.withContiguousStorageIfAvailable { parse($0.span) }
        return parsed ?? parse(Array(text).span)
    }

    /// Reads a value from a string; see the other `parse`.
    public static func parse(_ text: String) -> Double? {
        var text = text
        return text.withUTF8 { parse($0.span) }
    }

    /// Reads a value from bytes; see the other `parse`.
    public static func parse(_ bytes: Span<UInt8>) -> Double? {
        var scan = Scan()
        guard scan.read(bytes) else { return special(bytes) }
        if let exact = scan.exactValue { return exact }
        // Too many digits or too large an exponent for exact arithmetic: the library rounds correctly, in the C locale.
        var text = ""
        text.reserveCapacity(bytes.count)
        for index in bytes.indices { text.unicodeScalars.append(Unicode.Scalar(bytes[index])) }
        guard let value = Double(text), value.isFinite else { return nil }
        return value
    }

    private static func special(_ bytes: Span<UInt8>) -> Double? {
        guard bytes.count >= 3, bytes.count <= 9 else { return nil }
        var word: [UInt8] = []
        for index in bytes.indices { word.append(bytes[index] | 0x20) }
        if word.elementsEqual("nan".utf8) { return normalNaN }
        let isSigned = bytes[0] == UInt8(ascii: "+") || bytes[0] == UInt8(ascii: "-")
        if isSigned { word.removeFirst() }
        guard word.elementsEqual("inf".utf8) || word.elementsEqual("infinity".utf8) else { return nil }
        return bytes[0] == UInt8(ascii: "-") ? -.infinity : .infinity
    }

    /// A decimal number being read: mantissa × 10^exponent.
    private struct Scan {
        private var isNegative = false
        private var mantissa: UInt64 = 0
        private var exponent = 0
        private var isExact = true

        private static let powers: [Double] = [
            1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
            1e18, 1e19, 1e20, 1e21, 1e22,
        ]

        /// Reads all bytes; false when they are not a decimal number.
        mutating func read(_ bytes: Span<UInt8>) -> Bool {
            var index = 0
            let count = bytes.count
            if count > 0, bytes[0] == UInt8(ascii: "-") || bytes[0] == UInt8(ascii: "+") {
                isNegative = bytes[0] == UInt8(ascii: "-")
                index = 1
            }
            var hasDigit = false
            var hasPoint = false
            while index < count {
                let digit = bytes[index] &- UInt8(ascii: "0")
                if digit < 10 {
                    hasDigit = true
                    take(digit)
                    if hasPoint { exponent -= 1 }
                } else if bytes[index] == UInt8(ascii: "."), !hasPoint {
                    hasPoint = true
                } else {
                    break
                }
                index += 1
            }
            guard hasDigit else { return false }
            return index == count || readExponent(bytes, from: index)
        }

        private mutating func take(_ digit: UInt8) {
            // Beyond 18 digits the mantissa may not fit; the slow way takes over.
            if mantissa >= 100_000_000_000_000_000 { isExact = false }
            if isExact { mantissa = mantissa * 10 + UInt64(digit) }
        }

        private mutating func readExponent(_ bytes: Span<UInt8>, from start: Int) -> Bool {
            guard bytes[start] | 0x20 == UInt8(ascii: "e") else { return false }
            var index = start + 1
            var isNegativeExponent = false
            if index < bytes.count, bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+") {
                isNegativeExponent = bytes[index] == UInt8(ascii: "-")
                index += 1
            }
            guard index < bytes.count else { return false }
            var value = 0
            while index < bytes.count {
                let digit = bytes[index] &- UInt8(ascii: "0")
                guard digit < 10 else { return false }
                // Past any double's range the number itself no longer matters.
                if value < 100_000 { value = value * 10 + Int(digit) }
                index += 1
            }
            exponent += isNegativeExponent ? -value : value
            return true
        }

        /// The value when one correctly rounded multiplication or division yields it (Clinger 1990), else nil.
        var exactValue: Double? {
            guard isExact, mantissa <= 1 << 53 else { return nil }
            let magnitude: Double
            if mantissa == 0 {
                magnitude = 0
            } else if exponent >= 0, exponent < Scan.powers.count {
                magnitude = Double(mantissa) * Scan.powers[exponent]
            } else if exponent < 0, -exponent < Scan.powers.count {
                magnitude = Double(mantissa) / Scan.powers[-exponent]
            } else {
                return nil
            }
            return isNegative ? -magnitude : magnitude
        }
    }
}
