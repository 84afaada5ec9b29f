// SPDX-License-Identifier: Apache-2.0
//
// Rows of one group that come in pieces: read back as if they had come whole, stored once, in order of commit.

import Platform
import Samples
import Synchronization
import Testing

@testable import TSDB

/// One target of which two connections bring a part of the series each.
private struct Pieces {
    let test: TestStore
    let group: GroupID
    let ids: [SeriesID]

    init(_ test: TestStore, series: Int = 40) throws {
        self.test = test
        group = try test.store.group(Labels([(name: "instance", value: "h"), (name: "job", value: "push")]))
        let group = group
        ids = try (0..<series).map { try test.store.series(Labels([("__name__", "p\($0)")]), in: group) }
    }

    static func value(_ step: Int, _ place: Int) -> Double { Double(step * (place + 3) % 1000) / 8 }

    @discardableResult
    func send(_ step: Int, _ places: Range<Int>, acceptsOld: Bool = false) throws -> AppendResult {
        var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: Int64(step) * 15_000))
        batch.acceptsOld = acceptsOld
        for place in places { batch.append(ids[place], Pieces.value(step, place)) }
        return try test.store.append(batch)
    }

    /// Whether the store has these steps of all series, each once.
    func check(_ store: Store, _ steps: [Int]) throws {
        for place in ids.indices {
            let columns = try store.all("p\(place)")
            #expect(columns.timestamps == steps.map { Int64($0) * 15_000 }, "p\(place)")
            #expect(columns.values == steps.map { Pieces.value($0, place) }, "p\(place)")
        }
        let held = store.statistics.headSamples + Int(store.statistics.segmentSamples)
        #expect(held == steps.count * ids.count)
    }

    /// Reads the store to its end and checks that each sample of each series comes once.
    func checkShipping(_ store: Store, _ steps: [Int]) throws {
        var seen: [String: [Int64: Double]] = [:]
        var position = store.oldest
        while position < store.end {
            let chunk = try store.read(from: position, sampleLimit: 333)
            #expect(chunk.lostRows == 0)
            for series in chunk.series {
                for (time, value) in zip(series.samples.timestamps, series.samples.values) {
                    let before = seen[series.labels.metricName ?? "", default: [:]].updateValue(
                        value,
                        forKey: time
                    )
                    #expect(before == nil)
                }
            }
            position = chunk.next
        }
        #expect(seen.count == ids.count)
        for place in ids.indices {
            let want = steps.map { (Int64($0) * 15_000, Pieces.value($0, place)) }
            #expect(seen["p\(place)"] == Dictionary(uniqueKeysWithValues: want))
        }
    }

    var lanes: [Lane] { test.store.head.withLock { head in head.lanes.filter { $0.members > 0 } } }
    var lateRows: Int { test.store.head.withLock { $0.lanes.reduce(0) { $0 + $1.window.late.count } } }
}

struct LaneTests {
    @Test(arguments: [0, 1, 7, 20])
    func piecesOfTwoConnectionsAreInOrderEach(lag: Int) throws {
        let pieces = try Pieces(TestStore())
        for step in 0..<(300 + lag) {
            if step < 300 { #expect(try pieces.send(step, 0..<22).appended == 22) }
            if step >= lag { #expect(try pieces.send(step - lag, 22..<40).appended == 18) }
        }
        try pieces.check(pieces.test.store, Array(0..<300))
        #expect(pieces.lanes.map { $0.members }.sorted() == [18, 22])
        #expect(pieces.lateRows == 0)
        try pieces.checkShipping(pieces.test.store, Array(0..<300))
        try pieces.test.store.sealAll()
        try pieces.check(pieces.test.store, Array(0..<300))
        try pieces.checkShipping(pieces.test.store, Array(0..<300))
    }

    /// The series first came together, then over connections of different pace.
    @Test func aPieceThatFallsBehindGetsALane() throws {
        let pieces = try Pieces(TestStore())
        for step in 0..<10 { try pieces.send(step, 0..<40) }
        for step in 10..<200 {
            try pieces.send(step, 0..<22)
            if step >= 15 { #expect(try pieces.send(step - 5, 22..<40).appended == 18) }
        }
        for step in 195..<200 { try pieces.send(step, 22..<40) }
        #expect(pieces.lanes.map { $0.members }.sorted() == [18, 22])
        // Twice the piece came late; from then on it has a lane.
        #expect(pieces.lateRows == 2)
        try pieces.check(pieces.test.store, Array(0..<200))
        try pieces.checkShipping(pieces.test.store, Array(0..<200))
        let after = try TestStore(files: pieces.test.files.afterKill())
        try pieces.check(after.store, Array(0..<200))
        try after.store.sealAll()
        try pieces.check(after.store, Array(0..<200))
        try pieces.checkShipping(after.store, Array(0..<200))
    }

    /// Requests are cut at another place each time, as Prometheus does when scrapes do not fill its requests evenly.
    @Test func movingCutsEndInOneLane() throws {
        let pieces = try Pieces(TestStore())
        for step in 0..<300 {
            let cut = (step * 7) % 39 + 1
            #expect(try pieces.send(step, 0..<cut).appended == cut)
            #expect(try pieces.send(step, cut..<40).appended == 40 - cut)
        }
        #expect(pieces.lanes.map { $0.members } == [40])
        #expect(pieces.lateRows == 0)
        try pieces.check(pieces.test.store, Array(0..<300))
        try pieces.checkShipping(pieces.test.store, Array(0..<300))
        let after = try TestStore(files: pieces.test.files.afterKill())
        try pieces.check(after.store, Array(0..<300))
        try after.store.sealAll()
        try pieces.check(after.store, Array(0..<300))
    }

    @Test(arguments: [false, true])
    func lanesComeBackAfterAnUncleanEnd(isPowerCut: Bool) throws {
        var test = try TestStore()
        for start in stride(from: 0, to: 300, by: 50) {
            let pieces = try Pieces(test)
            for step in start..<(start + 50) {
                #expect(try pieces.send(step + 9, 0..<22).appended == 22)
                #expect(try pieces.send(step, 22..<40).appended == 18)
                // What was sent already is known, whichever lane has it.
                if step % 10 == 5 {
                    #expect(try pieces.send(step, 0..<22) == AppendResult(appended: step < 9 ? 22 : 0))
                    #expect(try pieces.send(step - 3, 22..<40) == AppendResult())
                }
            }
            if start == 150 { try test.store.sealAll() }
            if isPowerCut {
                try test.store.syncLog()
                test = try TestStore(files: test.files.afterPowerCut { _, _, _ in 0 })
            } else {
                test = try TestStore(files: test.files.afterKill())
            }
            #expect(test.store.recovery.isDamaged == false)
            let lanes = test.store.head.withLock { $0.lanes.filter { $0.members > 0 }.map { $0.members } }
            #expect(start == 150 ? lanes == [] : lanes.sorted() == [18, 22])
        }
        let columns = try test.store.all("p30")
        #expect(columns.timestamps == (0..<300).map { Int64($0) * 15_000 })
        #expect(try test.store.all("p3").timestamps == ([5] + (9..<309)).map { Int64($0) * 15_000 })
    }

    /// Each series has times of its own; together they would make rows of one value.
    @Test func seriesThatShareNoTimesDoNotShareLanes() throws {
        let test = try TestStore()
        let group = try test.store.group(Labels([("job", "mqtt")]))
        let ids = try (0..<10).map { try test.store.series(Labels([("__name__", "e\($0)")]), in: group) }
        for event in 0..<1000 {
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: Int64(event * 37)))
            batch.append(ids[event * 7 % 10], Double(event))
            #expect(try test.store.append(batch).appended == 1)
        }
        #expect(
            test.store.head.withLock { $0.lanes.map { $0.window.series.count } }
                == Array(repeating: 1, count: 10)
        )
        for place in 0..<10 {
            let events = (0..<1000).filter { $0 * 7 % 10 == place }
            #expect(try test.store.all("e\(place)").timestamps == events.map { Int64($0 * 37) })
        }
    }

    @Test func lanesOfAGroupAreBounded() throws {
        let test = try TestStore()
        let group = try test.store.group(Labels([("job", "many")]))
        let ids = try (0..<200).map { try test.store.series(Labels([("__name__", "b\($0)")]), in: group) }
        for step in 0..<20 {
            for place in 0..<200 {
                // Every series at a pace of its own.
                let time = Int64(step * 1000 - place * 11)
                var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: time))
                batch.append(ids[place], Double(step))
                #expect(try test.store.append(batch).appended == 1)
            }
        }
        #expect(test.store.head.withLock { $0.lanes.count } == HeadGroup.laneLimit)
        for place in 0..<200 {
            let times = try test.store.all("b\(place)").timestamps
            #expect(times == (0..<20).map { Int64($0 * 1000 - place * 11) })
        }
    }

    @Test func releasedGroupsAreForgottenWhenSealed() throws {
        let test = try TestStore { $0.maxSeries = 10 }
        for round in 0..<100 {
            let group = try test.store.group(Labels([("job", "gone\(round)")]))
            for place in 0..<5 {
                let id = try test.store.series(
                    Labels([("__name__", "g\(place)"), ("job", "gone\(round)")]),
                    in: group
                )
                var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: Int64(round)))
                batch.append(id, Double(place))
                #expect(try test.store.append(batch).appended == 1)
            }
            test.store.release(group)
            try test.store.maintain()
            #expect(test.store.head.withLock { $0.handles.count } == 5)
            try test.store.sealAll()
            try test.store.maintain()
            test.store.head.withLock { head in
                #expect(head.handles.count == 0)
                #expect(head.groupByIdentity.isEmpty)
                #expect(head.lanes.count == 5)
                #expect(head.groups.count == 1)
            }
        }
        // What is stored stays.
        #expect(try test.store.select([], from: .min, through: .max).count == 500)
        for round in 0..<10 { _ = try test.store.group(Labels([("job", "new\(round)")])) }
        #expect(throws: SinkError.seriesLimit(10)) { try test.store.group(Labels([("job", "eleventh")])) }
        #expect(throws: Never.self) { try test.store.group(Labels([("job", "new3")])) }
    }
}

struct ReleaseTests {
    private func series(_ name: String, _ store: Store, _ group: GroupID) throws -> SeriesID {
        try store.series(Labels([("__name__", name), ("job", "web")]), in: group)
    }

    private func handles(_ test: TestStore) -> Int { test.store.head.withLock { $0.handles.count } }

    private func append(
        _ store: Store,
        _ group: GroupID,
        _ id: SeriesID,
        _ time: Int64
    ) throws -> AppendResult {
        var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: time))
        batch.append(id, Double(time))
        return try store.append(batch)
    }

    @Test func aGroupStaysAsLongAsSomebodyHasIt() throws {
        let test = try TestStore()
        let identity = Labels([("job", "web")])
        let first = try test.store.group(identity)
        let second = try test.store.group(identity)
        #expect(first == second)
        let id = try series("a", test.store, first)
        #expect(try append(test.store, first, id, 1000).appended == 1)
        test.store.release(first)
        try test.store.sealAll()
        try test.store.maintain()
        #expect(handles(test) == 1)
        #expect(try append(test.store, second, id, 2000).appended == 1)
        test.store.release(second)
        test.store.release(second)
        try test.store.maintain()
        #expect(handles(test) == 1, "a row is in memory only")
        try test.store.sealAll()
        try test.store.maintain()
        #expect(handles(test) == 0)
        #expect(try test.store.all("a").timestamps == [1000, 2000])
        try test.store.checkInvariants()
    }

    @Test func aSeriesGoesWhileItsGroupStays() throws {
        let test = try TestStore { $0.maxSeries = 20 }
        let group = try test.store.group(Labels([("job", "web")]))
        let stays = try series("stays", test.store, group)
        for round in Int64(1)...200 {
            let id = try series("g\(round % 50)", test.store, group)
            #expect(try series("g\(round % 50)", test.store, group) == id)
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: round * 1000))
            batch.append(id, Double(round))
            batch.append(stays, Double(round))
            #expect(try test.store.append(batch).appended == 2)
            // A second holder, or time already passed, changes nothing.
            test.store.release([id])
            try test.store.sealAll()
            try test.store.maintain()
            #expect(handles(test) == 2)
            #expect(try append(test.store, group, id, round * 1000 + 1).appended == 1)
            test.store.release([id])
            try test.store.maintain()
            #expect(handles(test) == 2, "a row is in memory only")
            try test.store.sealAll()
            try test.store.maintain()
            #expect(handles(test) == 1)
            try test.store.checkInvariants()
        }
        #expect(try test.store.all("stays").count == 200)
        for number in 0..<50 { #expect(try test.store.all("g\(number)").count == 8) }
    }

    @Test func whatASeriesHadIsKnownWhenItIsBack() throws {
        let test = try TestStore()
        let group = try test.store.group(Labels([("job", "web")]))
        let stays = try series("stays", test.store, group)
        let id = try series("a", test.store, group)
        for time in [1000, 2000, 3000] as [Int64] { _ = try append(test.store, group, id, time) }
        _ = try append(test.store, group, stays, 9000)
        test.store.release([id])
        try test.store.sealAll()
        try test.store.maintain()
        #expect(handles(test) == 1)
        let again = try series("a", test.store, group)
        #expect(try append(test.store, group, again, 2000) == AppendResult())
        var other = SampleBatch(group: group, timestamp: Timestamp(milliseconds: 3000))
        other.append(again, -1)
        #expect(try test.store.append(other) == AppendResult(duplicate: 1))
        #expect(try append(test.store, group, again, 2500) == AppendResult(appended: 1))
        #expect(try append(test.store, group, again, 10_000) == AppendResult(appended: 1))
        #expect(try test.store.all("a").timestamps == [1000, 2000, 2500, 3000, 10_000])
        try test.store.checkInvariants()
    }

    @Test func partsGoWithTheirSeries() throws {
        let test = try TestStore()
        let group = try test.store.group(Labels([("job", "web")]))
        for round in Int64(1)...5 {
            let id = try series("latency", test.store, group)
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: round * 1000))
            batch.append(id, SomeHistograms.whole(UInt64(round)))
            batch.append(id, start: Timestamp(milliseconds: 500))
            #expect(try test.store.append(batch) == AppendResult(appended: 1))
            let count = handles(test)
            #expect(count > 8)
            test.store.release([id])
            try test.store.maintain()
            #expect(handles(test) == count, "the parts are in memory")
            try test.store.checkInvariants()
            try test.store.sealAll()
            try test.store.maintain()
            #expect(handles(test) == 0)
            #expect(test.store.parts.withLock { $0.handles.isEmpty })
            try test.store.checkInvariants()
        }
        let wanted = (UInt64(1)...5).map { SomeHistograms.whole($0) }
        #expect(try test.store.histograms("latency").histograms == wanted)
        #expect(try test.store.select([], from: .min, through: .max).count == 1)
    }

    @Test func whatNobodyAsksForAfterAStartGoes() throws {
        let test = try TestStore()
        try test.store.append("latency", 1000, SomeHistograms.whole(1))
        try test.store.append("gone", 1000, 1.0)
        let (group, _) = try test.store.ids("stays")
        for name in ["stays", "gone2"] { try test.store.append(name, 2000, 1.0) }
        let next = try TestStore(files: test.files.afterKill())
        let before = handles(next)
        #expect(before > 10)
        let (again, stays) = try next.store.ids("stays")
        #expect(again == group)
        try next.store.maintain()
        #expect(handles(next) == before)
        try next.store.sealAll()
        try next.store.maintain()
        #expect(handles(next) == 1)
        #expect(try append(next.store, again, stays, 3000).appended == 1)
        for name in ["gone", "gone2"] { #expect(try next.store.all(name).count == 1) }
        #expect(try next.store.histograms("latency").histograms == [SomeHistograms.whole(1)])
        try next.store.append("latency", 4000, SomeHistograms.whole(2))
        #expect(try next.store.append("latency", 1000, SomeHistograms.whole(2)) == AppendResult(duplicate: 1))
        #expect(try next.store.histograms("latency").timestamps == [1000, 4000])
        try next.store.checkInvariants()
    }
}

struct BackfillTests {
    @Test func oldRowsNeedToBeAskedFor() throws {
        let pieces = try Pieces(TestStore())
        for step in 1000..<1100 { try pieces.send(step, 0..<40) }
        #expect(try pieces.send(900, 0..<40) == AppendResult(outOfOrder: 40))
        #expect(try pieces.send(900, 0..<40, acceptsOld: true) == AppendResult(appended: 40))
        #expect(try pieces.send(900, 0..<40, acceptsOld: true) == AppendResult())
        try pieces.check(pieces.test.store, [900] + Array(1000..<1100))
    }

    /// Two passes at once, behind rows of now, each in order: nothing of it costs what a late row costs.
    @Test func passesOverOldTimesAreInOrder() throws {
        let pieces = try Pieces(TestStore())
        for step in 0..<200 {
            try pieces.send(10_000 + step, 0..<40)
            #expect(try pieces.send(1000 + step, 0..<40, acceptsOld: true).appended == 40)
            #expect(try pieces.send(5000 + step, 0..<22, acceptsOld: true).appended == 22)
            #expect(try pieces.send(5000 + step, 22..<40, acceptsOld: true).appended == 18)
        }
        #expect(pieces.lateRows == 0)
        let lanes = pieces.test.store.head.withLock { $0.lanes }
        #expect(lanes.map { $0.isOld } == [false, true, true])
        // The first row of the earlier pass was followed by the later pass, for which it left room.
        #expect(lanes.map { $0.window.rows } == [200, 401, 199])
        let steps = Array(1000..<1200) + Array(5000..<5200) + Array(10_000..<10_200)
        try pieces.check(pieces.test.store, steps)
        try pieces.checkShipping(pieces.test.store, steps)
        let after = try TestStore(files: pieces.test.files.afterKill())
        try pieces.check(after.store, steps)
        let again = try Pieces(after)
        #expect(try again.send(1100, 0..<40, acceptsOld: true) == AppendResult())
        #expect(try again.send(1200, 0..<40, acceptsOld: true).appended == 40)
        #expect(try again.send(10_200, 0..<40).appended == 40)
        try after.store.sealAll()
        try again.check(after.store, (steps + [1200, 10_200]).sorted())
        try again.checkShipping(after.store, (steps + [1200, 10_200]).sorted())
    }

    @Test func sealedTimesAreKnown() throws {
        let pieces = try Pieces(TestStore())
        for step in stride(from: 0, to: 1000, by: 2) { try pieces.send(step, 0..<40) }
        try pieces.test.store.sealAll()
        let position = pieces.test.store.end
        for step in 0..<900 {
            let want = AppendResult(appended: step % 2 == 0 ? 0 : 40)
            #expect(try pieces.send(step, 0..<40, acceptsOld: true) == want)
        }
        var batch = SampleBatch(group: pieces.group, timestamp: Timestamp(milliseconds: 100 * 15_000))
        batch.acceptsOld = true
        batch.append(pieces.ids[5], -1)
        #expect(try pieces.test.store.append(batch) == AppendResult(duplicate: 1))
        let steps = (0..<900).map { $0 } + stride(from: 900, to: 1000, by: 2)
        try pieces.check(pieces.test.store, steps)
        // A shipper that had everything gets just what is new.
        let chunk = try pieces.test.store.read(from: position, sampleLimit: 1 << 20)
        #expect(chunk.series.map { $0.samples.count } == Array(repeating: 450, count: 40))
        try pieces.test.store.sealAll()
        try pieces.check(pieces.test.store, steps)
        let after = try TestStore(files: pieces.test.files.afterKill())
        try pieces.check(after.store, steps)
    }

    @Test func aFullRingTakesNothingOlderThanItself() throws {
        let test = try TestStore { ($0.ringFiles, $0.ringBytes) = (4, 4 * 65536) }
        var random = SeededGenerator(seed: 9)
        let group = try test.store.group(Labels([("job", "a")]))
        let id = try test.store.series(Labels([("__name__", "m")]), in: group)
        func append(_ time: Int64, old: Bool = false) throws -> AppendResult {
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: time))
            batch.acceptsOld = old
            batch.append(id, Double.random(in: 0...1, using: &random))
            return try test.store.append(batch)
        }
        for row in 0..<1000 { _ = try append(10_000_000 + Int64(row) * 1000) }
        try test.store.sealAll()
        // Nothing had to give way yet, so there is room for older rows.
        #expect(try append(5_000_000, old: true).appended == 1)
        for row in 1000..<60_000 {
            _ = try append(10_000_000 + Int64(row) * 1000)
            if row % 1000 == 0 { try test.store.sealAll() }
        }
        let oldest = try #require(test.store.statistics.oldest).milliseconds
        #expect(oldest > 10_000_000)
        #expect(try append(oldest - 1, old: true) == AppendResult(outOfOrder: 1))
        #expect(try append(oldest + 1, old: true) == AppendResult(appended: 1))
    }
}
