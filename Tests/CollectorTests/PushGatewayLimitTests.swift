// SPDX-License-Identifier: Apache-2.0
//
// What the gateway refuses at the door, and that what it holds can be stored, whatever the groups.

import Config
import Logging
import Platform
import Samples
import Synchronization
import Testing
import Wire

@testable import Collector

private let now: Int64 = 1_700_000_000_000

/// What a second TYPE line is told.
private func twice(_ line: Int, _ name: String) -> String {
    "line \(line): second TYPE line for metric name \"\(name)\", or TYPE reported after samples"
}

struct PushGatewayLimitTests {
    private let store = PushedStore()

    private func receiver(_ change: (inout PushConfig) -> Void = { _ in }) -> PushReceiver {
        var config = PushConfig()
        change(&config)
        return PushReceiver(
            PushReceiver.Options(groupLabels: ["job", "instance"], maxSeries: 100),
            limits: config,
            sink: store,
            clock: ManualClock(wallMilliseconds: now),
            telemetry: Telemetry()
        )
    }

    private func put(_ receiver: PushReceiver, _ job: String, _ text: String) throws -> GatewayReport {
        let key = try GroupingKey(["job", job])
        let request = GatewayRequest(key: key, change: .replaceAll, format: .text)
        return receiver.gateway(request, Array(text.utf8).span, .identity)
    }

    @Test func limitsOfLabelsHoldAtTheDoor() throws {
        let receiver = receiver { ($0.labels, $0.labelNameLength, $0.labelValueLength) = (3, 8, 5) }
        for (text, reason) in [
            (
                "m{x=\"123456\"} 1\n",
                "push.label_value_length_limit exceeded (metric: m, length: 6, limit: 5)"
            ),
            (
                "m{nine_char=\"1\"} 1\n",
                "push.label_name_length_limit exceeded (metric: m, length: 9, limit: 8)"
            ),
            (
                "m{x=\"1\",y=\"1\"} 1\n",
                "push.label_limit exceeded (metric: m, number of labels: 4, limit: 3)"
            ),
        ] {
            let report = try put(receiver, "j", "good 1\n" + text)
            #expect(report.status == 400 && report.message == reason)
        }
        #expect(try put(receiver, "123456", "m 1\n").status == 400)
        #expect(try put(receiver, "12345", "m{x=\"12345\"} 1\n").status == 200)
        // Without limits a series may have what a request may.
        receiver.configure(PushConfig())
        receiver.limits.withLock { $0.labelValueLength = 0 }
        let most = String(repeating: "v", count: 65_600)
        let report = try put(receiver, "k", "m{x=\"\(most)\"} 1\n")
        #expect(report.status == 400)
        #expect(report.message == "the labels of a series have more than 65536 bytes")
    }

    @Test func rangesOfValuesHoldAtTheDoor() throws {
        var rule = ValidationConfig(metric: try Pattern("bad_.*"))
        rule.max = 5
        rule.scale = 2
        var marking = ValidationConfig(metric: try Pattern("marked"))
        (marking.max, marking.action) = (5, .mark)
        let receiver = receiver { $0.validation = [rule, marking] }
        let report = try put(receiver, "j", "good 9\nbad_x{a=\"1\"} 3\n")
        #expect(report.status == 400)
        #expect(report.message == #"push.validation: 3 is out of the range of bad_x{a="1", job="j"}"#)
        #expect(try put(receiver, "j", "good 9\nbad_x{a=\"1\"} 2.5\nbad_y NaN\nmarked 6\n").status == 200)
    }

    /// As a Pushgateway: what cannot be read is nobody's failure, what contradicts is the group's.
    @Test func garbageMakesNoGroup() async throws {
        let receiver = receiver { $0.gatewayGroups = 2 }
        for number in 0..<5 { #expect(try put(receiver, "g\(number)", "garbage").status == 400) }
        #expect(receiver.gateway.counts.groups == 0)
        #expect(try put(receiver, "a", "x 1\n").status == 200)
        #expect(try put(receiver, "a", "x\n").status == 400)
        #expect(receiver.gateway.state.withLock { $0.groups.values.map(\.failed) } == [0])
        #expect(try put(receiver, "a", "x 1 5\n").status == 400)
        #expect(receiver.gateway.state.withLock { $0.groups.values.map(\.failed) } == [1_700_000_000])
        #expect(try put(receiver, "b", "x 1 5\n").status == 400)
        #expect(try put(receiver, "c", "x 1 5\n").status == 400)
        #expect(receiver.gateway.counts.groups == 2 && receiver.gateway.counts.series == 5)
    }

    /// Two groups that are more than a request may hold once kept every group from being stored.
    @Test func whatIsHeldIsBoundedAndStored() throws {
        let receiver = receiver()
        let gateway = receiver.gateway
        // Four kilobytes of the path on each of seven thousand lines.
        let text = (0..<7000).map { "m{i=\"\($0)\"} 1\n" }.joined()
        let (first, second) = (String(repeating: "v", count: 4000), String(repeating: "w", count: 4000))
        #expect(try put(receiver, first, text).status == 200)
        let full = try put(receiver, second, text)
        #expect(full.status == 503 && full.message == "the gateway holds at most 33554432 bytes")
        #expect(try put(receiver, "small", "m 1\n").status == 200)
        #expect(gateway.counts.groups == 2 && gateway.counts.series == 7005)
        let held = gateway.bytes
        #expect(held > 28_000_000 && held <= PushGateway.byteLimit)

        func series(at time: Int64) throws -> [Int] {
            var pass = gateway.beginPass(at: time)
            var counts: [Int] = []
            while !pass.isOver {
                var request = RemoteWriteRequest()
                request.begin()
                try pass.fill(&request)
                counts.append(request.series.count)
            }
            return counts
        }
        #expect(try series(at: now).reduce(0, +) == 7005)
        // All of it ends, in parts of two mebibytes of labels.
        gateway.delete(try GroupingKey(["job", first]))
        #expect(gateway.bytes < 2000 && gateway.counts.series == 3)
        let ends = try series(at: now + 1)
        #expect(ends.reduce(0, +) == 7005)
        #expect(ends.count > 13 && ends.allSatisfy { $0 <= 525 })
        #expect(try series(at: now + 2) == [3])
        // What was refused for want of room has room now.
        #expect(try put(receiver, second, text).status == 200)
        // Replacing is no growth, and what is replaced is given back.
        #expect(try put(receiver, second, text).status == 200)
        #expect(gateway.bytes == held)
        #expect(try put(receiver, second, "m 1\n").status == 200)
        #expect(gateway.bytes < 20_000)
    }

    @Test func aPassIsSeveralRequestsOfWholeGroups() throws {
        let receiver = receiver()
        let text = (0..<1700).map { "m\($0) 1\n" }.joined()
        for job in ["a", "b", "c", "d"] { #expect(try put(receiver, job, text).status == 200) }
        var pass = receiver.gateway.beginPass(at: now)
        var request = RemoteWriteRequest()
        request.begin()
        try pass.fill(&request)
        #expect(request.series.count == 3 * 1702 && request.metadata.count == 2 && !pass.isOver)
        request.begin()
        try pass.fill(&request)
        #expect(request.series.count == 1702 && request.metadata.isEmpty && pass.isOver)
    }

    @Test func aPassSaysWhatIsNotStored() async throws {
        let receiver = receiver()
        #expect(try put(receiver, "j", "m 1\n").status == 200)
        store.state.withLock { $0.limit = 1 }
        let time = Timestamp(milliseconds: now)
        #expect(receiver.storeGateway(at: time, isEnd: false) == ["\(SinkError.seriesLimit(1))"])
        store.state.withLock { $0.limit = .max }
        #expect(receiver.storeGateway(at: Timestamp(milliseconds: now + 1), isEnd: false) == [])
        store.state.withLock { $0.failure = .closed }
        let later = Timestamp(milliseconds: now + 2)
        #expect(receiver.storeGateway(at: later, isEnd: false) == ["the store is shutting down"])
    }

    /// What Debian's prometheus-pushgateway 1.5.1 answers.
    @Test(arguments: [
        ("x 1", "line 1: unexpected end of input stream"),
        ("x 1\n# c", "line 2: unexpected end of input stream"), ("x 1\n  \t", nil), ("", nil),
        ("x 1\n\n \n", nil), ("# TYPE q gauge\nq 1\n", nil),
        ("# TYPE q gauge\n# TYPE q gauge\nq 1\n", twice(2, "q")),
        ("# TYPE q gauge\nq 1\n# TYPE q gauge\n", twice(3, "q")),
        ("q 1\n# TYPE q gauge\n", twice(2, "q")),
        ("# HELP q a\n# HELP q a\nq 1\n", "line 2: second HELP line for metric name \"q\""),
        ("q 1\n# HELP q a\n", nil),
        ("# TYPE h summary\nh_sum 1\n# TYPE h_sum gauge\n", twice(3, "h")),
        ("# TYPE h counter\nh_sum 1\n# TYPE h_sum gauge\n", twice(3, "h_sum")),
        ("# HELP q\n# HELP q\nq{a=\"1\"} 1\n", nil),
        ("# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_count 1\nh_sum 1\n# HELP h x\n", nil),
    ])
    func theOrderOfLines(_ text: String, _ fault: String?) throws {
        let report = try put(receiver(), "j", text)
        #expect(report.message == fault.map { "text format parsing error in \($0)" } ?? "")
        #expect(report.status == (fault == nil ? 200 : 400))
    }
}
