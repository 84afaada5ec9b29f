// SPDX-License-Identifier: Apache-2.0
//
// What is held for pushers that are gone, and text that is imported.

import Bytes
import Config
import Logging
import Platform
import Samples
import Synchronization
import Testing
import Wire

@testable import Collector

private let now: Int64 = 1_700_000_000_000

private func key(_ parts: String...) throws -> GroupingKey { try GroupingKey(parts) }

private struct Bench {
    let store = PushedStore()
    let clock = ManualClock(wallMilliseconds: now)
    let receiver: PushReceiver
    let source: PushGatewaySource

    init(_ change: (inout PushConfig) -> Void = { _ in }) {
        var config = PushConfig()
        change(&config)
        receiver = PushReceiver(
            PushReceiver.Options(groupLabels: ["job", "instance"], maxSeries: 100),
            limits: config,
            sink: store,
            clock: clock,
            telemetry: Telemetry()
        )
        source = PushGatewaySource(.gateway(interval: .seconds(15)), receiver, logger: Logger(label: "test"))
    }

    func change(
        _ change: GatewayRequest.Change,
        _ key: GroupingKey,
        _ text: String = "",
        _ format: ExpositionFormat = .text
    ) -> GatewayReport {
        let request = GatewayRequest(key: key, change: change, format: format)
        return receiver.gateway(request, Array(text.utf8).span, .identity)
    }

    /// The lines of the store at one time of a pass.
    func pass(_ seconds: Int64) async -> [String] {
        let time = Timestamp(milliseconds: now + seconds * 1000)
        await source.pass(PassOrder(time: time, interval: .seconds(15), classes: .all))
        let suffix = " \(time.milliseconds) "
        return store.state.withLock { state in
            state.samples.flatMap { id, samples in
                samples.filter { $0.key == time.milliseconds }.map { _, bits in
                    let value =
                        bits == StaleMarker.bits ? "stale" : PromNumber.format(Double(bitPattern: bits))
                    return "\(state.series[Int(id.rawValue)])\(suffix)\(value)"
                }
            }.sorted().map { $0.replacing(suffix, with: " ") }
        }
    }
}

/// What a push is told that contradicts something.
private func refused(_ reason: String) -> String {
    "pushed metrics are invalid or inconsistent with existing metrics: \(reason)"
}

/// One after the other on an empty gateway: the job, the group's instance if any, whether POST, the body, why it is refused.
private let consistency: [[(String, String?, Bool, String, String?)]] = [
    // One type in all groups, until the last group that has it is gone or replaced.
    [
        ("a", nil, false, "# TYPE x counter\nx 1\n", nil),
        ("b", nil, false, "# TYPE x gauge\nx 1\n", "metric x is gauge here and counter in another group"),
        ("b", nil, false, "x 1\n", "metric x is unknown here and counter in another group"),
        ("b", nil, false, "# HELP x Other help.\n# TYPE x counter\nx 1\n", nil),
        ("a", nil, true, "# TYPE x gauge\nx 1\n", "metric x is gauge here and counter in another group"),
        ("b", nil, false, "y 1\n", nil),
        ("a", nil, true, "# TYPE x gauge\nx 1\n", nil),
        ("b", nil, true, "# TYPE x gauge\nx 1\n", nil),
    ],
    // A series is in one group.
    [
        ("a", "i", false, "x 1\n", nil), ("a", nil, false, "x{instance=\"k\"} 1\n", nil),
        (
            "a", nil, false, "x{instance=\"i\"} 1\n",
            #"x{instance="i", job="a"} was collected before with the same name and label values"#
        ),
        (
            "a", "k", false, "x 1\n",
            #"x{instance="k", job="a"} was collected before with the same name and label values"#
        ),
        ("a", "l", false, "x{instance=\"k\"} 1\n", nil),
    ],
    // What a histogram or summary is made of is no metric of its own, in whatever order they come.
    [
        ("a", nil, false, "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_count 1\nh_sum 1\n", nil),
        ("b", nil, false, "h_count 1\n", "metric h_count collides with a part of h, which is histogram"),
        ("a", nil, true, "h_bucket 1\n", "metric h_bucket collides with a part of h, which is histogram"),
        ("b", nil, false, "h 1\n", "metric h is unknown here and histogram in another group"),
        ("b", nil, false, "h_total 1\n", nil), ("c", nil, false, "s_sum 1\ns_bucket 1\n", nil),
        (
            "d", nil, false, "# TYPE s summary\ns{quantile=\"0.5\"} 1\n",
            "metric s_sum collides with a part of s, which is summary"
        ),
        ("c", nil, false, "s_bucket 1\n", nil),
        ("d", nil, false, "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_count 1\n", nil),
    ],
    // The gateway's own series are not to be pushed, and no mistake.
    [
        ("a", nil, false, "push_time_seconds 5\n", nil), ("b", nil, false, "# TYPE x gauge\n", nil),
        ("c", nil, false, "", nil),
    ],
]

struct PushGatewayTests {
    @Test(arguments: consistency.indices)
    func whatContradictsOtherGroupsIsRefused(_ index: Int) throws {
        let bench = Bench()
        for (job, instance, isPost, text, reason) in consistency[index] {
            let group = try instance.map { try key("job", job, "instance", $0) } ?? key("job", job)
            let report = bench.change(isPost ? .replaceNamed : .replaceAll, group, text)
            #expect(report.status == (reason == nil ? 200 : 400), "\(job) \(text)")
            #expect(report.message == reason.map(refused) ?? "", "\(job) \(text)")
        }
    }

    @Test func theTypesAreThoseOfWhatIsHeld() throws {
        let bench = Bench()
        for (index, (job, _, isPost, text, _)) in consistency.joined().enumerated() {
            let change: GatewayRequest.Change = isPost ? .replaceNamed : .replaceAll
            _ = bench.change(index % 7 == 6 ? .delete : change, try key("job", job), text)
            bench.receiver.gateway.state.withLock { state in
                var holders: [String: Int] = [:]
                for group in state.groups.values {
                    for (name, family) in group.families {
                        holders[name, default: 0] += 1
                        #expect(state.types[name]?.kind == family.kind)
                    }
                }
                #expect(state.types.mapValues(\.holders) == holders)
            }
        }
    }

    @Test func histogramsByProtobufAreKeptBothWays() async throws {
        // io.prometheus.client: a histogram h with one classic bucket and a native one, and a counter c, both of 1.
        func field(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
            [UInt8(number << 3 | 2), UInt8(bytes.count)] + bytes
        }
        let one: [UInt8] = [0, 0, 0, 0, 0, 0, 0xf0, 0x3f]
        let classic = field(3, [1 << 3, 1, 2 << 3 | 1] + one)
        let native: [UInt8] = [5 << 3, 0] + field(12, [1 << 3, 2, 2 << 3, 1]) + field(13, [2])
        let histogram = [1 << 3, 1, 2 << 3 | 1] + one + classic + native
        let families = [
            field(1, Array("h".utf8)) + [3 << 3, 4] + field(4, field(7, histogram)),
            field(1, Array("c".utf8)) + [3 << 3, 0] + field(4, field(3, [1 << 3 | 1] + one)),
        ]
        let body = families.flatMap { [UInt8($0.count)] + $0 }
        let bench = Bench()
        let group = try key("job", "j")
        let request = GatewayRequest(key: group, change: .replaceAll, format: .protobuf)
        #expect(bench.receiver.gateway(request, body.span, .identity).elements == 6)
        #expect(
            await bench.pass(0).filter { !$0.hasPrefix("push_") } == [
                #"c{job="j"} 1"#, #"h_bucket{job="j", le="+Inf"} 1"#, #"h_bucket{job="j", le="1.0"} 1"#,
                #"h_count{job="j"} 1"#, #"h_sum{job="j"} 1"#,
            ]
        )
        #expect(bench.store.state.withLock { $0.histograms.count } == 1)
        // Both are one family, so they go together.
        let text = "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 2\nh_count 2\nh_sum 2\n"
        #expect(bench.change(.replaceNamed, group, text).status == 200)
        let second = await bench.pass(15)
        #expect(second.contains(#"h_bucket{job="j", le="1.0"} stale"#))
        let ended = bench.store.state.withLock { state in
            state.histograms.values.compactMap { $0[now + 15_000] }.map(\.isStale)
        }
        #expect(ended == [true])
        #expect(bench.receiver.gateway(request, body.span.extracting(first: 20), .identity).status == 400)
    }

    @Test func groupsAreHeldReplacedAndForgotten() async throws {
        let bench = Bench()
        let one = try key("job", "backup", "instance", "a")
        #expect(
            bench.change(.replaceAll, one, "# TYPE size gauge\nsize{job=\"x\",k=\"1\"} 5\nlast 7\n").status
                == 200
        )
        bench.clock.advance(milliseconds: 1000)
        let two = try key("job", "backup")
        #expect(bench.change(.replaceNamed, two, "# TYPE size gauge\nsize 1\n").elements == 1)
        #expect(
            await bench.pass(2) == [
                #"last{instance="a", job="backup"} 7"#,
                #"push_failure_time_seconds{instance="a", job="backup"} 0"#,
                #"push_failure_time_seconds{job="backup"} 0"#,
                #"push_time_seconds{instance="a", job="backup"} 1700000000"#,
                #"push_time_seconds{job="backup"} 1700000001"#,
                #"size{instance="a", job="backup", k="1"} 5"#, #"size{job="backup"} 1"#,
            ]
        )
        // POST keeps what it does not name; a family goes as a whole.
        #expect(bench.change(.replaceNamed, one, "# TYPE size gauge\nsize{k=\"2\"} 6\n").status == 200)
        let second = await bench.pass(17)
        #expect(second.contains(#"last{instance="a", job="backup"} 7"#))
        #expect(second.contains(#"size{instance="a", job="backup", k="1"} stale"#))
        #expect(second.contains(#"size{instance="a", job="backup", k="2"} 6"#))
        // PUT keeps nothing.
        #expect(bench.change(.replaceAll, one, "other 1\n").status == 200)
        let third = await bench.pass(32)
        #expect(third.contains(#"last{instance="a", job="backup"} stale"#))
        #expect(!third.contains { $0.contains(#"k="1""#) })
        #expect(bench.change(.delete, one).status == 202 && bench.change(.delete, one).status == 202)
        #expect(bench.change(.delete, two).status == 202)
        let fourth = await bench.pass(47)
        #expect(fourth.count == 6 && fourth.allSatisfy { $0.hasSuffix(" stale") })
        #expect(await bench.pass(62) == [])
    }

    @Test func aWrongPushChangesNothingButIsNoticed() async throws {
        let bench = Bench()
        let group = try key("job", "j")
        #expect(bench.change(.replaceAll, group, "a 1\n").status == 200)
        for (text, reason) in [
            ("a 2\nb\n", "text format parsing error in line 2: expected a value, got the end of the line"),
            ("a 2 1000\n", refused("pushed metrics must not have timestamps")),
            ("a 2\na 3\n", refused(#"a{job="j"} was collected before with the same name and label values"#)),
            ("a{__x=\"1\"} 2\n", refused("a label has an invalid name: __x")),
        ] {
            let report = bench.change(.replaceAll, group, text)
            #expect(report.status == 400 && report.message == reason)
        }
        #expect(
            await bench.pass(0) == [
                #"a{job="j"} 1"#, #"push_failure_time_seconds{job="j"} 1700000000"#,
                #"push_time_seconds{job="j"} 1700000000"#,
            ]
        )
    }

    @Test func otherFormats() async throws {
        let bench = Bench()
        let text = "# TYPE c counter\nc_total 4.0 # {trace_id=\"1\"} 1.0\n# EOF\n"
        #expect(bench.change(.replaceAll, try key("job", "om"), text, .openMetrics).status == 200)
        #expect(await bench.pass(0).contains(#"c_total{job="om"} 4"#))
        let packed = try #require(StreamedGzip.pack("z 3\n"))
        let request = GatewayRequest(key: try key("job", "z"), change: .replaceAll, format: .text)
        #expect(bench.receiver.gateway(request, packed.span, .gzip).status == 200)
        #expect(bench.receiver.gateway(request, packed.span.extracting(first: 9), .gzip).status == 400)
        #expect(await bench.pass(15).contains(#"z{job="z"} 3"#))
    }

    @Test func groupsAreBounded() throws {
        let bench = Bench { $0.gatewayGroups = 2 }
        for name in ["a", "b", "a"] {
            #expect(bench.change(.replaceAll, try key("job", name), "x 1\n").status == 200)
        }
        let report = bench.change(.replaceAll, try key("job", "c"), "x 1\n")
        #expect(report.status == 503 && report.message == "push.gateway.groups (2) is reached")
        #expect(bench.change(.replaceAll, try key("job", "d"), "x\n").status == 400)
        #expect(bench.receiver.gateway.counts.groups == 2)
    }

    @Test func theEndOfTheGatewayEndsItsSeries() async throws {
        let bench = Bench()
        _ = bench.change(.replaceAll, try key("job", "j"), "a 1\n")
        #expect(await bench.pass(0).count == 3)
        await bench.source.end(at: Timestamp(milliseconds: now + 15_000))
        let ended = bench.store.state.withLock { state in
            state.samples.values.count { $0[now + 15_000] == StaleMarker.bits }
        }
        #expect(ended == 3)
    }
}

/// gzip as a sender makes it.
private enum StreamedGzip {
    static func pack(_ text: String) -> [UInt8]? {
        guard var compressor = StreamCompressor(.gzip) else { return nil }
        var out: [UInt8] = []
        return compressor.compress(Array(text.utf8), isLast: true, into: &out) ? out : nil
    }
}

struct TextImportTests {
    private func run(_ text: String, _ options: ImportOptions = ImportOptions()) -> (ImportReport, [String]) {
        let bench = Bench()
        let report = bench.receiver.importText(Array(text.utf8).span, .identity, options)
        return (report, bench.store.lines)
    }

    @Test func goodLinesAreStoredAndBadOnesTold() {
        let (report, lines) = run(
            "# TYPE a counter\r\na{x=\"1\"} 5 1700000000500\r\n\nb 2\nbad line here\nc{x=\"1\n d 4 \na{x=\"2\"} x\nb 3\n"
        )
        #expect(
            report.verdict == .stored && report.samples == 3 && report.badLines == 3 && report.refused == 1
        )
        #expect(
            report.reasons == [
                "line 5: expected a value, got \"line here\"", "line 6: the labels have no closing brace",
                "line 8: expected a value, got \"x\"", "duplicate sample for timestamp: 1 sample at \(now)",
            ]
        )
        #expect(lines == [#"a{x="1"} \#(now + 500) 5"#, "b \(now) 2", "d \(now) 4"])
    }

    @Test func labelsAndTimeOfTheRequest() throws {
        var options = ImportOptions()
        options.timestamp = now - 7
        options.labels = try key("job", "j", "x", "0").pairs + [try #require(GroupingKey.Pair("x=extra=1"))]
        let (report, lines) = run("a{x=\"1\",y=\"2\"} 1\nb 2 \(now)\n", options)
        #expect(report.samples == 2 && report.badLines == 0)
        #expect(
            lines == [
                #"a{job="j", x="extra=1", y="2"} \#(now - 7) 1"#, #"b{job="j", x="extra=1"} \#(now) 2"#,
            ]
        )
    }

    @Test func whatOpenMetricsAddsIsPassedOver() {
        let (report, lines) = run(
            "# HELP h help\nh_bucket{le=\"1.0\",x=\" # {\"} 3 # {trace_id=\"1\"} 0.5 1.5\nnan NaN\ninf +Inf\n# EOF\n"
        )
        #expect(report.samples == 3 && report.badLines == 0)
        #expect(lines.contains(#"h_bucket{le="1.0", x=" # {"} \#(now) 3"#))
        #expect(run("").0 == ImportReport() && run("\n\n # x\n").0 == ImportReport())
    }
}

struct GroupingKeyTests {
    @Test func pathsNameGroups() throws {
        #expect("\(try key("job", "a", "x", "1/2").labels)" == #"{job="a", x="1/2"}"#)
        #expect("\(try key("job@base64", "L3Zhci90bXA").labels)" == #"{job="/var/tmp"}"#)
        #expect(try key("job", "a", "x@base64", "=").pairs.map(\.value) == ["a", ""])
        #expect(try key("x", "1", "job", "a") == key("job", "a", "x", "1"))
        #expect(try key("job", "a", "job", "b", "x", "1", "x", "2") == key("job", "a", "x", "2"))
        for (parts, reason) in [
            (["job"], #"odd number of components, or too many, in label string "job""#),
            (["job", ""], "job name is required"), (["instance", "a"], "job name is required"),
            (["job", "a", "1x", "b"], #"improper label name "1x""#),
            (["job", "a", "__x", "b"], #"improper label name "__x""#),
            (["job@base64", "*"], #"invalid base64 encoding for label job="*""#),
        ] {
            #expect {
                _ = try GroupingKey(parts)
            } throws: {
                ($0 as? GroupingKey.Fault)?.reason == reason
            }
        }
    }
}
