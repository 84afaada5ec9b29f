// SPDX-License-Identifier: Apache-2.0
//
// Servers of NUT for tests: Debian's upsd with a simulated device, and one whose every answer a test writes.

import Foundation
import Synchronization
import Testing

@testable import Collector

/// upsd of the nut-server package with a dummy driver; ended with the value.
final class UPSServer {
    let port: Int
    private let directory: String
    private var processes: [Process] = []

    init?(device: String) throws {
        directory = NSTemporaryDirectory() + "nut-\(UUID().uuidString)"
        port = try UPSListener.freePort()
        guard FileManager.default.isExecutableFile(atPath: "/lib/nut/upsd"),
            FileManager.default.isExecutableFile(atPath: "/lib/nut/dummy-ups")
        else {
            print("SKIPPED: no /lib/nut/upsd; install nut-server (scripts/bootstrap test)")
            return nil
        }
        let files = [
            "su700.dev": device,
            "ups.conf": """
            maxretry = 1
            [su700]
              driver = dummy-ups
              port = \(directory)/su700.dev
              mode = dummy-once
              desc = "Rack \\"left\\" \\# 7"
            [gone]
              driver = dummy-ups
              port = \(directory)/gone.dev

            """,
            "upsd.conf": "LISTEN 127.0.0.1 \(port)\n",
            "upsd.users": "[mon]\n  password = \"se\\#cr=et\"\n",
        ]
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        for (name, text) in files {
            try text.write(toFile: "\(directory)/\(name)", atomically: false, encoding: .utf8)
        }
        let user = NSUserName()
        try start("dummy-ups", ["-a", "su700", "-DD", "-u", user], until: "dstate_init: sock")
        try start("upsd", ["-D", "-u", user], until: "Connected to UPS [su700]")
    }

    deinit {
        for process in processes {
            // Started from a thread of the pool, it has that one's blocked signals: SIGTERM would wait for ever.
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// Starts a program of NUT and waits for what it says when it is ready.
    private func start(_ program: String, _ arguments: [String], until words: String) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/lib/nut/\(program)")
        process.arguments = arguments
        process.environment = [
            "NUT_CONFPATH": directory, "NUT_STATEPATH": directory, "NUT_ALTPIDPATH": directory,
        ]
        let output = Pipe()
        process.standardError = output
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        processes.append(process)
        var said = ""
        while !said.contains(words) {
            let more = output.fileHandleForReading.availableData
            try #require(!more.isEmpty, "\(program) ended: \(said)")
            said += String(decoding: more, as: UTF8.self)
        }
        // It goes on talking; nobody may be kept waiting by a full pipe.
        let descriptor = output.fileHandleForReading.fileDescriptor
        Thread.detachNewThread {
            // The pipe lives as long as somebody writes to it.
            withExtendedLifetime(output) {
                var buffer = [UInt8](repeating: 0, count: 4096)
                while read(descriptor, &buffer, buffer.count) > 0 {}
            }
        }
    }
}

/// A TCP server whose every connection runs a closure on a thread of its own.
///
/// The thread that accepts closes the listening socket, after the one shutdown that ends it: its number may belong to
/// another test's socket afterwards.
final class UPSListener: Sendable {
    let port: Int
    private let descriptor: Int32
    private let isStopped = Mutex(false)

    init(_ serve: @escaping @Sendable (Int32) -> Void) throws {
        let listening = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        descriptor = listening
        let address = try #require(SocketAddress(network: [127, 0, 0, 1], port: 0))
        let bound = address.bytes.withUnsafeBytes { raw in
            raw.baseAddress.map {
                bind(listening, $0.assumingMemoryBound(to: sockaddr.self), socklen_t(raw.count))
            }
        }
        try #require(bound == 0 && listen(listening, 8) == 0)
        var name = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let asked = withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listening, $0, &length) }
        }
        try #require(asked == 0)
        port = Int(UInt16(bigEndian: name.sin_port))
        Thread.detachNewThread {
            while true {
                let connection = accept(listening, nil, nil)
                guard connection >= 0 else { break }
                Thread.detachNewThread {
                    serve(connection)
                    close(connection)
                }
            }
            close(listening)
        }
    }

    /// A port nobody listens on.
    static func freePort() throws -> Int {
        let listener = try UPSListener { _ in }
        defer { listener.stop() }
        return listener.port
    }

    func stop() {
        isStopped.withLock { isStopped in
            if !isStopped { shutdown(descriptor, Int32(SHUT_RDWR)) }
            isStopped = true
        }
    }
}

/// Sends all; false when the other side is gone.
@discardableResult
func sendAll(_ connection: Int32, _ text: String) -> Bool {
    let bytes = Array(text.utf8)
    var sent = 0
    while sent < bytes.count {
        let count = bytes[sent...].withUnsafeBytes {
            send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard count > 0 else { return false }
        sent += count
    }
    return true
}

/// Answers each line by what `answer` says; nil ends the connection.
func upsScript(_ answer: @escaping @Sendable (String) -> String?) -> @Sendable (Int32) -> Void {
    { connection in
        var line = ""
        var byte: UInt8 = 0
        while recv(connection, &byte, 1, 0) == 1 {
            guard byte == 10 else {
                line.unicodeScalars.append(Unicode.Scalar(byte))
                continue
            }
            guard let text = answer(line), sendAll(connection, text) else { return }
            line = ""
        }
    }
}
