// SPDX-License-Identifier: Apache-2.0
//
// TLS against Python's ssl module with certificates made by openssl: trust, names, client certificates.

import Foundation
import HTTPClient
import Testing

/// A TLS server process on loopback with its own authority; ended by its own process id.
final class TLSServer {
    let port: Int
    let directory: URL
    private let process = Process()

    init(
        wantsClientCertificate: Bool = false,
        newest: String = "MAXIMUM_SUPPORTED",
        days: Int = 2
    ) throws {
        directory = try TLSServer.certificates(days: days)
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.currentDirectoryURL = directory
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        process.arguments = [
            "-c",
            """
            import http.server, ssl, sys
            class H(http.server.BaseHTTPRequestHandler):
                protocol_version = "HTTP/1.1"
                def do_GET(self):
                    body = self.headers["Host"].encode()
                    if self.path == "/who":
                        name = dict(pair[0] for pair in self.connection.getpeercert()["subject"])["commonName"]
                        body = f"{name} {self.client_address[1]}".encode()
                    self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
                    self.wfile.write(body)
            s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
            c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            c.load_cert_chain("server.crt", "server.key")
            c.set_ciphers("ALL:@SECLEVEL=0")
            c.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            c.maximum_version = ssl.TLSVersion.\(newest)
            if \(wantsClientCertificate ? "True" : "False"):
                c.load_verify_locations("ca.crt"); c.verify_mode = ssl.CERT_REQUIRED
            s.socket = c.wrap_socket(s.socket, server_side=True)
            print(s.server_port, flush=True)
            s.serve_forever()
            """,
        ]
        try process.run()
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        port = try #require(Int(line.trimmingCharacters(in: .whitespacesAndNewlines)))
    }

    /// A directory with an authority, and certificates of it for `localhost` and `plc.example`, valid for some days.
    static func certificates(days: Int = 2) throws -> URL {
        let directory = FileManager.default.temporaryDirectory.appending(path: "tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let new = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        let make = Process()
        make.executableURL = URL(fileURLWithPath: "/bin/sh")
        make.currentDirectoryURL = directory
        make.standardError = FileHandle.nullDevice
        make.arguments = [
            "-ec",
            """
            \(new) -subj /CN=ca -keyout ca.key -out ca.crt
            \(new) -subj /CN=other -keyout other.key -out other.crt
            for name in server client; do
              openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=$name \
                -keyout $name.key -out $name.csr
              echo 'subjectAltName=DNS:localhost,DNS:plc.example' > san
              openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days \(days) -extfile san \
                -out $name.crt
            done
            """,
        ]
        try make.run()
        make.waitUntilExit()
        return directory
    }

    func end() {
        // The child inherits this thread's blocked signals, so only this one is sure to arrive.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: directory)
    }

    func file(_ name: String) -> String { directory.appending(path: name).path }
}

@Suite struct TLSTests {
    private let client = HTTPClient(userAgent: "t")

    private func outcome(_ request: HTTPClientRequest) async -> Result<String, HTTPClientError> {
        do throws(HTTPClientError) {
            return .success(String(decoding: try await client.send(request).body, as: UTF8.self))
        } catch {
            return .failure(error)
        }
    }

    private func kind(_ request: HTTPClientRequest) async -> HTTPClientError.Kind? {
        if case .failure(let error) = await outcome(request) { error.kind } else { nil }
    }

    @Test func onlyTheConfiguredAuthorityAndNameAreTrusted() async throws {
        let server = try TLSServer()
        defer { server.end() }
        var request = HTTPClientRequest(url: "https://localhost:\(server.port)/")
        #expect(await kind(request) == .tls)
        request.caFile = server.file("other.crt")
        #expect(await kind(request) == .tls)
        request.caFile = server.file("missing.crt")
        #expect(await kind(request) == .tls)
        request.caFile = server.file("ca.crt")
        #expect(try await outcome(request).get() == "localhost:\(server.port)")
        request.url = "https://127.0.0.1:\(server.port)/"
        #expect(await kind(request) == .tls)
        request.serverName = "plc.example"
        // The name is for TLS alone: the Host field stays the URL's.
        #expect(try await outcome(request).get() == "127.0.0.1:\(server.port)")
        request.serverName = "other.example"
        #expect(await kind(request) == .tls)
        request.serverName = nil
        request.insecureSkipVerify = true
        #expect(try await outcome(request).get() == "127.0.0.1:\(server.port)")
    }

    @Test func certificatesInTheConfigurationItself() async throws {
        let server = try TLSServer(wantsClientCertificate: true)
        defer { server.end() }
        func text(_ name: String) throws -> String {
            try String(contentsOfFile: server.file(name), encoding: .utf8)
        }
        var request = HTTPClientRequest(url: "https://localhost:\(server.port)/")
        request.caPEM = try text("ca.crt")
        request.certPEM = try text("client.crt")
        request.keyPEM = try text("client.key")
        #expect(try await outcome(request).get() == "localhost:\(server.port)")
        request.maximumTLS = .tls12
        #expect(try await outcome(request).get() == "localhost:\(server.port)")
        request.minimumTLS = .tls13
        request.maximumTLS = nil
        #expect(try await outcome(request).get() == "localhost:\(server.port)")
        request.caPEM = try text("other.crt")
        #expect(await kind(request) == .tls)
        request.caPEM = "no certificate"
        #expect(await kind(request) == .tls)
    }

    /// A server that speaks TLS 1.2 at most refuses whoever wants more.
    @Test func theOldestVersionIsHeld() async throws {
        let server = try TLSServer(newest: "TLSv1_2")
        defer { server.end() }
        var request = HTTPClientRequest(url: "https://localhost:\(server.port)/")
        request.caFile = server.file("ca.crt")
        request.minimumTLS = .tls13
        #expect(await kind(request) == .tls)
        request.minimumTLS = nil
        #expect(try await outcome(request).get() == "localhost:\(server.port)")
    }

    @Test func clientCertificatesArePresented() async throws {
        let server = try TLSServer(wantsClientCertificate: true)
        defer { server.end() }
        var request = HTTPClientRequest(url: "https://localhost:\(server.port)/")
        request.caFile = server.file("ca.crt")
        #expect(await kind(request) != nil)
        request.certFile = server.file("client.crt")
        request.keyFile = server.file("other.key")
        #expect(await kind(request) == .tls)
        request.keyFile = server.file("client.key")
        #expect(try await outcome(request).get() == "localhost:\(server.port)")
    }

    /// A kept connection is not used with a certificate that has been replaced meanwhile.
    @Test func aRenewedCertificateIsPresentedAtOnce() async throws {
        let server = try TLSServer(wantsClientCertificate: true)
        defer { server.end() }
        var request = HTTPClientRequest(url: "https://localhost:\(server.port)/who")
        request.caFile = server.file("ca.crt")
        request.certFile = server.file("client.crt")
        request.keyFile = server.file("client.key")
        let first = try await outcome(request).get()
        #expect(first.hasPrefix("client "))
        #expect(try await outcome(request).get() == first)
        // Renewed as tools do it: written beside and moved over.
        for kind in ["crt", "key"] {
            let new = server.file("new.\(kind)")
            try FileManager.default.copyItem(atPath: server.file("server.\(kind)"), toPath: new)
            #expect(rename(new, server.file("client.\(kind)")) == 0)
        }
        #expect(try await outcome(request).get().hasPrefix("server "))
        #expect(try await outcome(request).get().hasPrefix("server "))
    }

    @Test func anExpiredCertificateIsRefused() async throws {
        let server = try TLSServer(days: -1)
        defer { server.end() }
        var request = HTTPClientRequest(url: "https://localhost:\(server.port)/")
        request.caFile = server.file("ca.crt")
        guard case .failure(let error) = await outcome(request) else {
            Issue.record("an expired certificate was trusted")
            return
        }
        #expect(error.kind == .tls)
        #expect(error.message.contains("expired"))
    }

    /// Below 1.2 nothing is spoken unless it is configured.
    @Test func oldVersionsAreRefused() async throws {
        let server = try TLSServer(newest: "TLSv1_1")
        defer { server.end() }
        var request = HTTPClientRequest(url: "https://localhost:\(server.port)/")
        request.caFile = server.file("ca.crt")
        #expect(await kind(request) == .tls)
    }
}
