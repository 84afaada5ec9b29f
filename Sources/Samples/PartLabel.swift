// SPDX-License-Identifier: Apache-2.0
//
// A store keeps what is not one number a row, such as a histogram, as several columns: hidden series with the labels
// of the series they are part of and one label more, whose name no source may use. It begins with U+0001, so it comes
// first in every label set: telling a part from a series and finding its parent look at a few bytes.
//
//     parent  {__name__="latency", job="web"}
//     part    {U+0001="count", __name__="latency", job="web"}

/// The label that marks a part of a series.
public enum PartLabel {
    /// The label's name.
    ///
    /// Receivers and scrapes refuse it, and so does the store.
    public static let name = "\u{1}"

    /// What the encoding of a part's labels begins with: the name's length and the name.
    private static let prefix: [UInt8] = [1, 1]

    /// Whether the labels are those of a part and not of a series anybody may see.
    ///
    /// O(1).
    @inline(__always)
    public static func marks(_ labels: Labels) -> Bool {
        labels.bytes.count > 2 && labels.bytes[0] == 1 && labels.bytes[1] == 1
    }

    /// The labels of a part of a series.
    ///
    /// - Parameters:
    ///   - part: which part; not empty, and shorter than 128 bytes.
    ///   - parent: the labels of the series.
    /// - Returns: the labels under which the store keeps the part.
    public static func labels(_ part: String, of parent: Labels) -> Labels {
        precondition(!part.isEmpty && part.utf8.count < 128, "a short name of a part")
        var bytes = prefix
        bytes.reserveCapacity(3 + part.utf8.count + parent.bytes.count)
        bytes.append(UInt8(part.utf8.count))
        bytes.append(contentsOf: part.utf8)
        bytes.append(contentsOf: parent.bytes)
        return Labels(copiedPairs: bytes)
    }

    /// Which part the labels stand for; nil for the labels of a series.
    public static func part(_ labels: Labels) -> String? {
        guard let range = partRange(labels) else { return nil }
        return String(decoding: labels.bytes[range], as: UTF8.self)
    }

    private static func partRange(_ labels: Labels) -> Range<Int>? {
        guard marks(labels) else { return nil }
        let start = prefix.count + 1
        let length = Int(labels.bytes[prefix.count])
        guard length > 0, length < 128, labels.bytes.count >= start + length else { return nil }
        return start..<(start + length)
    }

    /// Which part of which series the labels stand for; nil for the labels of a series.
    public static func split(_ labels: Labels) -> (part: String, parent: Labels)? {
        guard let range = partRange(labels) else { return nil }
        let part = String(decoding: labels.bytes[range], as: UTF8.self)
        return (part, Labels(copiedPairs: Array(labels.bytes[range.upperBound...])))
    }
}
