// SPDX-License-Identifier: Apache-2.0
//
// Pushed bytes that were good and then were not: cut, flipped, repeated, filled with large numbers. Nothing may trap, and what
// is read must hold together. The fuzz targets go on where this ends; here the same inputs come each time.

import Bytes
import Samples
import Testing

@testable import Wire

/// xorshift64* (Vigna 2016), so that a failure repeats.
private struct Generator {
    var state: UInt64

    mutating func next(below limit: Int) -> Int {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return Int((state &* 0x2545_f491_4f6c_dd1d) >> 33) % max(1, limit)
    }

    mutating func damaged(_ bytes: [UInt8]) -> [UInt8] {
        var out = bytes
        for _ in 0...next(below: 4) where !out.isEmpty {
            let place = next(below: out.count)
            switch next(below: 6) {
            case 0: out.removeLast(out.count - place)
            case 1: out[place] ^= UInt8(1 << next(below: 8))
            case 2: out[place] = [0, 0x7f, 0x80, 0xff, 0x22, 0x5b, 0x7b, 0x0a][next(below: 8)]
            case 3:
                let count = min(next(below: 40), out.count - place)
                out.insert(contentsOf: Array(out[place..<(place + count)]), at: next(below: out.count))
            case 4: out.insert(contentsOf: [UInt8](repeating: 0xff, count: 10), at: place)
            default: out.removeSubrange(place..<min(out.count, place + next(below: 8)))
            }
        }
        return out
    }
}

struct HostilePushTests {
    private func check(_ request: RemoteWriteRequest) {
        let none: [UInt8] = []
        for series in request.series { _ = try? request.labels(of: series, in: none.span) }
        for exemplar in request.exemplars { _ = try? request.labels(of: exemplar) }
        for histogram in request.histograms { _ = try? NativeHistogram(histogram.message) }
        #expect(request.series.last.map { Int($0.sampleEnd) } ?? 0 == request.timestamps.count)
        #expect(request.starts.isEmpty || request.starts.count == request.timestamps.count)
    }

    @Test func otlp() throws {
        var generator = Generator(state: 0x5eed_0001)
        let seeds = try [OTLPMessages.sdkProtobuf, OTLPMessages.handProtobuf].map {
            try #require(Base64.decode($0))
        }
        for round in 0..<1500 {
            let message = generator.damaged(seeds[round % 2])
            var options = OTLPOptions()
            options.promotesScope = round % 3 == 0
            options.convertsToCustomBounds = round % 5 == 0
            var reader = OTLPReader(options)
            var request = RemoteWriteRequest()
            request.begin()
            guard (try? reader.read(message.span, into: &request)) != nil else { continue }
            #expect(reader.pointOf.count == request.series.count && reader.rejected <= reader.points)
            check(request)
        }
    }

    @Test func otlpJSON() {
        var generator = Generator(state: 0x5eed_0002)
        let seeds = [Array(OTLPMessages.sdkJSON.utf8), Array(OTLPMessages.handJSON.utf8)]
        for round in 0..<1500 {
            let document = generator.damaged(seeds[round % 2])
            var reader = OTLPReader(OTLPOptions())
            var request = RemoteWriteRequest()
            request.begin()
            guard (try? reader.read(json: document.span, into: &request, limit: 1 << 20)) != nil else {
                continue
            }
            check(request)
        }
    }

    @Test func text() {
        var generator = Generator(state: 0x5eed_0003)
        let seed = Array(
            "# TYPE a counter\na{x=\"1\",y=\"é\\n\"} 5 1700000000500\nb NaN\n{\"m.x\",\"l\"=\"v\"} -1e-3 # {t=\"1\"} 1\n"
                .utf8
        )
        for _ in 0..<1500 {
            let text = generator.damaged(seed)
            var reader = TextImport(ImportOptions(), now: 1)
            var request = RemoteWriteRequest()
            request.begin()
            guard (try? reader.read(text.span, into: &request)) != nil else { continue }
            #expect(reader.badLines + request.series.count <= text.count { $0 == 0x0a } + 1)
            check(request)
        }
    }

    @Test func gzip() {
        var generator = Generator(state: 0x5eed_0004)
        guard var compressor = StreamCompressor(.gzip) else { return }
        var seed: [UInt8] = []
        _ = compressor.compress(Array(OTLPMessages.sdkJSON.utf8), isLast: true, into: &seed)
        var buffer: [UInt8] = []
        for _ in 0..<1500 {
            let damaged = generator.damaged(seed)
            guard let count = try? Gzip.decompress(damaged.span, into: &buffer, limit: 50_000) else {
                continue
            }
            #expect(count <= 50_000)
        }
    }
}
