// SPDX-License-Identifier: Apache-2.0
//
// Tiers over time: rings that come round, kills in the middle of building, late samples, wrong clocks, damage.

import Platform
import Samples
import Synchronization
import Testing

@testable import TSDB

/// Series of noise, which hardly compresses, so that small rings come round soon; all samples are kept aside.
private struct Noise {
    var test: TestStore
    private let count: Int
    private var group = GroupID(rawValue: 0)
    private var ids: [SeriesID] = []
    private(set) var samples: [[(time: Int64, value: Double)]]
    private var random: SeededGenerator

    init(_ test: TestStore, series: Int, seed: UInt64) throws {
        self.test = test
        count = series
        samples = (0..<series).map { _ in [] }
        random = SeededGenerator(seed: seed)
        try register()
    }

    /// Goes on in another process.
    mutating func reopen(_ test: TestStore) throws {
        self.test = test
        try register()
    }

    private mutating func register() throws {
        let group = try test.store.group(Labels([("job", "noise")]))
        ids = try (0..<count).map { number in
            try test.store.series(Labels([("__name__", "m\(number)")]), in: group)
        }
        self.group = group
    }

    mutating func append(at time: Int64) throws {
        test.clock.advance(milliseconds: max(0, time - test.clock.wallMilliseconds()))
        var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: time))
        for number in ids.indices {
            let value = Double(Int.random(in: 0..<(1 << 40), using: &random))
            batch.append(ids[number], value)
            samples[number].append((time, value))
        }
        #expect(try test.store.append(batch).appended == ids.count)
    }

    /// Takes a sample in that was appended otherwise.
    mutating func note(_ number: Int, _ time: Int64, _ value: Double) {
        let place = samples[number].firstIndex { $0.time > time } ?? samples[number].count
        samples[number].insert((time, value), at: place)
    }

    var isBatchOf: (GroupID, [SeriesID]) { (group, ids) }

    /// Rows and samples of each series against what was appended; returns where the rows end.
    @discardableResult
    func check(from start: Int64, resolution: Int64 = fiveMinutes) throws -> Int64 {
        let end = test.clock.wallMilliseconds()
        var seam = Int64.min
        for (number, all) in samples.enumerated() {
            let matcher = LabelMatcher("__name__", equals: "m\(number)")
            let selection = try test.store.select([matcher], from: .min, through: .max)
            seam = selection.coarse.last?.through ?? start
            var rows: [CoarseRow] = []
            try selection.readRows(0, from: .min, through: .max, into: &rows)
            let naive = naiveRows(all, resolution)
            let expected = naive.keys.sorted().filter { $0 <= seam }.compactMap { naive[$0].map(text) }
            #expect(rows.map(text) == expected, "m\(number)")
            var columns = SampleColumns()
            let next = Timestamp(milliseconds: seam + 1)
            try selection.read(0, from: next, through: Timestamp(milliseconds: end), into: &columns)
            let newer = all.filter { $0.time > seam }
            #expect(columns.timestamps == newer.map(\.time), "m\(number)")
            #expect(columns.values == newer.map(\.value), "m\(number)")
        }
        return seam
    }
}

private let start: Int64 = 19_674 * day

private func small(_ options: inout StoreOptions) {
    (options.ringFiles, options.ringBytes) = (2, 2 * 65_536)
    options.logBytes = 64 * 4096
    options.tiers = tiers(2 << 20, 1 << 20)
}

struct TierStoreTests {
    @Test(arguments: [UInt64(1), 2, 3, 4])
    func rowsOutliveSamplesAndKills(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var noise = try Noise(
            TestStore(clock: ManualClock(wallMilliseconds: start), small),
            series: 12,
            seed: seed
        )
        for minute in Int64(1)...(4 * 1440) {
            try noise.append(at: start + minute * 60_000)
            if minute % 7 == 0 { try noise.test.store.maintain() }
            if minute % 7 == 0, Int.random(in: 0..<40, using: &random) == 0 {
                // The process is stopped within whatever upkeep does, mostly before it does anything.
                let files = noise.test.files
                files.state.withLock { $0.crashAt = $0.operations + Int.random(in: 1...12, using: &random) }
                for _ in 0..<20 {
                    noise.test.clock.advance(milliseconds: 500)
                    try? noise.test.store.maintain()
                }
                let next = try TestStore(files: files.afterKill(), clock: noise.test.clock, small)
                try noise.reopen(next)
            }
        }
        try noise.test.store.buildTiers()
        try noise.test.store.checkInvariants()
        #expect(noise.test.store.statistics.ringBytesUsed <= 2 * 65_536)
        let seam = try noise.check(from: start)
        // The ring of samples holds about a day.
        #expect(seam > start + 2 * day)
        let again = try TestStore(files: noise.test.files.afterKill(), clock: noise.test.clock, small)
        try noise.reopen(again)
        #expect(try noise.check(from: start) >= seam)
        try again.store.checkInvariants()
    }

    @Test func eachTierKeepsToItsSizeAndTheNextOneTakesOver() throws {
        let test = try TestStore(clock: ManualClock(wallMilliseconds: start)) {
            small(&$0)
            $0.tiers = tiers(4 * 65_536, 8 * 65_536)
        }
        var noise = try Noise(test, series: 12, seed: 5)
        for step in Int64(1)...(8 * 2880) {
            try noise.append(at: start + step * 30_000)
            if step % 20 == 0 { try test.store.maintain() }
        }
        try test.store.buildTiers()
        try test.store.checkInvariants()
        let selection = try test.store.select([], from: .min, through: .max)
        try #require(selection.coarse.map(\.resolution) == [hour, fiveMinutes])
        #expect(selection.coarse[0].through == selection.coarse[1].after)
        #expect(selection.coarse[0].after == start)
        for (number, samples) in noise.samples.enumerated() {
            var rows: [CoarseRow] = []
            let one = try test.store.select(
                [LabelMatcher("__name__", equals: "m\(number)")],
                from: .min,
                through: .max
            )
            try one.readRows(0, from: .min, through: .max, into: &rows)
            var expected: [String] = []
            for stretch in one.coarse {
                let naive = naiveRows(samples, stretch.resolution)
                expected += naive.keys.sorted().filter { $0 > stretch.after && $0 <= stretch.through }
                    .compactMap { naive[$0].map(text) }
            }
            #expect(rows.map(text) == expected, "m\(number)")
        }
        for file in 0..<4 {
            #expect(test.files.contents("/data/warm-0\(file)").count <= 65_536)
            #expect(test.files.contents("/data/cold-0\(file)").count <= 2 * 65_536)
        }
        let statistics = test.store.statistics.tiers
        #expect(statistics.map(\.name) == ["warm", "cold"])
        #expect(statistics[0].ringBytesUsed <= 4 * 65_536)
        #expect(statistics[0].rows > 0 && statistics[1].rows > 0)
        // Retention hides what is older, also when all of it is.
        let options = test.store.options
        let hidden = try TestStore(files: test.files.afterKill(), clock: test.clock) {
            $0 = options
            $0.retention = .milliseconds(hour)
            $0.tiers[0].retention = .milliseconds(day)
            $0.tiers[1].retention = .milliseconds(3 * day)
        }
        let now = test.clock.wallMilliseconds()
        let rest = try hidden.store.select([], from: .min, through: .max)
        #expect(rest.coarse.first?.after == now - 3 * day)
        var rows: [CoarseRow] = []
        try rest.readRows(0, from: .min, through: .max, into: &rows)
        #expect(try #require(rows.first).end > now - 3 * day)
    }

    @Test func lateSamplesHaveTheirSpanBuiltAgain() throws {
        let test = try TestStore(clock: ManualClock(wallMilliseconds: start)) {
            $0.tiers = tiers()
            $0.retention = .milliseconds(hour)
            $0.outOfOrderWindow = .seconds(86_400)
        }
        var noise = try Noise(test, series: 3, seed: 6)
        for minute in Int64(1)...(2 * 1440) {
            try noise.append(at: start + minute * 60_000)
            if minute % 10 == 0 { try test.store.maintain() }
        }
        try test.store.buildTiers()
        let before = try noise.check(from: start)
        let time = start + 30 * hour + 1234
        #expect(time < before)
        let (group, ids) = noise.isBatchOf
        var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: time))
        batch.append(ids[1], -5)
        #expect(try test.store.append(batch).appended == 1)
        #expect(test.counter("tier_late_samples_total") == 1)
        // Nothing more came for the time of an hour; then the rows have it.
        test.clock.advance(milliseconds: hour + 20_000)
        try test.store.buildTiers()
        noise.note(1, time, -5)
        try noise.check(from: start)
        try test.store.checkInvariants()
        let again = try TestStore(files: test.files.afterKill(), clock: test.clock) {
            $0 = test.store.options
        }
        try noise.reopen(again)
        try noise.check(from: start)
    }

    /// While all samples are there, rows answer for nothing; also when the first span, which begins in its middle, was built
    /// again.
    @Test func rowsOfLateSamplesHideNone() throws {
        let test = try TestStore(clock: ManualClock(wallMilliseconds: start)) {
            $0.tiers = tiers()
            $0.outOfOrderWindow = .seconds(10 * 86_400)
        }
        var noise = try Noise(test, series: 3, seed: 6)
        let first = start + 6 * hour + 30_000
        for minute in Int64(0)..<(2 * 1440) {
            try noise.append(at: first + minute * 60_000)
            if minute % 10 == 0 { try test.store.maintain() }
        }
        try test.store.buildTiers()
        #expect(try noise.check(from: start) <= first - 1)
        let time = start + 10 * hour + 1234
        let (group, ids) = noise.isBatchOf
        var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: time))
        batch.append(ids[1], -5)
        #expect(try test.store.append(batch).appended == 1)
        noise.note(1, time, -5)
        test.clock.advance(milliseconds: 10 * day)
        try test.store.buildTiers()
        #expect(test.counter("tier_late_samples_total") >= 1)
        #expect(try noise.check(from: start) <= first - 1)
        // Of its first hours, too.
        let early = first + 1234
        batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: early))
        batch.append(ids[1], -6)
        #expect(try test.store.append(batch).appended == 1)
        noise.note(1, early, -6)
        test.clock.advance(milliseconds: 10 * day)
        try test.store.buildTiers()
        #expect(try noise.check(from: start) <= first - 1)
        try test.store.checkInvariants()
    }

    @Test func aClockAYearAheadBuildsNothingInBetweenAndLosesNothing() throws {
        let test = try TestStore(clock: ManualClock(wallMilliseconds: start)) {
            $0.tiers = tiers()
            $0.retention = .milliseconds(hour)
        }
        var noise = try Noise(test, series: 2, seed: 7)
        for minute in Int64(1)...1440 {
            try noise.append(at: start + minute * 60_000)
            if minute % 10 == 0 { try test.store.maintain() }
        }
        let (group, ids) = noise.isBatchOf
        let wrong = start + 366 * day
        test.clock.step(toWallMilliseconds: wrong)
        for minute in Int64(1)...10 {
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: wrong + minute * 60_000))
            batch.append(ids[0], 1)
            #expect(try test.store.append(batch).appended == 1)
            test.clock.advance(milliseconds: 60_000)
            try test.store.maintain()
        }
        test.clock.advance(milliseconds: 7 * hour)
        try test.store.buildTiers()
        let files = test.files.state.withLock { $0.writes }
        test.clock.step(toWallMilliseconds: start + day)
        for minute in Int64(1441)...2880 {
            try noise.append(at: start + minute * 60_000)
            if minute % 10 == 0 { try test.store.maintain() }
        }
        try test.store.buildTiers()
        #expect(try noise.check(from: start) >= start + day + 16 * hour)
        try test.store.checkInvariants()
        #expect(files < 5000)
        let spans = test.store.head.withLock { $0.tiers[0].segments.map(\.span) }
        #expect(spans.filter { $0.from > start + 3 * day }.count == 1)
        #expect(spans.count < 12)
    }

    @Test func aClockThatJumpsAheadWipesNothingOfWhatRetentionKeeps() throws {
        let test = try TestStore(clock: ManualClock(wallMilliseconds: start)) {
            $0.tiers = tiers()
            $0.retention = .milliseconds(6 * hour)
            $0.tiers[0].retention = .milliseconds(day)
            $0.tiers[1].retention = .milliseconds(30 * day)
        }
        var noise = try Noise(test, series: 3, seed: 12)
        for step in Int64(1)...(4 * 720) {
            try noise.append(at: start + step * 120_000)
            if step % 10 == 0 { try test.store.maintain() }
        }
        test.clock.advance(milliseconds: hour)
        try test.store.buildTiers()
        let now = test.clock.wallMilliseconds()
        func answer(_ store: Store) throws -> (stretches: [CoarseStretch], rows: [String], samples: Int) {
            let found = try store.select([LabelMatcher("__name__", equals: "m1")], from: .min, through: .max)
            guard found.count == 1 else { return (found.coarse, [], 0) }
            var rows: [CoarseRow] = []
            try found.readRows(0, from: .min, through: .max, into: &rows)
            var columns = SampleColumns()
            let seam = found.coarse.last?.through ?? .min
            try found.read(0, from: Timestamp(milliseconds: seam + 1), through: .max, into: &columns)
            return (found.coarse, rows.map(text), columns.count)
        }
        let before = try answer(test.store)
        #expect(before.stretches.map(\.resolution) == [hour, fiveMinutes])
        #expect(before.stretches.last?.through == now - 6 * hour)
        #expect(before.samples == 5 * 30)
        // Ten years ahead, with upkeep, a seal and a restart.
        test.clock.step(toWallMilliseconds: now + 3650 * day)
        try test.store.buildTiers()
        try test.store.sealAll()
        #expect(try answer(test.store).samples == 0)
        let options = test.store.options
        let ahead = try TestStore(files: test.files.afterKill(), clock: test.clock) { $0 = options }
        try ahead.store.buildTiers()
        #expect(try answer(ahead.store).samples == 0)
        test.clock.step(toWallMilliseconds: now)
        let again = try TestStore(files: ahead.files.afterKill(), clock: test.clock) { $0 = options }
        for store in [test.store, ahead.store, again.store] {
            let after = try answer(store)
            // Rows of hours were built early; where they are there is more of them than of five minutes.
            #expect(after.stretches.map(\.resolution) == [hour, fiveMinutes])
            #expect(after.stretches.first?.after == start)
            #expect(after.stretches.last?.through == now - 6 * hour)
            let expected = after.stretches.flatMap { stretch in
                let naive = naiveRows(noise.samples[1], stretch.resolution)
                return naive.keys.sorted().filter { $0 > stretch.after && $0 <= stretch.through }
                    .compactMap { naive[$0].map(text) }
            }
            #expect(after.rows == expected)
            #expect(after.samples == before.samples)
            try store.checkInvariants()
        }
    }

    @Test func damageCostsRowsAndNothingElse() throws {
        let test = try TestStore(clock: ManualClock(wallMilliseconds: start)) {
            $0.tiers = tiers()
            $0.retention = .milliseconds(hour)
        }
        var noise = try Noise(test, series: 8, seed: 8)
        for minute in Int64(1)...(3 * 720) {
            try noise.append(at: start + minute * 120_000)
            if minute % 10 == 0 { try test.store.maintain() }
        }
        try test.store.buildTiers()
        let whole = test.files.afterKill()
        var random = SeededGenerator(seed: 9)
        var read = 0
        let naive = Dictionary(
            uniqueKeysWithValues: [hour, fiveMinutes].map { step in
                (step, noise.samples.map { naiveRows($0, step) })
            }
        )
        for _ in 0..<60 {
            let files = whole.afterKill()
            for path in ["/data/warm-00", "/data/cold-00"] {
                files.withFile(path) { file in
                    for _ in 0..<Int.random(in: 1...4, using: &random) where !file.written.isEmpty {
                        let place = Int.random(in: 0..<file.written.count, using: &random)
                        file.written[place] ^= UInt8(1 << Int.random(in: 0..<8, using: &random))
                    }
                    if Int.random(in: 0..<8, using: &random) == 0 {
                        file.written.removeLast(Int.random(in: 0...file.written.count, using: &random))
                    }
                }
            }
            let again = try TestStore(files: files, clock: test.clock) { $0 = test.store.options }
            for number in noise.samples.indices {
                let one = try again.store.select(
                    [LabelMatcher("__name__", equals: "m\(number)")],
                    from: .min,
                    through: .max
                )
                var rows: [CoarseRow] = []
                do { try one.readRows(0, from: .min, through: .max, into: &rows) } catch {}
                for row in rows {
                    let stretch = try #require(one.coarse.first { row.end <= $0.through })
                    let expected = naive[stretch.resolution]?[number][row.end]
                    #expect(text(row) == text(try #require(expected)))
                }
                read += rows.count
            }
            again.store.close()
        }
        #expect(read > 20_000)
    }

    @Test func aTierThatIsOffLosesItsFilesAndTheOtherGoesOn() throws {
        let test = try TestStore(clock: ManualClock(wallMilliseconds: start)) { $0.tiers = tiers() }
        var noise = try Noise(test, series: 2, seed: 10)
        for minute in Int64(1)...720 { try noise.append(at: start + minute * 60_000) }
        test.clock.advance(milliseconds: 4 * day)
        try test.store.buildTiers()
        let files = test.files.afterKill()
        #expect(!files.contents("/data/warm-00").isEmpty)
        let without = try TestStore(files: files, clock: test.clock) { $0.tiers = [tiers()[1]] }
        #expect(files.contents("/data/warm-00").isEmpty)
        #expect(without.store.statistics.tiers.map(\.rows) == [24])
        #expect(throws: StoreError.invalidOption("a tier is called warm or cold, and each only once")) {
            try TestStore {
                $0.tiers = [TierOptions(name: "log", resolution: .seconds(60), ringBytes: 1 << 20)]
            }
        }
    }

    @Test func aRefusedWriteIsTriedAgain() throws {
        let test = try TestStore(clock: ManualClock(wallMilliseconds: start)) {
            $0.tiers = tiers()
            $0.retention = .milliseconds(hour)
        }
        var noise = try Noise(test, series: 2, seed: 11)
        for minute in Int64(1)...720 { try noise.append(at: start + minute * 60_000) }
        test.files.state.withLock {
            $0.faults = [.init(operation: .write, name: "warm", code: ErrorNumber.inputOutput, lasts: true)]
        }
        test.clock.advance(milliseconds: 2 * hour)
        for _ in 0..<5 { try? test.store.maintain() }
        #expect(test.store.statistics.tiers[0].rows == 0)
        test.files.state.withLock { $0.faults = [] }
        test.clock.advance(milliseconds: 60_000)
        try test.store.buildTiers()
        #expect(test.store.statistics.tiers[0].rows == 2 * 144)
        try noise.check(from: start)
    }
}
