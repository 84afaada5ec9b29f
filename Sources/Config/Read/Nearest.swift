// SPDX-License-Identifier: Apache-2.0
//
// "Did you mean": Levenshtein's distance (1966), with one row of the table; and words that were broken off.

/// Finds the known word someone may have meant.
enum Nearest {
    /// Longer words are not compared; no key is as long, and the work grows with the product of the lengths.
    private static let lengthLimit = 64
    /// Fewer letters begin too many words to mean one of them.
    private static let beginningLength = 5

    /// What to tell someone who wrote `word`.
    static func remedy(for word: String, among known: [String]) -> String {
        if let near = nearest(to: word, among: known) { return "did you mean \"\(near)\"?" }
        let sorted = known.sorted()
        guard !sorted.isEmpty else { return "" }
        let shown = sorted.prefix(16).joined(separator: ", ")
        return "known here: \(shown)\(sorted.count > 16 ? ", …" : "")"
    }

    /// The known word that differs in the fewest letters, else the only one that begins like this; nil when none is near.
    static func nearest(to word: String, among known: [String]) -> String? {
        let normalized = plain(word)
        guard normalized.count <= lengthLimit else { return nil }
        let limit = max(1, normalized.count / 3)
        var best: (word: String, distance: Int)?
        for candidate in known {
            let distance = distance(normalized, plain(candidate))
            if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        if let best { return best.word }
        guard normalized.count >= beginningLength else { return nil }
        let longer = known.filter { plain($0).starts(with: normalized) }
        return longer.count == 1 ? longer.first : nil
    }

    /// Lower case, `-` as `_`, and `camelCase` as `camel_case`: spellings that differ only there are the same word.
    private static func plain(_ word: String) -> [UInt8] {
        var out: [UInt8] = []
        for byte in word.utf8.prefix(lengthLimit + 1) {
            let isUpper = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
            if isUpper, let last = out.last, last != UInt8(ascii: "_") { out.append(UInt8(ascii: "_")) }
            out.append(isUpper ? byte | 0x20 : byte == UInt8(ascii: "-") ? UInt8(ascii: "_") : byte)
        }
        return out
    }

    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (leftIndex, leftByte) in left.enumerated() {
            var diagonal = row[0]
            row[0] = leftIndex + 1
            for (rightIndex, rightByte) in right.enumerated() {
                let substituted = diagonal + (leftByte == rightByte ? 0 : 1)
                diagonal = row[rightIndex + 1]
                row[rightIndex + 1] = min(substituted, diagonal + 1, row[rightIndex] + 1)
            }
        }
        return row[right.count]
    }
}
