// SPDX-License-Identifier: Apache-2.0
//
// Queries over rows. Two stores get the same samples: one keeps them all, the other gives them up after six hours and
// answers from rows of five minutes, after a day from rows of an hour. At the ends of windows both must say the same.

import Foundation
import Logging
import Platform
import PromQL
import Samples
import TSDB
import Testing

private let minute: Int64 = 60_000
private let hour: Int64 = 3_600_000
private let day: Int64 = 24 * hour
/// A multiple of all windows and spans.
private let start: Int64 = 19_674 * day

/// A store of samples and one of rows, side by side.
private final class Pair {
    private static let names = ["gauge", "work_total", "batches"]

    let whole: Store
    let coarse: Store
    let clock = ManualClock(wallMilliseconds: start)
    private let directory: URL
    private var groups: [(Store, GroupID, [SeriesID])] = []
    private var values: [Double] = [0, 0, 0]
    private var random = SeededGenerator(seed: 7)

    init() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "tiers-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let clock = clock
        self.directory = directory
        func open(_ name: String, _ change: (inout StoreOptions) -> Void) throws -> Store {
            var options = StoreOptions(
                directory: directory.appending(path: name).path,
                ringBytes: 16 << 20,
                logBytes: 1 << 20
            )
            change(&options)
            let store = try Store(
                options,
                files: SystemFileStore(),
                clock: clock,
                telemetry: Telemetry(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            return store
        }
        whole = try open("whole") { _ in }
        coarse = try open("coarse") {
            $0.retention = .seconds(6 * 3600)
            $0.tiers = [
                TierOptions(
                    name: "warm",
                    resolution: .seconds(300),
                    ringBytes: 1 << 20,
                    retention: .seconds(86_400)
                ),
                TierOptions(name: "cold", resolution: .seconds(3600), ringBytes: 1 << 20),
            ]
        }
        for store in [whole, coarse] {
            let group = try store.group(Labels([("job", "plant")]))
            let ids = try Pair.names.map {
                try store.series(Labels([("__name__", $0), ("job", "plant")]), in: group)
            }
            groups.append((store, group, ids))
        }
    }

    deinit {
        whole.close()
        coarse.close()
        try? FileManager.default.removeItem(at: directory)
    }

    /// Days of a sample every 15 seconds, whole numbers, with a pause, restarts of the counter, and a series that
    /// ends now and then.
    func fill(days: Int64) throws {
        var time = start + 7000
        while time < start + days * day {
            clock.advance(milliseconds: time - clock.wallMilliseconds())
            values[0] = Double(Int.random(in: -100...100, using: &random))
            values[1] =
                Int.random(in: 0..<2000, using: &random) == 0
                ? 3 : values[1] + Double(Int.random(in: 0...4, using: &random))
            values[2] = Double(Int.random(in: 0...5, using: &random))
            let isEnd = time % (7 * hour) >= 7 * hour - 15_000
            let isGone = time % (7 * hour) < 2 * hour
            for (store, group, ids) in groups {
                var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: time))
                batch.append(ids[0], values[0])
                batch.append(ids[1], values[1])
                if isEnd { batch.append(ids[2], StaleMarker.value) }
                if !isGone, !isEnd { batch.append(ids[2], values[2]) }
                _ = try store.append(batch)
            }
            time += time % day == 5 * hour + 7000 ? 50 * minute : 15_000
            if time % (10 * minute) < 15_000 { for (store, _, _) in groups { try store.maintain() } }
        }
        clock.advance(milliseconds: start + days * day - clock.wallMilliseconds())
        for _ in 0..<100 { try coarse.maintain() }
    }
}

private func texts(_ value: QueryValue) -> [String] {
    switch value {
    case .vector(let samples):
        samples.map { "\($0.labels) \(Float($0.value))" }
    case .matrix(let series):
        series.map { entry in
            let samples = zip(entry.samples.timestamps, entry.samples.values).map {
                "\($0 - start)=\(Float($1))"
            }
            return "\(entry.labels) \(samples)"
        }
    default: ["\(value)"]
    }
}

struct TierQueryTests {
    @Test func atTheEndsOfWindowsRowsSayWhatSamplesSay() async throws {
        let pair = try Pair()
        try pair.fill(days: 7)
        let whole = QueryEngine(source: pair.whole)
        let coarse = QueryEngine(source: pair.coarse)
        let queries = [
            "gauge", "work_total", "batches", "timestamp(gauge)", "gauge offset 2h", "absent(batches)",
            "rate(work_total[2h])", "increase(work_total[1h])", "delta(gauge[3h])",
            "increase(work_total[26h])",
            "rate(batches[4h])", "sum_over_time(gauge[2h])", "count_over_time(batches[5h])",
            "avg_over_time(gauge[3h])", "min_over_time(gauge[2h])", "max_over_time(gauge[12h])",
            "first_over_time(gauge[2h])", "last_over_time(batches[3h])", "present_over_time(batches[2h])",
            "sum_over_time(gauge[2d])", "max_over_time(batches[3d] offset 1h)",
            "avg_over_time(gauge[1d] @ \((start + 3 * day) / 1000))", "sum by (job) (rate(work_total[1h]))",
            "max_over_time(gauge[1h:1h])", "gauge + work_total",
        ]
        let from = Timestamp(milliseconds: start + hour)
        let through = Timestamp(milliseconds: start + 7 * day)
        for query in queries {
            let expected = try await whole.range(query, from: from, through: through, step: .seconds(3600))
            let answer = try await coarse.range(query, from: from, through: through, step: .seconds(3600))
            #expect(texts(answer.value) == texts(expected.value), "\(query)")
            #expect(expected.infos.filter { $0.contains("tiers") } == [])
            #expect(answer.infos.contains { $0.contains("has a resolution of 1h (storage.tiers)") })
        }
        // In the stretch of five minutes the same holds at every five minutes.
        let recent = Timestamp(milliseconds: start + 6 * day + 2 * hour)
        for query in [
            "gauge", "batches", "rate(work_total[5m])", "increase(work_total[15m])",
            "avg_over_time(gauge[10m])",
            "count_over_time(batches[5m])", "max_over_time(gauge[25m])",
        ] {
            let expected = try await whole.range(query, from: recent, through: through, step: .seconds(300))
            let answer = try await coarse.range(query, from: recent, through: through, step: .seconds(300))
            #expect(texts(answer.value) == texts(expected.value), "\(query)")
        }
    }

    @Test func infosNameTheSeams() async throws {
        let pair = try Pair()
        try pair.fill(days: 5)
        let engine = QueryEngine(source: pair.coarse)
        func infos(_ query: String, at time: Int64) async throws -> [String] {
            try await engine.instant(query, at: Timestamp(milliseconds: time)).infos
        }
        let end = start + 5 * day
        // Now is 2023-11-18: samples of six hours; rows of hours are built for three days at a time.
        let fine = "PromQL info: data before 2023-11-17T18:00:00Z has a resolution of 5m (storage.tiers)"
        let rough = "PromQL info: data before 2023-11-16T00:00:00Z has a resolution of 1h (storage.tiers)"
        #expect(try await infos("gauge", at: end) == [])
        #expect(try await infos("max_over_time(gauge[6h])", at: end) == [])
        #expect(try await infos("max_over_time(gauge[7h])", at: end) == [fine])
        #expect(try await infos("gauge", at: end - 7 * hour) == [fine])
        #expect(try await infos("max_over_time(gauge[50h])", at: end) == [rough, fine])
        #expect(try await infos("max_over_time(gauge[47h])", at: end) == [fine])
        #expect(try await infos("gauge", at: end - 2 * day) == [rough])
        #expect(try await infos("nothing", at: end - 2 * day) == [])
    }

    @Test func betweenTheEndsOfWindowsTheLastEndCounts() async throws {
        let pair = try Pair()
        try pair.fill(days: 5)
        let engine = QueryEngine(source: pair.coarse)
        func value(_ query: String, at time: Int64) async throws -> [String] {
            texts(try await engine.instant(query, at: Timestamp(milliseconds: time)).value)
        }
        let old = start + day + 3 * hour
        for query in ["gauge", "rate(work_total[2h])", "sum_over_time(gauge[1h])"] {
            #expect(try await value(query, at: old + 59 * minute) == value(query, at: old))
            #expect(try await value(query, at: old + 61 * minute) == value(query, at: old + hour))
            #expect(try await value(query, at: old).count == 1)
        }
        // A range shorter than a window is its share of it.
        let share = try await value("count_over_time(gauge[15m])", at: old + 20 * minute)
        #expect(share == ["{job=\"plant\"} 60.0"])
        let rate = try await value("rate(work_total[1m])", at: old)
        #expect(rate == (try await value("rate(work_total[1h])", at: old)))
    }
}
