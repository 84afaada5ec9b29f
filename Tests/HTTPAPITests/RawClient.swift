// SPDX-License-Identifier: Apache-2.0
//
// The client of these tests: writes the bytes it is told and reads until the server closes, so that a test sees
// exactly what went over the wire. Blocking calls run on a thread of their own, away from the server's tasks.

import Foundation

/// One answer.
struct RawResponse: Sendable {
    let status: Int
    let headers: [String: String]
    let body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }
}

/// What went wrong on the socket.
struct RawClientError: Error {
    let step: String
}

/// Talks to a port of this machine.
struct RawClient: Sendable {
    let port: Int

    func get(_ target: String, headers: [String] = []) async throws -> RawResponse {
        try await send("GET", target, headers: headers)
    }

    func post(_ target: String, form: String, headers: [String] = []) async throws -> RawResponse {
        let type = "Content-Type: application/x-www-form-urlencoded"
        return try await send("POST", target, headers: [type] + headers, body: form)
    }

    func send(
        _ method: String,
        _ target: String,
        headers: [String] = [],
        body: String = ""
    ) async throws -> RawResponse {
        var lines = ["\(method) \(target) HTTP/1.1", "Host: localhost", "Connection: close"] + headers
        if !body.isEmpty { lines.append("Content-Length: \(body.utf8.count)") }
        return try await exchange(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)
    }

    /// Posts bytes of any kind.
    func post(_ target: String, bytes: [UInt8], headers: [String] = []) async throws -> RawResponse {
        let lines = ["POST \(target) HTTP/1.1", "Host: localhost", "Connection: close"] + headers
        let length = "Content-Length: \(bytes.count)"
        return try await exchange(Array((lines + [length, "", ""]).joined(separator: "\r\n").utf8) + bytes)
    }

    /// Writes text and reads to the end.
    func exchange(_ text: String) async throws -> RawResponse {
        try await exchange(Array(text.utf8))
    }

    /// Writes bytes and reads to the end.
    func exchange(_ sent: [UInt8]) async throws -> RawResponse {
        let port = port
        let bytes: [UInt8] = try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try RawClient.roundTrip(sent, port) })
            }
        }
        return try RawClient.response(bytes)
    }

    /// Writes each piece when the end of a head has come in answer to the one before, and reads to the end.
    ///
    /// - Parameters:
    ///   - pieces: what to write.
    ///   - halfCloses: whether the sending half is closed behind the last of them.
    /// - Returns: everything that came, undecoded.
    /// - Throws: `RawClientError` when there is no connection.
    func converse(_ pieces: [String], halfCloses: Bool = false) async throws -> String {
        let port = port
        let bytes: [UInt8] = try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try RawClient.converse(pieces, halfCloses, port) })
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func converse(_ pieces: [String], _ halfCloses: Bool, _ port: Int) throws -> [UInt8] {
        let descriptor = try connected(port)
        defer { close(descriptor) }
        var received: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        for (number, piece) in pieces.enumerated() {
            try write(Array(piece.utf8), descriptor)
            let isLast = number == pieces.count - 1
            if isLast, halfCloses { shutdown(descriptor, Int32(SHUT_WR)) }
            while true {
                let got = recv(descriptor, &chunk, chunk.count, 0)
                if got <= 0 { return received }
                received.append(contentsOf: chunk[..<got])
                if !isLast, received.suffix(4).elementsEqual("\r\n\r\n".utf8) { break }
            }
        }
        return received
    }

    /// Connects, writes, waits, and closes without reading; returns once the connection is closed.
    func abandon(_ text: String, after moment: () async -> Void) async throws {
        let socket = try RawClient.connected(port)
        defer { close(socket) }
        try RawClient.write(Array(text.utf8), socket)
        await moment()
    }

    private static func connected(_ port: Int) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw RawClientError(step: "socket") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
        }
        guard result == 0 else {
            close(descriptor)
            throw RawClientError(step: "connect")
        }
        return descriptor
    }

    private static func write(_ bytes: [UInt8], _ descriptor: Int32) throws {
        var done = 0
        while done < bytes.count {
            let sent = bytes[done...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            // The server may answer and close before it has read everything.
            if sent <= 0 { return }
            done += sent
        }
    }

    private static func roundTrip(_ bytes: [UInt8], _ port: Int) throws -> [UInt8] {
        let descriptor = try connected(port)
        defer { close(descriptor) }
        try write(bytes, descriptor)
        var received: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let got = recv(descriptor, &chunk, chunk.count, 0)
            if got <= 0 { return received }
            received.append(contentsOf: chunk[..<got])
        }
    }

    private static func response(_ bytes: [UInt8]) throws -> RawResponse {
        let blank = Array("\r\n\r\n".utf8)
        guard let end = bytes.indices.first(where: { bytes[$0...].starts(with: blank) }) else {
            throw RawClientError(step: "head of \(bytes.count) bytes")
        }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).components(separatedBy: "\r\n")
        let status = lines[0].split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
        }
        var body = Array(bytes[(end + blank.count)...])
        if headers["transfer-encoding"] == "chunked" { body = try dechunked(body) }
        return RawResponse(status: status, headers: headers, body: body)
    }

    private static func dechunked(_ bytes: [UInt8]) throws -> [UInt8] {
        var out: [UInt8] = []
        var rest = bytes[...]
        while let lineEnd = rest.firstIndex(of: UInt8(ascii: "\r")) {
            let line = String(decoding: rest[..<lineEnd], as: UTF8.self)
            guard let size = Int(line, radix: 16) else { throw RawClientError(step: "chunk size") }
            if size == 0 { return out }
            rest = rest[(lineEnd + 2)...]
            out.append(contentsOf: rest.prefix(size))
            rest = rest.dropFirst(size + 2)
        }
        throw RawClientError(step: "last chunk")
    }
}
