// SPDX-License-Identifier: Apache-2.0
//
// Frames written by other tools are given in hexadecimal: zstd by `zstd -c`, snappy by google/snappy's own description
// of the format.

import Bytes
import Platform
import Testing

private func hex(_ text: String) -> [UInt8] {
    let digits = Array(text.utf8)
    return stride(from: 0, to: digits.count, by: 2).compactMap {
        UInt8(String(decoding: digits[$0..<($0 + 2)], as: UTF8.self), radix: 16)
    }
}

private func samples() -> [[UInt8]] {
    var random = SeededGenerator(seed: 9)
    let noise = (0..<10_000).map { _ in UInt8.random(in: 0...255, using: &random) }
    return [[], [7], Array("edge".utf8), [UInt8](repeating: 0, count: 1_000_000), noise]
}

@Suite struct ZstdTests {
    @Test func comesBack() throws {
        for bytes in samples() {
            for level: Int32 in [1, 3, 19] {
                let frame = try #require(Zstd.compress(bytes, level: level))
                #expect(try Zstd.decompress(frame[...], limit: bytes.count) == bytes)
            }
        }
    }

    @Test func readsAForeignFrame() throws {
        // printf edgewatch | zstd -c --content-size
        let frame = hex("28b52ffd2409490000656467657761746368e2ad1941")
        #expect(try Zstd.decompress(frame[...], limit: 9) == Array("edgewatch".utf8))
    }

    @Test func bombsAreRefusedBeforeAllocating() throws {
        let bomb = try #require(Zstd.compress([UInt8](repeating: 0, count: 10_000_000)))
        #expect(bomb.count < 2000)
        #expect(throws: CorruptionError("a zstd frame of at most 9999999 bytes", at: 0)) {
            try Zstd.decompress(bomb[...], limit: 9_999_999)
        }
        // A frame header that claims 2^63 bytes: magic, descriptor with an 8-byte content size, window, size.
        let claim = hex("28b52ffd" + "c0" + "00" + "0000000000000080")
        #expect(throws: CorruptionError.self) { try Zstd.decompress(claim[...], limit: .max) }
        // The declared size is a lie: 5 declared, more in the blocks.
        var lie = try #require(Zstd.compress([UInt8](repeating: 1, count: 200)))
        lie[5] = 5
        #expect(throws: CorruptionError("an undamaged zstd frame", at: 0)) {
            try Zstd.decompress(lie[...], limit: 100)
        }
    }

    @Test func damageIsRefused() throws {
        let frame = try #require(Zstd.compress(Array("the same again, the same again".utf8)))
        for length in 0..<frame.count {
            #expect(throws: CorruptionError.self) { try Zstd.decompress(frame[..<length], limit: 1000) }
        }
        #expect(throws: CorruptionError.self) { try Zstd.decompress([1, 2, 3, 4, 5, 6], limit: 1000) }
        #expect(throws: CorruptionError.self) { try Zstd.decompress(frame[...], limit: -1) }
        let shifted = [0, 0] + frame
        #expect(try Zstd.decompress(shifted[2...], limit: 1000).count == 30)
    }
}

@Suite struct SnappyTests {
    @Test func comesBack() throws {
        for bytes in samples() {
            #expect(try Snappy.decompress(Snappy.compress(bytes), limit: bytes.count) == bytes)
        }
    }

    /// Length 9 as varint, one literal element of 9 bytes (tag (9 − 1) << 2), by format_description.txt.
    @Test func readsABlockByTheDescription() throws {
        let block = [9, 8 << 2] + Array("edgewatch".utf8)
        #expect(try Snappy.decompress(block, limit: 9) == Array("edgewatch".utf8))
        // A literal of one byte, then a copy of 4 from 1 back: offset 1, length 4 in a one-byte-offset element.
        #expect(try Snappy.decompress([5, 0, 97, 1, 1], limit: 5) == Array("aaaaa".utf8))
    }

    @Test func bombsAreRefusedBeforeAllocating() {
        let bomb = Snappy.compress([UInt8](repeating: 0, count: 10_000_000))
        #expect(throws: CorruptionError("a snappy block of at most 9999999 bytes", at: 0)) {
            try Snappy.decompress(bomb, limit: 9_999_999)
        }
        // Claims 2^32 − 1 bytes and holds none.
        #expect(throws: CorruptionError.self) {
            try Snappy.decompress([0xff, 0xff, 0xff, 0xff, 0xf], limit: 1 << 20)
        }
        #expect(throws: CorruptionError.self) {
            try Snappy.decompress([0xff, 0xff, 0xff, 0xff, 0xff, 0xff], limit: .max)
        }
    }

    @Test func damageIsRefused() {
        let block = Snappy.compress(Array("the same again, the same again".utf8))
        for length in 0..<block.count {
            #expect(throws: CorruptionError.self) {
                try Snappy.decompress(Array(block[..<length]), limit: 1000)
            }
        }
        // A copy that begins before the output.
        #expect(throws: CorruptionError("an undamaged snappy block", at: 0)) {
            try Snappy.decompress([5, 0, 97, 1, 9], limit: 5)
        }
    }
}

@Suite struct GzipTests {
    private func packed(_ text: [UInt8], _ format: StreamCompressor.Format = .gzip) -> [UInt8] {
        var out: [UInt8] = []
        guard var compressor = StreamCompressor(format) else {
            Issue.record("no memory for a compressor")
            return out
        }
        let isWhole = compressor.compress(text, isLast: true, into: &out)
        #expect(isWhole)
        return out
    }

    private func unpacked(_ bytes: [UInt8], limit: Int = 1 << 20) throws(DecompressionError) -> [UInt8] {
        var buffer: [UInt8] = []
        let count = try Gzip.decompress(bytes.span, into: &buffer, limit: limit)
        return Array(buffer[..<count])
    }

    @Test func whatWasPackedComesBack() throws {
        for size in [0, 1, 100, 65_535, 65_536, 65_537, 400_000] {
            let text = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }
            #expect(try unpacked(packed(text)) == text)
            #expect(try unpacked(packed(text, .zlib)) == text)
            #expect(try unpacked(packed(text), limit: size) == text)
        }
    }

    @Test func membersFollowEachOther() throws {
        let bytes = packed(Array("ab".utf8)) + packed([]) + packed(Array("c".utf8))
        #expect(try unpacked(bytes) == Array("abc".utf8))
        #expect(throws: DecompressionError.damaged) { try unpacked(bytes + [0]) }
        #expect(throws: DecompressionError.damaged) { try unpacked(bytes + [0x1f, 0x8b]) }
    }

    /// A hundred megabytes from a hundred kilobytes are given up one byte behind the limit.
    @Test func aBombEndsAtTheLimit() throws {
        let bomb = packed([UInt8](repeating: 0, count: 100 << 20))
        #expect(bomb.count < 1 << 20)
        var buffer: [UInt8] = []
        #expect(throws: DecompressionError.tooLarge) {
            try Gzip.decompress(bomb.span, into: &buffer, limit: 1 << 20)
        }
        #expect(buffer.count <= 1 << 20 + 1)
        #expect(throws: DecompressionError.tooLarge) { try unpacked(packed([1, 2, 3]), limit: 2) }
        #expect(throws: DecompressionError.tooLarge) { try unpacked(packed([1]), limit: 0) }
    }

    @Test func damageIsNoticed() throws {
        let text = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 2) }
        let bytes = packed(text)
        for cut in [0, 1, 9, 10, bytes.count / 2, bytes.count - 1] {
            #expect(throws: DecompressionError.damaged) { try unpacked(Array(bytes[..<cut])) }
        }
        var wrong = bytes
        wrong[bytes.count - 6] ^= 1
        #expect(throws: DecompressionError.damaged) { try unpacked(wrong) }
        #expect(throws: DecompressionError.damaged) { try unpacked(Array("# HELP".utf8)) }
    }
}
