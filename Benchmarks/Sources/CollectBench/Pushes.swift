// SPDX-License-Identifier: Apache-2.0
//
// What clients push: remote write as senders batch it, one sample of each of 2 000 series a request, decoded alone and
// received into the store.

import Bytes
import Platform
import Samples
import TSDB
import Wire

@testable import Collector

/// The part of pushes.
enum Pushes {
    private static let series = 2000
    /// Requests prepared, so that what is timed is the receiver.
    private static let requests = 200

    static func measure() throws {
        let first = SystemClock().wallMilliseconds() - 24 * 3_600_000
        for (name, version) in [("1.0", RemoteWriteVersion.v1), ("2.0", .v2)] {
            let messages = (0..<requests).map { message($0, at: first + Int64($0) * 15_000, version) }
            try decode(name, messages, version)
            try receive(name, messages.map(Snappy.compress), version, first)
        }
    }

    /// The n-th message of a sender with four targets of 500 series.
    private static func message(_ number: Int, at time: Int64, _ version: RemoteWriteVersion) -> [UInt8] {
        let all = (0..<series).map { index in
            var samples = SampleColumns()
            switch index % 10 {
            case 0: samples.append(time, Double(index) * 1.37 + Double(number) * 0.0625)
            case 1...5: samples.append(time, Double(index * 1000 + number))
            default: samples.append(time, Double(index))
            }
            let labels = Labels([
                ("__name__", "family_\(index % 500 / 20)_seconds"), ("device", "sda\(index % 20)"),
                ("instance", "gateway-\(index / 500):9100"), ("job", "bench"), ("mode", "user"),
                ("zone", "north"),
            ])
            return LogChunk.Series(labels: labels, samples: samples)
        }
        return version == .v1
            ? RemoteWriteV1.encode(all) : RemoteWriteV2.encode(all.map { RemoteWriteV2.Series($0) })
    }

    private static func decode(_ name: String, _ messages: [[UInt8]], _ version: RemoteWriteVersion) throws {
        var request = RemoteWriteRequest()
        var best = UInt64.max
        var samples = 0
        for _ in 0..<5 {
            samples = 0
            let began = ThreadTime.nanoseconds()
            for message in messages {
                try request.decode(message.span, version)
                samples += request.timestamps.count
            }
            best = min(best, ThreadTime.nanoseconds() - began)
        }
        let rate = Double(samples) * 1000 / Double(best)
        print(
            "remote write \(name): \(messages[0].count) bytes, decoded at \((rate * 10).rounded() / 10) M samples/s"
        )
    }

    private static func receive(
        _ name: String,
        _ bodies: [[UInt8]],
        _ version: RemoteWriteVersion,
        _ first: Int64
    ) throws {
        let clock = ManualClock(wallMilliseconds: first)
        let directory = "benchmark-push"
        let store = try CollectBench.openStore(directory, clock)
        defer { CollectBench.empty(directory) }
        let receiver = PushReceiver(
            PushReceiver.Options(groupLabels: ["job", "instance"], maxSeries: 100_000),
            sink: store,
            clock: clock,
            telemetry: Telemetry()
        )
        var nanoseconds: UInt64 = 0
        var samples = 0
        for (number, body) in bodies.enumerated() {
            clock.advance(milliseconds: 15_000)
            let began = ThreadTime.nanoseconds()
            let report = receiver.receive(body.span, .snappy, version)
            // The first requests learn the names.
            if number >= 20 {
                nanoseconds += ThreadTime.nanoseconds() - began
                samples += report.samples
            }
            if number % 20 == 0 { try store.maintain() }
        }
        let rate = Double(samples) * 1000 / Double(nanoseconds)
        print(
            "remote write \(name): \(bodies[0].count) bytes compressed, "
                + "\((rate * 10).rounded() / 10) M samples/s from the body to the log"
        )
    }
}
