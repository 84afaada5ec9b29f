// SPDX-License-Identifier: Apache-2.0
//
// What receivers are sent and how they are understood: both messages, both encodings, the ways back from those a
// receiver does not know, and the counts of what it wrote. The receiver here reads by Content-Type and Content-Encoding
// alone, as the specification has it.

import Bytes
import Config
import Foundation
import HTTPClient
import Platform
import Samples
import Synchronization
import TestServer
import Testing
import Wire

@testable import Sync

/// A receiver of either message in either encoding.
private final class AnyReceiver: Sendable {
    struct Call: Sendable {
        var version: RemoteWriteVersion
        var encoding: String
        var headers: [String: String]
        var samples: [Received]
        var number: Int
    }

    struct Answer: Sendable {
        var status = 204
        var words = ""
        var headers: [(String, String)] = []
        /// How many of the samples are stored, from the first on.
        var stores = 0

        static func written(_ count: Int, status: Int = 204, words: String = "") -> Answer {
            Answer(
                status: status,
                words: words,
                headers: [("X-Prometheus-Remote-Write-Samples-Written", "\(count)")],
                stores: count
            )
        }
    }

    private final class Shared: Sendable {
        let calls = Mutex<[Call]>([])
        let stored = Mutex<[Received]>([])
    }

    let server: TestServer
    private let shared: Shared

    var calls: [Call] { shared.calls.withLock { $0 } }
    var stored: [Received] { shared.stored.withLock { $0 } }

    init(_ script: @escaping @Sendable (Call) -> Answer) throws {
        let shared = Shared()
        self.shared = shared
        server = try TestServer { request, connection in
            let encoding = request.headers["content-encoding"] ?? ""
            let version: RemoteWriteVersion =
                request.headers["content-type"]
                    == "application/x-protobuf;proto=io.prometheus.write.v2.Request"
                ? .v2 : .v1
            var samples: [Received] = []
            do {
                let message =
                    encoding == "zstd"
                    ? try Zstd.decompress(request.body[...], limit: 1 << 26)
                    : try Snappy.decompress(request.body, limit: 1 << 26)
                var decoded = RemoteWriteRequest()
                try decoded.decode(message.span, version)
                var start = 0
                for series in decoded.series {
                    let labels = try decoded.labels(of: series, in: message.span)
                    for index in start..<Int(series.sampleEnd) {
                        samples.append(
                            Received(
                                labels: labels,
                                timestamp: decoded.timestamps[index],
                                bits: decoded.values[index].bitPattern
                            )
                        )
                    }
                    start = Int(series.sampleEnd)
                }
            } catch {
                Issue.record("unreadable: \(error)")
            }
            let call = shared.calls.withLock { calls in
                let call = Call(
                    version: version,
                    encoding: encoding,
                    headers: request.headers,
                    samples: samples,
                    number: calls.count
                )
                calls.append(call)
                return call
            }
            let answer = script(call)
            shared.stored.withLock { $0 += samples.prefix(answer.stores) }
            connection.respond(answer.status, answer.words, headers: answer.headers)
        }
    }
}

struct PeerTests {
    private let bench: Bench

    init() throws {
        bench = try Bench()
    }

    /// Delivers 20 rows of 3 series, 6 samples a request, until the receiver has stored this many.
    private func deliver(
        _ type: RemoteWriteConfig.ReceiverType = .auto,
        _ message: RemoteWriteConfig.Message? = nil,
        _ compression: RemoteWriteConfig.Compression = .auto,
        stored: Int = 60,
        _ script: @escaping @Sendable (AnyReceiver.Call) -> AnyReceiver.Answer
    ) async throws -> AnyReceiver {
        bench.log.append(rows: 20)
        let receiver = try AnyReceiver(script)
        defer { receiver.server.stop() }
        var config = Bench.destination(receiver.server.url("/w"), samplesPerRequest: 6)
        config.type = type
        config.message = message
        config.compression = compression
        let service = bench.service()
        service.configure(
            [config],
            externalLabels: Labels().setting("node", "n1"),
            sync: Bench.sync(samplesPerRequest: 6)
        )
        try await bench.run(service) { receiver.stored.count >= stored }
        return receiver
    }

    private var expected: Set<Received> {
        Set(
            bench.log.contents.map {
                Received(labels: $0.labels.setting("node", "n1"), timestamp: $0.timestamp, bits: $0.bits)
            }
        )
    }

    @Test func whatEachKindGetsFirst() async throws {
        typealias Case = (
            type: RemoteWriteConfig.ReceiverType, message: RemoteWriteConfig.Message?,
            compression: RemoteWriteConfig.Compression, way: String
        )
        let cases: [Case] = [
            (.auto, nil, .auto, "v1 snappy"), (.prometheus, nil, .auto, "v1 snappy"),
            (.mimir, nil, .auto, "v1 snappy"), (.thanos, nil, .auto, "v1 snappy"),
            (.victoriametrics, nil, .auto, "v1 zstd"), (.victoriametrics, nil, .snappy, "v1 snappy"),
            (.victoriametrics, .v2, .auto, "v2 snappy"), (.edgewatch, nil, .auto, "v2 zstd"),
            (.edgewatch, .v1, .auto, "v1 zstd"), (.edgewatch, nil, .snappy, "v2 snappy"),
            (.auto, .v2, .auto, "v2 snappy"), (.auto, .v2, .zstd, "v2 zstd"), (.auto, nil, .zstd, "v1 zstd"),
        ]
        for (type, message, compression, way) in cases {
            var config = RemoteWriteConfig(name: "d", url: "http://x/")
            (config.type, config.message, config.compression) = (type, message, compression)
            let learning = PeerLearning(config)
            #expect("\(learning.current.message) \(learning.current.encoding)" == way)
            #expect(learning.ways.last == MessageWay(message: .v1, encoding: .snappy))
        }
    }

    @Test func theHeadersOfEachWay() {
        func headers(_ message: MessageKind, _ encoding: BodyEncoding) -> [String] {
            MessageCoding.headers(MessageWay(message: message, encoding: encoding)).map { "\($0.0): \($0.1)" }
        }
        #expect(
            headers(.v1, .snappy) == [
                "Content-Encoding: snappy", "Content-Type: application/x-protobuf",
                "X-Prometheus-Remote-Write-Version: 0.1.0",
            ]
        )
        #expect(
            headers(.v1, .denseZstd) == [
                "Content-Encoding: zstd", "Content-Type: application/x-protobuf",
                "X-VictoriaMetrics-Remote-Write-Version: 1",
            ]
        )
        #expect(
            headers(.v2, .zstd) == [
                "Content-Encoding: zstd",
                "Content-Type: application/x-protobuf;proto=io.prometheus.write.v2.Request",
                "X-Prometheus-Remote-Write-Version: 2.0.0",
            ]
        )
    }

    @Test func secondVersionInZstd() async throws {
        let receiver = try await deliver(.edgewatch) { .written($0.samples.count) }
        #expect(receiver.calls.allSatisfy { $0.version == .v2 && $0.encoding == "zstd" })
        #expect(receiver.stored.count == 60)
        #expect(Set(receiver.stored) == expected)
    }

    /// 415: from then on 1.0, and nothing is missing or twice.
    @Test func whoDoesNotKnowTheMessageGetsTheOther() async throws {
        let receiver = try await deliver(.auto, .v2) { call in
            call.version == .v2
                ? AnyReceiver.Answer(status: 415, words: "no")
                : AnyReceiver.Answer(stores: call.samples.count)
        }
        #expect(receiver.calls.map(\.version) == [.v2] + [RemoteWriteVersion](repeating: .v1, count: 10))
        #expect(receiver.calls[0].samples == receiver.calls[1].samples)
        #expect(receiver.stored.count == 60)
        #expect(Set(receiver.stored) == expected)
        #expect(bench.counter("edgewatch_sync_dropped_samples_total", ["reason": "rejected"]) == 0)
    }

    /// A 1.0 receiver reads a 2.0 message as an empty one and is content with it.
    @Test func whoSaysNothingOfWhatItWroteHasNotWritten() async throws {
        let receiver = try await deliver(.auto, .v2, .zstd) { call in
            AnyReceiver.Answer(stores: call.version == .v2 ? 0 : call.samples.count)
        }
        // Not the other encoding of the same message: that would be as empty.
        #expect(receiver.calls.map(\.version).prefix(3) == [.v2, .v1, .v1])
        #expect(receiver.calls.count == 11)
        #expect(Set(receiver.stored) == expected)
        #expect(bench.counter("edgewatch_sync_sent_samples_total") == 60)
    }

    /// 400 to the first zstd means the encoding; once one was taken, it means the samples.
    @Test func zstdIsGivenUpOnlyAtFirst() async throws {
        let receiver = try await deliver(.victoriametrics) { call in
            call.encoding == "zstd"
                ? AnyReceiver.Answer(status: 400, words: "cannot unpack snappy")
                : AnyReceiver.Answer(stores: call.samples.count)
        }
        #expect(receiver.calls.map(\.encoding).prefix(3) == ["zstd", "snappy", "snappy"])
        #expect(receiver.calls.count == 11)
        #expect(Set(receiver.stored) == expected)
    }

    @Test func aRejectionAfterZstdWasTakenIsOne() async throws {
        // In the second request, after the first was taken.
        let poison = Received(
            labels: Labels().setting("__name__", "m").setting("i", "1").setting("node", "n1"),
            timestamp: 1_700_000_002_000,
            bits: 7.0.bitPattern
        )
        let receiver = try await deliver(.victoriametrics, stored: 59) { call in
            call.samples.contains(poison)
                ? AnyReceiver.Answer(status: 400, words: "bad")
                : AnyReceiver.Answer(stores: call.samples.count)
        }
        #expect(receiver.calls.allSatisfy { $0.encoding == "zstd" })
        #expect(receiver.calls[1].samples.contains(poison))
        #expect(receiver.stored.count == 59)
        #expect(Set(receiver.stored) == expected.subtracting([poison]))
        #expect(bench.counter("edgewatch_sync_dropped_samples_total", ["reason": "rejected"]) == 1)
    }

    /// 400 with counts: what was written is not sent again, what was not is given up and counted.
    @Test func partialWritesAreAccounted() async throws {
        let receiver = try await deliver(.edgewatch, stored: 58) { call in
            call.number == 3
                ? .written(4, status: 400, words: "too old sample for series m")
                : .written(call.samples.count)
        }
        #expect(receiver.calls.count == 10)
        #expect(receiver.stored.count == 58)
        #expect(Set(receiver.stored).isSubset(of: expected))
        #expect(bench.counter("edgewatch_sync_dropped_samples_total", ["reason": "rejected"]) == 2)
        #expect(bench.counter("edgewatch_sync_sent_samples_total") == 58)
    }

    @Test func aBetterWayIsTriedAgainAfterADay() {
        let ways = [
            MessageWay(message: .v2, encoding: .zstd), MessageWay(message: .v2, encoding: .snappy),
            MessageWay(message: .v1, encoding: .snappy),
        ]
        let day: UInt64 = 86_400_000_000_000
        var learning = PeerLearning(ways: ways)
        let first = learning.judge(415, isAccountedFor: false, ways[0], now: 1000)
        #expect(first && learning.current == ways[1])
        // A late answer to the way already left changes nothing but that request's.
        let late = learning.judge(415, isAccountedFor: false, ways[0], now: 2000)
        #expect(late && learning.current == ways[1])
        let second = learning.judge(204, isAccountedFor: false, ways[1], now: 5000)
        #expect(second && learning.current == ways[2])
        // Nothing is left after the last: the answer means what it says.
        let third = learning.judge(415, isAccountedFor: false, ways[2], now: 6000)
        #expect(!third && learning.current == ways[2])
        #expect(learning.way(now: 5000 + day - 1) == ways[2])
        #expect(learning.way(now: 5000 + day) == ways[0])
        // A failure that is no matter of ways.
        for status in [400, 404, 429, 500, 503] {
            let isWay = learning.judge(status, isAccountedFor: true, ways[2], now: 0)
            #expect(!isWay)
        }
    }

    @Test func theCountsOfAnAnswer() {
        func counts(_ fields: [(name: String, value: String)]) -> WrittenCounts? {
            WrittenCounts(
                HTTPClientResponse(status: 200, headers: fields, body: [], statistics: TransferStatistics())
            )
        }
        let prefix = "x-prometheus-remote-write-"
        #expect(counts([]) == nil)
        #expect(counts([("\(prefix)samples-written", "7")]) == WrittenCounts(samples: 7))
        #expect(
            counts([("\(prefix)histograms-written", "2"), ("\(prefix)exemplars-written", "3")])
                == WrittenCounts(histograms: 2, exemplars: 3)
        )
        for wrong in ["", "-1", "x", "1.5", " 1", "99999999999999999999999"] {
            #expect(counts([("\(prefix)samples-written", wrong)]) == nil)
        }
        #expect(WrittenCounts(samples: .max, histograms: 1).total == .max)
        // More than was sent is no reason to think anything lost, or to trap.
        #expect(Verdict.accepted.of(5, written: WrittenCounts(samples: .max)) == .accepted)
        #expect(
            Verdict.accepted.of(5, written: WrittenCounts(samples: 3))
                == .partly(written: 3, of: 5, words: "the receiver says that it stored fewer")
        )
        let rejected = Verdict.rejected(reason: "r", isOrder: true)
        #expect(rejected.of(5, written: WrittenCounts()) == rejected)
        #expect(rejected.of(5, written: WrittenCounts(samples: 9)) == .partly(written: 5, of: 5, words: "r"))
        let busy = Verdict.busy(retryAfter: nil, reason: "b")
        #expect(busy.of(5, written: WrittenCounts(samples: 3)) == busy)
    }
}
