// SPDX-License-Identifier: Apache-2.0
//
// The other filters beside naive ones written from their definitions, and what holds for every chain of filters: any
// division of time gives the same samples.

import Config
import Samples
import Testing

@testable import Sync

@Suite struct FilterTests {
    private func windowEnd(_ time: Int64, _ length: Int64) -> Int64 {
        time % length == 0 ? time : (time / length + 1) * length
    }

    private typealias Point = (time: Int64, value: Double)

    private func points(_ columns: SampleColumns) -> [Point] {
        Array(zip(columns.timestamps, columns.values))
    }

    private func columns(_ points: [Point]) -> SampleColumns {
        var columns = SampleColumns()
        for (time, value) in points { columns.append(time, value) }
        return columns
    }

    private func grouped(_ columns: SampleColumns, _ length: Int64) -> [(end: Int64, points: [Point])] {
        Dictionary(grouping: points(columns)) { windowEnd($0.time, length) }
            .map { (end: $0.key, points: $0.value) }.sorted { $0.end < $1.end }
    }

    // MARK: - Deduplication

    @Test func deduplication() throws {
        var random = Generator.seeded()
        let gauge = randomGauge(5000, interval: 15_000, using: &random)
        let pipeline = try makePipeline([.deduplication(window: .seconds(60))], .gauge)
        let shipped = try #require(pipeline.inPieces(gauge, using: &random).first)
        var expected: [Point] = []
        for (_, points) in grouped(gauge.samples, 60_000) {
            var before: UInt64?
            for point in points {
                if point.value.isStale || point.value.bitPattern != before { expected.append(point) }
                before = point.value.bitPattern
            }
        }
        #expect(shipped.samples == columns(expected))
        #expect(expected.count > 1000 && expected.count < gauge.samples.count)
    }

    @Test func deduplicationKeepsNewStartsAndHistograms() throws {
        let pipeline = try makePipeline([.deduplication(window: .seconds(60))], .counter)
        var flow = SampleFlow()
        for second in [10, 20, 30, 40, 70] as [Int64] {
            flow.samples.append(second * 1000, 5)
            flow.starts.append(second * 1000, start: second < 30 ? 0 : 25_000)
        }
        let histogram = NativeHistogram(schema: 0, count: 3, sum: 1)
        flow.histograms.append(15_000, histogram)
        flow.histograms.append(25_000, histogram)
        flow.histograms.append(35_000, .staleMarker)
        flow.histograms.append(45_000, .staleMarker)
        let output = try #require(pipeline.everything(flow).first)
        #expect(output.samples.timestamps == [10_000, 30_000, 70_000])
        #expect(output.starts.starts == [0, 25_000, 25_000])
        #expect(output.histograms.timestamps == [15_000, 35_000, 45_000])
    }

    // MARK: - Extremes

    @Test func minMax() throws {
        var random = Generator.seeded()
        let gauge = randomGauge(5000, interval: 15_000, using: &random)
        let pipeline = try makePipeline([.downsampling(.interval(.seconds(150)), .minMax)], .gauge)
        let shipped = try #require(pipeline.inPieces(gauge, using: &random).first)
        var expected: [Point] = []
        var before: (end: Int64, isEnded: Bool)?
        for (end, points) in grouped(gauge.samples, 150_000) {
            let values = points.filter { !$0.value.isStale }
            let numbers = values.filter { !$0.value.isNaN }
            var kept: [Point] = []
            if let first = numbers.first {
                let low = numbers.reduce(first) { $1.value < $0.value ? $1 : $0 }
                let high = numbers.reduce(first) { $1.value > $0.value ? $1 : $0 }
                kept = low.time == high.time ? [low] : [low, high]
            } else if let first = values.first {
                kept = [first]
            }
            let wasEnded = before.map { $0.end == end - 150_000 && $0.isEnded } ?? false
            if let last = points.last, last.value.isStale, !values.isEmpty || !wasEnded { kept.append(last) }
            before = (end, points.last?.value.isStale == true)
            expected += kept.sorted { $0.time < $1.time }
        }
        #expect(shipped.samples == columns(expected))
        #expect(expected.count > 300)
    }

    // MARK: - Largest triangles

    /// Straight from the definition, with whole buckets and areas computed anew.
    private func largestTriangles(_ block: [Point], bucket: Int64) -> Set<Int64> {
        let valid = block.filter { !$0.value.isNaN }
        guard valid.count > 2 else { return Set(valid.map(\.time)) }
        let inner = Array(valid.dropFirst().dropLast())
        let buckets = Dictionary(grouping: inner) { windowEnd($0.time, bucket) }.sorted { $0.key < $1.key }
            .map(\.value)
        let origin = windowEnd(valid[0].time, bucket * 10) - bucket * 10
        func x(_ point: Point) -> Double { Double(point.time - origin) }
        var kept = [valid[0]]
        for (number, group) in buckets.enumerated() {
            let next = number + 1 < buckets.count ? buckets[number + 1] : [valid[valid.count - 1]]
            let cx = next.map(x).reduce(0, +) / Double(next.count)
            let cy = next.map(\.value).reduce(0, +) / Double(next.count)
            let a = kept[kept.count - 1]
            let areas = group.map {
                abs((x(a) - cx) * ($0.value - a.value) - (x(a) - x($0)) * (cy - a.value)) / 2
            }
            var best = 0
            for index in areas.indices
            where areas[index] > areas[best] || areas[best].isNaN && !areas[index].isNaN {
                best = index
            }
            kept.append(group[best])
        }
        return Set(kept.map(\.time) + [valid[valid.count - 1].time])
    }

    @Test func largestTriangle() throws {
        var random = Generator.seeded()
        let gauge = randomGauge(8000, interval: 5000, using: &random)
        let pipeline = try makePipeline(
            [.downsampling(.interval(.seconds(60)), .largestTriangle(block: nil))],
            .gauge
        )
        #expect(pipeline.windows.length == 600_000)
        let shipped = try #require(pipeline.inPieces(gauge, using: &random).first)
        var expected: [Point] = []
        for (_, points) in grouped(gauge.samples, 600_000) {
            let kept = largestTriangles(points, bucket: 60_000)
            expected += points.filter { $0.value.isNaN || kept.contains($0.time) }
        }
        #expect(shipped.samples == columns(expected))
        #expect(expected.count > 500 && expected.count < gauge.samples.count / 2)
    }

    /// A peak that nothing else comes near survives, which an average would hide.
    @Test func peaksSurvive() throws {
        var gauge = SampleFlow()
        for second in 1...600 as ClosedRange<Int64> {
            gauge.samples.append(second * 1000, second == 333 ? 90 : 20)
        }
        for method in [SyncFilterConfig.Method.largestTriangle(block: nil), .minMax] {
            let pipeline = try makePipeline([.downsampling(.factor(4), method)], .gauge)
            let output = try #require(pipeline.everything(gauge).first)
            #expect(output.samples.timestamps.contains(333_000))
            #expect(output.samples.count < 30)
        }
    }

    // MARK: - Chains

    private func randomChain(using random: inout Generator) -> [SyncFilterConfig.Work] {
        let lengths: [Duration] = [.seconds(30), .seconds(60), .seconds(150), .seconds(300)]
        return (0..<Int.random(in: 1...3, using: &random)).map { _ in
            let length = lengths[Int.random(in: lengths.indices, using: &random)]
            switch Int.random(in: 0..<6, using: &random) {
            case 0: return .deduplication(window: length)
            case 1: return .downsampling(.interval(length), .minMax)
            case 2: return .downsampling(.interval(length), .largestTriangle(block: length * 2))
            case 3: return .downsampling(.factor(10), .average)
            case 4: return .aggregation([.average, .max, .rate, .quantile(0.9)], window: length, suffix: nil)
            default: return .aggregation([.last], window: length, suffix: nil)
            }
        }
    }

    @Test func anyDivisionGivesTheSame() throws {
        var random = Generator.seeded()
        var outputs = 0
        for _ in 0..<400 {
            let chain = randomChain(using: &random)
            let isCounter = Bool.random(using: &random)
            let pipeline: Pipeline
            do {
                pipeline = try makePipeline(chain, isCounter ? .counter : .gauge)
            } catch Pipeline.Problem.tooMany {
                continue
            }
            var flow =
                isCounter
                ? randomCounter(400, interval: 15_000, using: &random)
                : randomGauge(400, interval: 15_000, using: &random)
            flow.histograms = randomHistograms(100, interval: 40_000, using: &random).histograms
            let whole = pipeline.everything(flow)
            #expect(pipeline.inPieces(flow, using: &random) == whole, "\(chain)")
            for output in whole {
                #expect(
                    zip(output.samples.timestamps, output.samples.timestamps.dropFirst()).allSatisfy {
                        $0 < $1
                    }
                )
                outputs += output.samples.count
            }
            #expect(pipeline.reach <= 3_600_000)
        }
        #expect(outputs > 10_000)
    }

    /// The chain of the edge document: factor 10 of 15 s is 2m30s, and the common window 5 m.
    @Test func chainOfTheDocument() throws {
        let filters = [
            SyncFilterConfig(
                .aggregation([.average], window: .seconds(300), suffix: nil),
                metric: "container_cpu_usage"
            ),
            SyncFilterConfig(.downsampling(.factor(10), .average)),
            SyncFilterConfig(.deduplication(window: .seconds(60))),
        ]
        func make(_ name: String, _ interval: Duration) throws -> Pipeline? {
            try Pipeline(filters, name: name, kind: .gauge, sampleInterval: interval)
        }
        #expect(
            try make("container_cpu_usage", .seconds(15))?.branches == [
                Pipeline.Branch(stages: [
                    .aggregate(.average, window: 300_000), .aggregate(.average, window: 150_000),
                    .deduplicate(window: 60_000),
                ])
            ]
        )
        #expect(try make("temp", .seconds(15))?.branches.first?.stages.count == 2)
        for name in ["container_cpu_usage", "temp"] {
            for interval in [Duration.seconds(15), .seconds(30)] {
                #expect(try make(name, interval)?.windows.length == 300_000)
            }
        }
        #expect(try make("temp", .seconds(60))?.windows.length == 600_000)
    }

    @Test func problems() throws {
        func make(_ work: [SyncFilterConfig.Work]) throws -> Pipeline? {
            try Pipeline(
                work.map { SyncFilterConfig($0) },
                name: "m",
                kind: .gauge,
                sampleInterval: .seconds(15)
            )
        }
        #expect(try make([]) == nil)
        #expect(
            try Pipeline(
                [SyncFilterConfig(.deduplication(window: .seconds(1)), metric: "other")],
                name: "m",
                kind: .gauge,
                sampleInterval: .seconds(15)
            ) == nil
        )
        let odd: [Duration] = [.seconds(420), .seconds(660)]
        #expect(throws: Pipeline.Problem.windows(odd)) { try make(odd.map { .deduplication(window: $0) }) }
        #expect(throws: Pipeline.Problem.windows([.seconds(7200)])) {
            try make([.deduplication(window: .seconds(7200))])
        }
        #expect(throws: Pipeline.Problem.windows([.zero])) { try make([.deduplication(window: .zero)]) }
        #expect(throws: Pipeline.Problem.block(.seconds(90), spacing: .seconds(60))) {
            try make([.downsampling(.interval(.seconds(60)), .largestTriangle(block: .seconds(90)))])
        }
        let many = SyncFilterConfig.Work.aggregation(
            [.average, .sum, .min, .max, .count],
            window: .seconds(60),
            suffix: nil
        )
        #expect(throws: Pipeline.Problem.tooMany) { try make([many, many]) }
    }

    @Test func edgesOfTime() {
        let grid = WindowGrid(length: 60_000)
        #expect(
            [-60_001, -60_000, -1, 0, 1, 60_000].map(grid.end) == [-60_000, -60_000, 0, 0, 60_000, 60_000]
        )
        #expect(
            [-60_001, -60_000, -1, 0, 1, 60_000].map(grid.floor) == [
                -120_000, -60_000, -60_000, 0, 0, 60_000,
            ]
        )
        #expect(grid.end(of: .max) == .max && grid.floor(.min) == .min)
        #expect(WindowGrid.common([60_000, 150_000, 300_000])?.length == 300_000)
        #expect(WindowGrid.common([3_600_000, 1])?.length == 3_600_000)
        #expect(WindowGrid.common([3_600_001]) == nil)
    }
}
