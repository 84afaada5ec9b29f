// SPDX-License-Identifier: Apache-2.0

import Platform
import Testing

@testable import Bytes

@Suite struct CRC32CTests {
    /// RFC 3720, appendix B.4, and the check value of the CRC catalogue ("123456789").
    @Test func standardVectors() {
        #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
        #expect(CRC32C.checksum([UInt8](repeating: 0xff, count: 32)) == 0x62a8_ab43)
        #expect(CRC32C.checksum([UInt8](0..<32)) == 0x46dd_794e)
        #expect(CRC32C.checksum([UInt8]((0..<32).reversed())) == 0x113f_db5c)
        let readCommand: [UInt8] = [
            0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
            0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18,
            0x28, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        ]
        #expect(CRC32C.checksum(readCommand) == 0xd996_3a56)
        #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xe306_9283)
        #expect(CRC32C.checksum([UInt8]()) == 0)
    }

    /// Every length around the eight-byte step against the definition, bit by bit.
    @Test func everyShortLengthAndOffset() {
        func bitwise(_ bytes: some Sequence<UInt8>) -> UInt32 {
            var crc = UInt32.max
            for byte in bytes {
                crc ^= UInt32(byte)
                for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0x82f6_3b78 : crc >> 1 }
            }
            return ~crc
        }
        var random = SeededGenerator(seed: 5)
        let bytes = (0..<64).map { _ in UInt8.random(in: 0...255, using: &random) }
        for start in 0..<9 {
            for end in start...bytes.count {
                #expect(CRC32C.checksum(bytes[start..<end]) == bitwise(bytes[start..<end]))
                let sliced = CRC32C.bySlicing(Array(bytes[start..<end]).span.bytes)
                #expect(sliced == bitwise(bytes[start..<end]))
            }
        }
    }

    @Test func continues() {
        let bytes = Array("the quick brown fox jumps over the lazy dog".utf8)
        for cut in 0...bytes.count {
            let first = CRC32C.checksum(bytes[..<cut])
            let rest = Array(bytes[cut...])
            let both = CRC32C.checksum(rest.span.bytes, continuing: first)
            #expect(both == CRC32C.checksum(bytes))
        }
    }
}
