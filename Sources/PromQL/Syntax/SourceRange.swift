// SPDX-License-Identifier: Apache-2.0
//
// Where in the query text something stands. Errors and annotations print the start as line:column, both from 1,
// the column in bytes.

/// A half-open range of byte offsets in a query.
struct SourceRange: Sendable, Hashable {
    var start: Int
    var end: Int

    static let none = SourceRange(start: 0, end: 0)

    /// From this range's start to the other's end.
    func through(_ other: SourceRange) -> SourceRange {
        SourceRange(start: start, end: other.end)
    }

    /// The start as `line:column`.
    func position(in text: [UInt8]) -> String {
        if text.isEmpty { return "unknown position" }
        guard start >= 0, start <= text.count else { return "invalid position" }
        var line = 1
        var lastBreak = -1
        for index in 0..<start where text[index] == UInt8(ascii: "\n") {
            line += 1
            lastBreak = index
        }
        return "\(line):\(start - lastBreak)"
    }
}
