// SPDX-License-Identifier: Apache-2.0
//
// Random histograms against a dictionary: numbers and histograms of all kinds, in order, late, twice and after kills,
// power cuts after a sync, and seals; then everything must read back bit for bit, and be shipped exactly once.

import Platform
import Samples
import Testing

@testable import TSDB

private enum Value: Equatable {
    case number(UInt64)
    case histogram(NativeHistogram)
}

private struct HistogramModel {
    var random: SeededGenerator
    var test: TestStore
    var expected: [String: [Int64: Value]] = [:]
    var shipped: [String: [Int64: Value]] = [:]
    var position = LogPosition(sequence: 0)
    var time: Int64 = 1_700_000_000_000
    let names = ["a", "b", "c"]
    private let options: (inout StoreOptions) -> Void = {
        ($0.logBytes, $0.ringBytes) = (64 * 4096, 16 << 20)
    }

    init(seed: UInt64) throws {
        random = SeededGenerator(seed: seed)
        test = try TestStore(options)
    }

    private mutating func count() -> UInt64 {
        switch Int.random(in: 0..<20, using: &random) {
        case 0: UInt64.random(in: 1...UInt64.max, using: &random)
        case 1: StaleMarker.bits
        default: UInt64.random(in: 1...1000, using: &random)
        }
    }

    private mutating func buckets(_ range: ClosedRange<Int32>, isFloat: Bool) -> [HistogramBucket] {
        var indices: Set<Int32> = []
        for _ in 0..<Int.random(in: 0...8, using: &random) {
            indices.insert(Int32.random(in: range, using: &random))
        }
        var result: [HistogramBucket] = []
        for index in indices.sorted() {
            let raw = count()
            result.append(HistogramBucket(index: index, rawCount: isFloat ? Double(raw).bitPattern : raw))
        }
        return result
    }

    private mutating func double() -> Double {
        switch Int.random(in: 0..<8, using: &random) {
        case 0: Double(bitPattern: UInt64.random(in: 0...UInt64.max, using: &random))
        case 1: StaleMarker.value
        case 2: -0.0
        default: Double(Int.random(in: -1000...1000, using: &random)) / 8
        }
    }

    private mutating func histogram() -> NativeHistogram {
        let isCustom = Int.random(in: 0..<4, using: &random) == 0
        let bounds = isCustom ? Int.random(in: 0...6, using: &random) : 0
        let schema = isCustom ? NativeHistogram.customSchema : Int32.random(in: -4...8, using: &random)
        let range = isCustom ? 0...Int32(bounds) : Int32(-20)...20
        let hint = CounterReset(rawValue: UInt8.random(in: 0...3, using: &random)) ?? .unknown
        let custom = (0..<bounds).map { Double($0) - 2.5 }
        if Bool.random(using: &random) {
            return NativeHistogram(
                schema: schema,
                count: count(),
                sum: double(),
                zeroThreshold: isCustom ? 0 : double(),
                zeroCount: isCustom ? 0 : count(),
                positive: buckets(range, isFloat: false),
                negative: isCustom ? [] : buckets(range, isFloat: false),
                customBounds: custom,
                counterReset: hint
            )
        }
        return NativeHistogram(
            schema: schema,
            floatCount: double(),
            sum: double(),
            zeroThreshold: isCustom ? 0 : double(),
            floatZeroCount: isCustom ? 0 : double(),
            positive: buckets(range, isFloat: true),
            negative: isCustom ? [] : buckets(range, isFloat: true),
            customBounds: custom,
            counterReset: hint
        )
    }

    mutating func append() throws {
        let isLate = Int.random(in: 0..<6, using: &random) == 0
        if !isLate { time += Int64.random(in: 1...2000, using: &random) }
        let stamp = isLate ? time - Int64.random(in: 0...20_000, using: &random) : time
        let (group, _) = try test.store.ids("a")
        var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: stamp))
        var want = AppendResult()
        for name in names where Int.random(in: 0..<4, using: &random) > 0 {
            let (_, id) = try test.store.ids(name)
            let value: Value
            if Int.random(in: 0..<3, using: &random) == 0 {
                let number = double()
                value = .number(number.bitPattern)
                batch.append(id, number)
            } else {
                let repeated = expected[name]?[stamp]
                let isRepeated = Bool.random(using: &random)
                if isRepeated, case .histogram(let there) = repeated {
                    value = .histogram(there)
                    batch.append(id, there)
                } else {
                    let histogram = histogram()
                    value = .histogram(histogram)
                    batch.append(id, histogram)
                }
            }
            switch expected[name]?[stamp] {
            case nil:
                expected[name, default: [:]][stamp] = value
                want.appended += 1
            case value: break
            case .some: want.duplicate += 1
            }
        }
        guard batch.count > 0 else { return }
        #expect(try test.store.append(batch) == want, "at \(stamp)")
    }

    mutating func disturb() throws {
        switch Int.random(in: 0..<120, using: &random) {
        case 0: test = try TestStore(files: test.files.afterKill(), clock: test.clock, options)
        case 1:
            test.store.close()
            test = try TestStore(files: test.files.afterKill(), clock: test.clock, options)
        case 2:
            test.store.flushLog()
            try test.store.syncLog()
            test = try TestStore(files: test.files.afterPowerCut { _, _, _ in 0 }, clock: test.clock, options)
        case 3: try test.store.sealAll()
        case 4..<10: try test.store.maintain()
        case 10..<20: try ship()
        default: break
        }
    }

    mutating func ship() throws {
        let limit = Int.random(in: 1...200, using: &random)
        let chunk =
            try Bool.random(using: &random)
            ? test.store.read(from: position, sampleLimit: limit) : chunk(of: limit)
        #expect(chunk.lostRows == 0)
        for series in chunk.series {
            let name = series.labels.metricName ?? ""
            #expect(names.contains(name) && series.labels.count == 2)
            for (time, number) in zip(series.samples.timestamps, series.samples.values) {
                let old = shipped[name, default: [:]].updateValue(.number(number.bitPattern), forKey: time)
                #expect(old == nil)
            }
            for (time, histogram) in zip(series.histograms.timestamps, series.histograms.histograms) {
                let old = shipped[name, default: [:]].updateValue(.histogram(histogram), forKey: time)
                #expect(old == nil)
            }
        }
        position = chunk.next
    }

    /// The same by a span.
    private func chunk(of limit: Int) throws -> LogChunk {
        let span = try test.store.span(from: position, SpanLimits(samples: limit)) { _ in true }
        var series: [LogChunk.Series] = []
        try span.read(0..<span.count, into: &series)
        #expect(series.map(\.labels) == series.map(\.labels).sorted())
        return LogChunk(
            series: series,
            next: LogPosition(sequence: span.positions.upperBound),
            lostRows: span.lostRows
        )
    }

    func check() throws {
        for name in names {
            var found: [Int64: Value] = [:]
            let numbers = try test.store.all(name)
            for (time, number) in zip(numbers.timestamps, numbers.values) {
                found[time] = .number(number.bitPattern)
            }
            let histograms = try test.store.histograms(name)
            for (time, histogram) in zip(histograms.timestamps, histograms.histograms) {
                #expect(found.updateValue(.histogram(histogram), forKey: time) == nil, "\(name) at \(time)")
            }
            #expect(histograms.timestamps == histograms.timestamps.sorted())
            #expect(found == expected[name] ?? [:], "\(name)")
        }
        #expect(test.counter("incomplete_histograms_total") == 0)
        try test.store.checkInvariants()
        #expect(try test.store.select([], from: .min, through: .max).count == names.count)
    }
}

struct HistogramModelTests {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func randomHistogramsMatchADictionary(seed: UInt64) throws {
        var model = try HistogramModel(seed: seed)
        for step in 1...500 {
            try model.append()
            try model.disturb()
            if step % 125 == 0 { try model.check() }
        }
        try model.test.store.syncLog()
        while model.position < model.test.store.end {
            let before = model.position
            try model.ship()
            #expect(model.position > before)
            if model.position == before { break }
        }
        #expect(model.shipped == model.expected)
    }
}
