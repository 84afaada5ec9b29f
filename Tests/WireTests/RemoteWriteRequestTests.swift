// SPDX-License-Identifier: Apache-2.0
//
// Messages as the specification draws them, exactly; then messages nobody should send.

import Samples
import Testing
import Wire

private let name = "__name__"

private func decode(
    _ message: PushedMessage,
    _ version: RemoteWriteVersion,
    _ limits: RemoteWriteRequest.Limits = RemoteWriteRequest.Limits()
) throws(RemoteWriteError) -> RemoteWriteRequest {
    var request = RemoteWriteRequest()
    try request.decode(message.bytes.span, version, limits: limits)
    return request
}

private func labels(_ pairs: (String, String)...) -> Labels {
    Labels(pairs.map { (name: $0.0, value: $0.1) })
}

private func key(_ request: RemoteWriteRequest, _ index: Int, _ message: PushedMessage) -> [UInt8] {
    request.key(of: request.series[index], in: message.bytes.span).withUnsafeBufferPointer { Array($0) }
}

struct RemoteWriteRequestV1Tests {
    @Test func columnsOfTwoSeries() throws {
        let message = PushedMessage.of { message in
            message.message(1) { series in
                series.label(name, "a")
                series.label("job", "x")
                series.sample(1_700_000_000_000, 1.5)
                series.sample(-5, -0.0)
            }
            message.message(1) { series in
                series.label(name, "b")
                series.sample(Int64.max, StaleMarker.value)
            }
        }
        let request = try decode(message, .v1)
        #expect(request.series.map(\.sampleEnd) == [2, 3])
        #expect(request.timestamps == [1_700_000_000_000, -5, Int64.max])
        #expect(
            request.values.map(\.bitPattern)
                == [(1.5).bitPattern, (-0.0).bitPattern, StaleMarker.bits]
        )
        #expect(request.starts.isEmpty)
        #expect(
            try request.labels(of: request.series[0], in: message.bytes.span)
                == labels((name, "a"), ("job", "x"))
        )
        #expect(try request.labels(of: request.series[1], in: message.bytes.span) == labels((name, "b")))
        let run = PushedMessage.of { series in
            series.label(name, "a")
            series.label("job", "x")
        }
        #expect(key(request, 0, message) == run.bytes)
        #expect(request.elements(of: 0) == 2 && request.elements(of: 1) == 1)
    }

    /// gogo/protobuf leaves out fields that are zero.
    @Test func zeroesMayBeLeftOut() throws {
        let message = PushedMessage.of { message in
            message.message(1) { series in
                series.label(name, "a")
                series.message(2) { $0.signed(2, 7) }
                series.message(2) { $0.double(1, 2) }
                series.message(2) { _ in }
            }
        }
        let request = try decode(message, .v1)
        #expect(request.timestamps == [7, 0, 0])
        #expect(request.values == [0, 2, 0])
    }

    @Test func fieldsInAnyOrderAndUnknownOnes() throws {
        let message = PushedMessage.of { message in
            message.varint(99, 5)
            message.message(1) { series in
                series.sample(1, 1)
                series.label(name, "a")
                series.text(9, "unknown")
                series.message(3) { exemplar in
                    exemplar.label("trace_id", "t1")
                    exemplar.double(2, 0.25)
                    exemplar.signed(3, 9)
                }
                series.label("job", "x")
                series.sample(2, 2)
            }
            message.bytes += [98 << 3 & 0x7f | 5 | 0x80, 6, 1, 2, 3, 4]
        }
        let request = try decode(message, .v1)
        #expect(request.timestamps == [1, 2])
        #expect(
            try request.labels(of: request.series[0], in: message.bytes.span)
                == labels((name, "a"), ("job", "x"))
        )
        #expect(request.exemplars.count == 1)
        #expect(request.exemplars[0].value == 0.25 && request.exemplars[0].timestamp == 9)
        #expect(try request.labels(of: request.exemplars[0]) == labels(("trace_id", "t1")))
    }

    @Test func metadata() throws {
        let message = PushedMessage.of { message in
            message.message(3) { entry in
                entry.varint(1, 1)
                entry.text(2, "http_requests")
                entry.text(4, "Requests.\nAll of them.")
                entry.text(5, "requests")
            }
            message.message(3) { entry in
                entry.varint(1, 77)
                entry.bytes(2, [0x61, 0xff])
            }
        }
        let request = try decode(message, .v1)
        #expect(
            request.metadata == [
                MetricMetadata(
                    family: "http_requests",
                    kind: .counter,
                    help: "Requests.\nAll of them.",
                    unit: "requests"
                ),
                MetricMetadata(family: "a\u{fffd}", kind: .unknown, help: ""),
            ]
        )
        #expect(request.series.isEmpty)
    }

    @Test func labelsAreCheckedAsPrometheusDoes() throws {
        func refusal(_ body: (inout PushedMessage) -> Void) throws -> RemoteWriteLabelError? {
            let message = PushedMessage.of { message in
                message.message(1) { series in
                    body(&series)
                    series.sample(1, 1)
                }
            }
            let request = try decode(message, .v1)
            do throws(RemoteWriteLabelError) {
                _ = try request.labels(of: request.series[0], in: message.bytes.span)
                return nil
            } catch {
                return error
            }
        }
        #expect(try refusal { $0.label("job", "x") } == .invalid(labels(("job", "x"))))
        #expect(try refusal { _ in } == .invalid(Labels()))
        #expect(
            try refusal {
                $0.label(name, "a")
                $0.label("", "x")
            } == .invalid(labels((name, "a")))
        )
        #expect(try refusal { $0.label(name, "") } == .invalid(Labels()))
        let twice = try refusal {
            $0.label(name, "a")
            $0.label("job", "x")
            $0.label("job", "y")
        }
        #expect(twice == .duplicate(labels((name, "a"), ("job", "y")), name: "job"))
        #expect(
            twice?.description
                == "invalid labels for series, labels a{job=\"y\"}, duplicated label job"
        )
        let notText = try refusal { series in
            series.label(name, "a")
            series.message(1) { label in
                label.text(1, "x")
                label.bytes(2, [0xff])
            }
        }
        #expect(notText == .invalid(labels((name, "a"), ("x", "\u{fffd}"))))
    }

    @Test func unsortedAndEmptyLabels() throws {
        let message = PushedMessage.of { message in
            message.message(1) { series in
                series.label("z", "1")
                series.label("empty", "")
                series.label(name, "a")
                series.label("b", "ü")
                series.sample(1, 1)
            }
        }
        let request = try decode(message, .v1)
        #expect(
            try request.labels(of: request.series[0], in: message.bytes.span)
                == labels((name, "a"), ("b", "ü"), ("z", "1"))
        )
    }

    @Test func seriesWithoutContentAreCounted() throws {
        let message = PushedMessage.of { message in
            message.message(1) { $0.label(name, "a") }
            message.message(1) { series in
                series.message(3) { $0.label("trace_id", "t") }
                series.label(name, "b")
            }
            message.message(1) { _ in }
        }
        let request = try decode(message, .v1)
        #expect(request.emptySeries == 2)
        #expect(request.series.count == 1)
        #expect(try request.labels(of: request.series[0], in: message.bytes.span) == labels((name, "b")))
    }
}

struct RemoteWriteRequestV2Tests {
    private let symbols = ["", name, "a", "job", "x", "Help.", "seconds", "trace_id", "t1"]

    private func message(_ body: (inout PushedMessage) -> Void) -> PushedMessage {
        PushedMessage.of { message in
            for symbol in symbols { message.text(4, symbol) }
            body(&message)
        }
    }

    @Test func seriesWithEverything() throws {
        let message = message { message in
            message.message(5) { series in
                series.packed(1, [1, 2, 3, 4])
                series.sample(10, 1)
                series.sample(20, 2, start: 5)
                series.message(4) { exemplar in
                    exemplar.packed(1, [7, 8])
                    exemplar.double(2, 0.5)
                    exemplar.signed(3, 15)
                }
                series.message(5) { metadata in
                    metadata.varint(1, 1)
                    metadata.varint(3, 5)
                    metadata.varint(4, 6)
                }
            }
            message.message(5) { series in
                series.varint(1, 1)
                series.varint(1, 4)
                series.sample(30, 3)
            }
        }
        let bytes = message.bytes
        let request = try decode(message, .v2)
        #expect(request.series.map(\.sampleEnd) == [2, 3])
        #expect(request.timestamps == [10, 20, 30])
        #expect(request.values == [1, 2, 3])
        #expect(request.starts == [0, 5, 0])
        #expect(
            try request.labels(of: request.series[0], in: bytes.span) == labels((name, "a"), ("job", "x"))
        )
        #expect(try request.labels(of: request.series[1], in: bytes.span) == labels((name, "x")))
        #expect(key(request, 0, message) == labels((name, "a"), ("job", "x")).bytes)
        #expect(try request.labels(of: request.exemplars[0]) == labels(("trace_id", "t1")))
        #expect(request.exemplars[0].value == 0.5 && request.exemplars[0].timestamp == 15)
        #expect(request.series.map(\.description) == [0, -1])
        #expect(
            request.metadata(request.descriptions[0], family: "a", in: bytes.span)
                == MetricMetadata(family: "a", kind: .counter, help: "Help.", unit: "seconds")
        )
        #expect(request.fingerprint(of: request.descriptions[0], in: bytes.span) != 0)
    }

    /// The specification does not say that symbols come first.
    @Test func symbolsMayComeLast() throws {
        let message = PushedMessage.of { message in
            message.message(5) { series in
                series.packed(1, [1, 2])
                series.sample(1, 1)
            }
            for symbol in symbols { message.text(4, symbol) }
        }
        let request = try decode(message, .v2)
        #expect(try request.labels(of: request.series[0], in: message.bytes.span) == labels((name, "a")))
    }

    @Test func faultsOfOneSeriesLeaveTheOthers() throws {
        let message = message { message in
            for references in [[1, 2, 3], [1, 9], [1, UInt64.max], [1, 2]] as [[UInt64]] {
                message.message(5) { series in
                    series.packed(1, references)
                    series.sample(1, 1)
                }
            }
            message.message(5) { series in
                series.packed(1, [1, 2])
                series.message(4) { $0.double(2, 1) }
            }
            message.message(5) { $0.packed(1, [1, 2]) }
        }
        let request = try decode(message, .v2)
        #expect(
            request.series.map(\.fault)
                == [.oddReferences, .badReference, .badReference, .none, .empty]
        )
        #expect(request.emptySeries == 1)
        #expect(throws: RemoteWriteLabelError.unreadable("invalid labelRefs length")) {
            try request.labels(of: request.series[0], in: message.bytes.span)
        }
        #expect(throws: RemoteWriteLabelError.unreadable("labelRefs outside of symbols table (size 9)")) {
            try request.labels(of: request.series[1], in: message.bytes.span)
        }
        #expect(try request.labels(of: request.series[3], in: message.bytes.span) == labels((name, "a")))
    }

    @Test func integerHistogram() throws {
        let message = message { message in
            message.message(5) { series in
                series.packed(1, [1, 2])
                series.message(3) { histogram in
                    histogram.varint(1, 12)
                    histogram.double(3, 18.4)
                    histogram.zigzag(4, 1)
                    histogram.double(5, 0.001)
                    histogram.varint(6, 2)
                    histogram.message(8) { $0.varint(2, 1) }
                    histogram.packedZigzag(9, [3])
                    histogram.message(11) { span in
                        span.zigzag(1, -4)
                        span.varint(2, 2)
                    }
                    histogram.message(11) { span in
                        span.zigzag(1, 1)
                        span.varint(2, 1)
                    }
                    histogram.packedZigzag(12, [1, 1])
                    histogram.zigzag(12, -3)
                    histogram.varint(14, 3)
                    histogram.signed(15, 99)
                    histogram.signed(17, 50)
                }
            }
        }
        let request = try decode(message, .v2)
        var wanted = RemoteWriteRequest.Histogram()
        wanted.message.count = 12
        wanted.message.sum = 18.4
        wanted.message.schema = 1
        wanted.message.zeroThreshold = 0.001
        wanted.message.zeroCount = 2
        wanted.message.negative.spans = [HistogramSpan(offset: 0, length: 1)]
        wanted.message.negative.deltas = [3]
        wanted.message.positive.spans = [
            HistogramSpan(offset: -4, length: 2), HistogramSpan(offset: 1, length: 1),
        ]
        wanted.message.positive.deltas = [1, 1, -3]
        wanted.message.resetHint = 3
        wanted.timestamp = 99
        wanted.start = 50
        #expect(request.histograms == [wanted])
        #expect(request.series[0].histogramEnd == 1 && request.elements(of: 0) == 1)
    }

    @Test func floatHistogramWithCustomBounds() throws {
        let message = message { message in
            message.message(5) { series in
                series.packed(1, [1, 2])
                series.message(3) { histogram in
                    histogram.double(2, 2.5)
                    histogram.zigzag(4, -53)
                    histogram.double(7, 0)
                    histogram.message(11) { $0.varint(2, 2) }
                    histogram.packedDoubles(13, [1, 1.5])
                    histogram.packedDoubles(16, [0.1, 1])
                    histogram.double(16, 10)
                }
            }
        }
        let histogram = try #require(try decode(message, .v2).histograms.first).message
        #expect(histogram.isFloat && histogram.floatCount == 2.5 && histogram.schema == -53)
        #expect(histogram.positive.counts == [1, 1.5] && histogram.customBounds == [0.1, 1, 10])
    }
}

struct RemoteWriteRequestLimitTests {
    private func series(_ count: Int, _ samples: Int) -> PushedMessage {
        PushedMessage.of { message in
            for number in 0..<count {
                message.message(1) { series in
                    series.label(name, "m\(number)")
                    for time in 0..<samples { series.sample(Int64(time), 1) }
                }
            }
        }
    }

    private func kind(
        _ message: PushedMessage,
        _ version: RemoteWriteVersion = .v1,
        _ change: (inout RemoteWriteRequest.Limits) -> Void
    ) -> RemoteWriteError.Kind? {
        var limits = RemoteWriteRequest.Limits()
        change(&limits)
        do throws(RemoteWriteError) {
            _ = try decode(message, version, limits)
            return nil
        } catch {
            return error.kind
        }
    }

    @Test func counts() {
        #expect(kind(series(3, 2)) { $0.series = 3 } == nil)
        #expect(kind(series(3, 2)) { $0.series = 2 } == .tooLarge)
        #expect(kind(series(3, 2)) { $0.samples = 6 } == nil)
        #expect(kind(series(3, 2)) { $0.samples = 5 } == .tooLarge)
        let metadata = PushedMessage.of { message in for _ in 0..<3 { message.message(3) { _ in } } }
        #expect(kind(metadata) { $0.series = 2 } == .tooLarge)
        let symbols = PushedMessage.of { message in for _ in 0..<3 { message.text(4, "") } }
        #expect(kind(symbols, .v2) { $0.symbols = 3 } == nil)
        #expect(kind(symbols, .v2) { $0.symbols = 2 } == .tooLarge)
        let histograms = PushedMessage.of { message in
            message.message(5) { series in
                for _ in 0..<2 { series.message(3) { $0.packedZigzag(12, [1, 1, 1]) } }
            }
        }
        #expect(kind(histograms, .v2) { $0.buckets = 6 } == nil)
        #expect(kind(histograms, .v2) { $0.buckets = 5 } == .tooLarge)
        #expect(kind(histograms, .v2) { $0.histograms = 1 } == .tooLarge)
    }

    /// A long symbol named over and over would be far larger than the message.
    @Test func keysDoNotGrowBeyondTheirLimits() throws {
        let message = PushedMessage.of { message in
            message.text(4, "")
            message.text(4, String(repeating: "x", count: 1000))
            for _ in 0..<10 {
                message.message(5) { series in
                    series.packed(1, [UInt64](repeating: 1, count: 100))
                    series.sample(1, 1)
                }
            }
        }
        var limits = RemoteWriteRequest.Limits()
        limits.keyBytes = 10_000
        #expect(try decode(message, .v2, limits).series.allSatisfy { $0.fault == .tooLong })
        #expect(kind(message, .v2) { $0.copiedBytes = 100_000 } == .tooLarge)
        let long = PushedMessage.of { message in
            message.message(1) { series in
                series.label(name, String(repeating: "x", count: 1000))
                series.sample(1, 1)
            }
        }
        limits.keyBytes = 1000
        #expect(try decode(long, .v1, limits).series[0].fault == .tooLong)
    }

    @Test func refusedInputLeavesNothingBehind() throws {
        var request = RemoteWriteRequest()
        try request.decode(series(2, 2).bytes.span, .v1)
        #expect(throws: RemoteWriteError.self) { try request.decode([0x0a, 0x7f].span, .v1) }
        #expect(request.series.isEmpty && request.timestamps.isEmpty)
        try request.decode(series(1, 1).bytes.span, .v1)
        #expect(request.series.count == 1 && request.timestamps == [0])
    }
}

struct RemoteWriteRequestHostileTests {
    private static let whole: [(RemoteWriteVersion, [UInt8])] = {
        let v1 = PushedMessage.of { message in
            message.message(1) { series in
                series.label(name, "requests_total")
                series.label("job", "x")
                series.sample(1_700_000_000_000, 1.5)
                series.message(3) { exemplar in
                    exemplar.label("trace_id", "t1")
                    exemplar.double(2, 1)
                }
                series.message(4) { histogram in
                    histogram.varint(1, 3)
                    histogram.message(11) { $0.varint(2, 2) }
                    histogram.packedZigzag(12, [1, 1])
                }
            }
            message.message(3) { $0.text(2, "requests") }
        }
        let v2 = PushedMessage.of { message in
            for symbol in ["", name, "requests_total", "job", "x"] { message.text(4, symbol) }
            message.message(5) { series in
                series.packed(1, [1, 2, 3, 4])
                series.sample(1_700_000_000_000, 1.5, start: 1_600_000_000_000)
                series.message(4) { $0.packed(1, [3, 4]) }
                series.message(5) { $0.varint(3, 2) }
                series.message(3) { histogram in
                    histogram.double(2, 3)
                    histogram.packedDoubles(13, [1, 2])
                    histogram.packedDoubles(16, [1])
                }
            }
        }
        return [(.v1, v1.bytes), (.v2, v2.bytes)]
    }()

    /// Looks at everything a receiver looks at.
    private func exercise(_ bytes: [UInt8], _ version: RemoteWriteVersion) {
        var request = RemoteWriteRequest()
        try? request.decode(bytes.span, version)
        for (index, series) in request.series.enumerated() {
            _ = try? request.labels(of: series, in: bytes.span)
            _ = request.elements(of: index)
        }
        for exemplar in request.exemplars { _ = try? request.labels(of: exemplar) }
        for description in request.descriptions {
            _ = request.metadata(description, family: "x", in: bytes.span)
            _ = request.fingerprint(of: description, in: bytes.span)
        }
    }

    @Test func everyCutIsSurvived() {
        for (version, bytes) in Self.whole {
            for length in bytes.indices { exercise(Array(bytes[..<length]), version) }
        }
    }

    @Test func everyByteOfEveryValueIsSurvived() {
        for (version, bytes) in Self.whole {
            for place in bytes.indices {
                for value in UInt8.min...UInt8.max {
                    var damaged = bytes
                    damaged[place] = value
                    exercise(damaged, version)
                }
            }
        }
    }

    @Test func everyShortMessageIsSurvived() {
        // Tags, lengths and varint pieces that mean something somewhere.
        let alphabet: [UInt8] = [0x00, 0x01, 0x0a, 0x0b, 0x12, 0x22, 0x2a, 0x7f, 0x80, 0xff]
        for version in [RemoteWriteVersion.v1, .v2] {
            for number in 0..<100_000 {
                var rest = number
                let bytes = (0..<5).map { _ in
                    defer { rest /= alphabet.count }
                    return alphabet[rest % alphabet.count]
                }
                exercise(bytes, version)
            }
        }
    }

    @Test(arguments: [
        // A tag of eleven bytes, a length of 2^63, a length beyond the end, field number 0, groups, fixed32 cut short.
        [UInt8](repeating: 0xff, count: 11),
        [0x0a] + [UInt8](repeating: 0xff, count: 8) + [0x7f],
        [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f],
        [0x02, 0x00], [0x0b, 0x0b, 0x0b], [0x0c], [0x0d, 1, 2, 3],
        // A time series that is a number; a sample whose value is a string.
        [0x08, 0x01], [0x0a, 0x04, 0x12, 0x02, 0x0a, 0x00],
    ])
    func malformed(_ bytes: [UInt8]) {
        var request = RemoteWriteRequest()
        do throws(RemoteWriteError) {
            try request.decode(bytes.span, .v1)
            Issue.record("decoded \(bytes)")
        } catch {
            #expect(error.kind == .malformed)
            #expect(error.description.hasPrefix("corrupt message at byte "))
        }
    }
}

struct RemoteWriteHistogramTests {
    /// What is sent is what a receiver reads, field for field.
    @Test func sentHistogramsAreRead() throws {
        func bucket(_ index: Int32, _ count: UInt64) -> HistogramBucket {
            HistogramBucket(index: index, rawCount: count)
        }
        let whole = NativeHistogram(
            schema: -3,
            count: 1 << 60,
            sum: -0.0,
            zeroThreshold: 0.001,
            zeroCount: 3,
            positive: [bucket(-4, 9), bucket(-3, 1), bucket(7, 1 << 59)],
            negative: [bucket(0, 2)],
            counterReset: .reset
        )
        let float = NativeHistogram(
            schema: 8,
            floatCount: 2.5,
            sum: StaleMarker.value,
            floatZeroCount: 0.5,
            positive: [HistogramBucket(index: .max, count: 2)],
            counterReset: .gauge
        )
        var columns = HistogramColumns()
        columns.append(-1, whole)
        columns.append(1_700_000_000_000, float)
        var samples = SampleColumns()
        samples.append(5, 1)
        let sent = [
            LogChunk.Series(
                labels: labels((name, "h")),
                samples: SampleColumns(),
                histograms: columns
            ),
            LogChunk.Series(labels: labels((name, "empty")), samples: SampleColumns()),
            LogChunk.Series(labels: labels((name, "x")), samples: samples),
        ]
        var message = PushedMessage()
        message.bytes = RemoteWriteV1.encode(sent, externalLabels: labels(("site", "s")))
        let request = try decode(message, .v1)
        #expect(request.series.count == 2 && request.timestamps == [5])
        #expect(request.histograms.map { $0.timestamp } == [-1, 1_700_000_000_000])
        #expect(
            request.histograms.map { $0.message.sum.bitPattern }
                == columns.histograms.map { $0.sum.bitPattern }
        )
        #expect(request.histograms[0].message == whole.message)
        #expect(request.histograms[1].message.positive == float.message.positive)
        #expect(try NativeHistogram(request.histograms[1].message) == float)
        let sentLabels = try request.labels(of: request.series[0], in: message.bytes.span)
        #expect(sentLabels == labels((name, "h"), ("site", "s")))
    }

    @Test func aHistogramIsTheseBytes() {
        var columns = HistogramColumns()
        let buckets = [HistogramBucket(index: -1, rawCount: 2), HistogramBucket(index: 1, rawCount: 1)]
        columns.append(1, NativeHistogram(schema: 1, count: 3, sum: 1, positive: buckets))
        let sent = [
            LogChunk.Series(labels: labels(("a", "b")), samples: SampleColumns(), histograms: columns)
        ]
        let bytes: [UInt8] = [
            0x0a, 0x3d,
            0x0a, 0x06, 0x0a, 0x01, 0x61, 0x12, 0x01, 0x62,  // label a="b"
            0x22, 0x33,  // histogram
            0x08, 3,  // count
            0x19, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f,  // sum
            0x20, 2,  // schema
            0x29, 0, 0, 0, 0, 0, 0, 0, 0,  // zero threshold
            0x30, 0,  // zero count
            0x5a, 0x04, 0x08, 0x01, 0x10, 0x01,  // span -1, 1
            0x5a, 0x04, 0x08, 0x02, 0x10, 0x01,  // span 1, 1
            0x62, 0x02, 0x04, 0x01,  // deltas 2, -1
            0x70, 0, 0x78, 1,  // hint, time
        ]
        let size = bytes.count - 2
        var wanted = bytes
        wanted[1] = UInt8(size)
        wanted[11] = UInt8(bytes.count - 12)
        #expect(RemoteWriteV1.encode(sent) == wanted)
    }
}
