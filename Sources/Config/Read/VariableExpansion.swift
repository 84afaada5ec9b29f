// SPDX-License-Identifier: Apache-2.0
//
// `$NAME` and `${NAME}` in external labels, by the rules of Go's os.Expand, with `$$` for a dollar.

/// Expands environment variables in text.
enum VariableExpansion {
    /// The expanded text and the names that had no value.
    static func expand(
        _ text: String,
        _ environment: (String) -> String?
    ) -> (text: String, missing: [String]) {
        let bytes = Array(text.utf8)
        var out: [UInt8] = []
        var missing: [String] = []
        var index = 0
        while index < bytes.count {
            guard bytes[index] == UInt8(ascii: "$"), index + 1 < bytes.count else {
                out.append(bytes[index])
                index += 1
                continue
            }
            if bytes[index + 1] == UInt8(ascii: "$") {
                out.append(UInt8(ascii: "$"))
                index += 2
                continue
            }
            guard let (name, end) = name(in: bytes, after: index) else {
                // Not a name: the dollar stands for itself.
                out.append(bytes[index])
                index += 1
                continue
            }
            if let value = environment(name) { out += value.utf8 } else { missing.append(name) }
            index = end
        }
        return (String(decoding: out, as: UTF8.self), missing)
    }

    private static func name(in bytes: [UInt8], after dollar: Int) -> (String, end: Int)? {
        let isBraced = bytes[dollar + 1] == UInt8(ascii: "{")
        let start = dollar + (isBraced ? 2 : 1)
        var end = start
        while end < bytes.count, isBraced ? bytes[end] != UInt8(ascii: "}") : isWord(bytes[end]) { end += 1 }
        guard end > start, !isBraced || end < bytes.count else { return nil }
        return (String(decoding: bytes[start..<end], as: UTF8.self), isBraced ? end + 1 : end)
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        let letter = byte | 0x20
        return (letter >= UInt8(ascii: "a") && letter <= UInt8(ascii: "z"))
            || (byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")) || byte == UInt8(ascii: "_")
    }
}
