// SPDX-License-Identifier: Apache-2.0
//
// Damage anywhere, and a failure of every single write.

import Platform
import Samples
import Synchronization
import Testing

@testable import TSDB

/// Random damage must cost data at most, never a start and never a trap.
struct DamageTests {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func anyDamageStillStarts(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let test = try TestStore { $0.logBytes = 32 * 4096 }
        let rows = try Rows(test, series: 20)
        for part in 0..<6 {
            try rows.append((part * 50)..<(part * 50 + 50))
            if part % 2 == 0 { try test.store.sealAll() }
        }
        let whole = test.files.afterKill()
        for _ in 0..<150 {
            let files = whole.afterKill()
            for path in ["/data/log", "/data/ring-00"] {
                files.withFile(path) { file in
                    for _ in 0..<Int.random(in: 0...6, using: &random) {
                        let place = Int.random(
                            in: 0..<(file.written.count / (path.hasSuffix("log") ? 4 : 1)),
                            using: &random
                        )
                        switch Int.random(in: 0..<4, using: &random) {
                        case 0: file.written[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
                        case 1: file.written[place] = UInt8.random(in: 0...255, using: &random)
                        case 2:
                            let end = min(
                                place + Int.random(in: 1...5000, using: &random),
                                file.written.count
                            )
                            for index in place..<end { file.written[index] = 0 }
                        default:
                            if Int.random(in: 0..<10, using: &random) == 0 {
                                file.written.removeSubrange(place...)
                            }
                        }
                    }
                    if file.written.count < 16 * 4096, path.hasSuffix("log") {
                        file.written += [UInt8](repeating: 0, count: 16 * 4096 - file.written.count)
                    }
                }
            }
            let after = try TestStore(files: files) { $0.logBytes = 32 * 4096 }
            let selection = try after.store.select([], from: .min, through: .max)
            for index in 0..<selection.count {
                var columns = SampleColumns()
                let name = selection.labels(index).metricName ?? ""
                do {
                    try selection.read(index, from: .min, through: .max, into: &columns)
                } catch {
                    continue
                }
                let number = Int(name.dropFirst()) ?? -1
                for sample in 0..<columns.count {
                    let row = Int(columns.timestamps[sample] / 1000)
                    #expect(columns.values[sample] == Rows.value(row, number))
                }
            }
            _ = try? after.store.read(from: LogPosition(sequence: 0), sampleLimit: 1000)
            try Rows(after, series: 20).append(1000..<1010)
            #expect(
                try after.store.all(
                    [LabelMatcher("__name__", equals: "r0")],
                    from: Timestamp(milliseconds: 1_000_000)
                ).count == 10
            )
        }
    }

    /// Fails each write once, and each write for good, like SQLite's I/O error tests.
    @Test func everyWriteMayFail() throws {
        for isLasting in [false, true] {
            for failing in stride(from: 0, to: 60, by: 2) {
                let test = try TestStore { $0.logBytes = 32 * 4096 }
                let rows = try Rows(test, series: 30)
                test.files.state.withLock {
                    $0.failWriteAfter = failing
                    $0.failsOnce = !isLasting
                }
                for part in 0..<4 {
                    try rows.append((part * 40)..<(part * 40 + 40))
                    if part == 1 { try? test.store.sealAll() }
                    test.clock.advance(milliseconds: 11_000)
                    try? test.store.maintain()
                }
                #expect(try Rows.present(test.store, series: 30) == Array(0..<160))
                test.files.state.withLock { $0.failWriteAfter = nil }
                test.clock.advance(milliseconds: 11_000)
                try test.store.maintain()
                let after = try TestStore(files: test.files.afterPowerCut { _, _, _ in 0 }) {
                    $0.logBytes = 32 * 4096
                }
                #expect(
                    try Rows.present(after.store, series: 30) == Array(0..<160),
                    "write \(failing), lasting \(isLasting)"
                )
                let chunk = try after.store.read(from: LogPosition(sequence: 0), sampleLimit: 1_000_000)
                #expect(chunk.lostRows == 0)
            }
        }
    }
}

/// Contents that no writer of ours produces, with checksums that hold.
struct HostileFileTests {
    private func page(sequence: UInt64, tail: UInt64, firstRow: UInt64, _ record: [UInt8]) -> [UInt8] {
        var image = [UInt8](repeating: 0, count: LogPage.headerSize)
        LogPage.append(
            .whole,
            record[...],
            sequence: sequence,
            seed: LogPage.seed(sequence),
            session: nil,
            to: &image
        )
        LogPage.finish(&image, sequence: sequence, tail: tail, firstRow: firstRow)
        return image + [UInt8](repeating: 0, count: LogPage.size - image.count)
    }

    @Test func extremeNumbersInTheLogDoNotTrap() throws {
        let labels = [Labels([("__name__", "m")])]
        for extreme in [UInt64.max, UInt64.max - 1, 1 << 63, 1 << 61, 1 << 40] as [UInt64] {
            let columns = LogRecord.columns(
                .init(stream: extreme, first: 0, identity: Labels([("job", "j")]), labels: labels)
            )
            var row: [UInt8] = []
            LogRecord.beginRow(extreme, isKey: true, into: &row)
            let gap = LogRecord.gap((extreme - 5)..<extreme, mark: 0)
            let pages: [[UInt8]] = [
                page(sequence: extreme, tail: 1, firstRow: 0, columns),
                page(sequence: 1, tail: extreme, firstRow: 0, columns),
                page(sequence: 1, tail: 1, firstRow: extreme, columns),
                page(sequence: 1, tail: 1, firstRow: extreme, row),
                page(sequence: 1, tail: 1, firstRow: 0, gap),
            ]
            for first in pages {
                let files = MemoryFileStore()
                let second = page(sequence: 2, tail: 1, firstRow: 1, LogRecord.gap(1..<1, mark: 0))
                files.withFile("/data/log") {
                    $0.written = first + second + [UInt8](repeating: 0, count: 14 * 4096)
                }
                let test = try TestStore(files: files) { $0.logBytes = 16 * 4096 }
                try Rows(test).append(0..<300)
                try test.store.sealAll()
                _ = try test.store.read(from: LogPosition(sequence: 0), sampleLimit: 100)
                let again = try TestStore(files: test.files.afterKill()) { $0.logBytes = 16 * 4096 }
                #expect(try Rows.present(again.store) == Array(0..<300))
            }
        }
    }

    /// Bytes 24..<32 of a page are where its rows are numbered from.
    @Test func aDamagedRowNumberMovesNothing() throws {
        let test = try TestStore()
        let rows = try Rows(test, series: 40)
        try rows.append(0..<300)
        for place in 24..<32 {
            for bit in [UInt8(1), 128] {
                let files = test.files.afterKill()
                files.withFile("/data/log") { $0.written[3 * 4096 + place] ^= bit }
                let after = try TestStore(files: files)
                #expect(try Rows.present(after.store, series: 40) == Array(0..<300))
                #expect(after.store.end.sequence == 300 + Store.unsyncedRowLimit)
                let chunk = try after.store.read(from: LogPosition(sequence: 0), sampleLimit: 1_000_000)
                #expect(chunk.series.map { $0.samples.count } == [Int](repeating: 300, count: 40))
                #expect(chunk.lostRows == 0)
            }
        }
    }
}
