// SPDX-License-Identifier: Apache-2.0
//
// A real Modbus TCP server (pymodbus) for tests. Needs a Python that has pymodbus: EDGEWATCH_TEST_PYTHON, or the virtual
// environment scripts/bootstrap makes.

import Foundation
import Testing

@testable import Collector

/// A pymodbus server of its own; ended with the value.
final class ModbusServer {
    let port: Int
    private let process = Process()
    private let input = Pipe()

    init?(_ arguments: [String] = []) throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let python =
            ProcessInfo.processInfo.environment["EDGEWATCH_TEST_PYTHON"]
            ?? root.appending(path: ".venv/bin/python3").path
        guard FileManager.default.isExecutableFile(atPath: python) else {
            print("SKIPPED: no \(python) for the Modbus server; run scripts/bootstrap test")
            return nil
        }
        process.executableURL = URL(filePath: python)
        process.arguments = [root.appending(path: "Tests/Integration/modbus_units.py").path] + arguments
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        var line = ""
        while !line.hasSuffix("\n") {
            let byte = try #require(
                try output.fileHandleForReading.read(upToCount: 1),
                "the server did not start"
            )
            line += String(decoding: byte, as: UTF8.self)
        }
        port = try #require(Int(line.dropLast()))
    }

    func stop() {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    /// Writes a holding register of unit 1, as a client would: function 6.
    func write(_ value: UInt16, at register: UInt8) throws {
        let connection = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(connection) }
        let address = try #require(SocketAddress(network: [127, 0, 0, 1], port: UInt16(port)))
        let isConnected = address.bytes.withUnsafeBytes { raw in
            raw.baseAddress.map {
                connect(connection, $0.assumingMemoryBound(to: sockaddr.self), socklen_t(raw.count))
            }
        }
        try #require(isConnected == 0)
        let request: [UInt8] = [
            0, 1, 0, 0, 0, 6, 1, 6, 0, register, UInt8(value >> 8), UInt8(truncatingIfNeeded: value),
        ]
        var answer = [UInt8](repeating: 0, count: request.count)
        try #require(send(connection, request, request.count, Int32(MSG_NOSIGNAL)) == request.count)
        var got = 0
        while got < answer.count {
            let more = answer.withUnsafeMutableBytes { raw in
                raw.baseAddress.map { recv(connection, $0 + got, raw.count - got, 0) } ?? -1
            }
            try #require(more > 0, "the server answers")
            got += more
        }
        try #require(answer == request, "the answer to a write is the request")
    }
}
