// SPDX-License-Identifier: Apache-2.0
//
// Messages that are too large, and messages nobody should send.

import Samples
import Testing
import Wire

private let name = Labels.metricNameLabel

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
