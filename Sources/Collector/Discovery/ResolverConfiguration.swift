// SPDX-License-Identifier: Apache-2.0
//
// /etc/resolv.conf (resolv.conf(5)), as much of it as asking questions needs. It is read for every round: DHCP and VPNs
// write it anew whenever the network changes, and a gateway's does.

internal import Platform

/// Whom to ask, and how names are completed.
struct ResolverConfiguration: Equatable {
    /// A name server.
    struct Server: Equatable {
        var host: String
        var port = 53
    }

    /// Servers, in the order to be asked; the C library takes three as well.
    var servers: [Server] = []
    /// Appended to names that are not absolute.
    var search: [String] = []
    /// A name with this many dots is tried as it is first.
    var dots = 1
    /// How long one server is waited for.
    var timeout = Duration.seconds(5)
    /// How often each is asked.
    var attempts = 2

    private static let sizeLimit = 64 << 10
    private static let serverLimit = 3
    private static let searchLimit = 32

    /// Reads a file; without one this machine is asked, as the C library does.
    static func read(_ path: String = "/etc/resolv.conf") -> ResolverConfiguration {
        let bytes = (try? TextFile.read(path, limit: sizeLimit)) ?? []
        return ResolverConfiguration(String(decoding: bytes, as: UTF8.self))
    }

    init() {}

    init(_ text: String) {
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.prefix { $0 != "#" && $0 != ";" }.split(whereSeparator: \.isWhitespace).map(
                String.init
            )
            guard words.count > 1 else { continue }
            switch words[0] {
            case "nameserver":
                if servers.count < Self.serverLimit { servers.append(Server(host: words[1])) }
            // The last of these counts.
            case "domain": search = [words[1]]
            case "search": search = Array(words.dropFirst().prefix(Self.searchLimit))
            case "options": for word in words.dropFirst() { option(word) }
            default: break
            }
        }
        if servers.isEmpty { servers = [Server(host: "127.0.0.1")] }
    }

    private mutating func option(_ word: String) {
        let parts = word.split(separator: ":")
        guard parts.count == 2, let value = Int(parts[1]), value >= 0 else { return }
        switch parts[0] {
        case "ndots": dots = min(value, 15)
        case "timeout": timeout = .seconds(min(max(value, 1), 30))
        case "attempts": attempts = min(max(value, 1), 5)
        default: break
        }
    }

    /// The absolute names a name may mean, in the order to be tried.
    func candidates(_ name: String) -> [String] {
        guard !name.hasSuffix(".") else { return [name] }
        let completed = search.map { "\(name).\($0.hasSuffix(".") ? String($0.dropLast()) : $0)." }
        let isFirst = name.utf8.count { $0 == UInt8(ascii: ".") } >= dots
        return isFirst ? ["\(name)."] + completed : completed + ["\(name)."]
    }
}
