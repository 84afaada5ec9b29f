// SPDX-License-Identifier: Apache-2.0
//
// Messages as the specification draws them, exactly.

import Samples
import Testing
import Wire

private let name = Labels.metricNameLabel

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
