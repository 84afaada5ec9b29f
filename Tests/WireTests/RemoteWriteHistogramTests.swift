// SPDX-License-Identifier: Apache-2.0
//
// Native histograms as a sender writes them and a receiver reads them.

import Samples
import Testing
import Wire

private let name = Labels.metricNameLabel

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
