// SPDX-License-Identifier: Apache-2.0
//
// Remote write 2.0: exact counts, faults of single series, metadata, histograms, exemplars and start timestamps.

import Bytes
import Platform
import Samples
import Synchronization
import Testing
import Wire

@testable import Collector

private let now: Int64 = 1_700_000_000_000

/// A 2.0 message with its symbol table.
private struct MessageV2 {
    private var symbols = [""]
    private var series: [UInt8] = []

    private mutating func reference(_ symbol: String) -> UInt64 {
        if let known = symbols.firstIndex(of: symbol) { return UInt64(known) }
        symbols.append(symbol)
        return UInt64(symbols.count - 1)
    }

    private static func field(_ number: UInt64, _ content: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.append(varint: number << 3 | 2)
        out.append(prefixed: content)
        return out
    }

    private static func varint(_ number: UInt64, _ value: UInt64) -> [UInt8] {
        var out: [UInt8] = []
        out.append(varint: number << 3)
        out.append(varint: value)
        return out
    }

    private static func double(_ number: UInt64, _ value: Double) -> [UInt8] {
        var out: [UInt8] = []
        out.append(varint: number << 3 | 1)
        out.append(double: value)
        return out
    }

    private mutating func labels(_ pairs: [(String, String)]) -> [UInt8] {
        var references: [UInt8] = []
        for (name, value) in pairs {
            references.append(varint: reference(name))
            references.append(varint: reference(value))
        }
        return MessageV2.field(1, references)
    }

    mutating func add(
        _ pairs: [(String, String)],
        samples: [(Int64, Double, start: Int64)] = [],
        counts: [(Int64, UInt64)] = [],
        exemplars: [(Int64, String)] = [],
        metadata: (type: UInt64, help: String)? = nil
    ) {
        var content = labels(pairs)
        for (time, value, start) in samples {
            var sample = MessageV2.double(1, value) + MessageV2.varint(2, UInt64(bitPattern: time))
            if start != 0 { sample += MessageV2.varint(3, UInt64(start)) }
            content += MessageV2.field(2, sample)
        }
        for (time, count) in counts {
            // All observations in the zero bucket.
            let histogram =
                MessageV2.varint(1, count) + MessageV2.varint(6, count) + MessageV2.double(5, 0.5)
                + MessageV2.varint(15, UInt64(time))
            content += MessageV2.field(3, histogram)
        }
        for (time, trace) in exemplars {
            let exemplar = labels([("trace_id", trace)]) + MessageV2.double(2, 1)
            content += MessageV2.field(4, exemplar + MessageV2.varint(3, UInt64(time)))
        }
        if let metadata {
            content += MessageV2.field(
                5,
                MessageV2.varint(1, metadata.type) + MessageV2.varint(3, reference(metadata.help))
            )
        }
        series += MessageV2.field(5, content)
    }

    /// A histogram whose count is not that of its buckets.
    mutating func addBadHistogram(_ pairs: [(String, String)]) {
        series += MessageV2.field(
            5,
            labels(pairs) + MessageV2.field(3, MessageV2.varint(1, 3) + MessageV2.varint(15, UInt64(now)))
        )
    }

    var bytes: [UInt8] { symbols.flatMap { MessageV2.field(4, Array($0.utf8)) } + series }
}

private struct Bench {
    let store = PushedStore()
    let receiver: PushReceiver

    init() {
        receiver = PushReceiver(
            PushReceiver.Options(groupLabels: ["job"], maxSeries: 1000),
            sink: store,
            clock: ManualClock(wallMilliseconds: now),
            telemetry: Telemetry()
        )
    }

    func push(_ body: (inout MessageV2) -> Void) -> RemoteWriteReport {
        var message = MessageV2()
        body(&message)
        return receiver.receive(Snappy.compress(message.bytes).span, .snappy, .v2)
    }
}

private let up = [("__name__", "up"), ("job", "a")]
private let latency = [("__name__", "latency"), ("job", "a")]

struct PushReceiverV2Tests {
    @Test func countsOfAllKinds() {
        let bench = Bench()
        for _ in 0..<2 {
            let report = bench.push { message in
                message.add(up, samples: [(now - 1, 1, 0), (now, 2, 0)], exemplars: [(now, "t1")])
                message.add(latency, counts: [(now, 3)], exemplars: [(now, "t2")])
            }
            #expect(report.verdict == .stored && report.reasons.isEmpty)
            #expect(report.samples == 2 && report.histograms == 1 && report.exemplars == 2)
        }
        #expect(bench.store.lines == ["up{job=\"a\"} \(now - 1) 1", "up{job=\"a\"} \(now) 2"])
        let histogram = bench.store.state.withLock { $0.histograms.values.first?[now] }
        #expect(histogram?.count == 3 && histogram?.zeroCount == 3)
        // The histogram and the sample of one time were one row.
        #expect(bench.store.state.withLock { $0.batches.map(\.count) } == [1, 2, 1, 2])
        #expect(bench.store.state.withLock { $0.exemplars.values.map(\.count) } == [1, 1])
    }

    @Test func badSeriesAreSaidAndTheRestStored() {
        let bench = Bench()
        let report = bench.push { message in
            message.add([("job", "a")], samples: [(now, 1, 0)])
            message.add(up, samples: [(now, 1, 0)])
            message.add([("__name__", "x"), ("b", "1"), ("b", "2")], samples: [(now, 1, 0)])
            message.add([("__name__", "empty")])
            message.add([("__name__", "only"), ("job", "e")], exemplars: [(now, "t")])
            message.addBadHistogram(latency)
        }
        #expect(report.samples == 1 && report.histograms == 0 && report.exemplars == 0)
        #expect(report.invalidSeries == 4 && report.refused == 1)
        #expect(
            report.reasons == [
                "TimeSeries must contain at least one sample or histogram",
                "invalid metric name or labels, got {job=\"a\"}",
                "invalid labels for series, labels x{b=\"2\"}, duplicated label b",
                "TimeSeries must contain at least one sample or histogram for series only{job=\"e\"}",
                "0 observations found in buckets, but the Count field is 3: histogram's observation count should equal "
                    + "the number of observations found in the buckets (in absence of NaN) for series latency{job=\"a\"}",
            ]
        )
    }

    /// What the store refuses of a row that has both kinds is told apart.
    @Test func conflictsOfMixedRows() {
        let bench = Bench()
        _ = bench.push { message in
            message.add(up, samples: [(now, 1, 0)])
            message.add(latency, counts: [(now, 3)])
        }
        let histogram = bench.push { message in
            message.add(up, samples: [(now, 1, 0)])
            message.add(latency, counts: [(now, 4)])
        }
        #expect(histogram.samples == 1 && histogram.histograms == 0 && histogram.refused == 1)
        let sample = bench.push { message in
            message.add(up, samples: [(now, 9, 0)])
            message.add(latency, counts: [(now, 3)])
        }
        #expect(sample.samples == 0 && sample.histograms == 1 && sample.refused == 1)
        #expect(sample.reasons == ["duplicate sample for timestamp: 1 sample at \(now)"])
    }

    @Test func startsAreStoredWithTheirSamples() {
        let bench = Bench()
        let report = bench.push { message in
            message.add(up, samples: [(now - 2, 1, 0), (now - 1, 2, now - 50), (now, 3, 0)])
            message.add(latency, samples: [(now, 3, now - 60)])
        }
        #expect(report.samples == 4)
        let starts = bench.store.state.withLock { $0.starts }
        #expect(starts.count == 2)
        #expect(starts[SeriesID(rawValue: 0)] == [now - 1: now - 50])
        #expect(starts[SeriesID(rawValue: 1)] == [now: now - 60])
    }

    @Test func exemplarsBehindTheNewestAreSaid() {
        let bench = Bench()
        let report = bench.push { message in
            message.add(
                up,
                samples: [(now, 1, 0)],
                exemplars: [(now, "t1"), (now - 1, "t0"), (now + 1, String(repeating: "x", count: 200))]
            )
        }
        #expect(report.samples == 1 && report.exemplars == 1 && report.refusedExemplars == 2)
        #expect(
            report.reasons == [
                "label length for exemplar exceeds maximum of 128 UTF-8 characters", "out of order exemplar",
            ]
        )
    }

    @Test func familiesAreDescribedWhenNewsComes() {
        let bench = Bench()
        func push(_ time: Int64, _ help: String) {
            _ = bench.push { message in
                message.add(up, samples: [(time, 1, 0)], metadata: (2, help))
                message.add(
                    [("__name__", "wait_bucket"), ("le", "1")],
                    samples: [(time, 1, 0)],
                    metadata: (3, "Waiting.")
                )
            }
        }
        push(now, "Is up.")
        push(now + 1, "Is up.")
        push(now + 2, "Is really up.")
        #expect(
            bench.store.state.withLock { $0.metadata } == [
                MetricMetadata(family: "up", kind: .gauge, help: "Is up."),
                MetricMetadata(family: "wait", kind: .histogram, help: "Waiting."),
                MetricMetadata(family: "up", kind: .gauge, help: "Is really up."),
            ]
        )
    }
}
