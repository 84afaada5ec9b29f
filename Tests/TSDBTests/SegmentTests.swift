// SPDX-License-Identifier: Apache-2.0
//
// Segments built from arrays and read back: every cell, every summary, every row time.

import Bytes
import Platform
import Samples
import Testing

@testable import TSDB

/// A window as plain arrays; a cell is the bits of a value, or nil.
private struct PlainWindow {
    var series: [Int]
    var times: [Int64]
    var sequences: [UInt64]
    var cells: [[UInt64?]]

    func description(stream: UInt64) -> WindowDescription {
        WindowDescription(
            stream: stream,
            identity: Labels([("job", "j\(stream % 3)")]),
            labels: series.map { Labels([("__name__", "s\(100_000 + $0)")]) },
            references: series.map { SeriesReference($0) },
            times: RowTimes(
                timestamps: times,
                sequences: sequences,
                counts: times.indices.map { row in UInt32(cells.count { $0[row] != nil }) }
            )
        )
    }

    func columnCells(_ column: Int) -> ColumnCells {
        var result = ColumnCells()
        for bits in cells[column] {
            if let bits { result.append(bits: bits) } else { result.appendAbsent() }
        }
        return result
    }
}

struct SegmentTests {
    private static func image(_ windows: [PlainWindow]) throws -> (sealed: SealedSegment, segment: Segment) {
        var builder = SegmentBuilder()
        for (stream, window) in windows.enumerated() {
            builder.begin(window.description(stream: UInt64(stream)))
            for column in window.cells.indices { builder.append(window.columnCells(column)) }
        }
        let sealed = builder.finish(gaps: [3..<9])
        let files = MemoryFileStore()
        files.withFile("/segment") { $0.written = sealed.bytes(ringSequence: 7) }
        let segment = Segment(
            file: try files.open("/segment", .read),
            fileNumber: 0,
            offset: 0,
            length: sealed.length,
            ringSequence: 7,
            bundles: sealed.bundles.map {
                SegmentBundle(columns: ColumnSet($0.references), bounds: $0.bounds, layout: $0.layout)
            }
        )
        return (sealed, segment)
    }

    private static func reader() -> SegmentReader {
        SegmentReader(corruptBlocks: Telemetry().counter("blocks", "Blocks."))
    }

    private func check(_ windows: [PlainWindow]) throws {
        let (sealed, segment) = try SegmentTests.image(windows)
        let reader = SegmentTests.reader()
        #expect(segment.windowCount == windows.count)
        var byReference: [Int: [(Int64, UInt64)]] = [:]
        for (number, window) in windows.enumerated() {
            let times = try reader.times(segment, number)
            #expect(times.timestamps == window.times)
            #expect(times.sequences == window.sequences)
            #expect(times.counts == window.description(stream: 0).times.counts)
            for column in window.cells.indices {
                var cells = ColumnCells()
                try reader.cells(segment, number, column, into: &cells)
                let wanted = window.columnCells(column)
                #expect(cells.states == wanted.states)
                #expect(cells.values.map { $0.bitPattern } == wanted.values.map { $0.bitPattern })
                let summary = try #require(try reader.summary(segment, number, column))
                if Set(wanted.values.map { $0.bitPattern }).count > 1 {
                    #expect(summary == BlockSummary(wanted.values))
                } else {
                    let value = wanted.values.first ?? 0
                    #expect(summary == BlockSummary(constant: value, count: wanted.values.count))
                }
                for (row, bits) in window.cells[column].enumerated() {
                    if let bits {
                        byReference[window.series[column], default: []].append((window.times[row], bits))
                    }
                }
            }
        }
        // As a query reads: by bundle and series, all and part of the time.
        let low = windows.reduce(Int64.max) { min($0, $1.times.first ?? .max) }
        for range in [
            TimeRange(.min, .max),
            TimeRange(Timestamp(milliseconds: low + 20), Timestamp(milliseconds: low + 500)),
        ] {
            for (number, wanted) in byReference {
                var columns = SampleColumns()
                for (bundle, entry) in segment.bundles.enumerated() {
                    for place in entry.columns.references.indices
                    where entry.columns.references[place] == SeriesReference(number) {
                        try reader.samples(segment, bundle: bundle, place, range, into: &columns)
                    }
                }
                let inside = wanted.filter { range.contains($0.0) }.sorted { $0.0 < $1.0 }
                #expect(columns.timestamps == inside.map { $0.0 })
                #expect(columns.values.map { $0.bitPattern } == inside.map { $0.1 })
            }
        }
        #expect(sealed.length == segment.length)
    }

    private static func window(
        _ series: [Int],
        rows: Int,
        at time: Int64,
        _ random: inout SeededGenerator
    ) -> PlainWindow {
        var level = 20.0
        var cells: [[UInt64?]] = []
        for number in series {
            let kind = number % 7
            cells.append(
                (0..<rows).map { row in
                    level += Double(Int.random(in: -3...3, using: &random)) / 100
                    switch kind {
                    case 0: return 42.5.bitPattern
                    case 1: return (level * 100).rounded().bitPattern
                    case 2: return row % 5 == 2 ? nil : Double(row).bitPattern
                    case 3: return random.next() | 1
                    case 4: return row == 3 ? StaleMarker.bits : (-0.0).bitPattern
                    case 5: return row < rows / 2 ? nil : Double(row / 3).bitPattern
                    default: return Double.nan.bitPattern &+ UInt64(row % 2)
                    }
                }
            )
        }
        return PlainWindow(
            series: series,
            times: (0..<rows).map { time + Int64($0) * 10 },
            sequences: (0..<rows).map { UInt64(time) + UInt64($0) * UInt64(series.count % 2 + 1) },
            cells: cells
        )
    }

    @Test func windowsOfAllKindsComeBack() throws {
        var random = SeededGenerator(seed: 11)
        try check([SegmentTests.window([3], rows: 1, at: 1000, &random)])
        try check([SegmentTests.window(Array(0..<20), rows: 130, at: 1000, &random)])
        // The same series again, more of them, and others between.
        try check([
            SegmentTests.window(Array(0..<20), rows: 40, at: 1000, &random),
            SegmentTests.window([500, 501], rows: 7, at: 1000, &random),
            SegmentTests.window(Array(0..<20), rows: 64, at: 5000, &random),
            SegmentTests.window(Array(0..<25), rows: 64, at: 9000, &random),
        ])
        // More than one bundle, and bundles of many windows.
        try check((0..<40).map { SegmentTests.window(Array(0..<60), rows: 5, at: Int64($0) * 1000, &random) })
        try check((0..<1500).map { SegmentTests.window([$0], rows: 3, at: 1000 + Int64($0 % 7), &random) })
    }

    @Test func equalEndsAreStoredOnce() throws {
        var random = SeededGenerator(seed: 3)
        var level = 1_000_000.0
        let rows = 512
        let base = (0..<rows).map { _ -> Double in
            level += Double(Int.random(in: -500...500, using: &random))
            return level
        }
        func window(_ columns: [[Double]]) -> PlainWindow {
            PlainWindow(
                series: Array(columns.indices),
                times: (0..<rows).map { Int64($0) * 1000 },
                sequences: (0..<rows).map { UInt64($0) },
                cells: columns.map { $0.map { $0.bitPattern } }
            )
        }
        // Equal values, and equal differences.
        let windows = [window([base, base.map { $0 + 12_345 }, base])]
        try check(windows)
        let one = try SegmentTests.image([window([base])]).sealed.valueBytes
        let three = try SegmentTests.image(windows).sealed.valueBytes
        #expect(one > 400 && three < one + 40)
    }

    @Test func aDamagedByteNeverGivesAnotherValue() throws {
        var random = SeededGenerator(seed: 8)
        let windows = [
            SegmentTests.window(Array(0..<9), rows: 50, at: 1000, &random),
            SegmentTests.window(Array(0..<9), rows: 50, at: 9000, &random),
        ]
        let (sealed, _) = try SegmentTests.image(windows)
        let whole = sealed.bytes(ringSequence: 7)
        for place in 0..<sealed.length {
            var bytes = whole
            bytes[place] ^= 1 << UInt8(place % 8)
            let files = MemoryFileStore()
            files.withFile("/segment") { $0.written = bytes }
            let segment = Segment(
                file: try files.open("/segment", .read),
                fileNumber: 0,
                offset: 0,
                length: sealed.length,
                ringSequence: 7,
                bundles: sealed.bundles.map {
                    SegmentBundle(columns: ColumnSet($0.references), bounds: $0.bounds, layout: $0.layout)
                }
            )
            let reader = SegmentTests.reader()
            for (number, window) in windows.enumerated() {
                for column in window.cells.indices {
                    var cells = ColumnCells()
                    guard (try? reader.cells(segment, number, column, into: &cells)) != nil else { continue }
                    #expect(
                        cells.values.map { $0.bitPattern }
                            == window.columnCells(column).values.map { $0.bitPattern }
                    )
                }
            }
        }
    }

    @Test func labelsComeBackByteForByte() throws {
        // Equal as Swift strings, not as labels.
        let composed = Labels([(name: "name", value: "caf\u{e9}"), (name: "zone", value: "a")])
        let decomposed = Labels([(name: "name", value: "cafe\u{301}"), (name: "zone", value: "a")])
        let series = [
            composed, decomposed, Labels([(name: "name", value: "b")]),
            Labels([(name: "other", value: "b"), (name: "zone", value: "name")]),
        ]
        .sorted()
        let bytes = LabelTable.bytes(series: series, identities: [Labels(), composed])
        let read = try LabelTable.read(bytes)
        #expect(read.series.map { $0.bytes } == series.map { $0.bytes })
        #expect(read.identities.map { $0.bytes } == [Labels().bytes, composed.bytes])
        for count in bytes.indices { _ = try? LabelTable.read(Array(bytes[..<count])) }
        for place in bytes.indices {
            for bit in 0..<8 {
                var damaged = bytes
                damaged[place] ^= 1 << UInt8(bit)
                guard let read = try? LabelTable.read(damaged) else { continue }
                // Whatever is read are labels.
                for labels in read.series { #expect(Labels(encoded: labels.bytes) == labels) }
            }
        }
    }

    @Test func aSegmentOfALaterVersionIsLeftAlone() throws {
        let test = try TestStore()
        try Rows(test).append(0..<50)
        try test.store.sealAll()
        let files = test.files.afterKill()
        var written = files.contents("/data/ring-00")
        let header = try #require(SegmentHeader(written))
        var later = header
        later.version = 9
        later.ringSequence = 2
        let directory = Array(written[SegmentHeader.size..<(SegmentHeader.size + header.directoryLength)])
        let segment = later.bytes(directory: directory) + written[SegmentHeader.size...]
        written += segment
        let end = written.count
        files.withFile("/data/ring-00") { $0.written = written }
        let after = try TestStore(files: files)
        #expect(after.store.recovery.unknownSegments == 1)
        #expect(after.store.recovery.damagedSegments == 0)
        #expect(try Rows.present(after.store) == Array(0..<50))
        try Rows(after).append(50..<90)
        try after.store.sealAll()
        #expect(try Rows.present(after.store) == Array(0..<90))
        let now = after.files.contents("/data/ring-00")
        #expect(Array(now[..<end]) == written)
        #expect(SegmentHeader(Array(now[end...]))?.ringSequence == 3)
    }
}
