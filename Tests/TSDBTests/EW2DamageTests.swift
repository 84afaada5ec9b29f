// SPDX-License-Identifier: Apache-2.0
//
// Damaged blocks throw or give the right number of values: every bit of every byte changed, cut after every byte, and
// bytes that never were a block. A trap would end the test run.

import Bytes
import Platform
import Testing

@testable import TSDB

struct EW2DamageTests {
    /// Blocks with every mapping, prediction and coder the generators reach.
    @Test(arguments: BlockGenerator.allCases)
    func everyFlippedBitAndEveryCutIsSurvived(generator: BlockGenerator) throws {
        var encoder = BlockEncoder()
        var decoder = BlockDecoder()
        var random = SeededGenerator(seed: 77)
        for (count, step) in [(7, 1), (60, 1), (500, 11), (1003, 31)] {
            let values = generator.values(count, using: &random)
            var bytes: [UInt8] = []
            encoder.append(values, effort: .segment, to: &bytes)
            for place in stride(from: 0, to: bytes.count, by: EW2Tests.isThorough ? 1 : place(step, bytes)) {
                for bit in 0..<8 {
                    var damaged = bytes
                    damaged[place] ^= 1 << UInt8(bit)
                    read(damaged, count, &decoder)
                }
                #expect(throws: CorruptionError.self) { try readAll(Array(bytes[..<place]), count) }
            }
            // The head of a block decides most: every value of its first bytes.
            for place in 0..<min(8, bytes.count) {
                for byte in UInt8.min...UInt8.max {
                    var damaged = bytes
                    damaged[place] = byte
                    read(damaged, count, &decoder)
                }
            }
        }
    }

    private func place(_ step: Int, _ bytes: [UInt8]) -> Int { bytes.count < 64 ? 1 : step }

    @Test func bytesThatWereNeverABlockAreSurvived() {
        var decoder = BlockDecoder()
        var random = SeededGenerator(seed: 78)
        for _ in 0..<4000 {
            let length = Int.random(in: 0...80, using: &random)
            var bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            if length > 0 { bytes[0] |= EW2.identifier }
            read(bytes, Int.random(in: 1...40, using: &random), &decoder)
            var reader = ByteReader([5] + bytes)
            _ = try? decoder.readIntegers(Int.random(in: 1...40, using: &random), from: &reader)
        }
    }

    /// Four streams need a thousand values: the loops rely on equal quarters.
    @Test func fewValuesInFourStreamsAreRefused() throws {
        for count in 1..<TokenStream.fourStreamsFrom where count < 40 || count % 97 == 0 {
            // Quotient by one, offset tokens from 0, four streams, the symbols 19 and 20 with one bit each.
            let bytes: [UInt8] = [8 << 2 | 3, 2 << 3, 0, 0b0001_0100, 0b0000_0000, 1, 1, 1, 0, 0, 0, 0]
            #expect(throws: CorruptionError.self) { try readAll(bytes, count) }
        }
    }

    private func read(_ bytes: [UInt8], _ count: Int, _ decoder: inout BlockDecoder) {
        var values = [Double](repeating: 0, count: count)
        var span = values.mutableSpan
        var reader = ByteReader(bytes)
        try? decoder.read(&reader, into: &span)
        #expect(reader.offset <= bytes.count)
    }

    private func readAll(_ bytes: [UInt8], _ count: Int) throws {
        var decoder = BlockDecoder()
        var values = [Double](repeating: 0, count: count)
        var span = values.mutableSpan
        var reader = ByteReader(bytes)
        try decoder.read(&reader, into: &span)
    }
}
