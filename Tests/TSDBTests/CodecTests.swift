// SPDX-License-Identifier: Apache-2.0
//
// Every coding gives back every bit, and no input makes a reader trap.

import Bytes
import Platform
import Samples
import Testing

@testable import TSDB

struct CodecTests {
    static let doubles: [[Double]] = {
        var random = SeededGenerator(seed: 11)
        func some(_ count: Int, _ next: (Int, inout SeededGenerator) -> Double) -> [Double] {
            (0..<count).map { next($0, &random) }
        }
        return [
            [], [0], [-0.0], [.nan], [1, 1, 1], [0.0, -0.0],
            [
                Double(bitPattern: 0x7ff8_0000_0000_0001), .infinity, -.infinity, .leastNonzeroMagnitude,
                .greatestFiniteMagnitude,
            ],
            some(100) { row, _ in Double(row) * 15 },
            some(1000) { row, random in Double(row * 10 + Int.random(in: 0...3, using: &random)) / 10 },
            some(257) { _, random in Double.random(in: -1...1, using: &random) },
            some(64) { _, random in Double(bitPattern: UInt64.random(in: 0...UInt64.max, using: &random)) },
            some(333) { row, _ in Double(4096 * (row % 7)) }, some(500) { row, _ in row < 250 ? 1 : 0 },
            some(40) { row, _ in row == 20 ? 9_007_199_254_740_992 : Double(row) * 0.1 },
            some(70) { row, random in
                (20 + Double(Int.random(in: -9...9, using: &random)) / 100) * 0.1 + Double(row)
            },
        ]
    }()

    /// A series that is in every other row of its window, as when rows come in two parts.
    @Test func frequentGapsCostABitARow() throws {
        var cells = ColumnCells()
        for row in 0..<26 {
            if row % 2 == 0 { cells.append(bits: (42.0).bitPattern) } else { cells.appendAbsent() }
        }
        var bytes: [UInt8] = []
        ColumnBlock.append(cells, effort: .head, to: &bytes)
        #expect(Array(bytes.prefix(6)) == [1, 0, 0x55, 0x55, 0x55, 0x01])
        var reader = ByteReader(bytes)
        var back = ColumnCells()
        try ColumnBlock.read(&reader, rows: 26, into: &back)
        #expect(back.states == cells.states)
        #expect(back.values == cells.values)
        // A stale marker needs runs, however many there are.
        cells.append(bits: StaleMarker.bits)
        bytes = []
        ColumnBlock.append(cells, effort: .head, to: &bytes)
        #expect(Array(bytes.prefix(4)) == [1, 5, 4, 5])
        reader = ByteReader(bytes)
        back = ColumnCells()
        try ColumnBlock.read(&reader, rows: 27, into: &back)
        #expect(back.states == cells.states)
    }

    @Test(arguments: [CodingEffort.head, .segment])
    func valueBlocksGiveBackEveryBit(effort: CodingEffort) throws {
        for values in CodecTests.doubles {
            var bytes: [UInt8] = []
            BlockCodecs.append(values, effort: effort, to: &bytes)
            var decoded = [Double](repeating: 1, count: values.count)
            var reader = ByteReader(bytes)
            var span = decoded.mutableSpan
            try BlockCodecs.read(&reader, into: &span)
            #expect(decoded.map { $0.bitPattern } == values.map { $0.bitPattern })
            #expect(reader.isAtEnd)
        }
    }

    @Test(arguments: [CodingEffort.head, .segment])
    func integerColumnsGiveBackEveryInteger(effort: CodingEffort) throws {
        var random = SeededGenerator(seed: 5)
        var columns: [[Int64]] = [
            [], [0], [.min], [.max, .min], [.min, .max, 0], [7, 7, 7], [1, 2, 3, 4, 5], [0, .min], [.min, 0],
            (0..<100).map { 1_700_000_000_000 + Int64($0) * 15_000 },
            (0..<1024).map { _ in Int64.random(in: .min ... .max, using: &random) },
        ]
        for bits in 0..<64 {
            columns.append(
                (0..<65).map { _ in Int64.random(in: 0...(1 << Int64(min(62, bits))), using: &random) }
            )
        }
        for values in columns {
            var bytes: [UInt8] = []
            IntegerColumn.append(values, effort: effort, to: &bytes)
            var reader = ByteReader(bytes)
            #expect(try IntegerColumn.read(values.count, from: &reader) == values)
            #expect(reader.isAtEnd)
        }
    }

    @Test func aRegularColumnCostsNextToNothing() {
        var bytes: [UInt8] = []
        IntegerColumn.append(
            (0..<1024).map { 1_700_000_000_000 + Int64($0) * 15_000 },
            effort: .head,
            to: &bytes
        )
        #expect(bytes.count < 50)
        bytes = []
        BlockCodecs.append((0..<1024).map { _ in 42.0 }, effort: .head, to: &bytes)
        #expect(bytes == [0, 0, 84])
    }

    /// The bytes of docs/formats/block.md's examples.
    @Test func blocksAreWrittenAsDocumented() {
        var cells = ColumnCells()
        for bits in [(1.5).bitPattern, (2.0).bitPattern, StaleMarker.bits] { cells.append(bits: bits) }
        cells.appendAbsent(2)
        var bytes: [UInt8] = []
        ColumnBlock.append(cells, effort: .head, to: &bytes)
        #expect(bytes == [1, 2 << 2 | 1, 1 << 2 | 2, 2 << 2 | 0, 1, 1, 1, 30, 10, 1, 0])
        bytes = []
        BlockCodecs.append([0.1 + 0.2], effort: .head, to: &bytes)
        #expect(bytes == [0, 1, 0x34, 0x33, 0x33, 0x33, 0x33, 0x33, 0xd3, 0x3f])
        bytes = []
        BlockCodecs.append([.infinity, 1], effort: .head, to: &bytes)
        #expect(bytes == [2, 0, 5, 0x02, 0xf0, 0x7f, 0x01, 0x40])
    }

    @Test func damagedBlocksNeverTrap() throws {
        var random = SeededGenerator(seed: 8)
        for values in CodecTests.doubles where !values.isEmpty {
            var cells = ColumnCells()
            for (row, value) in values.enumerated() {
                if row % 5 == 4 { cells.appendAbsent() }
                cells.append(bits: value.bitPattern)
            }
            for effort in [CodingEffort.head, .segment] {
                var bytes: [UInt8] = []
                ColumnBlock.append(cells, effort: effort, to: &bytes)
                for _ in 0..<200 {
                    var damaged = bytes
                    for _ in 0..<Int.random(in: 1...4, using: &random) {
                        damaged[Int.random(in: 0..<damaged.count, using: &random)] = UInt8.random(
                            in: 0...255,
                            using: &random
                        )
                    }
                    if Bool.random(using: &random) {
                        damaged.removeLast(Int.random(in: 0..<damaged.count, using: &random))
                    }
                    var reader = ByteReader(damaged)
                    var out = ColumnCells()
                    try? ColumnBlock.read(&reader, rows: cells.states.count, into: &out)
                }
            }
        }
    }
}
