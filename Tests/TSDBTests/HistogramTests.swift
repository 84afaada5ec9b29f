// SPDX-License-Identifier: Apache-2.0
//
// Histograms in the store: exact through memory, log, segments and restarts, never mixed, and their parts in nobody's
// sight.

import Logging
import Platform
import Samples
import Synchronization
import Testing

@testable import TSDB

/// Histograms that try every field.
enum SomeHistograms {
    static func bucket(_ index: Int32, _ count: UInt64) -> HistogramBucket {
        HistogramBucket(index: index, rawCount: count)
    }

    static func whole(_ number: UInt64) -> NativeHistogram {
        NativeHistogram(
            schema: 3,
            count: 10 + number,
            sum: 2.5 * Double(number),
            zeroThreshold: 0.001,
            zeroCount: 1,
            positive: [bucket(-4, 3), bucket(0, 2 + number), bucket(7, 1)],
            negative: [bucket(2, 3)],
            counterReset: .notReset
        )
    }

    /// Integers beyond 2^53, the widest indices, odd doubles.
    static let wide = NativeHistogram(
        schema: -4,
        count: .max,
        sum: -.infinity,
        zeroThreshold: .leastNonzeroMagnitude,
        zeroCount: (1 << 53) + 1,
        positive: [bucket(.min, 1), bucket(.max, StaleMarker.bits)],
        negative: [bucket(-1, 0x8000_0000_0000_0001), bucket(1, 0x7ff8_0000_0000_0001)],
        counterReset: .reset
    )

    static let float = NativeHistogram(
        schema: 8,
        floatCount: 0.1 + 0.2,
        sum: .nan,
        zeroThreshold: -0.0,
        floatZeroCount: -0.0,
        positive: [HistogramBucket(index: 3, count: .nan), HistogramBucket(index: 4, count: 1e300)],
        negative: [HistogramBucket(index: -7, count: .infinity)],
        counterReset: .gauge
    )

    static let custom = NativeHistogram(
        schema: -53,
        count: 7,
        sum: 12,
        positive: [bucket(0, 4), bucket(3, 3)],
        customBounds: [-1, 0, 2.5]
    )

    static let empty = NativeHistogram(schema: 0, count: 0, sum: 0)

    static let all = [whole(0), wide, float, custom, empty, .staleMarker, whole(5), custom, whole(6)]
}

extension Store {
    /// All histograms of the first series the matchers find.
    func histograms(
        _ matchers: [LabelMatcher],
        from: Timestamp = .min,
        through: Timestamp = .max
    ) throws -> HistogramColumns {
        let selection = try select(matchers, from: from, through: through)
        var columns = HistogramColumns()
        if selection.count > 0 {
            try selection.readHistograms(0, from: from, through: through, into: &columns)
        }
        return columns
    }

    func histograms(_ name: String) throws -> HistogramColumns {
        try histograms([LabelMatcher("__name__", equals: name)])
    }

    func starts(_ name: String) throws -> StartColumns {
        let selection = try select([LabelMatcher("__name__", equals: name)], from: .min, through: .max)
        var columns = StartColumns()
        if selection.count > 0 {
            try selection.readStartTimestamps(0, from: .min, through: .max, into: &columns)
        }
        return columns
    }

    /// Group and series of a name.
    func ids(_ name: String) throws -> (group: GroupID, series: SeriesID) {
        let group = try group(Labels([(name: "job", value: "web")]))
        let labels = Labels([(name: "__name__", value: name), (name: "job", value: "web")])
        return (group, try series(labels, in: group))
    }

    @discardableResult
    func append(_ name: String, _ time: Int64, _ histogram: NativeHistogram) throws -> AppendResult {
        let (group, series) = try ids(name)
        var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: time))
        batch.append(series, histogram)
        return try append(batch)
    }

    @discardableResult
    func append(_ name: String, _ time: Int64, _ value: Double) throws -> AppendResult {
        let (group, series) = try ids(name)
        var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: time))
        batch.append(series, value)
        return try append(batch)
    }
}

struct HistogramTests {
    private func filled() throws -> TestStore {
        let test = try TestStore()
        for (number, histogram) in SomeHistograms.all.enumerated() {
            #expect(
                try test.store.append("latency", Int64(number + 1) * 1000, histogram)
                    == AppendResult(appended: 1)
            )
        }
        return test
    }

    private func check(_ store: Store) throws {
        let read = try store.histograms("latency")
        #expect(read.timestamps == (1...9).map { $0 * 1000 })
        #expect(read.histograms == SomeHistograms.all)
        let part = try store.histograms(
            [LabelMatcher("__name__", equals: "latency")],
            from: Timestamp(milliseconds: 2000),
            through: Timestamp(milliseconds: 3999)
        )
        #expect(part.histograms == [SomeHistograms.wide, SomeHistograms.float])
        #expect(try store.all("latency").count == 0)
    }

    @Test func everyBitComesBackFromMemory() throws {
        let test = try filled()
        try check(test.store)
        #expect(test.counter("appended_samples_total") == 9)
    }

    @Test func everyBitComesBackFromASegment() throws {
        let test = try filled()
        try test.store.sealAll()
        #expect(test.store.statistics.headSamples == 0)
        try check(test.store)
        try check(TestStore(files: test.files.afterKill()).store)
    }

    @Test func everyBitComesBackFromTheLog() throws {
        let test = try filled()
        let killed = try TestStore(files: test.files.afterKill())
        #expect(killed.store.recovery.rows == 9 && !killed.store.recovery.isDamaged)
        try check(killed.store)
        // Handles of parts are found again, not made twice.
        let parts = killed.store.statistics.activeParts
        try killed.store.append("latency", 10_000, SomeHistograms.wide)
        #expect(killed.store.statistics.activeParts == parts)
        #expect(try killed.store.histograms("latency").count == 10)
    }

    @Test func aPowerCutKeepsWhatWasSynced() throws {
        let test = try filled()
        try test.store.syncLog()
        try test.store.append("latency", 10_000, SomeHistograms.whole(9))
        let cut = test.files.afterPowerCut { _, _, _ in 0 }
        let read = try TestStore(files: cut).store
        try check(read)
    }

    @Test func partsAreNobodysSeries() throws {
        let test = try filled()
        for isSealed in [false, true] {
            if isSealed { try test.store.sealAll() }
            let store = try isSealed ? TestStore(files: test.files.afterKill()).store : test.store
            let everything = try store.select([], from: .min, through: .max)
            #expect(
                (0..<everything.count).map { everything.labels($0).description } == ["latency{job=\"web\"}"]
            )
            let any = try LabelMatcher(PartLabel.name, .matches, ".*")
            #expect(try store.select([any], from: .min, through: .max).count == 1)
            #expect(
                try store.select([LabelMatcher(PartLabel.name, equals: "count")], from: .min, through: .max)
                    .count
                    == 0
            )
            #expect(try store.labelNames([], from: .min, through: .max) == ["__name__", "job"])
            #expect(try store.labelValues(PartLabel.name, [], from: .min, through: .max) == [])
            #expect(store.statistics.series == 1)
            if !isSealed { #expect(store.statistics.activeSeries == 1) }
            let beyond = Timestamp(milliseconds: 9001)
            #expect(try store.select([], from: beyond, through: .max).count == 0)
        }
    }

    @Test func nobodyMayNameAPart() throws {
        let test = try filled()
        let group = try test.store.group(Labels())
        let labels = Labels([(name: PartLabel.name, value: "count"), (name: "__name__", value: "latency")])
        #expect(throws: SinkError.reservedLabel) { try test.store.series(labels, in: group) }
    }

    @Test func floatsAndHistogramsMayAlternate() throws {
        let test = try TestStore()
        for time in Int64(1)...20 {
            if time % 3 == 0 {
                try test.store.append("both", time * 1000, Double(time))
            } else {
                try test.store.append("both", time * 1000, SomeHistograms.whole(UInt64(time)))
            }
        }
        for store in [test.store, try TestStore(files: test.files.afterKill()).store] {
            #expect(try store.all("both").timestamps == [3000, 6000, 9000, 12_000, 15_000, 18_000])
            let read = try store.histograms("both")
            #expect(read.timestamps == (1...20).filter { $0 % 3 != 0 }.map { $0 * 1000 })
            #expect(read.histograms == (1...20).filter { $0 % 3 != 0 }.map { SomeHistograms.whole($0) })
        }
    }

    @Test func aBatchHoldsValuesHistogramsAndStarts() throws {
        let test = try TestStore()
        let (group, latency) = try test.store.ids("latency")
        let (_, requests) = try test.store.ids("requests")
        let (_, up) = try test.store.ids("up")
        for time in Int64(1)...3 {
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: time * 1000))
            batch.append(up, 1)
            batch.append(requests, Double(time))
            batch.append(latency, SomeHistograms.whole(UInt64(time)))
            batch.append(latency, start: Timestamp(milliseconds: 500))
            if time > 1 { batch.append(requests, start: Timestamp(milliseconds: 1500)) }
            #expect(try test.store.append(batch) == AppendResult(appended: 3))
        }
        for store in [test.store, try TestStore(files: test.files.afterKill()).store] {
            #expect(try store.all("up").count == 3)
            #expect(try store.starts("up").count == 0)
            #expect(try store.starts("latency").starts == [500, 500, 500])
            #expect(try store.starts("requests").timestamps == [2000, 3000])
            #expect(try store.starts("requests").starts == [1500, 1500])
            #expect(try store.histograms("latency").histograms == (1...3).map { SomeHistograms.whole($0) })
        }
    }

    @Test func ofTwoSamplesInOneBatchTheFirstCounts() throws {
        let test = try TestStore()
        let (group, latency) = try test.store.ids("latency")
        let (_, other) = try test.store.ids("other")
        var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: 1000))
        batch.append(latency, 4)
        batch.append(latency, SomeHistograms.custom)
        batch.append(other, SomeHistograms.custom)
        batch.append(other, SomeHistograms.wide)
        #expect(try test.store.append(batch) == AppendResult(appended: 2, duplicate: 2))
        #expect(try test.store.histograms("other").histograms == [SomeHistograms.custom])
        #expect(try test.store.histograms("latency").count == 0)
    }

    // MARK: - Late

    @Test func lateHistogramsStayWhole() throws {
        let test = try TestStore()
        try test.store.append("latency", 10_000, SomeHistograms.whole(1))
        #expect(try test.store.append("latency", 5000, SomeHistograms.wide) == AppendResult(appended: 1))
        #expect(try test.store.append("other", 5000, SomeHistograms.custom) == AppendResult(appended: 1))
        #expect(try test.store.append("latency", 7000, 1.5) == AppendResult(appended: 1))
        for store in [test.store, try TestStore(files: test.files.afterKill()).store] {
            #expect(try store.histograms("latency").timestamps == [5000, 10_000])
            #expect(
                try store.histograms("latency").histograms == [SomeHistograms.wide, SomeHistograms.whole(1)]
            )
            #expect(try store.histograms("other").histograms == [SomeHistograms.custom])
            #expect(try store.all("latency").timestamps == [7000])
        }
        try test.store.sealAll()
        #expect(
            try test.store.histograms("latency").histograms == [SomeHistograms.wide, SomeHistograms.whole(1)]
        )
    }

    @Test func aSecondHistogramNeverMixesWithTheFirst() throws {
        let test = try TestStore()
        try test.store.append("latency", 5000, SomeHistograms.custom)
        try test.store.append("latency", 10_000, SomeHistograms.whole(1))
        for isSealed in [false, true] {
            if isSealed { try test.store.sealAll() }
            #expect(try test.store.append("latency", 5000, SomeHistograms.custom) == AppendResult())
            #expect(try test.store.append("latency", 5000, SomeHistograms.wide) == AppendResult(duplicate: 1))
            #expect(try test.store.append("latency", 5000, 3.0) == AppendResult(duplicate: 1))
            #expect(try test.store.append("latency", 10_000, 3.0) == AppendResult(duplicate: 1))
            let both = try test.store.histograms("latency").histograms
            #expect(both == [SomeHistograms.custom, SomeHistograms.whole(1)])
            #expect(try test.store.all("latency").count == 0)
        }
        try test.store.append("latency", 20_000, 4.0)
        #expect(try test.store.append("latency", 20_000, SomeHistograms.wide) == AppendResult(duplicate: 1))
        #expect(try test.store.histograms("latency").count == 2)
    }

    @Test func aSecondHistogramNeverMixesAfterAStart() throws {
        let test = try TestStore()
        try test.store.append("latency", 5000, SomeHistograms.custom)
        try test.store.append("latency", 10_000, SomeHistograms.whole(1))
        try test.store.append("latency", 20_000, 7.0)
        for isSealed in [false, true] {
            if isSealed { try test.store.sealAll() }
            let store = try TestStore(files: test.files.afterKill()).store
            #expect(try store.append("latency", 5000, 3.0) == AppendResult(duplicate: 1))
            #expect(try store.append("latency", 5000, SomeHistograms.wide) == AppendResult(duplicate: 1))
            #expect(try store.append("latency", 20_000, SomeHistograms.wide) == AppendResult(duplicate: 1))
            #expect(try store.append("latency", 10_000, SomeHistograms.whole(1)) == AppendResult())
            #expect(try store.append("latency", 7000, SomeHistograms.wide) == AppendResult(appended: 1))
            #expect(try store.histograms("latency").timestamps == [5000, 7000, 10_000])
            #expect(try store.all("latency").timestamps == [20_000])
        }
    }

    @Test func tooLateIsOutOfOrder() throws {
        let test = try TestStore { $0.outOfOrderWindow = .seconds(10) }
        try test.store.append("latency", 100_000, SomeHistograms.whole(1))
        #expect(try test.store.append("latency", 1000, SomeHistograms.wide) == AppendResult(outOfOrder: 1))
        #expect(test.counter("out_of_order_samples_total") == 1)
    }

    // MARK: - Bounds

    @Test func tooManyBucketsAreReducedOrRefused() throws {
        let test = try TestStore()
        let fine = NativeHistogram(
            schema: 8,
            count: 513,
            sum: 1,
            positive: (0..<513).map { SomeHistograms.bucket($0, 1) }
        )
        #expect(try test.store.append("latency", 1000, fine) == AppendResult(appended: 1))
        #expect(try test.store.histograms("latency").histograms == [fine.reduced(to: 7)])
        #expect(test.counter("reduced_histograms_total") == 1)
        var custom = SomeHistograms.custom
        custom.customBounds = (0..<513).map { Double($0) }
        #expect(try test.store.append("latency", 2000, custom) == AppendResult(refused: 1))
        var unsorted = SomeHistograms.whole(1)
        unsorted.positive.swapAt(0, 1)
        #expect(try test.store.append("latency", 2000, unsorted) == AppendResult(refused: 1))
        #expect(test.counter("refused_histograms_total") == 2)
    }

    @Test func partsCountAgainstTheSeriesLimit() throws {
        let test = try TestStore { $0.maxSeries = 8 }
        // Layout, count, sum, zero, width and four buckets: one more than there is room for.
        #expect(try test.store.append("latency", 1000, SomeHistograms.whole(1)) == AppendResult(refused: 1))
        #expect(try test.store.append("latency", 2000, SomeHistograms.empty) == AppendResult(appended: 1))
        #expect(try test.store.append("latency", 3000, 1.0) == AppendResult(appended: 1))
        #expect(try test.store.histograms("latency").histograms == [SomeHistograms.empty])
        #expect(test.counter("series_limit_dropped_total") == 1)
    }

    @Test func aRefusedHistogramTakesNoRoom() throws {
        let test = try TestStore { $0.maxSeries = 8 }
        for time in Int64(1)...3 {
            let result = try test.store.append("latency", time * 1000, SomeHistograms.whole(1))
            #expect(result == AppendResult(refused: 1))
        }
        #expect(test.counter("series_limit_dropped_total") == 3)
        #expect(test.store.statistics.activeSeries == 1)
        // Seven more, and not an eighth.
        for number in 1...7 {
            #expect(try test.store.append("m\(number)", 4000, 1.0) == AppendResult(appended: 1))
        }
        #expect(throws: SinkError.seriesLimit(8)) { try test.store.append("m8", 4000, 1.0) }
    }

    @Test func knownPartsNeedNoRoomAfterARestart() throws {
        let before = try TestStore { $0.maxSeries = 10 }
        #expect(
            try before.store.append("latency", 1000, SomeHistograms.whole(1)) == AppendResult(appended: 1)
        )
        let test = try TestStore(files: before.files.afterKill()) { $0.maxSeries = 10 }
        #expect(try test.store.append("latency", 2000, SomeHistograms.whole(2)) == AppendResult(appended: 1))
        #expect(try test.store.histograms("latency").count == 2)
    }

    @Test func aHistogramWithoutAllItsPartsIsLeftOut() throws {
        let parts = HistogramAssemblyTests.parts(of: [
            (1, SomeHistograms.whole(1)), (2, SomeHistograms.custom),
        ])
        for missing in parts.indices where parts[missing].part != .layout {
            var some = parts
            some.remove(at: missing)
            var assembly = HistogramAssembly()
            let found = assembly.histograms(some)
            #expect(assembly.incomplete >= 1)
            #expect(found.count + assembly.incomplete == 2)
            for (time, histogram) in zip(found.timestamps, found.histograms) {
                #expect(histogram == (time == 1 ? SomeHistograms.whole(1) : SomeHistograms.custom))
            }
        }
        var assembly = HistogramAssembly()
        #expect(assembly.histograms(parts).count == 2 && assembly.incomplete == 0)
    }

    @Test func aSeriesIsForgottenWithItsLastPart() throws {
        let test = try TestStore { ($0.ringBytes, $0.ringFiles) = (128 << 10, 2) }
        try test.store.append("old", 1000, SomeHistograms.whole(1))
        try test.store.sealAll()
        let store = try TestStore(files: test.files.afterKill()) {
            ($0.ringBytes, $0.ringFiles) = (128 << 10, 2)
        }
        .store
        #expect(store.statistics.series == 1)
        for round in Int64(2)..<1000 {
            try store.append("new", round * 1000, Double(round))
            try store.sealAll()
        }
        #expect(store.statistics.series == 1)
        #expect(try store.histograms("old").count == 0)
        let state = store.index.withLock {
            (
                $0.links.count,
                $0.reference(
                    Labels([
                        (name: "__name__", value: "old"), (name: "job", value: "web"),
                    ])
                )
            )
        }
        #expect(state == (0, nil))
    }

    // MARK: - Shipping

    @Test func shippersGetHistograms() throws {
        let test = try TestStore()
        for time in Int64(1)...30 {
            let (group, latency) = try test.store.ids("latency")
            let (_, up) = try test.store.ids("up")
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: time * 1000))
            batch.append(up, 1)
            if time % 7 != 0 { batch.append(latency, SomeHistograms.whole(UInt64(time))) }
            batch.append(up, start: Timestamp(milliseconds: 900))
            _ = try test.store.append(batch)
            if time == 12 { try test.store.sealAll() }
        }
        var position = LogPosition(sequence: 0)
        var histograms = HistogramColumns()
        var up = SampleColumns()
        var starts = StartColumns()
        while position < test.store.end {
            let chunk = try test.store.read(from: position, sampleLimit: 25)
            #expect(chunk.lostRows == 0)
            for series in chunk.series {
                #expect(!PartLabel.marks(series.labels))
                for (time, histogram) in zip(series.histograms.timestamps, series.histograms.histograms) {
                    histograms.append(time, histogram)
                }
                for (time, start) in zip(series.starts.timestamps, series.starts.starts) {
                    starts.append(time, start: start)
                }
                if series.labels.metricName == "up" {
                    up.timestamps += series.samples.timestamps
                    up.values += series.samples.values
                } else {
                    #expect(series.labels.metricName == "latency" && series.samples.count == 0)
                }
            }
            #expect(chunk.next > position)
            position = chunk.next
        }
        let times = (Int64(1)...30).filter { $0 % 7 != 0 }
        #expect(histograms.timestamps == times.map { $0 * 1000 })
        #expect(histograms.histograms == times.map { SomeHistograms.whole(UInt64($0)) })
        #expect(up.count == 30)
        #expect(starts.starts == [Int64](repeating: 900, count: 30))
    }
}

struct HistogramAssemblyTests {
    /// The columns of histograms as the store would have them.
    static func parts(
        of rows: [(time: Int64, histogram: NativeHistogram)]
    ) -> [(part: SeriesPart, columns: SampleColumns)] {
        var columns: [SeriesPart: SampleColumns] = [:]
        for (time, histogram) in rows {
            histogram.forEachPart {
                columns[$0, default: SampleColumns()].append(time, Double(bitPattern: $1))
            }
        }
        return columns.map { ($0.key, $0.value) }
    }

    @Test func partsHaveNamesThatAreReadBack() {
        let parts: [SeriesPart] = [
            .layout, .count, .sum, .zeroCount, .zeroThreshold, .start, .positive(.min), .positive(0),
            .negative(.max), .negative(-1), .bound(12),
        ]
        for part in parts { #expect(SeriesPart(name: part.name) == part) }
        #expect(Set(parts.map { $0.name }).count == parts.count)
        for name in ["", "p", "x1", "p1.5", "p99999999999", "counts"] {
            #expect(SeriesPart(name: name) == nil)
        }
    }

    @Test func layoutsAreWholeNumbers() throws {
        for histogram in SomeHistograms.all {
            let layout = HistogramLayout(histogram)
            let read = try #require(HistogramLayout(bits: layout.bits))
            #expect(read == layout)
            #expect(UInt64(exactly: Double(bitPattern: layout.bits)) != nil)
        }
        for bits in [
            Double.nan.bitPattern, (-1.0).bitPattern, 0.5.bitPattern, Double(1 << 40).bitPattern,
            StaleMarker.bits, (Double(UInt64(200) << 28)).bitPattern,
        ] {
            #expect(HistogramLayout(bits: bits) == nil)
        }
    }
}
