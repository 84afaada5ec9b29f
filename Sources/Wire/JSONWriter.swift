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

    /// Makes room for so many bytes in all.
    public mutating func reserve(_ capacity: Int) {
        bytes.reserveCapacity(capacity)
    }

    /// Hands over what was written; what follows continues it, commas included.
    public mutating func take() -> [UInt8] {
        var taken: [UInt8] = []
        swap(&taken, &bytes)
        return taken
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
        let (times, values): (InlineArray<1, Int64>, InlineArray<1, Double>) = ([milliseconds], [value])
        samples(times.span, values.span)
    }

    /// Writes samples as elements of the array that is open.
    ///
    /// - Parameters:
    ///   - milliseconds: their times.
    ///   - values: their values, as many as times.
    public mutating func samples(_ milliseconds: Span<Int64>, _ values: Span<Double>) {
        precondition(milliseconds.count == values.count, "a time for each value")
        var index = 0
        var isBehind = needsComma
        while index < values.count {
            let end = min(index + JSONWriter.samplesAtOnce, values.count)
            let start = bytes.count
            bytes.append(contentsOf: repeatElement(0, count: (end - index) * JSONWriter.sampleLimit))
            var out = bytes.mutableSpan
            var place = start
            while index < end {
                if isBehind {
                    out[place] = UInt8(ascii: ",")
                    place += 1
                }
                out[place] = UInt8(ascii: "[")
                place = JSONWriter.writeSeconds(milliseconds[index], &out, place + 1)
                out[place] = UInt8(ascii: ",")
                out[place + 1] = UInt8(ascii: "\"")
                place = PromNumber.write(values[index], into: &out, at: place + 2)
                out[place] = UInt8(ascii: "\"")
                out[place + 1] = UInt8(ascii: "]")
                place += 2
                isBehind = true
                index += 1
            }
            bytes.removeLast(bytes.count - place)
        }
        needsComma = isBehind
    }

    /// More bytes than a sample takes: a time of 24, a value, and what is around them.
    private static let sampleLimit = 32 + PromNumber.textLimit
    /// Samples to make room for in one step.
    private static let samplesAtOnce = 256

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
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: JSONWriter.sampleLimit))
        var out = bytes.mutableSpan
        let end = JSONWriter.writeSeconds(milliseconds, &out, start)
        bytes.removeLast(bytes.count - end)
    }

    /// Writes seconds over bytes from a place on; returns where they end, at most 24 bytes later.
    private static func writeSeconds(
        _ milliseconds: Int64,
        _ out: inout MutableSpan<UInt8>,
        _ start: Int
    ) -> Int {
        var place = start
        if milliseconds < 0 {
            out[place] = UInt8(ascii: "-")
            place += 1
        }
        let magnitude = milliseconds.magnitude
        place = PromNumber.write(whole: magnitude / 1000, into: &out, at: place)
        let rest = magnitude % 1000
        guard rest != 0 else { return place }
        out[place] = UInt8(ascii: ".")
        out[place + 1] = UInt8(ascii: "0") + UInt8(rest / 100)
        out[place + 2] = UInt8(ascii: "0") + UInt8(rest / 10 % 10)
        out[place + 3] = UInt8(ascii: "0") + UInt8(rest % 10)
        return place + 4
    }

    private static let hexDigits = Array("0123456789abcdef".utf8)

    private mutating func appendQuoted(_ text: String, escapingHTML: Bool) {
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { utf8 in
            if unsafe JSONWriter.isPlain(utf8.span, escapingHTML: escapingHTML) {
                unsafe bytes.append(contentsOf: utf8)
            } else {
                unsafe appendEscaped(utf8.span, escapingHTML: escapingHTML)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Whether nothing of a text is to be escaped, as in almost all names and values.
    private static func isPlain(_ text: Span<UInt8>, escapingHTML: Bool) -> Bool {
        // Bit 0: always escaped; bit 1: may be with HTML. No way out of the loop, so that it takes several bytes a step.
        var special: UInt8 = 0
        for index in text.indices {
            let byte = text[index]
            special |= byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") ? 1 : 0
            special |= byte == UInt8(ascii: "<") || byte == UInt8(ascii: ">") ? 2 : 0
            special |= byte == UInt8(ascii: "&") || byte & 0xfe == 0xa8 ? 2 : 0
        }
        return special & (escapingHTML ? 3 : 1) == 0
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
