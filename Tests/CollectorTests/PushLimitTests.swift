// SPDX-License-Identifier: Apache-2.0
//
// What one client may push: how fast, and with how many and how long labels.

import Bytes
import Config
import Platform
import Samples
import Testing
import Wire

@testable import Collector

private let second: UInt64 = 1_000_000_000

struct ClientRatesTests {
    @Test func aBurstIsTakenAndDebtIsWaitedFor() {
        var rates = ClientRates()
        #expect(rates.pause(for: "a", at: 0, 10, 100) == nil)
        rates.charge(100, to: "a", at: 0, 10, 100)
        #expect(rates.pause(for: "a", at: 0, 10, 100) == nil)
        rates.charge(25, to: "a", at: 0, 10, 100)
        #expect(rates.pause(for: "a", at: 0, 10, 100) == 3)
        #expect(rates.pause(for: "b", at: 0, 10, 100) == nil)
        #expect(rates.pause(for: "a", at: 2 * second, 10, 100) == 1)
        #expect(rates.pause(for: "a", at: 3 * second, 10, 100) == nil)
        // A full bucket holds the burst and no more.
        rates.charge(101, to: "a", at: 1000 * second, 10, 100)
        #expect(rates.pause(for: "a", at: 1000 * second, 10, 100) == 1)
        rates.charge(.max, to: "a", at: 1000 * second, 10, 100)
        #expect(rates.pause(for: "a", at: 1000 * second, 10, 100) == 3600)
    }

    @Test func addressesAreBounded() {
        var rates = ClientRates()
        for number in 0..<5000 { rates.charge(200, to: "\(number)", at: 0, 10, 100) }
        #expect(rates.count == ClientRates.clientLimit)
        // Those beyond share one bucket, which 904 requests of 200 have emptied.
        #expect(rates.pause(for: "new", at: 0, 10, 100) == 3600)
        #expect(rates.pause(for: "0", at: 0, 10, 100) == 10)
        // When the known ones' buckets are full again, they make room.
        rates.charge(200, to: "new", at: 30 * second, 10, 100)
        #expect(rates.count == 1)
        #expect(rates.pause(for: "new", at: 30 * second, 10, 100) == 10)
    }
}

struct PushLimitTests {
    private let store = PushedStore()
    private let clock = ManualClock(wallMilliseconds: 1_700_000_000_000)

    private func receiver(_ change: (inout PushConfig) -> Void) -> PushReceiver {
        var config = PushConfig()
        change(&config)
        return PushReceiver(
            PushReceiver.Options(groupLabels: ["job"], maxSeries: 100),
            limits: config,
            sink: store,
            clock: clock,
            telemetry: Telemetry()
        )
    }

    private func push(
        _ receiver: PushReceiver,
        _ pairs: [[(name: String, value: String)]]
    ) -> RemoteWriteReport {
        var samples = SampleColumns()
        samples.append(1_700_000_000_000, 1)
        let series = pairs.map { LogChunk.Series(labels: Labels($0), samples: samples) }
        return receiver.receive(Snappy.compress(RemoteWriteV1.encode(series)).span, .snappy, .v1)
    }

    @Test func longLabelsAreRefusedByTheSeries() {
        let receiver = receiver { ($0.labels, $0.labelNameLength, $0.labelValueLength) = (3, 8, 5) }
        let report = push(
            receiver,
            [
                [("__name__", "ok"), ("a", "12345")], [("__name__", "ok"), ("a", "123456")],
                [("__name__", "ok"), ("nine_char", "1")],
                [("__name__", "ok"), ("a", "1"), ("b", "1"), ("c", "1")],
            ]
        )
        #expect(report.verdict == .stored && report.samples == 1 && report.refused == 3)
        #expect(
            report.reasons == [
                "push.label_value_length_limit exceeded (metric: ok, length: 6, limit: 5)",
                "push.label_name_length_limit exceeded (metric: ok, length: 9, limit: 8)",
                "push.label_limit exceeded (metric: ok, number of labels: 4, limit: 3)",
            ]
        )
        #expect(store.lines == [#"ok{a="12345"} 1700000000000 1"#])
        receiver.configure(PushConfig())
        #expect(push(receiver, [[("__name__", "ok"), ("a", "123456")]]).samples == 1)
    }

    @Test func aClientOverItsRateWaits() {
        let receiver = receiver { ($0.rate, $0.burst) = (2, 4) }
        #expect(receiver.pause(for: "10.0.0.1") == nil)
        receiver.charge(10, to: "10.0.0.1")
        #expect(receiver.pause(for: "10.0.0.1") == 3)
        #expect(receiver.pause(for: "10.0.0.2") == nil)
        clock.advance(milliseconds: 3000)
        #expect(receiver.pause(for: "10.0.0.1") == nil)
        // Without a limit nobody is counted.
        receiver.configure(PushConfig())
        receiver.charge(1_000_000, to: "10.0.0.1")
        #expect(receiver.pause(for: "10.0.0.1") == nil)
    }

    @Test func whatDecodesToMoreThanTheLimitIsTooLarge() {
        let receiver = receiver { $0.decodedSize = 1000 }
        // A block that claims four gigabytes in five bytes.
        let claim: [UInt8] = [0xff, 0xff, 0xff, 0xff, 0x0f]
        #expect(
            receiver.receive(claim.span, .snappy, .v1).verdict
                == .tooLarge("snappy: the request decodes to more than 1000 bytes")
        )
        let body = [UInt8](repeating: 0x2a, count: 1001)
        #expect(
            receiver.receive(body.span, .identity, as: .text) { _, _ in }.report.verdict
                == .tooLarge("the request has more than 1000 bytes")
        )
        #expect(store.lines.isEmpty)
    }

    /// What a sender is told of single series when the store refuses a part of what came.
    @Test func refusedSeriesAreFoundOneByOne() {
        let receiver = receiver { _ in }
        func push(_ samples: [(String, Int64, Double)]) -> (RemoteWriteReport, Set<Int>) {
            let none: [UInt8] = []
            return receiver.receive(none.span, .identity, as: .text, isTracking: true) {
                (_, request) throws(RemoteWriteError) in
                for (name, time, value) in samples {
                    try request.add(Labels([("__name__", name)]), 1_700_000_000_000 + time, value)
                }
            }
        }
        let first = push([("a", 0, 1), ("b", 0, 1), ("c", 0, 1)])
        #expect(first.0.samples == 3 && first.1 == [])
        // Another value at a time there is one; the same; twice in one request; too far ahead; without a name.
        let second = push([
            ("a", 0, 2), ("b", 0, 1), ("d", 5, 1), ("d", 5, 2), ("d", 5, 1), ("c", 1 << 40, 1), ("", 0, 1),
        ])
        #expect(second.1 == [0, 3, 5, 6])
        #expect(second.0.samples == 3 && second.0.refused == 3 && second.0.invalidSeries == 1)
    }
}
