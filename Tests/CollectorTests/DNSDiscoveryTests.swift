// SPDX-License-Identifier: Apache-2.0
//
// Names against Debian's dnsmasq, and against servers that answer wrongly, late, for somebody else or not at all.

import Config
import Foundation
import Platform
import Samples
import Synchronization
import Testing

@testable import Collector
@testable import Wire

/// dnsmasq on a port of loopback; ended by its own process id.
private final class NameServer {
    let port: Int
    private let process = Process()

    init?(_ arguments: [String]) throws {
        let path = "/usr/sbin/dnsmasq"
        guard FileManager.default.isExecutableFile(atPath: path) else {
            print("SKIPPED: \(path) is not installed (dnsmasq-base)")
            return nil
        }
        // A port nobody has for UDP; dnsmasq takes the same for TCP.
        let probe = try UDPServer { _ in [] }
        port = probe.port
        probe.stop()
        process.executableURL = URL(filePath: path)
        process.arguments =
            [
                "--keep-in-foreground", "--port=\(port)", "--listen-address=127.0.0.1", "--bind-interfaces",
                "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--pid-file=", "--user=root",
                "--log-facility=-",
            ] + arguments
        let log = Pipe()
        process.standardError = log
        try process.run()
        // It says when it listens; the end of its log that it does not.
        var text = Data()
        while text.firstRange(of: "started".utf8) == nil {
            let more = log.fileHandleForReading.availableData
            guard !more.isEmpty else { throw POSIXError(.ECONNREFUSED) }
            text += more
        }
    }

    func end() {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}

/// A server of datagrams played by a closure.
private final class UDPServer: Sendable {
    /// Sends a datagram back.
    typealias Reply = @Sendable ([UInt8]) -> Void

    let port: Int
    private let descriptor: Int32

    /// A closure that gives the datagrams to send back.
    convenience init(_ answer: @escaping @Sendable ([UInt8]) -> [[UInt8]]) throws {
        try self.init { query, reply in answer(query).forEach(reply) }
    }

    /// A closure that answers when it likes to.
    init(_ answer: @escaping @Sendable ([UInt8], @escaping Reply) -> Void) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
            }
        }
        guard bound else { throw POSIXError(.EADDRINUSE) }
        self.descriptor = descriptor
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread {
            var buffer = [UInt8](repeating: 0, count: 4096)
            while true {
                var peer = sockaddr_in()
                var size = socklen_t(MemoryLayout<sockaddr_in>.size)
                let got = withUnsafeMutablePointer(to: &peer) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        recvfrom(descriptor, &buffer, buffer.count, 0, $0, &size)
                    }
                }
                // An empty datagram is the server's own: stop.
                guard got > 0 else { break }
                answer(Array(buffer[..<got])) { [peer, size] reply in
                    _ = withUnsafePointer(to: peer) {
                        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                            sendto(descriptor, reply, reply.count, 0, $0, size)
                        }
                    }
                }
            }
            close(descriptor)
        }.start()
    }

    func stop() { shutdown(descriptor, Int32(SHUT_RDWR)) }
}

private func resolver(_ ports: [Int], timeout: Duration = .seconds(5), search: [String] = []) -> DNSResolver {
    var configuration = ResolverConfiguration()
    configuration.servers = ports.map { ResolverConfiguration.Server(host: "127.0.0.1", port: $0) }
    configuration.timeout = timeout
    configuration.search = search
    return DNSResolver { [configuration] in configuration }
}

private func discovery(
    _ type: DNSDiscoveryConfig.RecordType,
    port: Int = 9100,
    _ resolver: DNSResolver
) -> DNSDiscovery {
    var config = DNSDiscoveryConfig()
    config.type = type
    config.port = port
    return DNSDiscovery(config, clock: SystemClock(), resolver: resolver)
}

private func words(_ group: DiscoveredGroup) -> [String] { group.targets.map(\.description).sorted() }

@Test func everyRecordTypeAgainstDnsmasq() throws {
    guard
        let server = try NameServer(
            [
                "--host-record=box.example,192.0.2.7,2001:db8::7",
                "--srv-host=_m._tcp.example,one.example,9100,0,5",
                "--srv-host=_m._tcp.example,two.example,9101,1,5",
                "--mx-host=example,mail.example,10", "--dns-rr=example,2,036e7331076578616d706c6500",
                "--cname=alias.example,box.example", "--local=/example/", "--local=/lan/",
                "--host-record=short.lan,192.0.2.9",
            ]
                + (0..<200).map {
                    "--srv-host=_many._tcp.example,host-number-\($0).with.a.long.name.example,\(1000 + $0)"
                }
        )
    else { return }
    defer { server.end() }
    let resolver = resolver([server.port], search: ["lan"])
    #expect(
        words(try discovery(.a, resolver).group("box.example"))
            == [#"{__address__="192.0.2.7:9100", __meta_dns_name="box.example"}"#]
    )
    #expect(
        words(try discovery(.aaaa, resolver).group("box.example"))
            == [#"{__address__="[2001:db8::7]:9100", __meta_dns_name="box.example"}"#]
    )
    #expect(
        words(try discovery(.srv, port: 0, resolver).group("_m._tcp.example")) == [
            #"{__address__="one.example:9100", __meta_dns_name="_m._tcp.example", "#
                + #"__meta_dns_srv_record_port="9100", __meta_dns_srv_record_target="one.example."}"#,
            #"{__address__="two.example:9101", __meta_dns_name="_m._tcp.example", "#
                + #"__meta_dns_srv_record_port="9101", __meta_dns_srv_record_target="two.example."}"#,
        ]
    )
    #expect(
        words(try discovery(.mx, resolver).group("example")) == [
            #"{__address__="mail.example:9100", __meta_dns_mx_record_target="mail.example.", __meta_dns_name="example"}"#
        ]
    )
    #expect(
        words(try discovery(.ns, resolver).group("example.")) == [
            #"{__address__="ns1.example:9100", __meta_dns_name="example.", __meta_dns_ns_record_target="ns1.example."}"#
        ]
    )
    // An alias is followed by the server; its own record is no target.
    #expect(
        words(try discovery(.a, resolver).group("alias.example"))
            == [#"{__address__="192.0.2.7:9100", __meta_dns_name="alias.example"}"#]
    )
    // Through the search list, under the name that is configured.
    #expect(
        words(try discovery(.a, resolver).group("short"))
            == [#"{__address__="192.0.2.9:9100", __meta_dns_name="short"}"#]
    )
    #expect(try discovery(.a, resolver).group("nothing.example").targets.isEmpty)
    // Too much for a datagram: the whole of it comes by TCP.
    #expect(try discovery(.srv, resolver).group("_many._tcp.example").targets.count == 200)
}

@Test func aDeadServerIsPassedOver() throws {
    let asked = Mutex(0)
    let server = try UDPServer { query in
        asked.withLock { $0 += 1 }
        return [answer(query, [[192, 0, 2, 1]])]
    }
    defer { server.stop() }
    let silent = try UDPServer { _ in [] }
    defer { silent.stop() }
    let group = try discovery(.a, resolver([silent.port, server.port], timeout: .milliseconds(50))).group(
        "a."
    )
    #expect(group.targets.count == 1)
    #expect(asked.withLock { $0 } == 1)
    #expect(throws: DiscoveryFailure.self) {
        try discovery(.a, resolver([silent.port], timeout: .milliseconds(20))).group("a.")
    }
}

/// The server answers nobody before as many ask as may ask at the same time: one after another they would wait forever.
@Test func namesAreAskedForAtTheSameTime() async throws {
    let total = 2 * DNSDiscovery.laneLimit + 3
    let state = Mutex<(held: [@Sendable () -> Void], answered: Int)>(([], 0))
    let server = try UDPServer { query, reply in
        let ready = state.withLock { state in
            state.held.append { reply(answer(query, [[192, 0, 2, query[13]]])) }
            guard state.held.count == min(DNSDiscovery.laneLimit, total - state.answered) else {
                return [@Sendable () -> Void]()
            }
            defer { state.held = [] }
            state.answered += state.held.count
            return state.held
        }
        for send in ready { send() }
    }
    defer { server.stop() }
    var config = DNSDiscoveryConfig()
    config.type = .a
    config.port = 9100
    let letters = (0..<total).map { Character(Unicode.Scalar(UInt8(ascii: "a") + UInt8($0))) }
    config.names = letters.map { "\($0)." }
    let discovery = DNSDiscovery(
        config,
        clock: SystemClock(),
        resolver: resolver([server.port], timeout: .seconds(30))
    )
    let (found, find) = AsyncStream<[DiscoveredGroup]>.makeStream()
    let run = Task {
        await discovery.run(DiscoveryReport(publish: { find.yield($0) }, fail: { Issue.record("\($0)") }))
    }
    let groups = await found.first { _ in true }
    run.cancel()
    await run.value
    #expect(groups?.map(\.source) == config.names)
    #expect(
        groups?.map { $0.targets.map { $0["__address__"] ?? "" } }
            == letters.map { ["192.0.2.\($0.asciiValue ?? 0):9100"] }
    )
}

@Test func answersOfOthersArePassedOver() throws {
    let server = try UDPServer { query in
        var wrongNumber = answer(query, [[1, 1, 1, 1]])
        wrongNumber[0] ^= 0xff
        var wrongQuestion = answer(query, [[2, 2, 2, 2]])
        wrongQuestion[13] ^= 0x01
        let noAnswer = query
        let right = answer(query, [[192, 0, 2, 1]])
        return [[], [1, 2, 3], wrongNumber, wrongQuestion, noAnswer, right].filter { !$0.isEmpty }
    }
    defer { server.stop() }
    let group = try discovery(.a, resolver([server.port])).group("host.")
    #expect(group.targets.map { $0["__address__"] } == ["192.0.2.1:9100"])
}

@Test func failuresAreNotEmptyAnswers() throws {
    let code = Mutex<UInt8>(2)
    let server = try UDPServer { query in
        var reply = answer(query, [])
        reply[3] = code.withLock { $0 }
        return [reply]
    }
    defer { server.stop() }
    #expect(throws: DiscoveryFailure("cannot resolve a.: 127.0.0.1 answered with code 2")) {
        try discovery(.a, resolver([server.port])).group("a.")
    }
    code.withLock { $0 = 3 }
    #expect(try discovery(.a, resolver([server.port])).group("a.").targets.isEmpty)
    #expect(throws: DiscoveryFailure.self) { try discovery(.a, resolver([server.port])).group("a..b") }
}

/// Servers from before EDNS0 call such a question an error.
@Test func questionsAreAskedAgainWithoutEDNS() throws {
    let server = try UDPServer { query in
        if query[11] == 1 {
            var reply = Array(query[..<12])
            reply[2] |= 0x80
            reply[3] = 1
            reply[5] = 0
            reply[11] = 0
            return [reply]
        }
        return [answer(query, [[192, 0, 2, 1]])]
    }
    defer { server.stop() }
    #expect(try discovery(.a, resolver([server.port])).group("a.").targets.count == 1)
}

/// An answer with A records for a question, whose additional part is dropped.
private func answer(_ query: [UInt8], _ addresses: [[UInt8]]) -> [UInt8] {
    var end = 12
    while query[end] != 0 { end += Int(query[end]) + 1 }
    end += 5
    var reply = Array(query[..<end])
    reply[2] |= 0x80
    reply[7] = UInt8(addresses.count)
    reply[11] = 0
    for address in addresses { reply += [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4] + address }
    return reply
}

@Test func resolvConfIsReadAsTheManualSays() {
    let configuration = ResolverConfiguration(
        """
        # comment
        domain ignored.example
        nameserver 192.0.2.1
        nameserver fe80::1%eth0 # the router
        search a.example b.example.
        nameserver 192.0.2.3
        nameserver 192.0.2.4
        options ndots:2 timeout:3 attempts:99 rotate use-vc:
        """
    )
    #expect(configuration.servers.map(\.host) == ["192.0.2.1", "fe80::1%eth0", "192.0.2.3"])
    #expect(configuration.timeout == .seconds(3))
    #expect(configuration.attempts == 5)
    #expect(configuration.candidates("x") == ["x.a.example.", "x.b.example.", "x."])
    #expect(configuration.candidates("x.y.z") == ["x.y.z.", "x.y.z.a.example.", "x.y.z.b.example."])
    #expect(configuration.candidates("x.") == ["x."])
    #expect(ResolverConfiguration("").servers == [ResolverConfiguration.Server(host: "127.0.0.1")])
}
