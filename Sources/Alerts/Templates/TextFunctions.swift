// SPDX-License-Identifier: Apache-2.0

/// Template functions on text.
enum TextFunctions {
    /// Every word begins with a capital letter; the rest is kept.
    static func title(_ text: String) -> String {
        var out = ""
        var isStart = true
        for scalar in text.unicodeScalars {
            out += isStart ? scalar.properties.titlecaseMapping : String(Character(scalar))
            isStart = isSeparator(scalar)
        }
        return out
    }

    /// The host of `host:port`, without brackets; the text itself when it is no such pair.
    static func stripPort(_ text: String) -> String {
        split(text)?.host ?? text
    }

    /// The first label of a host name, keeping the port; addresses are left as they are.
    static func stripDomain(_ text: String) -> String {
        let (host, port) = split(text) ?? (text, "")
        guard !isAddress(host) else { return text }
        let name = String(host.prefix { $0 != "." })
        return port.isEmpty ? name : "\(name):\(port)"
    }

    /// The five characters HTML gives a meaning, as Go's `html` writes them.
    static func escapedHTML(_ text: String) -> String {
        var out = ""
        for character in text {
            switch character {
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "&": out += "&amp;"
            case "\"": out += "&#34;"
            case "'": out += "&#39;"
            default: out.append(character)
            }
        }
        return out
    }

    private static func isSeparator(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII {
            let isWord =
                scalar.properties.isAlphabetic || (scalar.value >= 0x30 && scalar.value <= 0x39)
                || scalar == "_"
            return !isWord
        }
        return scalar.properties.isWhitespace
    }

    /// Go's `net.SplitHostPort`; nil where it would fail.
    private static func split(_ text: String) -> (host: String, port: String)? {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let port = text[text.index(after: colon)...]
        guard !port.contains("]"), !port.contains("[") else { return nil }
        if text.first == "[" {
            guard let close = text.firstIndex(of: "]"), text.index(after: close) == colon else { return nil }
            let host = text[text.index(after: text.startIndex)..<close]
            return host.contains("[") ? nil : (String(host), String(port))
        }
        let host = text[..<colon]
        guard !host.contains(where: { $0 == ":" || $0 == "[" || $0 == "]" }) else { return nil }
        return (String(host), String(port))
    }

    private static func isAddress(_ host: String) -> Bool {
        if host.contains(":") { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }
}
