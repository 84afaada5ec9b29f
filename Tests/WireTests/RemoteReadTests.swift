// SPDX-License-Identifier: Apache-2.0
//
// Chunks against those of Prometheus 2.42, byte for byte, and requests that are none.

import Samples
import Testing

@testable import Wire

struct RemoteReadTests {
    private func bytes(_ hex: String) -> [UInt8] {
        stride(from: 0, to: hex.count, by: 2).compactMap { index in
            UInt8(hex.dropFirst(index).prefix(2), radix: 16)
        }
    }

    /// Differences of differences of every size, values that change in few bits, in all, and not at all.
    @Test func numbersAsPrometheusCodesThem() {
        let times: [Int64] = [
            0, 15_000, 30_000, 45_001, 60_000, 83_192, 90_000, 170_536, 170_537, 1_219_113, 1_234_113,
            1_758_401, 1_758_404,
        ]
        let values = [
            0, 1.5, 1.5, -2.25, 1e300, .infinity, Double(bitPattern: 0x7ff8_0000_0000_0000), 0.1, 0.2, -0.0,
            Double.leastNonzeroMagnitude, 1_234_567.875, 1_234_568,
        ]
        var samples = SampleColumns()
        for (time, value) in zip(times, values) { samples.append(1_700_000_000_123 + time, value) }
        let chunk = SeriesChunk(samples, 0..<13)
        #expect(chunk.encoding == .xor)
        #expect(chunk.from == 1_700_000_000_123 && chunk.through == 1_700_001_758_527)
        #expect(
            chunk.bytes
                == bytes(
                    "000df6a1abfef96200000000000000009875c45fff2000701ffff6fffb07d7c6bc8791000eb3e1000c038fc8791000eb"
                        + "3ee000400100000000000070900061fa020cccccccccccdeec5698038000000000000f00000000000fffffc1fdfe4c"
                        + "ccccccccccdffffffffffff03a98c004000000000000000f3e2b448265ad0fc0000003d0000700000007f000000000"
                )
        )
    }

    @Test func aHistogramAsPrometheusCodesIt() throws {
        var message = HistogramMessage()
        message.count = 16
        message.sum = 12.5
        message.schema = 2
        message.zeroThreshold = 0.001
        message.zeroCount = 2
        message.positive.spans = [HistogramSpan(offset: 1, length: 5)]
        message.positive.deltas = [3, -2, 3, -3, 4]
        let chunk = SeriesChunk(try NativeHistogram(message), at: 1_700_000_000_123)
        #expect(chunk.encoding == .histogram)
        #expect(
            chunk.bytes == bytes("000100ff3f50624dd2f1a9fc946b17f0000c5e7f2b43de42480520000000000013b4eb40")
        )
    }

    private static let widths: [(Int64, Int)] = [
        (0, 1), (1, 5), (4, 5), (-3, 5), (5, 9), (-4, 9), (32, 9), (33, 13), (256, 13), (257, 17),
        (2048, 17), (2049, 24), (131_072, 24), (131_073, 32), (16_777_216, 32), (16_777_217, 64),
        (36_028_797_018_963_968, 64), (36_028_797_018_963_969, 72), (.min, 72), (.max, 72),
    ]

    /// One zero bit, prefixes of ones with 3, 6, 9, 12, 18, 25, 56 and 64 bits.
    @Test(arguments: widths)
    func widthsOfNumbers(value: Int64, expected: Int) {
        var bits = ChunkBits(count: 0)
        bits.append(signed: value)
        #expect(bits.bytes.count == 2 + (expected + 7) / 8)
        // Ones that follow show where the number ends.
        var marked = ChunkBits(count: 0)
        marked.append(signed: value)
        marked.append(1, bits: 1)
        let place = expected % 8
        let last = marked.bytes.last ?? 0
        #expect(marked.bytes.count == 2 + expected / 8 + 1)
        #expect(last & (0x80 >> UInt8(place)) != 0)
    }

    @Test func longSeriesAreCutAtHistogramsAndAt120Samples() throws {
        var samples = SampleColumns()
        for index in 0..<250 { samples.append(Int64(index) * 10, 1) }
        var histograms = HistogramColumns()
        histograms.append(1995, NativeHistogram.staleMarker)
        let series = LogChunk.Series(
            labels: Labels([(name: "__name__", value: "x")]),
            samples: samples,
            histograms: histograms
        )
        let frame = RemoteReadResponse.frames(series, query: 0)
        // A length of two bytes and the checksum stand before the message.
        let message = fields(fields(Array(frame.dropFirst(6)))[0].content)
        let chunks = message.filter { $0.number == 2 }.map { fields($0.content) }
        let counts = chunks.map { chunk in chunk.first { $0.number == 4 }.map { Array($0.content.prefix(2)) }
        }
        #expect(counts == [[0, 120], [0, 80], [0, 1], [0, 50]])
        #expect(chunks.map { $0.first { $0.number == 3 }?.value } == [1, 1, 2, 1])
        #expect(chunks.map { $0.first { $0.number == 2 }?.value } == [1190, 1990, 1995, 2490])
    }

    private func fields(_ bytes: [UInt8]) -> [(number: Int, value: UInt64, content: [UInt8])] {
        var found: [(number: Int, value: UInt64, content: [UInt8])] = []
        var rest = bytes[...]
        func varint() -> UInt64 {
            var value: UInt64 = 0
            var shift: UInt64 = 0
            while let byte = rest.popFirst() {
                value |= UInt64(byte & 0x7f) << shift
                shift += 7
                if byte < 0x80 { break }
            }
            return value
        }
        while !rest.isEmpty {
            let tag = varint()
            let value = varint()
            let content = tag & 7 == 2 ? Array(rest.prefix(Int(value))) : []
            rest = rest.dropFirst(content.count)
            found.append((Int(tag >> 3), value, content))
        }
        return found
    }

    private static let damaged: [[UInt8]] = [
        [0x0a, 0x05], [0x0a, 0x02, 0x1a, 0x05], [0x0a, 0x04, 0x1a, 0x02, 0x08, 0x04], [0x12, 0x01, 0x80],
        [0x03],
        [0x0a, 0x06, 0x1a, 0x04, 0x08, 0x02, 0x1a, 0x01],
    ]

    @Test(arguments: damaged)
    func damagedRequests(message: [UInt8]) {
        #expect(throws: RemoteWriteError.self) { try RemoteReadRequest(message.span) }
    }

    @Test func requests() throws {
        let message: [UInt8] = [
            0x0a, 0x11, 0x08, 0x01, 0x10, 0x02, 0x1a, 0x07, 0x08, 0x01, 0x12, 0x01, 0x61, 0x1a, 0x00, 0x22,
            0x02, 0x08,
            0x05, 0x10, 0x07, 0x10, 0x01,
        ]
        let request = try RemoteReadRequest(message.span)
        #expect(request.queries.count == 1)
        #expect(request.queries[0].start.milliseconds == 1 && request.queries[0].end.milliseconds == 2)
        #expect(request.queries[0].matchers.map(\.description) == [#"a!="""#])
        #expect(request.acceptedTypes == [7, 1])
    }
}
