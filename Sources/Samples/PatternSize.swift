// SPDX-License-Identifier: Apache-2.0
//
// How large an expression is with its repetitions written out. RE2 writes them out before it finds that the result is larger
// than it may be: `.{1000}` a few thousand times takes it a second. This is told from the text in one pass, so that it is not
// asked at all. Nothing is checked here; what is no expression gets RE2's own words.

/// The number of elements of an expression, each as often as it is repeated.
struct PatternSize {
    /// More would not fit into the memory that RE2 is given.
    static let limit = 200_000

    /// Groups deeper than this count as one; RE2 refuses more than 1000 itself.
    private static let depthLimit = 1000

    /// Saturates beyond the limit.
    static func of(_ source: String) -> Int {
        let bytes = Array(source.utf8)
        // Of each open group what is before its last element, and that element.
        var groups: [(before: Int, last: Int)] = []
        var (before, last) = (0, 0)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\\"):
                (before, last) = (capped(before + last), 1)
                index += 1
            case UInt8(ascii: "["):
                (before, last) = (capped(before + last), 1)
                index = endOfClass(bytes, index)
            case UInt8(ascii: "("):
                guard groups.count < depthLimit else { return limit + 1 }
                groups.append((capped(before + last), 0))
                (before, last) = (0, 0)
            case UInt8(ascii: ")"):
                guard let outer = groups.popLast() else { continue }
                (before, last) = (outer.before, capped(before + last))
            case UInt8(ascii: "{"):
                guard let (count, end) = repetition(bytes, index) else { continue }
                last = capped(last * count)
                index = end
            default: (before, last) = (capped(before + last), 1)
            }
        }
        return groups.reduce(capped(before + last)) { capped($0 + $1.before) }
    }

    private static func capped(_ count: Int) -> Int { min(count, limit + 1) }

    /// Behind the `]` of a class whose `[` is before `start`.
    private static func endOfClass(_ bytes: [UInt8], _ start: Int) -> Int {
        var index = start
        if index < bytes.count, bytes[index] == UInt8(ascii: "^") { index += 1 }
        // A bracket in the first place stands for itself.
        if index < bytes.count, bytes[index] == UInt8(ascii: "]") { index += 1 }
        while index < bytes.count, bytes[index] != UInt8(ascii: "]") {
            index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return index + 1
    }

    /// The larger number of `n}`, `n,}` or `n,m}`, at most 1000 as in RE2, and where it ends; nil for other texts.
    private static func repetition(_ bytes: [UInt8], _ start: Int) -> (count: Int, end: Int)? {
        var numbers = [0]
        var index = start
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                numbers[numbers.count - 1] = min(1000, numbers[numbers.count - 1] * 10 + Int(byte & 15))
            case UInt8(ascii: ","): numbers.append(0)
            case UInt8(ascii: "}"): return (max(1, numbers.max() ?? 1), index)
            default: return nil
            }
        }
        return nil
    }
}
