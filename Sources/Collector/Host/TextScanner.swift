// SPDX-License-Identifier: Apache-2.0
//
// Lines and fields of the kernel's text, as ranges of a buffer: no String is made. Nothing here traps on any input.

internal import Samples

/// Walks over lines, and over the blank-separated fields of a line.
struct TextScanner {
    private let bytes: [UInt8]
    private var offset: Int
    private let end: Int

    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        let clamped = range.clamped(to: 0..<bytes.count)
        offset = clamped.lowerBound
        end = clamped.upperBound
    }

    init(_ text: String) {
        self.init(Array(text.utf8), 0..<text.utf8.count)
    }

    /// What is left.
    var rest: ArraySlice<UInt8> { bytes[offset..<end] }

    /// What is left without blanks and line ends around it.
    var trimmed: ArraySlice<UInt8> { TextScanner.trim(rest) }

    /// The bytes without blanks and line ends around them.
    static func trim(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var from = bytes.startIndex
        var through = bytes.endIndex
        while from < through, isBlank(bytes[from]) { from += 1 }
        while through > from, isBlank(bytes[through - 1]) { through -= 1 }
        return bytes[from..<through]
    }

    /// Moves behind the byte at an index of `rest`.
    mutating func skip(through index: Int) {
        offset = min(max(offset, index + 1), end)
    }

    /// Moves so many bytes on; false, with nothing skipped, when fewer are left.
    mutating func skip(count: Int) -> Bool {
        guard end - offset >= count else { return false }
        offset += count
        return true
    }

    /// The next line without its line end, nil at the end.
    mutating func nextLine() -> TextScanner? {
        guard offset < end else { return nil }
        let start = offset
        while offset < end, bytes[offset] != UInt8(ascii: "\n") { offset += 1 }
        let line = TextScanner(bytes, start..<offset)
        if offset < end { offset += 1 }
        return line
    }

    /// The next run of non-blanks, nil at the end.
    mutating func nextField() -> ArraySlice<UInt8>? {
        while offset < end, TextScanner.isBlank(bytes[offset]) { offset += 1 }
        guard offset < end else { return nil }
        let start = offset
        while offset < end, !TextScanner.isBlank(bytes[offset]) { offset += 1 }
        return bytes[start..<offset]
    }

    /// The next field as a number, nil at the end or when it is none.
    mutating func nextUnsigned() -> UInt64? {
        nextField().flatMap { KernelNumber.unsigned($0) }
    }

    /// What comes before the separator, which is skipped; nil, with nothing skipped, when there is none.
    mutating func take(until separator: UInt8) -> ArraySlice<UInt8>? {
        guard let place = bytes[offset..<end].firstIndex(of: separator) else { return nil }
        defer { offset = place + 1 }
        return bytes[offset..<place]
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || (byte >= 9 && byte <= 13) || byte == 0
    }
}

/// Numbers in the kernel's text.
enum KernelNumber {
    /// A whole number of decimal digits only, nil when it is none or exceeds 64 bits.
    static func unsigned(_ text: ArraySlice<UInt8>) -> UInt64? {
        guard !text.isEmpty else { return nil }
        var value: UInt64 = 0
        for byte in text {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = scaled.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
            if overflow || carry { return nil }
            value = sum
        }
        return value
    }

    /// A whole number of hexadecimal digits only, nil when it is none or exceeds 64 bits.
    static func hexadecimal(_ text: ArraySlice<UInt8>) -> UInt64? {
        guard !text.isEmpty, text.count <= 16 else { return nil }
        var value: UInt64 = 0
        for byte in text {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: return nil
            }
            value = value << 4 | UInt64(digit)
        }
        return value
    }

    /// A number with optional sign, fraction and exponent; nil for anything else, also for words like `inf`.
    static func decimal(_ text: ArraySlice<UInt8>) -> Double? {
        if let whole = unsigned(text) { return Double(whole) }
        guard let value = PromNumber.parse(text), value.isFinite else { return nil }
        return value
    }
}

extension ArraySlice<UInt8> {
    /// Whether the bytes are those of a text.
    func spells(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { elementsEqual($0) }
    }

    /// What follows a prefix, nil when the bytes do not begin with it.
    func after(_ prefix: StaticString) -> ArraySlice<UInt8>? {
        prefix.withUTF8Buffer { starts(with: $0) } ? dropFirst(prefix.utf8CodeUnitCount) : nil
    }
}
