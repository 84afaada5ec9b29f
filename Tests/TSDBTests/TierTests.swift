// SPDX-License-Identifier: Apache-2.0
//
// Rows of tiers against samples added up naively, and where samples end and rows begin.

import Platform
import Samples
import Synchronization
import Testing

@testable import TSDB

/// All windows of one series by their ends, straight from its samples.
func naiveRows(_ samples: [(time: Int64, value: Double)], _ resolution: Int64) -> [Int64: CoarseRow] {
    let windows = Dictionary(grouping: samples) { ($0.time + resolution - 1) / resolution * resolution }
    return Dictionary(uniqueKeysWithValues: windows.map { end, inside in (end, naiveRow(inside, end)) })
}

private func naiveRow(_ inside: [(time: Int64, value: Double)], _ end: Int64) -> CoarseRow {
    let values = inside.filter { !$0.value.isStale }
    guard let first = values.first, let last = values.last else {
        return CoarseRow(end: end, summary: nil, isEnded: true)
    }
    var summary = SampleSummary(time: first.time, value: first.value)
    summary.count = values.count
    (summary.lastTime, summary.last) = (last.time, last.value)
    let ordered = values.map(\.value).filter { !$0.isNaN }
    summary.min = ordered.min() ?? .nan
    summary.max = ordered.max() ?? .nan
    summary.fallen = zip(values, values.dropFirst()).reduce(0) {
        $1.1.value < $1.0.value ? $0 + $1.0.value : $0
    }
    summary.sum = values.reduce(0) { $0 + $1.value }
    return CoarseRow(end: end, summary: summary, isEnded: inside.last?.value.isStale == true)
}

/// Rows as text, values bit for bit where they are numbers.
func text(_ row: CoarseRow) -> String {
    func number(_ value: Double) -> String { value.isNaN ? "NaN" : "\(value)" }
    guard let summary = row.summary else { return "\(row.end) ended \(row.isEnded)" }
    let values = [
        summary.first, summary.last, summary.min, summary.max, summary.fallen, summary.sum,
    ].map(number)
    return
        "\(row.end) \(summary.count) \(summary.firstTime) \(summary.lastTime) \(values) ended \(row.isEnded)"
}

extension Store {
    func rows(_ name: String, through: Int64 = .max) throws -> [CoarseRow] {
        let selection = try select([LabelMatcher("__name__", equals: name)], from: .min, through: .max)
        var rows: [CoarseRow] = []
        guard selection.count > 0 else { return [] }
        try selection.readRows(0, from: .min, through: Timestamp(milliseconds: through), into: &rows)
        return rows
    }

    /// What a tier has of a series, whether it answers there or not.
    func tierRows(_ number: Int, _ labels: Labels) throws -> [CoarseRow] {
        let all = head.withLock { head in
            CoarseRows(
                plan: CoarsePlan(pieces: [
                    .init(
                        tier: number,
                        resolution: head.tiers[number].resolution,
                        span: TierSpan(from: .min, through: .max)
                    )
                ]),
                segments: [head.tiers[number].segments]
            )
        }
        let reference = index.withLock { $0.reference(labels) }
        var rows: [CoarseRow] = []
        var leftOut = LeftOut()
        all.read(try #require(reference), .min, .max, tierReader, into: &rows, &leftOut)
        try leftOut.report()
        return rows
    }

    /// Lets the builder do all it can do now.
    func buildTiers() throws {
        for _ in 0..<200 {
            try maintain()
        }
    }
}

let fiveMinutes: Int64 = 300_000
let hour: Int64 = 3_600_000
let day: Int64 = 24 * hour

func tiers(_ warm: Int64 = 1 << 20, _ cold: Int64 = 1 << 20) -> [TierOptions] {
    [
        TierOptions(name: "warm", resolution: .seconds(300), ringBytes: warm),
        TierOptions(name: "cold", resolution: .seconds(3600), ringBytes: cold),
    ]
}

/// A source of a few series of all kinds, its samples kept aside.
private struct Plant {
    let store: Store
    let clock: ManualClock
    let group: GroupID
    let ids: [SeriesID]
    private(set) var samples: [[(time: Int64, value: Double)]]
    private var random: SeededGenerator
    private var counter = 0.0

    static let names = ["constant", "counter_total", "gauge", "sparse", "odd"]

    init(_ test: TestStore, seed: UInt64) throws {
        store = test.store
        clock = test.clock
        let group = try store.group(Labels([("job", "plant")]))
        self.group = group
        ids = try Plant.names.map { name in
            try test.store.series(Labels([("__name__", name), ("job", "plant")]), in: group)
        }
        samples = ids.map { _ in [] }
        random = SeededGenerator(seed: seed)
    }

    /// One row at a time; whole numbers, so that sums do not depend on their order.
    mutating func append(_ time: Int64) throws {
        clock.advance(milliseconds: time - clock.wallMilliseconds())
        var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: time))
        func add(_ number: Int, _ value: Double) {
            batch.append(ids[number], value)
            samples[number].append((time, value))
        }
        add(0, 7)
        counter =
            Int.random(in: 0..<500, using: &random) == 0
            ? 0 : counter + Double(Int.random(in: 0..<9, using: &random))
        add(1, counter)
        add(2, Double(Int.random(in: -500..<500, using: &random)) / 4)
        if time / hour % 3 != 1 {
            let isEnd = time % hour > hour - 60_000 && time / hour % 3 == 0
            add(3, isEnd ? StaleMarker.value : Double(Int.random(in: 0..<3, using: &random)))
        }
        add(4, [Double.nan, .infinity, 1, -1][Int.random(in: 0..<4, using: &random)])
        _ = try store.append(batch)
    }
}

struct TierTests {
    @Test(arguments: [UInt64(1), 2, 3])
    func rowsAreWhatTheSamplesAddUpTo(seed: UInt64) throws {
        let start: Int64 = 1_700_006_400_000 / day * day
        let test = try TestStore(clock: ManualClock(wallMilliseconds: start)) {
            $0.tiers = tiers()
            $0.retention = .milliseconds(hour)
        }
        var plant = try Plant(test, seed: seed)
        var time = start + 1000
        while time < start + 4 * day {
            try plant.append(time)
            // Now and then nothing for a while.
            time += time % 86_400_000 == 43_201_000 ? 4 * hour : 30_000
            if time % 600_000 < 30_000 { try test.store.maintain() }
        }
        test.clock.advance(milliseconds: start + 5 * day - test.clock.wallMilliseconds())
        try test.store.buildTiers()
        try test.store.checkInvariants()
        for (number, name) in Plant.names.enumerated() {
            let rows = try test.store.rows(name)
            let naive = naiveRows(plant.samples[number], fiveMinutes)
            let expected = naive.keys.sorted().compactMap { naive[$0].map(text) }
            #expect(rows.map(text) == expected, "\(name)")
        }
        // The rows of hours are those of their windows of five minutes, joined.
        for (number, name) in Plant.names.enumerated() {
            let rows = try test.store.tierRows(1, Labels([("__name__", name), ("job", "plant")]))
            let naive = naiveRows(plant.samples[number], hour)
            let expected = naive.keys.sorted().compactMap { naive[$0].map(text) }
            // Of the four days of samples one span of three days is whole; the rest waits for its end.
            #expect(rows.map(text) == Array(expected.prefix(rows.count)), "\(name)")
            #expect(rows.count >= 45, "\(name)")
        }
    }

    @Test func anIncreaseIncludesTheStepFromTheWindowBefore() {
        var summary = SampleSummary(time: 1, value: 5)
        summary.add(time: 2, value: 9)
        summary.add(time: 3, value: 2)
        #expect(summary.increase == 6)
        #expect(summary.increase(after: 3) == 8)
        #expect(summary.increase(after: 20) == 11)
        var next = SampleSummary(time: 4, value: 1)
        next.add(time: 5, value: 4)
        summary.append(next)
        #expect(summary.increase == 10)
        #expect(summary.count == 5)
        #expect(summary.sum == 21)
        #expect((summary.min, summary.max) == (1, 9))
    }
}
