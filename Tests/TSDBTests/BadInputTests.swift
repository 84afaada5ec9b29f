// SPDX-License-Identifier: Apache-2.0
//
// Any byte of any file changed, any file cut, emptied, zeroed, swapped, deleted or taken from a backup: the store opens,
// serves what is intact, never a wrong value, keeps the rest aside, and counts what was lost. `swift test` takes a part
// of all places; `make simulate` takes every one.

import Foundation
import Platform
import Samples
import Synchronization
import Testing

@testable import TSDB

/// A small store with everything a data directory has, and what is in it.
private struct DamagedStore: Sendable {
    struct Sample: Hashable {
        let name: String
        let time: Int64
        let bits: UInt64
    }

    static let began: Int64 = 1_700_000_000_000
    static let sealedRows = 480
    static let rows = 500
    static let names = ["m0", "m1", "m2", "m3"]

    let disk: MemoryFileStore
    /// The disk a while before, as a backup would have it.
    let backup: MemoryFileStore
    let samples: Set<Sample>
    let tierRows: Set<String>
    /// In each segment, by its place in its file.
    let segments: [(file: String, range: Range<Int>, times: ClosedRange<Int64>)]

    static let whole = Result { try DamagedStore() }

    static func open(_ disk: MemoryFileStore, at row: Int) throws(StoreError) -> TestStore {
        let clock = ManualClock(wallMilliseconds: time(row) + 1)
        return try TestStore(files: disk, clock: clock) {
            ($0.logBytes, $0.ringFiles, $0.ringBytes) = (16 * 4096, 2, 2 * 65536)
            $0.outOfOrderWindow = .seconds(60)
            $0.tiers = [
                TierOptions(name: "warm", resolution: .seconds(5), ringBytes: 2 * 65536, ringFiles: 2)
            ]
        }
    }

    static func labels(_ name: String) -> Labels {
        Labels([(name: "__name__", value: name), (name: "job", value: "g")])
    }

    static func time(_ row: Int) -> Int64 { began + Int64(row) * 1000 }

    static func histogram(_ row: Int) -> NativeHistogram {
        NativeHistogram(
            schema: 2,
            count: UInt64(row + 3),
            sum: Double(row) / 4,
            positive: [
                HistogramBucket(index: -1, rawCount: 2), HistogramBucket(index: 4, rawCount: UInt64(row + 1)),
            ]
        )
    }

    private static func value(_ row: Int, _ number: Int) -> Double {
        switch number {
        case 0: Double(row)
        case 1: Double((row &* 7919) % 1000) / 10
        case 2: 42
        default: Rows.value(row, number)
        }
    }

    private init() throws {
        let test = try DamagedStore.open(MemoryFileStore(), at: 0)
        var backup: MemoryFileStore?
        var samples: Set<Sample> = []
        let group = try test.store.group(Labels([("job", "g")]))
        let ids = try DamagedStore.names.map {
            try test.store.series(DamagedStore.labels($0), in: group)
        }
        let histogram = try test.store.series(DamagedStore.labels("h"), in: group)
        test.store.describe([MetricMetadata(family: "m0", kind: .counter, help: "Rows.", unit: "")])
        for row in 0..<DamagedStore.rows {
            test.clock.advance(milliseconds: 1000)
            var batch = SampleBatch(
                group: group,
                timestamp: Timestamp(milliseconds: DamagedStore.time(row))
            )
            for (number, id) in ids.enumerated() where number != 1 || row % 5 != 0 {
                let value = DamagedStore.value(row, number)
                batch.append(id, value)
                let name = DamagedStore.names[number]
                samples.insert(
                    Sample(name: name, time: DamagedStore.time(row), bits: value.bitPattern)
                )
            }
            if row % 20 == 0 { batch.append(histogram, DamagedStore.histogram(row)) }
            _ = try test.store.append(batch)
            if row % 160 == 159 { try test.store.sealAll() }
            if row == 300 { backup = test.files.afterKill() }
            if row % 10 == 9 { try test.store.maintain() }
        }
        try test.store.maintain()
        try test.store.syncLog()
        disk = test.files.afterKill()
        self.backup = backup ?? disk
        self.samples = samples
        segments = test.store.head.withLock { head in
            head.segments.map { segment in
                let start = Int(segment.offset)
                return (
                    Ring.name(segment.fileNumber), start..<(start + segment.length),
                    segment.minTime...segment.maxTime
                )
            }
        }
        tierRows = try DamagedStore.rowsOfTiers(DamagedStore.open(disk.afterKill(), at: 500).store).rows
    }

    static func rowsOfTiers(_ store: Store) throws -> (rows: Set<String>, unreadable: Int) {
        let (segments, labels) = store.head.withLock { ($0.tiers.flatMap { $0.segments }, $0.allLabels) }
        var found: Set<String> = []
        var unreadable = 0
        for segment in segments {
            for (number, reference) in segment.columns.flatMap({ $0.references }).enumerated() {
                var rows: [CoarseRow] = []
                do {
                    try store.tierReader.rows(segment, number, .min, .max, into: &rows)
                } catch {
                    unreadable += 1
                }
                for row in rows { found.insert("\(labels[Int(reference)]) \(text(row))") }
            }
        }
        return (found, unreadable)
    }

    // MARK: - What must hold

    /// Opens the disk after something was done to a file of it.
    func examine(
        _ disk: MemoryFileStore,
        _ path: String,
        touching range: Range<Int>? = nil,
        _ what: String
    ) throws {
        let test: TestStore
        do {
            test = try DamagedStore.open(disk, at: DamagedStore.rows)
        } catch {
            throw BrokenPromise("\(what): does not open, \(error)")
        }
        try test.store.checkInvariants()
        var lost = samples
        let wasTold = try readAll(test, &lost, what)
        // Where samples may be missing, rows answer.
        let rowsEnd = try test.store.select([], from: .min, through: .max).coarse.last?.through ?? .min
        lost = lost.filter { $0.time > rowsEnd }
        let report = test.store.recovery
        let isTold =
            wasTold || report.isDamaged || report.quarantined > 0 || test.counter("corrupt_blocks_total") > 0
        if !lost.isEmpty, !isTold, !isTorn(lost) {
            throw BrokenPromise("\(what): \(lost.count) samples are lost and nothing says so")
        }
        try checkExtent(of: lost, path, range, what)
        let tiers = try DamagedStore.rowsOfTiers(test.store)
        guard tiers.rows.isSubset(of: tierRows) else {
            let wrong = tiers.rows.subtracting(tierRows).first ?? ""
            throw BrokenPromise("\(what): a row of a tier is wrong: \(wrong)")
        }
        if path != "warm-00", tiers.rows != tierRows {
            throw BrokenPromise("\(what): rows of a tier are lost")
        }
        let metadata = test.store.metadata()
        guard metadata.isEmpty || metadata["m0"]?.help == "Rows.", metadata.count <= 1 else {
            throw BrokenPromise("\(what): metadata are wrong")
        }
        if metadata.isEmpty, path != "metadata" { throw BrokenPromise("\(what): metadata are lost") }
        _ = try test.store.read(from: LogPosition(sequence: 0), sampleLimit: 100_000)
        try? test.store.maintain()
        try checkCopies(
            disk,
            report,
            isLost: !lost.isEmpty && !isTorn(lost),
            mustBeKept: range?.count == 1,
            path,
            what
        )
        try goOn(test, what)
    }

    /// Whether the newest rows are lost, as in a power cut; nothing can tell.
    private func isTorn(_ lost: Set<Sample>) -> Bool {
        let first = lost.reduce(Int64.max) { min($0, $1.time) }
        return first >= DamagedStore.time(DamagedStore.sealedRows)
            && samples.filter { $0.time >= first }.isSubset(of: lost)
    }

    private func readAll(_ test: TestStore, _ lost: inout Set<Sample>, _ what: String) throws -> Bool {
        let selection = try test.store.select([], from: .min, through: .max)
        var wasTold = false
        for place in 0..<selection.count {
            let name = selection.labels(place).metricName ?? ""
            var columns = SampleColumns()
            do throws(SourceError) {
                try selection.read(place, from: .min, through: .max, into: &columns)
            } catch {
                wasTold = true
            }
            var previous = Int64.min
            for (time, value) in zip(columns.timestamps, columns.values) {
                let sample = Sample(name: name, time: time, bits: value.bitPattern)
                guard samples.contains(sample), time > previous else {
                    throw BrokenPromise("\(what): \(name) at \(time) is \(value)")
                }
                previous = time
                lost.remove(sample)
            }
            var histograms = HistogramColumns()
            do throws(SourceError) {
                try selection.readHistograms(place, from: .min, through: .max, into: &histograms)
            } catch {
                wasTold = true
            }
            for (time, histogram) in zip(histograms.timestamps, histograms.histograms) {
                let row = Int((time - DamagedStore.began) / 1000)
                guard name == "h", row % 20 == 0, histogram == DamagedStore.histogram(row) else {
                    throw BrokenPromise("\(what): the histogram of \(name) at \(time) is wrong")
                }
            }
        }
        return wasTold
    }

    /// Damage costs what it touches.
    private func checkExtent(
        of lost: Set<Sample>,
        _ path: String,
        _ range: Range<Int>?,
        _ what: String
    ) throws {
        let sealed = DamagedStore.time(DamagedStore.sealedRows)
        for sample in lost {
            let isAllowed =
                if path == "log" {
                    sample.time >= sealed
                } else if path.hasPrefix("ring") {
                    segments.contains { segment in
                        segment.file == path && segment.times.contains(sample.time)
                            && range.map { $0.overlaps(segment.range) } ?? true
                    }
                } else {
                    path.isEmpty
                }
            if !isAllowed { throw BrokenPromise("\(what): costs \(sample.name) at \(sample.time)") }
        }
    }

    private func checkCopies(
        _ disk: MemoryFileStore,
        _ report: RecoveryReport,
        isLost: Bool,
        mustBeKept: Bool,
        _ path: String,
        _ what: String
    ) throws {
        let copies = disk.state.withLock { state in
            state.names.keys.filter { $0.hasSuffix(".damaged") }.map { state.files[$0]?.written.count ?? 0 }
        }
        // Of what is not there, or only zeros, there is no copy.
        let isThere = disk.contents("/data/\(path)").contains { $0 != 0 }
        if isLost, isThere, mustBeKept, copies.isEmpty {
            throw BrokenPromise("\(what): nothing is kept aside, \(report)")
        }
        guard copies.count <= 64, copies.reduce(0, +) <= 2 * 65536 else {
            throw BrokenPromise("\(what): too much is kept aside")
        }
    }

    /// The store goes on as if nothing had happened.
    private func goOn(_ test: TestStore, _ what: String) throws {
        let group = try test.store.group(Labels([("job", "g")]))
        let id = try test.store.series(DamagedStore.labels("m0"), in: group)
        let time = DamagedStore.time(DamagedStore.rows + 60)
        var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: time))
        batch.append(id, 1)
        guard try test.store.append(batch).appended == 1 else { throw BrokenPromise("\(what): no append") }
        let again = try DamagedStore.open(test.files.afterKill(), at: DamagedStore.rows + 60)
        let found = try again.store.all(
            [LabelMatcher("__name__", equals: "m0")],
            from: Timestamp(milliseconds: time)
        )
        guard found.timestamps == [time] else { throw BrokenPromise("\(what): the next row is lost") }
    }
}

struct BadInputTests {
    /// Every place, or one in so many.
    private static let stride: Int =
        ProcessInfo.processInfo.environment["EDGEWATCH_SIMULATION_SEEDS"] == nil ? 61 : 1
    private static let files = ["log", "ring-00", "warm-00", "metadata"]

    /// Where the file has data.
    private static func used(_ disk: MemoryFileStore, _ file: String) -> Int {
        (disk.contents("/data/\(file)").lastIndex { $0 != 0 } ?? -1) + 1
    }

    private static func damage(
        _ file: String,
        touching range: Range<Int>? = nil,
        _ what: String,
        _ change: (inout [UInt8]) -> Void
    ) throws {
        let whole = try DamagedStore.whole.get()
        let disk = whole.disk.afterKill()
        disk.withFile("/data/\(file)") { inode in
            change(&inode.written)
            inode.synced = inode.written
            inode.unsynced = []
        }
        try whole.examine(disk, file, touching: range, "\(file), \(what)")
    }

    @Test func theFixtureHasEverything() throws {
        let whole = try DamagedStore.whole.get()
        #expect(whole.segments.count == 3)
        #expect(whole.tierRows.count > 50)
        for file in BadInputTests.files { #expect(BadInputTests.used(whole.disk, file) > 20, "\(file)") }
        try whole.examine(whole.disk.afterKill(), "nothing", "as it is")
    }

    @Test(arguments: files)
    func anyByteMayChange(file: String) throws {
        let used = BadInputTests.used(try DamagedStore.whole.get().disk, file)
        for place in Swift.stride(from: 0, to: used, by: min(BadInputTests.stride, 1 + used / 40)) {
            try BadInputTests.damage(file, touching: place..<(place + 1), "byte \(place) changed") {
                $0[place] ^= 1 << UInt8(place % 8)
            }
        }
    }

    @Test(arguments: files)
    func anyBlockMayBeGone(file: String) throws {
        let used = BadInputTests.used(try DamagedStore.whole.get().disk, file)
        for size in [64, 512, 4096] {
            let step = max(size, BadInputTests.stride * 64)
            for place in Swift.stride(from: 0, to: used, by: step) {
                for filler in [0, 0xff] as [UInt8] {
                    let range = place..<(place + size)
                    try BadInputTests.damage(file, touching: range, "\(size) bytes at \(place) are \(filler)")
                    {
                        for index in place..<min(place + size, $0.count) { $0[index] = filler }
                    }
                }
            }
        }
    }

    @Test(arguments: files)
    func anyFileMayBeCut(file: String) throws {
        let used = BadInputTests.used(try DamagedStore.whole.get().disk, file)
        let step = BadInputTests.stride == 1 ? 8 : 1 + used / 12
        for size in Swift.stride(from: 0, to: used + 1, by: step) {
            try BadInputTests.damage(file, touching: size..<(used + 2), "cut to \(size)") {
                $0.removeLast($0.count - size)
            }
        }
    }

    @Test(arguments: files)
    func anyFileMayBeReplaced(file: String) throws {
        let whole = try DamagedStore.whole.get()
        var random = SeededGenerator(seed: 11)
        try BadInputTests.damage(file, "zeroed") { for place in $0.indices { $0[place] = 0 } }
        try BadInputTests.damage(file, "of noise") {
            for place in $0.indices { $0[place] = UInt8.random(in: 0...255, using: &random) }
        }
        try BadInputTests.damage(file, "twice as long") { $0 += $0 }
        for other in BadInputTests.files where other != file {
            let contents = whole.disk.contents("/data/\(other)")
            try BadInputTests.damage(file, "with the contents of \(other)") { $0 = contents }
        }
        let old = whole.backup.contents("/data/\(file)")
        try BadInputTests.damage(file, "of a backup") { $0 = old }
        let disk = whole.disk.afterKill()
        try disk.remove("/data/\(file)")
        try whole.examine(disk, file, "\(file) deleted")
    }

    /// Parts of a file change places.
    @Test(arguments: [("log", 4096), ("ring-00", 64), ("warm-00", 64), ("ring-00", 512), ("warm-00", 512)])
    func anyPartsMayBeSwapped(file: String, size: Int) throws {
        let parts = BadInputTests.used(try DamagedStore.whole.get().disk, file) / size
        let step = BadInputTests.stride == 1 ? 1 : max(1, parts / 6)
        for first in Swift.stride(from: 0, to: parts, by: step) {
            for second in Swift.stride(from: first + 1, to: parts, by: step) {
                try BadInputTests.damage(file, "parts \(first) and \(second) of \(size) bytes swapped") {
                    bytes in
                    let low = first * size..<(first + 1) * size
                    let high = second * size..<(second + 1) * size
                    let kept = Array(bytes[low])
                    bytes.replaceSubrange(low, with: bytes[high])
                    bytes.replaceSubrange(high, with: kept)
                }
            }
        }
    }

    /// Two files change names.
    @Test func anyFilesMayBeSwapped() throws {
        let whole = try DamagedStore.whole.get()
        for first in BadInputTests.files {
            for second in BadInputTests.files where second > first {
                let disk = whole.disk.afterKill()
                disk.state.withLock { state in
                    let (one, two) = (state.names["/data/\(first)"], state.names["/data/\(second)"])
                    (state.names["/data/\(first)"], state.names["/data/\(second)"]) = (two, one)
                    state.syncedNames = state.names
                }
                // Both files' samples may be gone.
                let test = try DamagedStore.open(disk, at: DamagedStore.rows)
                try test.store.checkInvariants()
                let selection = try test.store.select([], from: .min, through: .max)
                for place in 0..<selection.count {
                    var columns = SampleColumns()
                    try? selection.read(place, from: .min, through: .max, into: &columns)
                    let name = selection.labels(place).metricName ?? ""
                    for (time, value) in zip(columns.timestamps, columns.values) {
                        let sample = DamagedStore.Sample(name: name, time: time, bits: value.bitPattern)
                        #expect(whole.samples.contains(sample), "\(first) and \(second)")
                    }
                }
                let report = test.store.recovery
                #expect(report.isDamaged || report.quarantined > 0, "\(first) and \(second)")
            }
        }
    }
}
