// SPDX-License-Identifier: Apache-2.0
//
// Spans against what the model says is stored: whatever was sealed, restarted, late or cut in between, spans laid side
// by side give every sample once, the same positions give the same samples again, and a span of time gives exactly what
// was committed before its position.

import Platform
import Samples
import Testing

@testable import TSDB

/// Samples by series and time.
private typealias Contents = [String: [Int64: UInt64]]

@Suite struct SpanTests {
    private func contents(_ span: any LogSpan, _ random: inout SeededGenerator) throws -> Contents {
        var series: [LogChunk.Series] = []
        var first = 0
        while first < span.count {
            let next = min(span.count, first + Int.random(in: 1...5, using: &random))
            try span.read(first..<next, into: &series)
            first = next
        }
        #expect(series.count == span.count)
        var found: Contents = [:]
        for (index, entry) in series.enumerated() {
            #expect(entry.labels == span.labels(index))
            #expect(entry.samples.count <= span.samples(index))
            if index > 0 { #expect(series[index - 1].labels < entry.labels) }
            #expect(
                zip(entry.samples.timestamps, entry.samples.timestamps.dropFirst()).allSatisfy { $0 < $1 }
            )
            guard entry.samples.count > 0 else { continue }
            let name = entry.labels.metricName ?? ""
            #expect(found[name] == nil)
            found[name] = Dictionary(
                uniqueKeysWithValues: zip(entry.samples.timestamps, entry.samples.values.map(\.bitPattern))
            )
        }
        let times = found.values.flatMap(\.keys)
        if let low = times.min(), let high = times.max() {
            #expect(span.times.map { $0.lowerBound <= low && $0.upperBound >= high } ?? false)
        }
        return found
    }

    private func limits(_ random: inout SeededGenerator) -> SpanLimits {
        var limits = SpanLimits(
            rows: Int.random(in: 1...200, using: &random),
            samples: Bool.random(using: &random) ? .max : Int.random(in: 1...400, using: &random)
        )
        if Int.random(in: 0..<3, using: &random) == 0 {
            limits.extent = .seconds(Int.random(in: 1...600, using: &random))
        }
        return limits
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func anyCutsGiveEverySampleOnceAndTheSameAgain(seed: UInt64) throws {
        var model = try Model(seed: seed, groups: 3, series: 7)
        var random = SeededGenerator(seed: seed &* 977)
        var position = LogPosition(sequence: 0)
        var shipped: Contents = [:]
        var known: [(positions: Range<UInt64>, rows: UInt64, contents: Contents)] = []
        func ship() throws {
            let span = try model.test.store.span(from: position, limits(&random)) { _ in true }
            #expect(span.positions.lowerBound == position.sequence)
            #expect(span.lostRows == 0)
            #expect(span.rows > 0 || span.positions.upperBound == model.test.store.readableEnd.sequence)
            let found = try contents(span, &random)
            for (name, samples) in found {
                for (time, bits) in samples {
                    #expect(
                        shipped[name, default: [:]].updateValue(bits, forKey: time) == nil,
                        "\(name) at \(time) came twice"
                    )
                }
            }
            position = LogPosition(sequence: span.positions.upperBound)
            known.append((span.positions, span.rows, found))
        }
        for _ in 0..<300 {
            try model.append()
            switch Int.random(in: 0..<100, using: &model.random) {
            case 0: try model.restart(kill: true)
            case 1: try model.restart(kill: false)
            case 2: try model.test.store.sealAll()
            case 3..<10: try model.test.store.maintain()
            case 10..<25: try ship()
            default: break
            }
        }
        while position < model.test.store.readableEnd { try ship() }
        #expect(shipped == model.expected)
        for (positions, rows, before) in known {
            let again = try model.test.store.span(positions, times: nil) { _ in true }
            #expect(again.rows == rows && again.lostRows == 0 && again.positions == positions)
            #expect(try contents(again, &random) == before)
        }
        try checkTimes(model, known.map { ($0.positions, $0.contents) }, &random)
    }

    /// Spans of time, and of positions and time, against pieces of known content.
    private func checkTimes(
        _ model: Model,
        _ pieces: [(positions: Range<UInt64>, contents: Contents)],
        _ random: inout SeededGenerator
    ) throws {
        let store = model.test.store
        let times = model.expected.values.flatMap(\.keys).sorted()
        for _ in 0..<6 {
            let ends = [times.randomElement(using: &random) ?? 0, times.randomElement(using: &random) ?? 0]
                .sorted()
            let group = Int.random(in: 0..<3, using: &random)
            let cuts = [
                Int.random(in: 0..<pieces.count, using: &random),
                Int.random(in: 0..<pieces.count, using: &random),
            ].sorted()
            func expected(_ chosen: ArraySlice<(positions: Range<UInt64>, contents: Contents)>) -> Contents {
                var result: Contents = [:]
                for piece in chosen {
                    for (name, samples) in piece.contents
                    where name.hasPrefix("m\(group)_") && !name.hasSuffix("_3") {
                        for (time, bits) in samples where (ends[0]...ends[1]).contains(time) {
                            result[name, default: [:]][time] = bits
                        }
                    }
                }
                return result
            }
            let before = pieces[cuts[1]].positions.upperBound
            let span = try store.span(
                times: ends[0]...ends[1],
                before: LogPosition(sequence: before),
                [LabelMatcher("job", equals: "g\(group)")]
            ) { $0.metricName?.hasSuffix("_3") == false }
            #expect(try contents(span, &random) == expected(pieces[...cuts[1]]))
            let positions = pieces[cuts[0]].positions.lowerBound..<before
            let slice = try store.span(positions, times: ends[0]...ends[1]) {
                $0["job"] == "g\(group)" && $0.metricName?.hasSuffix("_3") == false
            }
            #expect(try contents(slice, &random) == expected(pieces[cuts[0]...cuts[1]]))
        }
    }

    @Test func limitsEndASpanWithTheRowThatReachesThem() throws {
        let test = try TestStore()
        let group = try test.store.group(Labels([("job", "a")]))
        let ids = try (0..<4).map {
            try test.store.series(Labels([("__name__", "m\($0)"), ("job", "a")]), in: group)
        }
        for row in 0..<50 {
            var batch = SampleBatch(
                group: group,
                timestamp: Timestamp(milliseconds: 1_700_000_000_000 + Int64(row) * 1000)
            )
            for id in ids { batch.append(id, Double(row)) }
            _ = try test.store.append(batch)
        }
        func rows(_ limits: SpanLimits, from: UInt64 = 0) throws -> UInt64 {
            try test.store.span(from: LogPosition(sequence: from), limits) { _ in true }.rows
        }
        #expect(try rows(SpanLimits(rows: 10, samples: .max)) == 10)
        #expect(try rows(SpanLimits(samples: 9)) == 3)
        #expect(try rows(SpanLimits(samples: 8)) == 2)
        #expect(try rows(SpanLimits(samples: 0)) == 1)
        #expect(try rows(SpanLimits(rows: 0, samples: .max)) == 1)
        #expect(try rows(SpanLimits(samples: .max, extent: .seconds(5))) == 6)
        #expect(try rows(SpanLimits(samples: .max, extent: .zero)) == 1)
        #expect(try rows(SpanLimits(samples: .max), from: 48) == 2)
        let end = try test.store.span(from: LogPosition(sequence: 50), SpanLimits(samples: 5)) { _ in true }
        #expect(end.positions == 50..<50 && end.rows == 0 && end.count == 0 && end.times == nil)
        let one = try test.store.span(from: LogPosition(sequence: 7), SpanLimits(samples: 1)) {
            $0.metricName == "m2"
        }
        #expect(one.count == 1 && one.samples(0) == 1)
        #expect(one.times == 1_700_000_007_000...1_700_000_007_000)
        var series: [LogChunk.Series] = []
        try one.read(0..<1, into: &series)
        #expect(series.map(\.samples.values) == [[7]])
    }

    @Test func whatTheRingOverwroteIsLostAndNothingElse() throws {
        let test = try TestStore { options in
            options.ringBytes = 256 << 10
            options.ringFiles = 4
            options.logBytes = 32 * 4096
        }
        let group = try test.store.group(Labels([("job", "a")]))
        let ids = try (0..<20).map {
            try test.store.series(Labels([("__name__", "m\($0)"), ("job", "a")]), in: group)
        }
        var random = SeededGenerator(seed: 5)
        for row in 0..<6000 {
            let time = 1_700_000_000_000 + Int64(row) * 1000
            test.clock.step(toWallMilliseconds: time)
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: time))
            for id in ids { batch.append(id, Double.random(in: 0...1, using: &random)) }
            _ = try test.store.append(batch)
            if row % 100 == 0 { try test.store.maintain() }
        }
        let oldest = test.store.oldest.sequence
        #expect(oldest > 0)
        let span = try test.store.span(0..<6000, times: nil) { _ in true }
        #expect(span.lostRows == oldest)
        #expect(span.rows == 6000 - oldest)
        #expect(span.times == (1_700_000_000_000 + Int64(oldest) * 1000)...1_700_005_999_000)
        var series: [LogChunk.Series] = []
        try span.read(0..<20, into: &series)
        #expect(series.allSatisfy { $0.samples.count == 6000 - Int(oldest) })
        let first = try test.store.span(from: LogPosition(sequence: 0), SpanLimits(rows: 100, samples: .max))
        { _ in true }
        #expect(first.positions == 0..<(oldest + 100) && first.lostRows == oldest && first.rows == 100)
    }
}
