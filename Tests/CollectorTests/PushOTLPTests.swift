// SPDX-License-Identifier: Apache-2.0
//
// OpenTelemetry's requests into the store, and what their senders are told of single data points.

import Config
import Platform
import Samples
import Synchronization
import Testing
import Wire

@testable import Collector

private let now: Int64 = 1_700_000_000_000

struct PushOTLPTests {
    private let store = PushedStore()
    private let telemetry = Telemetry()

    private func receiver(_ config: PushConfig = PushConfig()) -> PushReceiver {
        PushReceiver(
            PushReceiver.Options(groupLabels: ["job", "instance"], maxSeries: 100),
            limits: config,
            sink: store,
            clock: ManualClock(wallMilliseconds: now),
            telemetry: telemetry
        )
    }

    private func gauge(
        _ name: String,
        _ points: [(seconds: Int64, value: Double)],
        tag: String = ""
    ) -> String {
        let points = points.map { point in
            let attributes =
                tag.isEmpty ? "" : #", "attributes": [{"key": "tag", "value": {"stringValue": "\#(tag)"}}]"#
            let time = (now / 1000 + point.seconds) * 1_000_000_000
            return #"{"timeUnixNano": "\#(time)", "asDouble": \#(point.value)\#(attributes)}"#
        }
        return #"{"name": "\#(name)", "gauge": {"dataPoints": [\#(points.joined(separator: ","))]}}"#
    }

    private func push(_ receiver: PushReceiver, _ metrics: String...) -> OTLPReport {
        let resource = #"{"attributes": [{"key": "service.name", "value": {"stringValue": "s"}}]}"#
        let scope = #"[{"metrics": [\#(metrics.joined(separator: ","))]}]"#
        let text = #"{"resourceMetrics": [{"resource": \#(resource), "scopeMetrics": \#(scope)}]}"#
        return receiver.otlp(Array(text.utf8).span, .identity, isJSON: true)
    }

    @Test func whatIsSentTwiceIsStoredOnce() {
        let receiver = receiver()
        for _ in 0..<2 {
            let report = push(receiver, gauge("a", [(0, 1), (1, 2)]), gauge("b", [(0, 3)]))
            #expect(report.verdict == .stored && report.points == 3 && report.rejected == 0)
            #expect(report.reasons == [] && report.elements == 3)
        }
        #expect(
            store.lines == [
                #"a{job="s"} \#(now) 1"#, #"a{job="s"} \#(now + 1000) 2"#, #"b{job="s"} \#(now) 3"#,
            ]
        )
    }

    @Test func eachRejectedPointIsCountedOnce() {
        var limits = PushConfig()
        limits.labelValueLength = 10
        let receiver = receiver(limits)
        #expect(push(receiver, gauge("a", [(0, 1)])).rejected == 0)
        let report = push(
            receiver,
            // Another value for a time there is one, a good one, and one an hour ahead.
            gauge("a", [(0, 2), (5, 5), (3600, 9)]),
            gauge("long", [(0, 1), (1, 1)], tag: "12345678901"),
            #"{"name": "d", "sum": {"aggregationTemporality": 1, "dataPoints": [{}, {}]}}"#
        )
        #expect(report.points == 7 && report.rejected == 6 && report.elements == 5)
        #expect(
            report.reasons == [
                "invalid temporality and type combination for metric \"d\": only cumulative temporality is stored",
                "push.label_value_length_limit exceeded (metric: long, length: 11, limit: 10)",
                "out of bounds", "duplicate sample for timestamp: 1 sample at \(now)",
            ]
        )
        #expect(store.lines == [#"a{job="s"} \#(now) 1"#, #"a{job="s"} \#(now + 5000) 5"#])
        let refused = telemetry.families().first { $0.name == "edgewatch_receiver_rejected_samples_total" }
        let unsupported = refused?.samples.first { $0.labels.contains { $0.value == "unsupported" } }
        #expect(unsupported?.value == 2)
    }

    /// A histogram is several series and one data point.
    @Test func aHistogramIsOnePoint() {
        let receiver = receiver()
        func histogram(_ count: Int) -> String {
            let point =
                #"{"timeUnixNano": "\#(now)000000", "count": \#(count), "sum": 1, "bucketCounts": [1, \#(count - 1)]"#
                + #", "explicitBounds": [2]}"#
            return #"{"name": "h", "histogram": {"aggregationTemporality": 2, "dataPoints": [\#(point)]}}"#
        }
        #expect(push(receiver, histogram(3)).rejected == 0)
        let report = push(receiver, histogram(4))
        #expect(report.points == 1 && report.rejected == 1 && report.elements == 4)
        #expect(store.lines.count == 4)
    }

    @Test func aStoreThatTakesNothingIsAskedAgain() {
        let receiver = receiver()
        store.state.withLock { $0.failure = .closed }
        #expect(push(receiver, gauge("a", [(0, 1)])).verdict == .unavailable("the store is shutting down"))
        store.state.withLock { $0.failure = nil }
        #expect(push(receiver, gauge("a", [(0, 1)])).verdict == .stored)
        let none: [UInt8] = []
        #expect(receiver.otlp(none.span, .identity, isJSON: false) == OTLPReport())
        #expect(receiver.otlp(none.span, .gzip, isJSON: false).verdict == .malformed("gzip: corrupt input"))
    }

    @Test func theConfigurationDecidesOnNames() {
        let receiver = receiver()
        var config = OTLPConfig()
        config.strategy = .none
        config.promotesAll = true
        receiver.configure(config)
        #expect(push(receiver, gauge("a.b", [(0, 1)])).rejected == 0)
        #expect(store.lines == [#"{"a.b", job="s", "service.name"="s"} \#(now) 1"#])
    }
}
