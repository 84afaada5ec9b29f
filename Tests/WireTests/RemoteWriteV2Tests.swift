// SPDX-License-Identifier: Apache-2.0

import Bytes
import Samples
import Testing

@testable import Wire

private func labels(_ pairs: KeyValuePairs<String, String>) -> Labels {
    Labels(pairs.map { (name: $0.key, value: $0.value) })
}

struct RemoteWriteV2Tests {
    private static let up = labels(["__name__": "up", "job": "x"])

    private func decode(_ message: [UInt8], _ version: RemoteWriteVersion) throws -> RemoteWriteRequest {
        var request = RemoteWriteRequest()
        try request.decode(message.span, version)
        return request
    }

    @Test func theBytesAreThoseOfTheProtocol() {
        var samples = SampleColumns()
        samples.append(300, 1)
        let entry = LogChunk.Series(labels: labels(["__name__": "a"]), samples: samples)
        #expect(
            RemoteWriteV2.encode([RemoteWriteV2.Series(entry)]) == [
                0x22, 0,  // ""
                0x22, 8, 0x5f, 0x5f, 0x6e, 0x61, 0x6d, 0x65, 0x5f, 0x5f,
                0x22, 1, 0x61,
                0x2a, 18,  // the series
                0x0a, 2, 1, 2,
                0x12, 12, 0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x10, 0xac, 0x02,
            ]
        )
    }

    @Test func everythingComesBackBitForBit() throws {
        var samples = SampleColumns()
        for (time, bits) in [(-5, 0x7ff8_0000_dead_beef), (7, StaleMarker.bits), (9, 1 << 63)]
            as [(Int64, UInt64)]
        {
            samples.append(time, Double(bitPattern: bits))
        }
        var starts = StartColumns()
        starts.append(7, start: 3)
        starts.append(11, start: -4)
        var message = HistogramMessage()
        message.count = 3
        message.sum = 1.5
        message.positive = HistogramMessage.Side()
        message.positive.spans = [HistogramSpan(offset: 1, length: 2)]
        message.positive.deltas = [1, 1]
        var histograms = HistogramColumns()
        histograms.append(11, try NativeHistogram(message))
        let exemplar = try #require(
            Exemplar(labels: labels(["job": "x"]), value: 2.5, timestamp: Timestamp(milliseconds: 8))
        )
        let entry = LogChunk.Series(
            labels: RemoteWriteV2Tests.up,
            samples: samples,
            histograms: histograms,
            starts: starts
        )
        let bytes = RemoteWriteV2.encode([RemoteWriteV2.Series(entry, exemplars: [exemplar])])
        let request = try decode(bytes, .v2)
        #expect(request.series.count == 1)
        #expect(request.series[0].fault == .none)
        #expect(try request.labels(of: request.series[0], in: bytes.span) == RemoteWriteV2Tests.up)
        #expect(request.timestamps == samples.timestamps)
        #expect(request.values.map(\.bitPattern) == samples.values.map(\.bitPattern))
        #expect(request.starts == [0, 3, 0])
        #expect(request.histograms.map(\.timestamp) == [11])
        #expect(request.histograms.map(\.start) == [-4])
        #expect(try request.histograms.map { try NativeHistogram($0.message) } == histograms.histograms)
        #expect(request.exemplars.map(\.value) == [2.5])
        #expect(request.exemplars.map(\.timestamp) == [8])
        #expect(try request.exemplars.map { try request.labels(of: $0) } == [exemplar.labels])
    }

    @Test func labelsAreAddedAndTextsAreShared() throws {
        var samples = SampleColumns()
        samples.append(1, 1)
        let series = [
            LogChunk.Series(labels: RemoteWriteV2Tests.up, samples: samples),
            LogChunk.Series(labels: labels(["__name__": "up", "job": "y", "site": "own"]), samples: samples),
        ]
        let external = labels(["site": "plant", "node": "n1"])
        var bytes: [UInt8] = []
        RemoteWriteV2.append(
            series.map { RemoteWriteV2.Series($0) },
            externalLabels: external,
            metadata: {
                MetricMetadata(family: "up", kind: .gauge, help: "Whether é is up.", unit: $0["site"] ?? "")
            },
            to: &bytes
        )
        let request = try decode(bytes, .v2)
        #expect(request.series.map(\.fault) == [.none, .none])
        #expect(
            try request.series.map { try request.labels(of: $0, in: bytes.span) } == [
                labels(["__name__": "up", "job": "x", "node": "n1", "site": "plant"]),
                labels(["__name__": "up", "job": "y", "node": "n1", "site": "own"]),
            ]
        )
        let known = request.series.map {
            request.metadata(request.descriptions[Int($0.description)], family: "up", in: bytes.span)
        }
        #expect(
            known == [
                MetricMetadata(family: "up", kind: .gauge, help: "Whether é is up."),
                MetricMetadata(family: "up", kind: .gauge, help: "Whether é is up.", unit: "own"),
            ]
        )
        // Each text once.
        for text in ["job", "plant", "Whether é is up.", "n1"] {
            #expect(bytes.indices.count { bytes[$0...].starts(with: text.utf8) } == 1, "\(text)")
        }
    }

    @Test func aBufferIsAddedTo() {
        var samples = SampleColumns()
        samples.append(1, 1)
        let series = [LogChunk.Series(labels: RemoteWriteV2Tests.up, samples: samples)]
        var out: [UInt8] = [1, 2, 3]
        RemoteWriteV1.append(series, to: &out)
        #expect(out == [1, 2, 3] + RemoteWriteV1.encode(series))
        out = [9]
        RemoteWriteV2.append(series.map { RemoteWriteV2.Series($0) }, to: &out)
        #expect(out == [9] + RemoteWriteV2.encode(series.map { RemoteWriteV2.Series($0) }))
    }

    @Test func metadataIsAMessageOf10() throws {
        let all = [
            MetricMetadata(family: "a_seconds", kind: .histogram, help: "é\n", unit: "seconds"),
            MetricMetadata(family: "b", kind: .unknown, help: ""),
        ]
        let request = try decode(RemoteWriteV1.encode(metadata: all), .v1)
        #expect(request.metadata == all)
        #expect(request.series.isEmpty)
    }

    @Test func aMessageShowsItsVersion() throws {
        var samples = SampleColumns()
        samples.append(1, 1)
        // From one byte of length of the first literal to two.
        for length in [1, 50, 60, 300, 70_000] {
            let long = labels(["__name__": String(repeating: "n", count: length)])
            let entry = LogChunk.Series(labels: long, samples: samples)
            #expect(RemoteWriteVersion(ofMessageIn: Snappy.compress(RemoteWriteV1.encode([entry]))) == .v1)
            let second = RemoteWriteV2.encode([RemoteWriteV2.Series(entry)])
            #expect(RemoteWriteVersion(ofMessageIn: Snappy.compress(second)) == .v2)
            let metadata = MetricMetadata(
                family: "f",
                kind: .gauge,
                help: String(repeating: "é", count: length)
            )
            #expect(
                RemoteWriteVersion(ofMessageIn: Snappy.compress(RemoteWriteV1.encode(metadata: [metadata])))
                    == .v1
            )
        }
        #expect(RemoteWriteVersion(ofMessageIn: Snappy.compress([])) == .v1)
        #expect(RemoteWriteVersion(ofMessageIn: []) == nil)
        #expect(RemoteWriteVersion(ofMessageIn: [5, 0xff]) == nil)
        #expect(RemoteWriteVersion(ofMessageIn: Snappy.compress([0x7a, 0])) == nil)
    }
}
