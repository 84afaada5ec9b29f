// SPDX-License-Identifier: Apache-2.0
//
// The inner loops of ExpositionParser: where names, quotes, braces and lines end, and the values of most lines.
// Every index is below the span's count, checked by the loop that uses it.

internal import Samples

/// The format's delimiters, and searching for them.
enum Byte {
    static let newline = UInt8(ascii: "\n")
    static let hash = UInt8(ascii: "#")
    static let quote = UInt8(ascii: "\"")
    static let backslash = UInt8(ascii: "\\")
    static let openBrace = UInt8(ascii: "{")
    static let closeBrace = UInt8(ascii: "}")

    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }

    @inline(__always)
    static func skipBlanks(_ span: Span<UInt8>, _ start: Int) -> Int {
        var index = start
        while index < span.count, unsafe isBlank(span[unchecked: index]) { index &+= 1 }
        return index
    }

    /// The end of a bare name: a blank, a brace, or the end of the line.
    @inline(__always)
    static func endOfName(_ span: Span<UInt8>, _ start: Int) -> Int {
        var index = start
        while index < span.count {
            let byte = unsafe span[unchecked: index]
            if byte <= 0x20 || byte == openBrace { break }
            index &+= 1
        }
        return index
    }

    /// The start of the next line.
    static func endOfLine(_ span: Span<UInt8>, _ start: Int) -> Int {
        var index = start
        while index < span.count, unsafe span[unchecked: index] != newline { index &+= 1 }
        return index
    }

    /// Whether a part is well-formed UTF-8.
    static func isUTF8(_ span: Span<UInt8>, _ part: Range<Int>) -> Bool {
        (try? UTF8Span(validating: span.extracting(part))) != nil
    }

    /// The place after the brace closing the one at `start`; braces in quotes do not count.
    @inline(__always)
    static func endOfBraces(_ span: Span<UInt8>, _ start: Int) -> Int? {
        var index = start &+ 1
        while index < span.count {
            let byte = unsafe span[unchecked: index]
            if byte == quote {
                guard let end = endOfQuotes(span, index) else { return nil }
                index = end
                continue
            }
            index &+= 1
            if byte == closeBrace { return index }
            if byte == newline { return nil }
        }
        return nil
    }

    /// The place after the quote closing the one at `start`; escaped quotes do not count.
    @inline(__always)
    static func endOfQuotes(_ span: Span<UInt8>, _ start: Int) -> Int? {
        var index = start &+ 1
        while index < span.count {
            let byte = unsafe span[unchecked: index]
            if byte == quote { return index &+ 1 }
            index &+= byte == backslash ? 2 : 1
        }
        return nil
    }
}

/// Values and times.
enum Number {
    private static let powers: [22 of Double] = [
        1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
        1e19,
        1e20, 1e21, 1e22,
    ]

    /// Reads the value at `index` and moves behind it; nil leaves `index` at the offending text.
    ///
    /// Up to 15 digits and a power of ten up to 22 are exact in one multiplication or division (Clinger, "How to
    /// read floating point numbers accurately", 1990); everything else goes to `PromNumber`.
    @inline(__always)
    static func read(_ span: Span<UInt8>, _ index: inout Int) -> Double? {
        let start = index
        var place = start
        var isNegative = false
        if place < span.count, unsafe span[unchecked: place] == UInt8(ascii: "-") {
            isNegative = true
            place &+= 1
        }
        var mantissa: UInt64 = 0
        var digits = 0
        var fraction = 0
        var hasPoint = false
        while place < span.count {
            let byte = unsafe span[unchecked: place]
            let digit = byte &- UInt8(ascii: "0")
            if digit < 10 {
                // Sixteen digits end the fast path before this can overflow.
                mantissa = mantissa &* 10 &+ UInt64(digit)
                digits &+= 1
                if hasPoint { fraction &+= 1 }
                if digits > 15 { return readSlowly(span, &index) }
            } else if byte == UInt8(ascii: "."), !hasPoint {
                hasPoint = true
            } else {
                break
            }
            place &+= 1
        }
        guard digits > 0 else { return readSlowly(span, &index) }
        var exponent = 0
        if place < span.count, unsafe span[unchecked: place] | 0x20 == UInt8(ascii: "e") {
            guard let written = readExponent(span, &place) else { return readSlowly(span, &index) }
            exponent = written
        }
        if place < span.count, unsafe span[unchecked: place] > 0x20 { return readSlowly(span, &index) }
        exponent &-= fraction
        guard exponent >= -22, exponent <= 22 else { return readSlowly(span, &index) }
        var value = Double(mantissa)
        if exponent > 0 { value *= powers[exponent &- 1] }
        if exponent < 0 { value /= powers[-exponent &- 1] }
        index = place
        return isNegative ? -value : value
    }

    /// An exponent of one or two digits with its `e`; nil for anything longer.
    @inline(__always)
    private static func readExponent(_ span: Span<UInt8>, _ place: inout Int) -> Int? {
        var index = place &+ 1
        var isNegative = false
        if index < span.count {
            let sign = unsafe span[unchecked: index]
            isNegative = sign == UInt8(ascii: "-")
            if isNegative || sign == UInt8(ascii: "+") { index &+= 1 }
        }
        var exponent = 0
        let start = index
        while index < span.count, index &- start < 3 {
            let digit = unsafe span[unchecked: index] &- UInt8(ascii: "0")
            guard digit < 10 else { break }
            exponent = exponent &* 10 &+ Int(digit)
            index &+= 1
        }
        guard index > start, index &- start < 3 else { return nil }
        place = index
        return isNegative ? -exponent : exponent
    }

    /// The whole token by Go's rules.
    @inline(never)
    private static func readSlowly(_ span: Span<UInt8>, _ index: inout Int) -> Double? {
        var end = index
        while end < span.count, span[end] > 0x20 { end += 1 }
        guard let value = PromNumber.parse(span.extracting(index..<end)) else { return nil }
        index = end
        return value
    }

    /// A whole number with an optional sign that fits 64 bits, followed by a blank or the end of the line.
    static func readInteger(_ span: Span<UInt8>, _ index: inout Int) -> Int64? {
        var place = index
        var isNegative = false
        if place < span.count, span[place] == UInt8(ascii: "-") || span[place] == UInt8(ascii: "+") {
            isNegative = span[place] == UInt8(ascii: "-")
            place += 1
        }
        let start = place
        var value: Int64 = 0
        while place < span.count, span[place] > 0x20 {
            let digit = span[place] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            let (shifted, overflow) = value.multipliedReportingOverflow(by: 10)
            let (next, carry) = shifted.subtractingReportingOverflow(Int64(digit))
            guard !overflow, !carry else { return nil }
            value = next
            place += 1
        }
        // Accumulated below zero, where the range is one larger.
        guard place > start, isNegative || value > .min else { return nil }
        index = place
        return isNegative ? value : -value
    }
}
