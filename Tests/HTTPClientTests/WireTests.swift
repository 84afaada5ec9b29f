// SPDX-License-Identifier: Apache-2.0
//
// What a byte on the wire is. The judge is the interface of a network namespace through which nothing else goes.

import Foundation
import Synchronization
import TestServer
import Testing

@testable import HTTPClient

/// Takes any POST; TLS with a certificate of its own when asked.
private let server = """
    import http.server, os, ssl, subprocess, sys, tempfile
    class H(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        def do_POST(self):
            left = int(self.headers["Content-Length"])
            while left: left -= len(self.rfile.read(min(left, 65536)))
            answer = b"x" * int(self.headers.get("X-Answer", 0))
            self.send_response(200); self.send_header("Content-Length", str(len(answer))); self.end_headers()
            self.wfile.write(answer)
    s = http.server.ThreadingHTTPServer(("0.0.0.0", 8000), H)
    if sys.argv[1] == "tls":
        d = tempfile.mkdtemp()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x",
                        "-keyout", d + "/key", "-out", d + "/crt"], check=True, stderr=subprocess.DEVNULL)
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(d + "/crt", d + "/key")
        s.socket = c.wrap_socket(s.socket, server_side=True)
    print("ready", flush=True)
    s.serve_forever()
    """

@Suite(.serialized, .enabled(if: WireNamespace.isPossible))
struct WireAgainstInterfaceTests {
    /// Ethernet's part of every packet, which interface counters include.
    private static let ethernet: Int64 = 14

    private func compare(_ namespace: WireNamespace, within share: Double) throws {
        namespace.loop.stop()
        let (ours, theirs) = try namespace.settled()
        let sent = ours.sent + ours.segmentsSent * Self.ethernet
        let received = ours.received + ours.segmentsReceived * Self.ethernet
        print("wire: sent \(sent) of \(theirs.sent), received \(received) of \(theirs.received)")
        print(
            "packets: \(ours.segmentsSent) \(theirs.segmentsSent), \(ours.segmentsReceived) \(theirs.segmentsReceived)"
        )
        let all = Double(theirs.sent + theirs.received)
        #expect(abs(Double(sent + received) - all) <= share * all)
        #expect(abs(Double(sent - theirs.sent)) <= share * Double(theirs.sent))
    }

    @Test(arguments: [("plain", 0), ("tls", 10)])
    func countsAreTheInterfaces(_ kind: String, loss: Int) async throws {
        let namespace = try WireNamespace(delay: 5, loss: loss)
        defer { namespace.end() }
        let ready = try namespace.start("\(namespace.name)s", ["-c", server, kind], awaitsLine: true)
        #expect(ready.hasPrefix("ready"))
        var statistics: [TransferStatistics] = []
        let scheme = kind == "tls" ? "https" : "http"
        for number in 0..<24 {
            var request = HTTPClientRequest(
                method: "POST",
                url: "\(scheme)://\(WireNamespace.serverAddress):8000/",
                headers: [("X-Answer", number % 4 == 3 ? "30000" : "0")],
                body: (0..<(number % 3 == 0 ? 60_000 : 3_000)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            )
            request.account = 7
            request.insecureSkipVerify = true
            request.keepsConnection = number % 8 != 7
            let response = try await namespace.send(request).get()
            #expect(response.status == 200)
            statistics.append(response.statistics)
        }
        #expect(statistics.allSatisfy { $0.interface == "c0" })
        #expect(statistics.filter(\.reusedConnection).count == 21)
        let lost = statistics.reduce(0) { $0 + $1.segmentsLost }
        // Without loss the kernel may still have sent something again, out of impatience.
        if loss > 0 { #expect(lost > 0) }
        // Whatever was not a transfer's own is the end of a connection.
        let billed = statistics.reduce(0) { $0 + $1.wireSent + $1.wireReceived }
        try compare(namespace, within: 0.02)
        let all = namespace.counts.all()
        #expect(all.map(\.account) == [7])
        #expect(all.map(\.interface) == ["c0"])
        let total = all.reduce(0) { $0 + $1.sent + $1.received }
        #expect(billed <= total && total - billed < 3_000)
    }

    @Test func refusedConnectionsCount() async throws {
        let namespace = try WireNamespace(delay: 1, loss: 0)
        defer { namespace.end() }
        for _ in 0..<20 {
            var request = HTTPClientRequest(url: "http://\(WireNamespace.serverAddress):9/")
            request.account = 3
            guard case .failure(let error) = await namespace.send(request) else {
                Issue.record("connected")
                return
            }
            #expect(error.kind == .connect)
            // A SYN of 60 bytes and a reset of 40.
            #expect(error.statistics?.wireSent == 60)
            #expect(error.statistics?.wireReceived == 40)
        }
        try compare(namespace, within: 0.02)
    }

    /// What was handed to the kernel of a transfer given up does not go on being sent.
    @Test func anAbortedTransferStopsCosting() async throws {
        let namespace = try WireNamespace(delay: 40, loss: 100)
        defer { namespace.end() }
        var request = HTTPClientRequest(
            method: "POST",
            url: "http://\(WireNamespace.serverAddress):8000/",
            body: [UInt8](repeating: 1, count: 100_000),
            timeout: .milliseconds(1600)
        )
        request.account = 3
        guard case .failure(let error) = await namespace.send(request) else {
            Issue.record("answered")
            return
        }
        #expect(error.kind == .timeout)
        #expect(error.statistics?.wireReceived == 0)
        // Every attempt to connect, 60 bytes and Ethernet's 14.
        let attempts = try namespace.interface().segmentsSent
        #expect(attempts > 1)
        #expect(error.statistics?.wireSent == attempts * 60)
        try compare(namespace, within: 0.02)
    }
}
