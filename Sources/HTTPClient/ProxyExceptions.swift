// SPDX-License-Identifier: Apache-2.0
//
// What is reached without the proxy: a list as Go's golang.org/x/net/http/httpproxy reads it, told to libcurl. Both know
// names with everything below them, addresses, networks and `*`; only Go knows ports (`plc.lan:9100`), names below a
// name but not the name itself (`.lan`, `*.lan`), and addresses in brackets. So an entry that does not hold for the request's
// own host and port is left out, and the rest is written as libcurl has it.
//
// This machine itself is never asked through a proxy, as in Go.

/// A list of exceptions for one request.
enum ProxyExceptions {
    private static let ownMachine = "localhost,127.0.0.0/8,::1"

    /// The list for libcurl.
    ///
    /// - Parameters:
    ///   - list: the list as configured.
    ///   - host: the host asked.
    ///   - port: its port.
    /// - Returns: the list without what does not hold for them.
    static func forLibcurl(_ list: String, host: String, port: String) -> String {
        var entries: [String] = []
        for text in list.split(separator: ",") {
            let text = trimmed(text).lowercased()
            if text == "*" { return text }
            guard let entry = entry(text, host: host.lowercased(), port: port) else { continue }
            entries.append(entry)
        }
        return (entries + [ownMachine]).joined(separator: ",")
    }

    /// One entry without its port; nil when it is for another port, or for names below the host's only.
    private static func entry(_ text: String, host: String, port: String) -> String? {
        var (name, wanted) = parts(text)
        guard !name.isEmpty, wanted.isEmpty || wanted == port else { return nil }
        if name.hasPrefix("*.") { name.removeFirst() }
        if name.first == ".", name.dropFirst() == host { return nil }
        return name
    }

    /// The host and the port of an entry, the port empty where it has none.
    private static func parts(_ text: String) -> (host: String, port: String) {
        if text.first == "[", let end = text.firstIndex(of: "]") {
            let host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            return (String(host), rest.first == ":" ? String(rest.dropFirst()) : "")
        }
        // More than one colon is an address.
        guard let colon = text.firstIndex(of: ":"), colon == text.lastIndex(of: ":") else {
            return (text, "")
        }
        return (String(text[..<colon]), String(text[text.index(after: colon)...]))
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}
