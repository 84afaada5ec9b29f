// SPDX-License-Identifier: Apache-2.0

/// A name or value of a label as a key: equal when all bytes are.
///
/// `String` calls two spellings of one letter equal; for labels they are two values.
struct LabelText: Sendable, Hashable {
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
}
