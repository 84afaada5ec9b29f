// SPDX-License-Identifier: Apache-2.0
//
// Rows through the coder and back, bit for bit: random rows, special doubles, columns that join and go, key rows
// anywhere; and damaged records, which may give wrong rows (checksums are the pages' business) but never a trap.

import Bytes
import Platform
import Samples
import Testing

@testable import TSDB

/// Rows of one window and the records they became.
struct CodedRows {
    struct Row {
        var time: Int64
        /// By column; nil is absent.
        var cells: [UInt64?]
    }

    private(set) var rows: [Row] = []
    private(set) var records: [(isKey: Bool, bytes: [UInt8])] = []
    var coder = RowCoder()

    static func scratch(_ row: Row) -> RowScratch {
        var scratch = RowScratch()
        scratch.begin(columns: row.cells.count)
        for (column, bits) in row.cells.enumerated() {
            if let bits { scratch.set(column, bits) }
        }
        return scratch
    }

    mutating func append(_ time: Int64, _ cells: [UInt64?]) {
        let row = Row(time: time, cells: cells)
        let isKey = coder.needsKey
        var bytes: [UInt8] = []
        coder.append(CodedRows.scratch(row), timestamp: time, to: &bytes)
        rows.append(row)
        records.append((isKey, bytes))
    }

    mutating func append(_ time: Int64, values: [Double]) {
        append(time, values.map { $0.bitPattern })
    }

    static func read(
        _ record: (isKey: Bool, bytes: [UInt8]),
        _ coder: inout RowCoder
    ) throws(CorruptionError) -> Row {
        var reader = ByteReader(record.bytes)
        var scratch = RowScratch()
        let flags = RowFlag.coded | (record.isKey ? RowFlag.key : 0)
        let time = try coder.read(&reader, flags: flags, into: &scratch)
        let cells = (0..<scratch.columns).map { scratch.contains($0) ? scratch.bits[$0] : nil }
        return Row(time: time, cells: cells)
    }

    /// Reads all from a row on and compares.
    func check(from start: Int = 0) throws {
        var coder = RowCoder()
        for index in start..<rows.count {
            let row = try CodedRows.read(records[index], &coder)
            #expect(row.time == rows[index].time, "row \(index)")
            // Columns that joined and were absent so far need not be written.
            #expect(row.cells == rows[index].cells, "row \(index) from \(start)")
        }
    }

    var bytes: Int { records.reduce(0) { $0 + $1.bytes.count } }
}

struct RowCoderTests {
    static let specials: [UInt64] = [
        0, 1 << 63, 1, 1 << 63 | 1, StaleMarker.bits, 0x7ff8_0000_0000_0000, 0x7ff8_0000_0000_0001,
        0xfff8_dead_beef_0001, 0x7ff0_0000_0000_0001, Double.infinity.bitPattern,
        (-Double.infinity).bitPattern, Double.greatestFiniteMagnitude.bitPattern,
        Double.leastNonzeroMagnitude.bitPattern, Double.leastNormalMagnitude.bitPattern, UInt64.max,
        UInt64.max >> 1, (0.1 + 0.2).bitPattern, 0.3.bitPattern, (-0.5).bitPattern, 1e300.bitPattern,
        9_007_199_254_740_993.0.bitPattern, 2_251_799_813_685_247.0.bitPattern, 4096.0.bitPattern,
        Double(Float(0.1)).bitPattern,
    ]

    @Test(arguments: 0..<40)
    func randomRowsComeBack(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        var coded = CodedRows()
        var models: [RandomColumn] = (0..<Int.random(in: 1...70, using: &random)).map { _ in
            RandomColumn(&random)
        }
        var time = Int64.random(in: -5_000_000_000_000...5_000_000_000_000, using: &random)
        let isFull = seed % 3 == 0
        for row in 0..<300 {
            time &+= seed % 5 == 4 ? Int64.random(in: 1...1 << 50, using: &random) : 1000
            if row % 37 == 36 { models.append(RandomColumn(&random)) }
            if Int.random(in: 0..<60, using: &random) == 0 { coded.coder.requireKey() }
            let cells = models.indices.map { column -> UInt64? in
                let bits = models[column].next(&random)
                return isFull || column == models.count - 1 || Int.random(in: 0..<9, using: &random) > 0
                    ? bits : nil
            }
            coded.append(time, cells)
        }
        try coded.check()
        for (index, record) in coded.records.enumerated() where record.isKey {
            try coded.check(from: index)
        }
        #expect(coded.records.filter { $0.isKey }.count >= 2)
    }

    /// Every pair of special doubles, one after the other, and what follows in the same column.
    @Test func everyPairOfSpecialDoublesComesBack() throws {
        for first in RowCoderTests.specials {
            var coded = CodedRows()
            for (index, second) in RowCoderTests.specials.enumerated() {
                coded.append(Int64(index * 2), [first, second, 12.5.bitPattern])
                coded.append(Int64(index * 2 + 1), [second, first, index % 5 == 0 ? first : 13.5.bitPattern])
            }
            try coded.check()
        }
    }

    @Test func aColumnLeavesDecimalsAndComesBack() throws {
        var random = SeededGenerator(seed: 7)
        var coded = CodedRows()
        for row in 0..<250 {
            let value =
                row / 50 % 2 == 0
                ? Double(Int.random(in: 0...99, using: &random)) / 10
                : Double.random(in: 0...9, using: &random)
            coded.append(Int64(row) * 1000, values: [value, Double(row % 7) * 0.1, Double(row % 9) / 1024])
        }
        try coded.check()
        // Once back, one decimal digit of noise: less than two bytes a row, and nothing for the others but a little.
        let tail = coded.records[230..<250].reduce(0) { $0 + $1.bytes.count }
        #expect(tail < 20 * 4)
    }

    @Test func constantsCostAlmostNothing() throws {
        var coded = CodedRows()
        let values = (0..<1000).map { Double($0) * 1.5 }
        for row in 0..<200 { coded.append(Int64(row) * 15_000, values: values) }
        try coded.check()
        #expect(coded.records[1...].reduce(0) { $0 + $1.bytes.count } < 199)
        // The times only.
        #expect(coded.coder.columns.count == 1)
        #expect(MemoryLayout<RowColumn>.stride + 2 * RowColumn.Context.count < 650)
        #expect(coded.coder.bytesOfConstant <= 40)
    }

    @Test func anyTimesComeBack() throws {
        var coded = CodedRows()
        let times: [Int64] = [
            .min, .max, 0, 1, 1 << 50, 1 << 51, 1 << 52, -1, (1 << 53) + 1, .max - 1, .min, .min + 1, 5, 6, 7,
        ]
        for time in times { coded.append(time, values: [1.5]) }
        try coded.check()
    }

    @Test func keyRowsComeInTime() {
        var coded = CodedRows()
        for row in 0..<(3 * RowCoder.keyInterval) { coded.append(Int64(row), values: [Double(row)]) }
        for (row, record) in coded.records.enumerated() {
            #expect(record.isKey == (row % RowCoder.keyInterval == 0))
        }
    }

    @Test func damagedRecordsNeverTrap() throws {
        var random = SeededGenerator(seed: 11)
        var coded = CodedRows()
        var models = (0..<20).map { _ in RandomColumn(&random) }
        for row in 0..<40 {
            if row == 20 { coded.coder.requireKey() }
            if row == 10 { models.append(RandomColumn(&random)) }
            coded.append(
                Int64(row) * 1000,
                models.indices.map { models[$0].next(&random) }.map {
                    Int.random(in: 0..<8, using: &random) > 0 ? $0 : nil
                }
            )
        }
        var before = RowCoder()
        for index in coded.records.indices {
            let record = coded.records[index]
            if index % 5 == 0 || record.isKey {
                for damaged in RowCoderTests.damage(record.bytes) {
                    var coder = before
                    _ = try? CodedRows.read((record.isKey, damaged), &coder)
                    // What a reader that goes on regardless would do.
                    for later in coded.records[index...].dropFirst().prefix(2) {
                        _ = try? CodedRows.read(later, &coder)
                    }
                }
            }
            _ = try CodedRows.read(record, &before)
        }
    }

    /// Every byte changed in three ways, every truncation, and bytes added.
    private static func damage(_ bytes: [UInt8]) -> [[UInt8]] {
        var all: [[UInt8]] = (0..<bytes.count).map { Array(bytes.prefix($0)) }
        for place in bytes.indices {
            for change in [1, 0x80, 0xff] as [UInt8] {
                var damaged = bytes
                damaged[place] ^= change
                all.append(damaged)
            }
        }
        all.append(bytes + [0])
        all.append(bytes + [UInt8](repeating: 0xff, count: 20))
        all.append([UInt8](repeating: 0xff, count: bytes.count))
        return all
    }

    @Test func randomBytesNeverTrap() {
        var random = SeededGenerator(seed: 5)
        for round in 0..<60 {
            var coder = RowCoder()
            for row in (round % 5 == 0 ? 1 : 0)..<4 {
                let count = Int.random(in: 0...400, using: &random)
                let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
                _ = try? CodedRows.read((row == 0, bytes), &coder)
            }
        }
    }

    @Test func bytesLeftOverOrMissingAreCorruption() throws {
        var coded = CodedRows()
        coded.append(0, values: (0..<50).map { Double($0 + 1) / 3 })
        let whole = coded.records[0].bytes
        // The last bytes of a record may be left out as zeros, so a few more or less are not noticed here.
        for bytes in [Array(whole.prefix(whole.count / 2)), whole + [UInt8](repeating: 0, count: 24)] {
            var coder = RowCoder()
            #expect(throws: CorruptionError.self) { try CodedRows.read((true, bytes), &coder) }
        }
    }

    /// The example of docs/formats/log.md.
    @Test func theDrawnExampleIsTheseBytes() throws {
        var coded = CodedRows()
        coded.append(1_795_230_000_000, values: [21.5, 1])
        coded.append(1_795_230_001_000, values: [21.6, 1])
        coded.append(1_795_230_002_000, [Double(21.8).bitPattern, StaleMarker.bits])
        coded.append(1_795_230_003_002, [nil, UInt64(0), Double(7).bitPattern])
        #expect(coded.records.map { FormatTests.hex($0.bytes) } == RowCoderTests.example)
        try coded.check()
    }

    static let example = ["000001a1fa69e774dc7f4800f069d485", "65e81d", "3885", "821376cbdb7926"]
}

/// A column that behaves in one way for a while.
private struct RandomColumn {
    private var kind: Int
    private var value: Double

    init(_ random: inout SeededGenerator) {
        kind = Int.random(in: 0..<11, using: &random)
        value = Double(Int.random(in: -1000...1000, using: &random))
    }

    mutating func next(_ random: inout SeededGenerator) -> UInt64 {
        if Int.random(in: 0..<150, using: &random) == 0 { kind = Int.random(in: 0..<11, using: &random) }
        if Int.random(in: 0..<120, using: &random) == 0 { return StaleMarker.bits }
        let step = Double(Int.random(in: -3...9, using: &random))
        switch kind {
        case 0: return value.bitPattern
        case 1: value += step
        case 2: return ((value * 10).rounded() / 10 + step / 10).bitPattern
        case 3: return ((value + step).rounded() * 0.1).bitPattern
        case 4: return Double(Float(value + step / 7)).bitPattern
        case 5: return (value + step / 7).bitPattern
        case 6: return RowCoderTests.specials.randomElement(using: &random) ?? 0
        case 7: return UInt64.random(in: .min ... .max, using: &random)
        case 8: value += step * 4096
        case 9: return ((value + step).rounded() / 4096).bitPattern
        default: return Bool.random(using: &random) ? 0 : 1.0.bitPattern
        }
        return value.bitPattern
    }
}
