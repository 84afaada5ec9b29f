// SPDX-License-Identifier: Apache-2.0
//
// Batches of windows out of a log: the same bytes whenever a recipe is made again, and together what the filters make of
// everything, however the windows were divided.

import Bytes
import Config
import HTTPClient
import Platform
import Samples
import Testing
import Wire

@testable import Sync

@Suite struct WindowSourceTests {
    /// A wall clock that stands where it is put.
    private struct StillClock: EdgeClock {
        var wall: Int64

        func wallMilliseconds() -> Int64 { wall }
        func monotonicNanoseconds() -> UInt64 { 0 }
        func sleep(for duration: Duration) async throws {}
        func isSynchronized() -> Bool { true }
        func bootIdentifier() -> UInt64 { 1 }
    }

    private let log = MemoryLog()
    private let start: Int64 = 1_700_000_100_000

    private func source(_ filters: [SyncFilterConfig], at wall: Int64) throws -> WindowSource {
        let rules = try RuleFilters(filters, sampleInterval: .seconds(15), kind: nil, declared: { _ in nil })
        let windows = try #require(rules.reaches.keys.first)
        #expect(rules.reaches.count == 1)
        let plan = Destination.Plan(
            config: RemoteWriteConfig(name: "d", url: "http://127.0.0.1:1/w"),
            sync: SyncConfig(),
            externalLabels: Labels()
        )
        let clock = StillClock(wall: wall)
        return WindowSource(
            log: log,
            peer: RemoteWritePeer(plan, clock: clock),
            clock: clock,
            plan: plan,
            windows: windows,
            reach: rules.reaches[windows] ?? 0,
            wait: .seconds(30),
            pipeline: { rules.pipeline(for: $0) }
        )
    }

    private let labels = ["temp", "requests_total", "vibration"].map { name in
        Labels([(name: "__name__", value: name), (name: "unit", value: "3")])
    }

    private func append(_ rows: Int, from first: Int, at start: Int64, random: inout SeededGenerator) {
        for row in first..<(first + rows) {
            let samples = labels.enumerated().compactMap {
                index,
                labels -> (labels: Labels, value: Double)? in
                guard random.next() % 8 > 0 else { return nil }
                let value = index == 1 ? Double(row % 97) : Double(random.next() % 1000) / 8
                return (labels, random.next() % 40 == 0 ? StaleMarker.value : value)
            }
            log.append(MemoryLog.Row(timestamp: start + Int64(row) * 15_000, samples: samples))
        }
    }

    private static let filters = [
        SyncFilterConfig(.aggregation([.average, .max, .quantile(0.9)], window: .seconds(60), suffix: nil)),
        SyncFilterConfig(.deduplication(window: .seconds(300))),
    ]

    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func sameBytesAndNothingMissing(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        append(1000, from: 0, at: start, random: &random)
        let wall = start + 1000 * 15_000 + 30_000
        let source = try source(Self.filters, at: wall)
        #expect(source.windows.length == 300_000)
        let first = UInt64(start / 300_000)
        #expect(source.due == UInt64((wall - 30_000) / 300_000))
        var range = OrdinalRange(ordinals: first..<UInt64.max)
        var batches: [(recipe: Recipe, crc: UInt32)] = []
        var found: [Labels: SampleColumns] = [:]
        while let recipe = try source.next(
            in: range,
            limits: BatchLimits(samples: Int(random.next() % 200) + 1)
        ) {
            #expect(recipe.ordinals.lowerBound == range.ordinals.lowerBound)
            let batch = try source.batch(recipe)
            batches.append((recipe, CRC32C.checksum(batch.body.span.bytes)))
            #expect(batch.series.map(\.labels) == batch.series.map(\.labels).sorted())
            #expect(batch.samples == batch.series.reduce(0) { $0 + $1.samples.count })
            for series in batch.series {
                for (time, value) in zip(series.samples.timestamps, series.samples.values) {
                    found[series.labels, default: SampleColumns()].append(time, value)
                }
            }
            range.ordinals = recipe.ordinals.upperBound..<UInt64.max
            // Rows that come late and early: nothing of what was frozen changes.
            if random.next() % 3 == 0 {
                let late = start + Int64(random.next() % 900) * 15_000 + 7
                log.append(MemoryLog.Row(timestamp: late, samples: [(labels[0], 1e6)]))
            }
        }
        #expect(range.ordinals.lowerBound == source.due && batches.count >= 5)
        for (recipe, crc) in batches {
            #expect(CRC32C.checksum(try source.batch(recipe).body.span.bytes) == crc)
        }
        // Names: a counter stays one, the others get three.
        #expect(
            Set(found.keys.compactMap(\.metricName)) == [
                "requests_total", "temp:1m_avg", "temp:1m_max", "temp:1m_p90", "vibration:1m_avg",
                "vibration:1m_max",
                "vibration:1m_p90",
            ]
        )
        // Series that no late sample touched: what the filters make of all samples at once.
        for index in [1, 2] {
            var flow = SampleFlow()
            for row in log.contents.filter({ $0.labels == labels[index] }).sorted(by: {
                $0.timestamp < $1.timestamp
            }) {
                flow.samples.append(row.timestamp, Double(bitPattern: row.bits))
            }
            let pipeline = try #require(source.pipeline(labels[index]))
            let end = Int64(source.due) * 300_000
            let outputs = pipeline.outputs(of: flow, after: Int64(first) * 300_000, through: end)
            for (branch, output) in zip(pipeline.branches, outputs) {
                #expect(found[labels[index].addingSuffix(branch.suffix)] == output.samples, "\(branch)")
            }
        }
    }

    @Test func nothingBeforeItsTime() throws {
        var random = SeededGenerator(seed: 1)
        append(40, from: 0, at: 1_700_000_100_000, random: &random)
        let first = UInt64(1_700_000_100_000 / 300_000)
        let end = Int64(first + 1) * 300_000
        let range = OrdinalRange(ordinals: first..<UInt64.max)
        #expect(
            try source(Self.filters, at: end + 29_999).next(in: range, limits: BatchLimits(samples: 10))
                == nil
        )
        let recipe = try source(Self.filters, at: end + 30_000).next(
            in: range,
            limits: BatchLimits(samples: 10)
        )
        #expect(recipe?.ordinals == first..<(first + 1) && recipe?.before == log.readableEnd.sequence)
        #expect(recipe?.mode == .windows(.seconds(300)))
        // Clocks before 1970 and numbers beyond time.
        #expect(try source(Self.filters, at: -5).due == 0)
        #expect(try source(Self.filters, at: .min).due == 0)
        var far = try #require(recipe)
        far.ordinals = (UInt64.max - 1)..<UInt64.max
        #expect(try source(Self.filters, at: end).batch(far).samples == 0)
    }

    @Test func streamsOfARule() throws {
        func filters(_ filters: [SyncFilterConfig]) throws -> RuleFilters {
            try RuleFilters(filters, sampleInterval: .seconds(15), kind: nil, declared: { _ in nil })
        }
        let aggregation = SyncFilterConfig.Work.aggregation([.average], window: .seconds(300), suffix: nil)
        let none = try filters([])
        #expect(none.reaches.isEmpty && none.hasRows)
        let one = try filters([SyncFilterConfig(aggregation, metric: "cpu")])
        #expect(one.reaches.keys.map(\.length) == [300_000] && one.hasRows)
        #expect(one.pipeline(for: labels[0]) == nil)
        #expect(one.pipeline(for: Labels([(name: "__name__", value: "cpu_total")]))?.branches.count == 1)
        let two = try filters([
            SyncFilterConfig(aggregation, metric: "cpu"),
            SyncFilterConfig(.downsampling(.interval(.seconds(60)), .largestTriangle(block: nil))),
        ])
        // A counter has no triangles, so its windows are shorter.
        #expect(two.reaches.keys.map(\.length).sorted() == [60_000, 300_000, 600_000] && !two.hasRows)
        for name in ["cpu", "cpu_total", "temp", "temp_total"] {
            let pipeline = try #require(two.pipeline(for: Labels([(name: "__name__", value: name)])))
            #expect((two.reaches[pipeline.windows] ?? -1) >= pipeline.reach)
        }
        #expect(throws: Pipeline.Problem.self) {
            try filters([
                SyncFilterConfig(aggregation, metric: "a"),
                SyncFilterConfig(.deduplication(window: .seconds(59))),
            ])
        }
    }

    /// Every series that a rule has goes out by one of its streams, and by one only.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func oneStreamForEachSeries(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        func pick<Element>(_ all: [Element]) -> Element { all[Int(random.next() % UInt64(all.count))] }
        let names = ["temp", "temp_total", "cpu", "cpu_total", "cpu_bucket", "rpm", "ALERTS"]
        for _ in 0..<100 {
            let rules = try (0..<3).map { index in
                var rule = SyncRule(name: "\(index)")
                rule.selector = [
                    try SyncSelector(parsing: pick(["alerts", "metrics", "cpu", "{__name__=~'t.*'}"]))
                        .matchers
                ]
                rule.also = random.next() % 3 == 0
                rule.filters = (0..<(random.next() % 3)).map { _ in
                    let window = pick([Duration.seconds(60), .seconds(150), .seconds(300)])
                    return SyncFilterConfig(
                        pick([
                            .aggregation([.average, .max], window: window, suffix: nil),
                            .deduplication(window: window),
                            .downsampling(.interval(window), .largestTriangle(block: nil)),
                        ]),
                        metric: pick([nil, nil, "cpu", "temp"])
                    )
                }
                return rule
            }
            let set = try #require(RuleSet(rules))
            let streams = try RuleStream.of(rules, set, declared: { _ in nil })
            #expect(Set(streams.map(\.rule)) == [0, 1, 2])
            for name in names {
                let labels = Labels([(name: "__name__", value: name)])
                for rule in rules.indices {
                    let ways = streams.filter { $0.rule == rule }.count {
                        $0.shipsRows(of: labels) || $0.pipeline(for: labels) != nil
                    }
                    #expect(ways == (set.has(rule, labels) ? 1 : 0))
                }
            }
        }
        let all = try RuleStream.of([.everything], nil, declared: { _ in nil })
        #expect(all.count == 1 && all[0].kind == .rows && all[0].shipsRows(of: labels[0]))
    }
}
