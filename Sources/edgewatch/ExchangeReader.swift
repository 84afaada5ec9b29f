// SPDX-License-Identifier: Apache-2.0
//
// Files of samples on their way in, in pieces: OpenMetrics text line by line, remote-write files message by message.

import Bytes
import Daemon
import Platform
import Samples
import Wire

/// Reads files of samples in pieces.
enum ExchangeReader {
    private static let pieceBytes = 1 << 20
    private static let lineLimit = 1 << 20
    private static let messageLimit = 64 << 20

    /// By the fourth byte: a message's length has at most 4 there, text has something printable.
    static func format(of path: String) throws -> ExchangeFormat {
        do {
            let start = try open(path).read(at: 0, count: 4)
            return start.count == 4 && start[3] < 0x09 ? .remoteWrite : .openmetrics
        } catch let error as FileError {
            throw DaemonError("\(error)")
        }
    }

    private static func open(_ path: String) throws -> any StorageFile {
        do { return try SystemFileStore().open(path, .read) } catch { throw DaemonError("\(error)") }
    }

    /// The messages of a file, still compressed, with their places in it.
    static func readMessages(_ path: String, _ body: ([UInt8], Int64) throws -> Void) throws {
        let file = try open(path)
        var offset: Int64 = 0
        do {
            let size = try file.size()
            while offset < size {
                var head = ByteReader(try file.read(at: offset, count: 4))
                let count = Int64(try head.integer(UInt32.self))
                guard count <= Int64(messageLimit), offset + 4 + count <= size else {
                    throw CorruptionError("a message within the file", at: Int(clamping: offset))
                }
                try body(try file.read(at: offset + 4, count: Int(count)), offset)
                offset += 4 + count
            }
        } catch let error as DaemonError {
            throw error
        } catch {
            throw DaemonError("\(path): message at byte \(offset): \(error)")
        }
    }

    /// The samples of a text with their lines as `file:line`; `metadata` is what the lines read said of families.
    static func readText(
        _ path: String,
        metadata: inout [MetricMetadata],
        _ body: (OpenMetricsSample, String) throws -> Void
    ) throws {
        var parser = OpenMetricsParser()
        var number = 0
        defer { metadata = parser.metadata }
        try readLines(path) { line in
            number += 1
            let sample: OpenMetricsSample?
            do throws(OpenMetricsError) {
                sample = try parser.read(line)
            } catch {
                throw DaemonError("\(path):\(number):\(error)")
            }
            if let sample { try body(sample, "\(path):\(number)") }
        }
        guard parser.hasEnded else {
            throw DaemonError(
                "\(path): no # EOF after line \(number), so something may be missing; what is there is stored"
            )
        }
    }

    private static func readLines(_ path: String, _ body: ([UInt8]) throws -> Void) throws {
        let file = try open(path)
        var rest: [UInt8] = []
        var offset: Int64 = 0
        var line = 0
        while true {
            let piece: [UInt8]
            do { piece = try file.read(at: offset, count: pieceBytes) } catch {
                throw DaemonError("\(error)")
            }
            offset += Int64(piece.count)
            rest += piece
            guard !piece.isEmpty else {
                // A last line without an end.
                if !rest.isEmpty { try body(rest) }
                return
            }
            guard let end = rest.lastIndex(of: UInt8(ascii: "\n")) else {
                guard rest.count <= lineLimit else {
                    throw DaemonError("\(path):\(line + 1): a line of over 1 MB")
                }
                continue
            }
            for text in rest[..<end].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
                line += 1
                try body(Array(text))
            }
            rest.removeFirst(end + 1)
        }
    }
}
