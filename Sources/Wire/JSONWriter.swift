// SPDX-License-Identifier: Apache-2.0
//
// JSON as bytes, appended in one pass. The writer places the commas; the caller keeps the nesting: every `begin`
// has its `end`, and inside an object every value follows a `key`. Escaping is Go's (encoding/json and the
// jsoniter Prometheus uses), so that answers are the same byte for byte.

internal import Samples

/// Appends JSON to a byte array.
public struct JSONWriter: Sendable {
    /// What was written so far.
    public private(set) var bytes: [UInt8] = []
    private var needsComma = false

    /// Creates an empty writer.
    public init(capacity: Int = 0) {
        bytes.reserveCapacity(capacity)
    }

    /// Empties the writer and keeps its memory.
    public mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        needsComma = false
    }

    /// Hands over what was written; what follows continues it, commas included.
    public mutating func take() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }

    // MARK: - Structure

    /// Opens an object.
    public mutating func beginObject() { open(UInt8(ascii: "{")) }
    /// Closes an object.
    public mutating func endObject() { close(UInt8(ascii: "}")) }
    /// Opens an array.
    public mutating func beginArray() { open(UInt8(ascii: "[")) }
    /// Closes an array.
    public mutating func endArray() { close(UInt8(ascii: "]")) }

    /// Writes the name of the member whose value follows.
    public mutating func key(_ name: String) {
        beginValue()
        appendQuoted(name, escapingHTML: false)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    // MARK: - Values

    /// Writes a string.
    ///
    /// - Parameters:
    ///   - text: the string.
    ///   - escapingHTML: also write `<`, `>`, `&`, U+2028 and U+2029 as `\u003c` and so on, as Go's encoder
    ///     does; Prometheus writes label names and values without.
    public mutating func string(_ text: String, escapingHTML: Bool = true) {
        beginValue()
        appendQuoted(text, escapingHTML: escapingHTML)
        needsComma = true
    }

    /// Writes a whole number.
    public mutating func number(_ value: some BinaryInteger) {
        beginValue()
        bytes.append(contentsOf: String(value).utf8)
        needsComma = true
    }

    /// Writes a number; JSON has no NaN or infinity, they become null.
    public mutating func number(_ value: Double) {
        guard value.isFinite else { return null() }
        beginValue()
        PromNumber.append(value, to: &bytes)
        needsComma = true
    }

    /// Writes a truth value.
    public mutating func bool(_ value: Bool) { raw((value ? "true" : "false").utf8) }

    /// Writes null.
    public mutating func null() { raw("null".utf8) }

    /// Writes one value that is JSON already.
    public mutating func raw(_ json: some Sequence<UInt8>) {
        beginValue()
        bytes.append(contentsOf: json)
        needsComma = true
    }

    /// Writes a time in seconds with milliseconds as up to three decimals: `1435781451.781`.
    public mutating func seconds(milliseconds: Int64) {
        beginValue()
        appendSeconds(milliseconds)
        needsComma = true
    }

    /// Writes Prometheus' form of a sample: `[1435781451.781,"1"]`.
    public mutating func sample(_ milliseconds: Int64, _ value: Double) {
        beginValue()
        bytes.append(UInt8(ascii: "["))
        appendSeconds(milliseconds)
        bytes.append(UInt8(ascii: ","))
        bytes.append(UInt8(ascii: "\""))
        PromNumber.append(value, to: &bytes)
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: "]"))
        needsComma = true
    }

    // MARK: - Bytes

    private mutating func beginValue() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
    }

    private mutating func open(_ bracket: UInt8) {
        beginValue()
        bytes.append(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = true
    }

    private mutating func appendSeconds(_ milliseconds: Int64) {
        if milliseconds < 0 { bytes.append(UInt8(ascii: "-")) }
        let magnitude = milliseconds.magnitude
        appendDigits(magnitude / 1000)
        let rest = magnitude % 1000
        guard rest != 0 else { return }
        bytes.append(UInt8(ascii: "."))
        bytes.append(UInt8(ascii: "0") + UInt8(rest / 100))
        bytes.append(UInt8(ascii: "0") + UInt8(rest / 10 % 10))
        bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
    }

    private mutating func appendDigits(_ value: UInt64) {
        let start = bytes.count
        var rest = value
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }

    private static let hexDigits = Array("0123456789abcdef".utf8)

    private mutating func appendQuoted(_ text: String, escapingHTML: Bool) {
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { unsafe appendEscaped($0.span, escapingHTML: escapingHTML) }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func appendEscaped(_ text: Span<UInt8>, escapingHTML: Bool) {
        for index in text.indices {
            let byte = text[index]
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case UInt8(ascii: "\n"): bytes.append(contentsOf: "\\n".utf8)
            case UInt8(ascii: "\r"): bytes.append(contentsOf: "\\r".utf8)
            case UInt8(ascii: "\t"): bytes.append(contentsOf: "\\t".utf8)
            case 0..<0x20: appendUnicode(UInt16(byte))
            case UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"):
                if escapingHTML { appendUnicode(UInt16(byte)) } else { bytes.append(byte) }
            case 0xa8, 0xa9:
                // U+2028 and U+2029 are e2 80 a8 and e2 80 a9; the first two bytes are written already.
                guard escapingHTML, index >= 2, text[index - 2] == 0xe2, text[index - 1] == 0x80 else {
                    bytes.append(byte)
                    continue
                }
                bytes.removeLast(2)
                appendUnicode(0x2000 | UInt16(byte & 0x7f))
            default: bytes.append(byte)
            }
        }
    }

    private mutating func appendUnicode(_ unit: UInt16) {
        bytes.append(contentsOf: "\\u".utf8)
        for shift in [12, 8, 4, 0] { bytes.append(JSONWriter.hexDigits[Int(unit >> shift) & 15]) }
    }
}
