// SPDX-License-Identifier: Apache-2.0
//
// Streams read back by programs we did not write: gzip, zstd, and Python's zlib.

import Foundation
import Testing

@testable import Bytes

@Suite struct StreamCompressorTests {
    /// What a program makes of its input.
    private func piped(_ program: String, _ arguments: [String], _ input: [UInt8]) throws -> [UInt8] {
        let place = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try Data(input).write(to: place)
        defer { try? FileManager.default.removeItem(at: place) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardInput = try FileHandle(forReadingFrom: place)
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return [UInt8](output)
    }

    private func compressed(_ format: StreamCompressor.Format, _ pieces: [[UInt8]]) throws -> [UInt8] {
        guard var compressor = StreamCompressor(format) else { throw CancellationError() }
        var out: [UInt8] = []
        for piece in pieces {
            let isTaken = compressor.compress(piece, isLast: false, into: &out)
            #expect(isTaken)
        }
        let isEnded = compressor.compress([], isLast: true, into: &out)
        #expect(isEnded)
        return out
    }

    /// Nothing, a byte, text that shrinks, and noise that does not; noise fills buffers exactly and more.
    private static let bodies: [[[UInt8]]] = {
        var state: UInt64 = 1
        let noise = (0..<200_000).map { _ -> UInt8 in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
        let text = Array(String(repeating: #"{"metric":{"job":"a"},"value":[1,"2"]},"#, count: 5000).utf8)
        return [[], [[7]], [text, [], text], [noise], [text, noise, Array(noise.prefix(16 << 10)), text]]
    }()

    @Test(arguments: bodies) func everyFormatComesBack(pieces: [[UInt8]]) throws {
        let whole = pieces.flatMap { $0 }
        let gzip = try compressed(.gzip, pieces)
        #expect(try piped("/bin/gzip", ["-dc"], gzip) == whole)
        let zlib = try compressed(.zlib, pieces)
        let script = "import sys,zlib; sys.stdout.buffer.write(zlib.decompress(sys.stdin.buffer.read()))"
        #expect(try piped("/usr/bin/python3", ["-c", script], zlib) == whole)
        let zstd = try compressed(.zstd, pieces)
        #expect(try Zstd.decompressFile(zstd, limit: 1 << 20) == whole)
    }

    @Test func textShrinksToATenth() throws {
        let pieces = StreamCompressorTests.bodies[2]
        for format in [StreamCompressor.Format.gzip, .zlib, .zstd] {
            #expect(try compressed(format, pieces).count < 390_000 / 10)
        }
    }

    @Test func snappyPieces() throws {
        for pieces in StreamCompressorTests.bodies {
            var writer = SnappyBlockWriter()
            writer.append([1, 2, 3])
            let mark = writer.mark()
            for piece in pieces { writer.append(piece) }
            let whole = pieces.flatMap { $0 }
            #expect(writer.uncompressedBytes == 3 + whole.count)
            writer.insert([9, 9], at: mark)
            writer.append([4])
            let block = writer.finish().flatMap { $0 }
            #expect(try Snappy.decompress(block, limit: 1 << 20) == [1, 2, 3, 9, 9] + whole + [4])
        }
    }
}
