// SPDX-License-Identifier: Apache-2.0
//
// Reading several series at once, and only their newest samples, against reading each by itself.

import Platform
import Samples
import Testing

@testable import TSDB

@Suite struct BatchReadTests {
    /// Three groups at paces of their own, with gaps, stale markers, late rows and a series in two groups; `rows` decides
    /// how much of it is in segments.
    private func store(_ rows: Int, seal: Bool) throws -> TestStore {
        let test = try TestStore { $0.outOfOrderWindow = .seconds(3600) }
        var groups: [(group: GroupID, ids: [SeriesID])] = []
        for number in 0..<3 {
            let group = try test.store.group(Labels([(name: "instance", value: "h\(number)")]))
            var ids = try (0..<7).map { place in
                try test.store.series(
                    Labels([("__name__", "m\(place % 3)"), ("instance", "h\(number)"), ("place", "\(place)")]
                    ),
                    in: group
                )
            }
            ids.append(try test.store.series(Labels([("__name__", "shared")]), in: group))
            groups.append((group, ids))
        }
        for row in 0..<rows {
            for (number, (group, ids)) in groups.enumerated() {
                var time = Int64(row) * 15_000 + Int64(number) * 17 + (number == 2 ? Int64(row % 5) : 0)
                if row % 97 == 50 + number { time -= 70_000 }
                var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: time))
                for (place, id) in ids.enumerated() where (row + place) % 11 != 3 {
                    if place == 7, row % 3 != number { continue }
                    let value = place == 2 ? 5 : Double((row * (place + 3) + number) % 1000) / 8
                    batch.append(id, row % 61 == 40 && place == 1 ? StaleMarker.value : value)
                }
                _ = try test.store.append(batch)
            }
            if seal, row == rows * 2 / 3 { try test.store.sealAll() }
        }
        return test
    }

    /// What samples come to is the same when it is asked for first and when it is remembered; the values add up exactly.
    private func joinedIsAsEach(
        _ found: any SeriesSelection,
        _ from: Timestamp,
        _ through: Timestamp,
        _ each: [SampleColumns]
    ) throws {
        for _ in 0..<2 {
            for (index, samples) in each.enumerated() {
                guard let pieces = try found.readJoined(index, from: from, through: through) else { continue }
                let whole = SampleSummary(joining: samples)
                guard var joined = pieces.first else {
                    #expect(whole == nil)
                    continue
                }
                for next in pieces.dropFirst() { joined.append(next) }
                #expect(joined.count == whole?.count)
                #expect(joined.firstTime == whole?.firstTime)
                #expect(joined.lastTime == whole?.lastTime)
                #expect(
                    [joined.first, joined.last, joined.min, joined.max, joined.sum, joined.fallen]
                        == whole.map { [$0.first, $0.last, $0.min, $0.max, $0.sum, $0.fallen] }
                )
            }
        }
    }

    /// A series in several segments and in memory: what is in segments is remembered, and only that.
    @Test func whatSegmentsHoldIsJoined() throws {
        let test = try TestStore()
        let group = try test.store.group(Labels([(name: "instance", value: "a")]))
        let id = try test.store.series(Labels([("__name__", "x")]), in: group)
        for row in 0..<900 {
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: Int64(row) * 15_000))
            batch.append(id, row == 300 ? StaleMarker.value : Double(row % 17) / 4)
            _ = try test.store.append(batch)
            if row % 250 == 249 { try test.store.sealAll() }
        }
        let (from, through) = (Timestamp(milliseconds: 1_000_000), Timestamp(milliseconds: 20_000_000))
        let found = try test.store.select([], from: from, through: through)
        var samples = SampleColumns()
        try found.read(0, from: from, through: through, into: &samples)
        for _ in 0..<2 {
            let joined = try #require(try found.readJoined(0, from: from, through: through))
            #expect(joined.count == 4)
            #expect(joined.map(\.count) == [183, 249, 250, 150])
        }
        try joinedIsAsEach(found, from, through, [samples])
    }

    @Test(arguments: [(40, false), (70, false), (300, true), (1100, true)])
    func severalAreAsEach(_ rows: Int, _ seal: Bool) throws {
        let store = try store(rows, seal: seal).store
        let end = Int64(rows) * 15_000
        let everything: [LabelMatcher] = []
        for (from, through) in [
            (Int64.min, Int64.max), (0, end), (end - 300_000, end), (end / 2, end / 2 + 300_000),
            (end / 3, end / 3),
            (end - 1_000_000, end - 16_000),
        ] {
            let (from, through) = (Timestamp(milliseconds: from), Timestamp(milliseconds: through))
            let ordered = try store.select(everything, from: from, through: through)
            let other = try store.selectUnordered(everything, from: from, through: through)
            #expect((0..<other.count).map(other.labels).sorted() == (0..<ordered.count).map(ordered.labels))
            for found in [ordered, other] {
                let each = try (0..<found.count).map { index in
                    var columns = SampleColumns()
                    try found.read(index, from: from, through: through, into: &columns)
                    return columns
                }
                try joinedIsAsEach(found, from, through, each)
                for size in [4, 32] {
                    var first = 0
                    while first < found.count {
                        let indices = first..<min(first + size, found.count)
                        var columns = indices.map { _ in SampleColumns() }
                        try found.read(indices, from: from, through: through, into: &columns)
                        #expect(columns == Array(each[indices]))
                        var newest = indices.map { _ in SampleColumns() }
                        try found.readNewest(indices, from: from, through: through, into: &newest)
                        for (one, all) in zip(newest, each[indices]) {
                            #expect(one.timestamps.last == all.timestamps.last)
                            #expect(one.values.last?.bitPattern == all.values.last?.bitPattern)
                        }
                        first = indices.upperBound
                    }
                }
            }
        }
    }

    @Test func timesOnAGridAreNoted() throws {
        #expect(TimeGrid([5])?.count == nil)
        #expect(TimeGrid([5, 7, 9])?.timestamps == [5, 7, 9])
        #expect(TimeGrid([5, 7, 10]) == nil)
        #expect(TimeGrid([.min, .max]) == nil)
        #expect(TimeGrid([7, 7, 7])?.timestamps == [7, 7, 7])
    }

    @Test func valuesOfANameAreThoseOfSeriesThere() throws {
        let store = try store(300, seal: true).store
        func values(_ name: String, _ from: Int64, _ through: Int64) throws -> [String] {
            try store.labelValues(
                name,
                [],
                from: Timestamp(milliseconds: from),
                through: Timestamp(milliseconds: through)
            )
        }
        #expect(try values("instance", 0, 4_500_000) == ["h0", "h1", "h2"])
        #expect(try values("__name__", 0, 4_500_000) == ["m0", "m1", "m2", "shared"])
        #expect(try values("instance", -100, -1) == [])
        #expect(try values("nothing", 0, 4_500_000) == [])
    }
}
