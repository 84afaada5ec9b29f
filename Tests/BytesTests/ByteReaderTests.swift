// SPDX-License-Identifier: Apache-2.0

import Bytes
import Platform
import Testing

@Suite struct ByteReaderTests {
    /// Lengths and bytes as LEB128 has them (protobuf encoding guide, "Base 128 Varints").
    @Test(
        arguments: [
            (0, [0]), (1, [1]), (127, [0x7f]), (128, [0x80, 1]), (150, [0x96, 1]), (300, [0xac, 2]),
            (16_383, [0xff, 0x7f]), (16_384, [0x80, 0x80, 1]),
            (UInt64(UInt32.max), [0xff, 0xff, 0xff, 0xff, 0xf]),
            (1 << 63, [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1]),
            (UInt64.max, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
        ] as [(UInt64, [UInt8])]
    )
    func varints(value: UInt64, bytes: [UInt8]) throws {
        var out: [UInt8] = []
        out.append(varint: value)
        #expect(out == bytes)
        var reader = ByteReader(bytes)
        #expect(try reader.varint() == value)
        #expect(reader.isAtEnd)
        for length in 0..<bytes.count {
            var short = ByteReader(Array(bytes[..<length]))
            #expect(throws: CorruptionError("one more byte", at: length)) { try short.varint() }
        }
    }

    @Test func everyPowerOfTwoAndItsNeighbours() throws {
        var out: [UInt8] = []
        var values: [UInt64] = []
        for shift in 0..<64 { values += [(1 << shift) &- 1, 1 << shift, (1 << shift) &+ 1] }
        for value in values { out.append(varint: value) }
        var reader = ByteReader(out)
        for value in values { #expect(try reader.varint() == value) }
        #expect(reader.isAtEnd)
    }

    @Test func varintsTooLong() {
        var eleven = ByteReader([UInt8](repeating: 0x80, count: 10) + [0])
        #expect(throws: CorruptionError("a varint of 64 bits", at: 0)) { try eleven.varint() }
        var overflowing = ByteReader([UInt8](repeating: 0xff, count: 9) + [2])
        #expect(throws: CorruptionError("a varint of 64 bits", at: 0)) { try overflowing.varint() }
        // Overlong but within ten bytes: protobuf accepts it, so does the reader.
        var overlong = ByteReader([0x81, 0x80, 0])
        #expect((try? overlong.varint()) == 1)
    }

    @Test(
        arguments: [
            (0, [0]), (-1, [1]), (1, [2]), (-2, [3]), (2_147_483_647, [0xfe, 0xff, 0xff, 0xff, 0xf]),
            (-2_147_483_648, [0xff, 0xff, 0xff, 0xff, 0xf]),
            (Int64.max, [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
            (Int64.min, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
        ] as [(Int64, [UInt8])]
    )
    func zigzag(value: Int64, bytes: [UInt8]) throws {
        var out: [UInt8] = []
        out.append(zigzag: value)
        #expect(out == bytes)
        var reader = ByteReader(bytes)
        #expect(try reader.zigzag() == value)
    }

    @Test func integersAreLittleEndian() throws {
        var out: [UInt8] = []
        out.append(littleEndian: UInt32(0x0102_0304))
        out.append(littleEndian: Int16(-2))
        out.append(littleEndian: UInt8(7))
        out.append(double: 1.5)
        out.append(littleEndian: Int64.min)
        #expect(out[..<15] == [4, 3, 2, 1, 0xfe, 0xff, 7, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f])
        out.overwrite(littleEndian: 0xdead_beef, at: 0)
        var reader = ByteReader(out)
        #expect(try reader.integer(UInt32.self) == 0xdead_beef)
        #expect(try reader.integer(Int16.self) == -2)
        #expect(try reader.byte() == 7)
        #expect(try reader.double() == 1.5)
        #expect(try reader.integer(Int64.self) == .min)
        #expect(reader.isAtEnd)
        #expect(throws: CorruptionError("2 more bytes", at: out.count)) { try reader.integer(UInt16.self) }
    }

    @Test func doublesKeepEveryBit() throws {
        for bits in [0x7ff0_0000_0000_0002, 0x7ff8_0000_0000_0001, 0x8000_0000_0000_0000, 1] as [UInt64] {
            var out: [UInt8] = []
            out.append(double: Double(bitPattern: bits))
            var reader = ByteReader(out)
            #expect(try reader.double().bitPattern == bits)
        }
    }

    @Test func prefixedBytes() throws {
        var out: [UInt8] = []
        out.append(prefixed: Array("abc".utf8))
        out.append(prefixed: [])
        var reader = ByteReader(out)
        #expect(try Array(reader.prefixed(limit: 3)) == Array("abc".utf8))
        #expect(try Array(reader.prefixed(limit: 0)) == [])
        var limited = ByteReader(out)
        #expect(throws: CorruptionError("a count of at most 2", at: 0)) { try limited.prefixed(limit: 2) }
        var claimsMore = ByteReader([200, 1, 9])
        #expect(throws: CorruptionError("200 more bytes", at: 2)) { try claimsMore.prefixed(limit: 1000) }
        var huge = ByteReader([UInt8](repeating: 0xff, count: 9) + [1])
        #expect(throws: CorruptionError.self) { try huge.prefixed(limit: .max) }
        var negative = ByteReader([1, 2])
        #expect(throws: CorruptionError("-1 more bytes", at: 0)) { try negative.take(-1) }
    }

    @Test func readsWithinItsRange() throws {
        var reader = ByteReader([1, 2, 3, 4], in: 1..<3)
        #expect(reader.remaining == 2)
        #expect(try reader.byte() == 2)
        #expect(throws: CorruptionError("2 more bytes", at: 2)) { try reader.integer(UInt16.self) }
        #expect(try reader.byte() == 3)
        #expect(throws: CorruptionError("one more byte", at: 3)) { try reader.byte() }
        #expect(ByteReader([1, 2], in: 5..<9).isAtEnd)
        #expect(ByteReader([1, 2], in: 1..<900).remaining == 1)
    }

    @Test func randomBytesNeverTrap() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<50_000 {
            let bytes = (0..<Int.random(in: 0..<24, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            var reader = ByteReader(bytes)
            while !reader.isAtEnd {
                let before = reader.offset
                switch Int.random(in: 0..<5, using: &random) {
                case 0: _ = try? reader.varint()
                case 1: _ = try? reader.zigzag()
                case 2: _ = try? reader.prefixed(limit: 100)
                case 3: _ = try? reader.integer(UInt64.self)
                default: _ = try? reader.count(limit: 5)
                }
                #expect(reader.offset >= before && reader.offset <= bytes.count)
                if reader.offset == before { break }
            }
        }
    }
}
