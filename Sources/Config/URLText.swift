// SPDX-License-Identifier: Apache-2.0
//
// Just enough of RFC 3986 to tell a URL from a typing mistake and to take credentials out of one. libcurl parses it
// for real when it is used.

/// An http or https URL in its parts.
public struct URLText: Sendable, Equatable {
    /// As written.
    public let text: String
    /// `http` or `https`, in lower case.
    public let scheme: String
    /// User name and password before the `@`, nil without.
    public let userInfo: String?
    /// Host and port as written.
    public let authority: String
    /// From the first slash after the authority, without query and fragment; may be empty.
    public let path: String
    /// Whether there is a query or a fragment, which may hold a token.
    public let hasQuery: Bool

    /// Takes a URL apart; nil when it is not an http or https URL with a host.
    public init?(_ text: String) {
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://"),
            text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f })
        else { return nil }
        let scheme = text[..<colon].lowercased()
        guard scheme == "http" || scheme == "https" else { return nil }
        let rest = text[text.index(colon, offsetBy: 3)...]
        let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
        let authority = rest[..<end]
        let at = authority.lastIndex(of: "@")
        let host = at.map { authority[authority.index(after: $0)...] } ?? authority
        guard HostPort(String(host)) != nil else { return nil }
        let queryStart = rest[end...].firstIndex { "?#".contains($0) } ?? rest.endIndex
        self.text = text
        self.scheme = scheme
        userInfo = at.map { String(authority[..<$0]) }
        self.authority = String(host)
        path = String(rest[end..<queryStart])
        hasQuery = queryStart < rest.endIndex
    }

    /// The URL without credentials, query and fragment.
    public var redacted: String { "\(scheme)://\(authority)\(path)" }
}

/// `host`, `host:port`, `[::1]:port`.
public struct HostPort: Sendable, Equatable {
    /// The host without brackets.
    public let host: String
    /// The port, nil when none is written.
    public let port: Int?

    /// Takes host and port apart; nil when the host is empty or the port is not one.
    public init?(_ text: String) {
        let hostEnd: String.Index
        if text.hasPrefix("[") {
            guard let close = text.firstIndex(of: "]") else { return nil }
            host = String(text[text.index(after: text.startIndex)..<close])
            hostEnd = text.index(after: close)
        } else {
            hostEnd = text.firstIndex(of: ":") ?? text.endIndex
            host = String(text[..<hostEnd])
        }
        guard !host.isEmpty, !host.contains(where: { "/ @[]\\\"<>".contains($0) }) else { return nil }
        guard hostEnd < text.endIndex else {
            port = nil
            return
        }
        guard text[hostEnd] == ":", let number = UInt16(text[text.index(after: hostEnd)...]), number > 0
        else {
            return nil
        }
        port = Int(number)
    }
}
