// SPDX-License-Identifier: Apache-2.0
//
// An HTTP server for tests that can misbehave: the handler writes raw bytes, resets the connection, or says nothing.
// One thread per connection, loopback only, a port chosen by the kernel.

import Foundation
import Synchronization

/// One request as it came over the wire.
public struct TestRequest: Sendable {
    /// The method.
    public let method: String
    /// The request target.
    public let path: String
    /// Header fields, names in lower case.
    public let headers: [String: String]
    /// The body.
    public let body: [UInt8]
    /// All bytes of the request, header and body.
    public let wireBytes: Int
}

/// The server's side of one connection.
///
/// `@unchecked Sendable`: a descriptor used by its own thread; `isOpen` changes there only.
public final class TestConnection: @unchecked Sendable {
    let descriptor: Int32
    /// Counts connections of a server from 0.
    public let number: Int
    /// Whether the connection may be used for another request.
    public private(set) var isOpen = true

    init(descriptor: Int32, number: Int) {
        self.descriptor = descriptor
        self.number = number
    }

    /// Writes raw bytes; false when the client is gone.
    @discardableResult
    public func write(_ bytes: [UInt8]) -> Bool {
        var done = 0
        while done < bytes.count {
            let sent = bytes.withUnsafeBytes {
                send(descriptor, $0.baseAddress.map { $0 + done }, bytes.count - done, Int32(MSG_NOSIGNAL))
            }
            if sent <= 0 {
                isOpen = false
                return false
            }
            done += sent
        }
        return true
    }

    /// Writes text as it is.
    @discardableResult
    public func write(_ text: String) -> Bool { write(Array(text.utf8)) }

    /// Writes a whole response with a length.
    public func respond(_ status: Int, _ body: String = "", headers: [(String, String)] = []) {
        var head = "HTTP/1.1 \(status) Status\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if status != 204 { head += "Content-Length: \(body.utf8.count)\r\n" }
        write(head + "\r\n" + body)
    }

    /// Ends the connection in order.
    public func finish() { isOpen = false }

    /// Ends the connection by a TCP reset.
    public func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
        isOpen = false
    }

    /// Blocks until the client closes its side or the server stops.
    public func waitForEnd() {
        var byte: UInt8 = 0
        while recv(descriptor, &byte, 1, 0) > 0 {}
        isOpen = false
    }
}

/// A loopback HTTP server driven by a closure.
public final class TestServer: Sendable {
    /// Answers one request; runs on the connection's thread and may block.
    public typealias Handler = @Sendable (TestRequest, TestConnection) -> Void

    /// The port listened on.
    public let port: Int
    private let listener: Int32
    private let handler: Handler
    private let state = Mutex(State())

    private struct State {
        var open: Set<Int32> = []
        var connections = 0
        var requests = 0
        var isStopped = false
    }

    /// Starts listening on a port of the kernel's choice, or on a given one.
    public init(port wanted: Int = 0, _ handler: @escaping Handler) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(wanted).bigEndian)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && listen(descriptor, 128) == 0
                    && getsockname(descriptor, $0, &size) == 0
            }
        }
        guard bound else { throw POSIXError(.EADDRINUSE) }
        listener = descriptor
        port = Int(UInt16(bigEndian: address.sin_port))
        self.handler = handler
        Thread { [self] in accept() }.start()
    }

    /// The URL of a path.
    public func url(_ path: String = "/") -> String { "http://127.0.0.1:\(port)\(path)" }
    /// Connections accepted so far.
    public var connections: Int { state.withLock { $0.connections } }
    /// Whole requests received so far.
    public var requests: Int { state.withLock { $0.requests } }

    /// Closes the listening socket and every connection.
    public func stop() {
        state.withLock { state in
            guard !state.isStopped else { return }
            state.isStopped = true
            shutdown(listener, Int32(SHUT_RDWR))
            for descriptor in state.open { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    private func accept() {
        while true {
            let descriptor = Glibc.accept(listener, nil, nil)
            if descriptor < 0 { break }
            let number = state.withLock { state -> Int? in
                guard !state.isStopped else { return nil }
                state.open.insert(descriptor)
                state.connections += 1
                return state.connections - 1
            }
            guard let number else {
                close(descriptor)
                break
            }
            let connection = TestConnection(descriptor: descriptor, number: number)
            Thread { [self] in
                serve(connection)
                state.withLock { _ = $0.open.remove(descriptor) }
                close(descriptor)
            }.start()
        }
        close(listener)
    }

    private func serve(_ connection: TestConnection) {
        var buffer: [UInt8] = []
        while connection.isOpen, let request = Self.read(connection, &buffer) {
            state.withLock { $0.requests += 1 }
            handler(request, connection)
        }
    }

    private static func read(_ connection: TestConnection, _ buffer: inout [UInt8]) -> TestRequest? {
        let end: [UInt8] = [13, 10, 13, 10]
        var headEnd: Int?
        while headEnd == nil {
            if let range = buffer.firstRange(of: end) {
                headEnd = range.upperBound
            } else if !more(connection, &buffer) {
                return nil
            }
        }
        guard let headEnd else { return nil }
        let lines = String(decoding: buffer[..<headEnd], as: UTF8.self).components(separatedBy: "\r\n")
        let start = lines[0].split(separator: " ")
        guard start.count == 3 else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] = line[line.index(after: colon)...]
                .trimmingCharacters(in: .whitespaces)
        }
        let length = Int(headers["content-length"] ?? "0") ?? 0
        while buffer.count < headEnd + length { if !more(connection, &buffer) { return nil } }
        let body = Array(buffer[headEnd..<(headEnd + length)])
        buffer.removeFirst(headEnd + length)
        return TestRequest(
            method: String(start[0]),
            path: String(start[1]),
            headers: headers,
            body: body,
            wireBytes: headEnd + length
        )
    }

    private static func more(_ connection: TestConnection, _ buffer: inout [UInt8]) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65536)
        let got = recv(connection.descriptor, &chunk, chunk.count, 0)
        guard got > 0 else { return false }
        buffer.append(contentsOf: chunk[..<got])
        return true
    }
}
