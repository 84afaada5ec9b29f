// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Platform

/// Where the server listens: `127.0.0.1:9090`, `:9090` (all interfaces), `[::1]:9090`.
public struct ListenAddress: Sendable, Equatable, CustomStringConvertible {
    /// A host name or address, without brackets.
    public let host: String
    /// The port; 0 lets the system choose one.
    public let port: Int

    /// Creates an address.
    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `host:port` as `--web.listen-address` takes it.
    ///
    /// Nil when there is no port, it is beyond 65535, or an IPv6 address lacks its brackets.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        self.host = host.isEmpty ? "0.0.0.0" : String(host)
        self.port = Int(port)
    }

    /// The value as text for messages.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// The server could not begin to listen.
public struct ListenError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Where it should have listened.
    public let address: ListenAddress
    /// The reason in the system's words.
    public let reason: String

    /// The value as text for messages.
    public var description: String { "cannot listen on \(address): \(reason)" }

    /// What to tell of the system's error.
    static func words(_ code: Int32) -> String {
        switch code {
        case EADDRINUSE: "address already in use; another program, or another edgewatch, listens there"
        case EADDRNOTAVAIL: "this machine has no such address"
        case EACCES: "permission denied; ports below 1024 need a privilege"
        default: ErrorNumber.words(code)
        }
    }
}
