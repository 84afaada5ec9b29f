// SPDX-License-Identifier: Apache-2.0

/// Where in a query an error message points: `1:5: parse error: …`, or ` (1:5)` at its end.
public enum ErrorPlace {
    /// The line of the query with a caret below the place; none when the message names no place of the query.
    ///
    /// - Parameters:
    ///   - message: the server's.
    ///   - query: what was asked. Columns count its bytes, from 1.
    /// - Returns: two lines.
    public static func lines(_ message: String, in query: String) -> [String] {
        guard let (line, column) = place(in: message) else { return [] }
        let lines = query.split(separator: "\n", omittingEmptySubsequences: false)
        guard line >= 1, line <= lines.count, column >= 1, column <= lines[line - 1].utf8.count + 1 else {
            return []
        }
        let text = String(lines[line - 1]).map { $0 == "\t" ? " " : String($0) }.joined()
        let before = String(decoding: Array(text.utf8).prefix(column - 1), as: UTF8.self)
        return [text, String(repeating: " ", count: TextTable.width(before)) + "^"]
    }

    /// The first `line:column` that is followed by `: parse error` or stands in parentheses at the end.
    private static func place(in message: String) -> (line: Int, column: Int)? {
        let words = message.split(separator: " ")
        for (index, word) in words.enumerated() {
            var word = word
            if word.hasSuffix(":"), index + 1 < words.count, words[index + 1] == "parse" {
                word = word.dropLast()
            } else if index == words.count - 1, word.hasPrefix("("), word.hasSuffix(")") {
                word = word.dropFirst().dropLast()
            } else {
                continue
            }
            let parts = word.split(separator: ":")
            if parts.count == 2, let line = Int(parts[0]), let column = Int(parts[1]) {
                return (line, column)
            }
        }
        return nil
    }
}
