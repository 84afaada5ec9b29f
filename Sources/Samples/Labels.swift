// SPDX-License-Identifier: Apache-2.0
//
// The identity of a series: label pairs sorted by name, in one byte buffer
//
//     pair*   pair = varint length, name bytes, varint length, value bytes
//
// Invariant: names are strictly ascending byte-wise, no name and no value is empty (a label with an empty value
// is the same as no label). Equal label sets have equal bytes, so equality and hashing look at bytes only.

/// A sorted, immutable set of label names and values.
public struct Labels: Sendable, Hashable {
    /// The encoded pairs, as the file head draws them.
    ///
    /// Stable: also the on-disk form.
    public let bytes: [UInt8]

    /// The set without labels.
    public init() {
        bytes = []
    }

    /// Creates a set from pairs in any order.
    ///
    /// Pairs with an empty name or value are left out; of several pairs with one name the last wins.
    public init(_ pairs: some Sequence<(name: String, value: String)>) {
        self = LabelsBuilder(pairs).labels()
    }

    /// Trusts `sortedPairs` to keep the invariant; used by the builder only.
    init(sortedPairs: [(name: String, value: String)]) {
        var out: [UInt8] = []
        // Sets are kept by the thousand: as large as needed, not as an array grows.
        out.reserveCapacity(
            sortedPairs.reduce(0) { $0 + Labels.size(of: $1.name.utf8) + Labels.size(of: $1.value.utf8) }
        )
        for (name, value) in sortedPairs {
            Labels.append(name.utf8, to: &out)
            Labels.append(value.utf8, to: &out)
        }
        bytes = out
    }

    /// Wraps encoded pairs without checking them, for callers that pick pairs of a set they have.
    ///
    /// - Parameter pairs: whole pairs, copied in their order from the `bytes` of another set.
    public init(copiedPairs pairs: [UInt8]) {
        bytes = pairs
    }

    /// Reads the encoded form back, checking the invariant; nil when lengths, order or UTF-8 are wrong.
    ///
    /// - Parameter encoded: what `bytes` of another set held, from disk or the wire.
    public init?(encoded: [UInt8]) {
        var previous = ""
        var offset = 0
        while offset < encoded.count {
            guard let name = Labels.string(in: encoded, at: &offset),
                let value = Labels.string(in: encoded, at: &offset),
                !name.isEmpty, !value.isEmpty,
                previous.isEmpty || Labels.precedes(previous, name)
            else { return nil }
            previous = name
        }
        bytes = encoded
    }

    /// The name every metric carries.
    public static let metricNameLabel = "__name__"

    /// Whether there is no label.
    public var isEmpty: Bool { bytes.isEmpty }

    /// The number of labels.
    ///
    /// O(bytes).
    public var count: Int {
        var total = 0
        forEachRange { _, _ in total += 1 }
        return total
    }

    /// The value of a label, nil when the set has none of that name.
    ///
    /// O(bytes).
    public subscript(_ name: String) -> String? {
        value(ofNameBytes: Array(name.utf8)).map { String(decoding: bytes[$0], as: UTF8.self) }
    }

    /// The `__name__` label.
    public var metricName: String? { self[Labels.metricNameLabel] }

    /// All pairs in name order.
    public var pairs: [(name: String, value: String)] {
        var result: [(name: String, value: String)] = []
        forEachRange { name, value in
            result.append(
                (String(decoding: bytes[name], as: UTF8.self), String(decoding: bytes[value], as: UTF8.self))
            )
        }
        return result
    }

    /// The byte range of a label's value within `bytes`, for callers that avoid building strings.
    public func value(ofNameBytes wanted: [UInt8]) -> Range<Int>? {
        var offset = 0
        while offset < bytes.count {
            guard let name = Labels.range(in: bytes, at: &offset),
                let value = Labels.range(in: bytes, at: &offset)
            else { return nil }
            if name.count == wanted.count, bytes[name].elementsEqual(wanted) { return value }
        }
        return nil
    }

    /// Calls `body` with the byte ranges of each name and value, in name order.
    public func forEachRange(_ body: (_ name: Range<Int>, _ value: Range<Int>) -> Void) {
        var offset = 0
        while offset < bytes.count {
            guard let name = Labels.range(in: bytes, at: &offset),
                let value = Labels.range(in: bytes, at: &offset)
            else { return }
            body(name, value)
        }
    }

    /// Only the labels whose names are in the list; `names` in any order.
    public func keeping(_ names: [String]) -> Labels {
        filtered { name in names.contains { Labels.sameBytes($0, name) } }
    }

    /// All labels but those named; `names` in any order.
    public func dropping(_ names: [String]) -> Labels {
        filtered { name in !names.contains { Labels.sameBytes($0, name) } }
    }

    /// A copy with one label set, replaced, or (for an empty value) removed.
    public func setting(_ name: String, _ value: String) -> Labels {
        var builder = LabelsBuilder(self)
        builder.set(name, value)
        return builder.labels()
    }

    private func filtered(_ keep: (String) -> Bool) -> Labels {
        Labels(sortedPairs: pairs.filter { keep($0.name) })
    }
}

// MARK: - Order

extension Labels: Comparable {
    /// Prometheus' order: byte-wise over the sorted (name, value) pairs, a prefix before the longer set.
    public static func < (left: Labels, right: Labels) -> Bool {
        let (mine, theirs) = (left.bytes, right.bytes)
        return precedes(mine.span, theirs.span)
    }

    /// Walks the texts, names and values alike, to the first in which the two sets differ.
    private static func precedes(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        let shared = Swift.min(left.count, right.count)
        var different = 0
        while different < shared, left[different] == right[different] { different += 1 }
        // What comes before the text that the first different byte is in, or whose length it is, is equal.
        var start = 0
        while true {
            guard start < left.count, start < right.count else {
                return start >= left.count && start < right.count
            }
            var (mine, theirs) = (start, start)
            guard let myCount = length(in: left, at: &mine), let theirCount = length(in: right, at: &theirs)
            else { return false }
            if mine == theirs, myCount == theirCount, mine + myCount <= different {
                start = mine + myCount
                continue
            }
            let common = Swift.min(myCount, theirCount)
            var place = 0
            while place < common, left[mine + place] == right[theirs + place] { place += 1 }
            if place < common { return left[mine + place] < right[theirs + place] }
            if myCount != theirCount { return myCount < theirCount }
            start = mine + myCount
        }
    }

    /// The length of the text that begins at an offset, nil when it reaches beyond the end.
    @inline(__always)
    private static func length(in bytes: Span<UInt8>, at offset: inout Int) -> Int? {
        var length = 0
        var shift = 0
        while offset < bytes.count, shift < 35 {
            let byte = bytes[offset]
            offset += 1
            length |= Int(byte & 0x7f) << shift
            if byte < 0x80 { return length <= bytes.count - offset ? length : nil }
            shift += 7
        }
        return nil
    }

    /// Byte-wise equality; Swift's own holds `é` and `e` with a combining accent for one text, Prometheus does not.
    static func sameBytes(_ left: String, _ right: String) -> Bool {
        left.utf8.count == right.utf8.count && left.utf8.elementsEqual(right.utf8)
    }

    static func precedes(_ left: String, _ right: String) -> Bool {
        left.utf8.lexicographicallyPrecedes(right.utf8)
    }
}

extension Labels: CustomStringConvertible {
    /// Series notation: `name{a="b", c="d"}`, as Prometheus prints it in messages.
    public var description: String {
        let rest = pairs.filter { $0.name != Labels.metricNameLabel }
            .map { "\(Labels.printedName($0.name))=\(Labels.quoted($0.value))" }
            .joined(separator: ", ")
        guard let name = metricName else { return "{\(rest)}" }
        guard Labels.isLegacyMetricName(name) else {
            return rest.isEmpty ? "{\(Labels.quoted(name))}" : "{\(Labels.quoted(name)), \(rest)}"
        }
        return rest.isEmpty ? name : "\(name){\(rest)}"
    }

    private static func printedName(_ name: String) -> String {
        isLegacyLabelName(name) ? name : quoted(name)
    }

    /// A string in double quotes as Go's strconv.Quote writes it, which Prometheus' messages use.
    public static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": out += "\\\\"
            case "\"": out += "\\\""
            case "\n": out += "\\n"
            case "\t": out += "\\t"
            case "\r": out += "\\r"
            case "\u{7}": out += "\\a"
            case "\u{8}": out += "\\b"
            case "\u{b}": out += "\\v"
            case "\u{c}": out += "\\f"
            case _ where isPrintable(scalar): out.unicodeScalars.append(scalar)
            case _ where scalar.value < 0x80: out += "\\x\(hex(scalar, width: 2))"
            case _ where scalar.value < 0x1_0000: out += "\\u\(hex(scalar, width: 4))"
            default: out += "\\U\(hex(scalar, width: 8))"
            }
        }
        return out + "\""
    }

    private static func hex(_ scalar: Unicode.Scalar, width: Int) -> String {
        let digits = String(scalar.value, radix: 16)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    /// Go's unicode.IsPrint: letters, marks, numbers, punctuation, symbols and the ASCII blank.
    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value >= 0x20 && scalar.value < 0x7f }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .spaceSeparator, .lineSeparator,
            .paragraphSeparator:
            return false
        default: return true
        }
    }

    /// Whether the name matches `[a-zA-Z_][a-zA-Z0-9_]*`.
    public static func isLegacyLabelName(_ name: String) -> Bool {
        isName(name) { $0 == UInt8(ascii: "_") }
    }

    /// Whether the name matches `[a-zA-Z_:][a-zA-Z0-9_:]*`.
    public static func isLegacyMetricName(_ name: String) -> Bool {
        isName(name) { $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ":") }
    }

    private static func isName(_ name: String, _ isExtra: (UInt8) -> Bool) -> Bool {
        var isFirst = true
        for byte in name.utf8 {
            let isLetter = (byte | 0x20) >= UInt8(ascii: "a") && (byte | 0x20) <= UInt8(ascii: "z")
            let isDigit = byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
            guard isLetter || isExtra(byte) || (isDigit && !isFirst) else { return false }
            isFirst = false
        }
        return !isFirst
    }
}

// MARK: - Encoding

extension Labels {
    private static func append(_ text: some Collection<UInt8>, to out: inout [UInt8]) {
        var length = UInt64(text.count)
        while length >= 0x80 {
            out.append(UInt8(truncatingIfNeeded: length) | 0x80)
            length >>= 7
        }
        out.append(UInt8(length))
        out.append(contentsOf: text)
    }

    /// The bytes of a text and its length.
    private static func size(of text: String.UTF8View) -> Int {
        var size = text.count + 1
        var rest = text.count >> 7
        while rest > 0 {
            size += 1
            rest >>= 7
        }
        return size
    }

    private static func range(in bytes: [UInt8], at offset: inout Int) -> Range<Int>? {
        var length = 0
        var shift = 0
        while true {
            guard offset < bytes.count, shift < 35 else { return nil }
            let byte = bytes[offset]
            offset += 1
            length |= Int(byte & 0x7f) << shift
            if byte < 0x80 {
                // A longer code of the same number would make equal labels unequal bytes.
                if byte == 0, shift > 0 { return nil }
                break
            }
            shift += 7
        }
        guard length <= bytes.count - offset else { return nil }
        defer { offset += length }
        return offset..<(offset + length)
    }

    private static func string(in bytes: [UInt8], at offset: inout Int) -> String? {
        guard let range = range(in: bytes, at: &offset) else { return nil }
        return String(validating: bytes[range], as: UTF8.self)
    }
}
