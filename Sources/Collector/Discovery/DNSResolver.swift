// SPDX-License-Identifier: Apache-2.0
//
// Questions to name servers, asked directly rather than through the C library: that one has no SRV, and hides from
// whoever asks whether there is no such name or no server that answers. The order of names, servers and attempts, and
// what counts as an answer, are Prometheus' (discovery/dns/dns.go).
//
// An answer counts when it comes from the server asked (the socket is connected to it), has the question's random number
// and repeats the question; anything else is passed over until the time is up. Blocking: call it on a lane.

internal import Platform
internal import Wire

/// Asks name servers.
struct DNSResolver: Sendable {
    /// Bytes of an answer by TCP, the protocol's own bound.
    private static let answerLimit = 65_535
    /// Datagrams looked at for one question; more is a flood, not an answer.
    private static let strayLimit = 64

    let configuration: @Sendable () -> ResolverConfiguration

    /// The records of a name.
    ///
    /// - Returns: none when every server says that there is no such name.
    /// - Throws: `DiscoveryFailure` when no server gives a usable answer.
    func records(_ name: String, _ type: DNSType) throws(DiscoveryFailure) -> [DNSRecord] {
        let configuration = configuration()
        var failure: DiscoveryFailure?
        for candidate in configuration.candidates(name) {
            do {
                let answer = try answer(candidate, type, configuration)
                if answer.code == .success { return answer.records }
            } catch {
                // Another name may still be answered.
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return []
    }

    /// The first usable answer of any server: records, or that there is no such name.
    private func answer(
        _ name: String,
        _ type: DNSType,
        _ configuration: ResolverConfiguration
    ) throws(DiscoveryFailure) -> DNSAnswer {
        var words = "no server was asked"
        for _ in 0..<configuration.attempts {
            for server in configuration.servers {
                do {
                    let answer = try ask(server, name, type, configuration.timeout)
                    switch answer.code {
                    case .success, .noName: return answer
                    case .formatError: words = "\(server.host) does not understand the question"
                    case .failure(let code): words = "\(server.host) answered with code \(code)"
                    }
                } catch {
                    words = "\(server.host): \(error)"
                }
            }
        }
        throw DiscoveryFailure("cannot resolve \(name): \(words)")
    }

    /// One question to one server: by UDP, without EDNS0 where that is not understood, by TCP when the answer is cut.
    private func ask(
        _ server: ResolverConfiguration.Server,
        _ name: String,
        _ type: DNSType,
        _ timeout: Duration
    ) throws -> DNSAnswer {
        var answer = try exchange(server, name, type, timeout, saysSize: true, isStream: false)
        if answer.code == .formatError {
            answer = try exchange(server, name, type, timeout, saysSize: false, isStream: false)
        }
        guard answer.isTruncated else { return answer }
        answer = try exchange(server, name, type, timeout, saysSize: false, isStream: true)
        guard !answer.isTruncated else { throw DiscoveryFailure("the answer is cut also by TCP") }
        return answer
    }

    private func exchange(
        _ server: ResolverConfiguration.Server,
        _ name: String,
        _ type: DNSType,
        _ timeout: Duration,
        saysSize: Bool,
        isStream: Bool
    ) throws -> DNSAnswer {
        guard let query = DNSQuery(name, type, id: .random(in: 0...UInt16.max), saysSize: saysSize) else {
            throw DiscoveryFailure("\(name) is no domain name")
        }
        let deadline = ContinuousClock.now.advanced(by: timeout)
        func left() -> Duration { max(.milliseconds(1), ContinuousClock.now.duration(to: deadline)) }
        let socket = try QuerySocket(
            host: server.host,
            port: server.port,
            isStream: isStream,
            timeout: left()
        )
        if isStream {
            let size = UInt16(query.bytes.count)
            try socket.send([UInt8(size >> 8), UInt8(size & 0xff)] + query.bytes, timeout: left())
            var bytes: [UInt8] = []
            while bytes.count < 2 || bytes.count < 2 + (Int(bytes[0]) << 8 | Int(bytes[1])) {
                guard ContinuousClock.now < deadline else { throw DiscoveryFailure("no answer in time") }
                let more = try socket.receive(Self.answerLimit + 2 - bytes.count, timeout: left())
                guard !more.isEmpty else { throw DiscoveryFailure("the server broke off its answer") }
                bytes += more
            }
            let end = 2 + (Int(bytes[0]) << 8 | Int(bytes[1]))
            guard let answer = try DNSAnswer(Array(bytes[2..<end]), to: query) else {
                throw DiscoveryFailure("the answer is to another question")
            }
            return answer
        }
        try socket.send(query.bytes, timeout: left())
        for _ in 0..<Self.strayLimit where ContinuousClock.now < deadline {
            let bytes = try socket.receive(Self.answerLimit, timeout: left())
            if let answer = try DNSAnswer(bytes, to: query) { return answer }
        }
        throw DiscoveryFailure("no answer to this question")
    }
}
