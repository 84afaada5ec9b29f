// SPDX-License-Identifier: Apache-2.0

/// A name or value of a label as a key: equal when all bytes are.
///
/// `String` calls two spellings of one letter equal; for labels they are two values.
struct LabelText: Sendable, Hashable, Comparable {
    let text: String

    init(_ text: String) {
        self.text = text
    }

    static func == (left: LabelText, right: LabelText) -> Bool {
        left.text.utf8.count == right.text.utf8.count && left.text.utf8.elementsEqual(right.text.utf8)
    }

    func hash(into hasher: inout Hasher) {
        // What has the same bytes has the same hash.
        hasher.combine(text)
    }

    /// Byte-wise order, as Prometheus sorts names and values.
    static func < (left: LabelText, right: LabelText) -> Bool {
        let mine = left.text.utf8Span.span
        let theirs = right.text.utf8Span.span
        let shared = min(mine.count, theirs.count)
        var place = 0
        while place < shared, mine[place] == theirs[place] { place += 1 }
        return place < shared ? mine[place] < theirs[place] : mine.count < theirs.count
    }
}
