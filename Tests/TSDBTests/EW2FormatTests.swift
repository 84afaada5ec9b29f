// SPDX-License-Identifier: Apache-2.0
//
// One block of each form as its exact bytes, so that no change of the code changes the format unseen. A decoder
// written from docs/formats/block.md alone reads them.

import Bytes
import Testing

@testable import TSDB

struct EW2FormatTests {
    struct Golden: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let values: [Double]
        let hex: String
    }

    /// Numbers without pattern that need no generator: the low bits of squares.
    static func square(_ row: Int, _ modulus: Int) -> Int { (row * row * 7 + row / 3) % modulus }

    /// Few values, one of them in most rows.
    private static let states: [Double] = [3, 3, 17, 3, 500_000, 3, 3, 123_456_789, 3, 17, 500_000]

    static func rows(_ count: Int, _ value: (Int) -> Double) -> [Double] { (0..<count).map(value) }

    static let blocks: [Golden] = [
        Golden(
            testDescription: "quotient by 100, offset, frames",
            values: [21.5, 21.75, 21.5],
            hex: "2b481900ac010102"
        ),
        Golden(testDescription: "raw", values: [.pi, -1e300], hex: "03182d4454fb2109409c7500883ce437fe"),
        Golden(
            testDescription: "ordered bits, delta, patched and zigzag-coded frames",
            values: [0, -0.0, 0.1, 1.0 / 3],
            hex: "0b010081023e096c6666666666e6fe82dddddddddddd0d00"
        ),
        Golden(
            testDescription: "signed bits, divisor, sign and magnitude",
            values: rows(24) { Double(Float($0 % 2 == 0 ? 1 : -1) / Float($0 + 3)) },
            hex: """
                0744808080800200808080c83f1b565555fcffff9f6666e6aaaaaaa62449b2ffff7fc9711c2b33335318\
                5d74aaaaaa92ecc48e922449241111a1ffffff888787278ee3386c28afc9cccc8c1886612ebae862c842\
                96aaaaaa50b81e25766227
                """
        ),
        Golden(
            testDescription: "scale, shifted delta",
            values: rows(18) { Double($0 * 3 + $0 % 2) * (10.0 / 1023) },
            hex: "0f051450400105943f0a000201555501"
        ),
        Golden(
            testDescription: "product by 0.1, shifted delta, tokens",
            values: rows(20) { Double(1003 + ($0 % 3) * 2 - $0 % 5) * 0.1 },
            hex: "6b22d60f0211359d34218f2e4600"
        ),
        Golden(
            testDescription: "quotient by 10 and doubles beside it",
            values: rows(24) { Double(square($0, 50)) / 10 + 0.1 + 0.2 },
            hex: "b7080606c0c1398d46b40035004ca9792f878506db2a1000111244150503"
        ),
        Golden(
            testDescription: "exceptions",
            values: rows(40) { $0 == 7 ? .nan : Double($0 % 4) },
            hex: "23a2000211352d15c48e10420821000107000000000000f87f"
        ),
        Golden(
            testDescription: "second delta, one symbol",
            values: rows(40) { Double($0 * $0 * 1000) },
            hex: "235be8070000022800"
        ),
        Golden(
            testDescription: "dictionary, places",
            values: rows(200) { states[EW2FormatTests.square($0, 11)] },
            hex:
                "233d04060e8fc21ef5d7d03a1013dd508bbce008c70db5c80b8e70dc508bbce008c70db5c80b8e70dc508bbce008c70db5c80b8e701c"
        ),
        Golden(
            testDescription: "delta, runs, tokens with signs",
            values: rows(300) { $0 < 100 ? 1 : $0 % 100 == 50 ? 9 : 2 },
            hex: "2311021b93de6d03e317bd11bd0701"
        ),
        Golden(
            testDescription: "offset, patched frames",
            values: rows(40) { $0 == 9 ? 5000 : Double(square($0, 8)) },
            hex: "23080083010a381138c2c581a56acf381138d2c581893801"
        ),
        Golden(
            testDescription: "tokens without signs in one stream",
            values: rows(130) { Double(square($0, 60) * square($0, 60) / 40 - 30) },
            hex: """
                23183b30130340006f071bbb2459afe9e1a1b36b1d954649743ccb5be0534a545202462f22d1a68523d6\
                cf14939d4082758a41b76857ca319523e472acff2bc4fad20d465e419cda8b23614d313d4e0b41061271\
                a80bf9aa19e90568e5b735f98988ba27b8118ce608
                """
        ),
    ]

    @Test(arguments: blocks)
    func blocksAreWrittenAndReadAsDocumented(block: Golden) throws {
        var bytes: [UInt8] = []
        var encoder = BlockEncoder()
        encoder.append(block.values, effort: .segment, to: &bytes)
        #expect(FormatTests.hex(bytes) == block.hex)
        #expect(
            try read(FormatTests.bytes(block.hex), block.values.count) == block.values.map { $0.bitPattern }
        )
    }

    /// A thousand rows and more are too long to show: their start, their length and their checksum.
    @Test func fourStreamsAreWrittenAndReadAsDocumented() throws {
        let values = EW2FormatTests.rows(1001) { Double(EW2FormatTests.square($0, 5)) }
        var bytes: [UInt8] = []
        var encoder = BlockEncoder()
        encoder.append(values, effort: .segment, to: &bytes)
        #expect(FormatTests.hex(bytes.prefix(12)) == "232000240601484847d8db81")
        #expect(bytes.count == 295)
        #expect(CRC32C.checksum(bytes[...]) == 2_850_543_487)
        #expect(try read(bytes, values.count) == values.map { $0.bitPattern })
    }

    /// Timestamps with jitter: mode 5, the step, and the block of what the grid leaves.
    @Test func integerColumnsAreWrittenAndReadAsDocumented() throws {
        let times = (0..<20).map { (row: Int) -> Int64 in
            Int64(1_700_000_000_000 + row * 15_000 + row * 7 % 4)
        }
        var bytes: [UInt8] = []
        IntegerColumn.append(times, effort: .segment, to: &bytes)
        #expect(FormatTests.hex(bytes) == "05b0ea012280a0abfef96201102d111101")
        var reader = ByteReader(bytes)
        #expect(try IntegerColumn.read(times.count, from: &reader) == times)
        #expect(reader.isAtEnd)
    }

    /// A column whose rows all have values spares the form byte, others keep it.
    @Test func columnBlocksOfEW2AreWrittenAndReadAsDocumented() throws {
        var cells = ColumnCells()
        for value in [21.5, 21.75, 21.5] { cells.append(bits: value.bitPattern) }
        for isPlain in [true, false] {
            if !isPlain { cells.appendAbsent(2) }
            var bytes: [UInt8] = []
            #expect(ColumnBlock.append(cells, effort: .segment, to: &bytes) == EW2.identifier)
            #expect(FormatTests.hex(bytes) == (isPlain ? "2b481900ac010102" : "010d082b481900ac010102"))
            var reader = ByteReader(bytes)
            var back = ColumnCells()
            try ColumnBlock.read(&reader, rows: cells.states.count, into: &back)
            #expect(back.states == cells.states)
            #expect(back.values == cells.values)
            #expect(reader.isAtEnd)
        }
    }

    private func read(_ bytes: [UInt8], _ count: Int) throws -> [UInt64] {
        var values = [Double](repeating: 0, count: count)
        var span = values.mutableSpan
        var reader = ByteReader(bytes)
        var decoder = BlockDecoder()
        try decoder.read(&reader, into: &span)
        #expect(reader.isAtEnd)
        return values.map { $0.bitPattern }
    }
}
