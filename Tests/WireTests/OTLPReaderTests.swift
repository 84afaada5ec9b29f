// SPDX-License-Identifier: Apache-2.0
//
// OpenTelemetry's requests to series: what an SDK and other people's encoders make, read here.

import Bytes
import Samples
import Testing

@testable import Wire

private let hour: Int64 = 1_700_000_000_000

/// The series of a request as `name{labels} value @ time`, with starts, exemplars and histograms.
private func lines(_ request: RemoteWriteRequest) throws -> [String] {
    let none: [UInt8] = []
    var out: [String] = []
    var (sample, histogram, exemplar) = (0, 0, 0)
    for series in request.series {
        let labels = "\(try request.labels(of: series, in: none.span))"
        for index in sample..<Int(series.sampleEnd) {
            let value = request.values[index]
            let start = request.starts.isEmpty ? 0 : request.starts[index]
            out.append(
                "\(labels) \(value.bitPattern == StaleMarker.bits ? "stale" : PromNumber.format(value))"
                    + " @\(request.timestamps[index] - hour)" + (start == 0 ? "" : " since \(start - hour)")
            )
        }
        for index in histogram..<Int(series.histogramEnd) {
            let sent = request.histograms[index]
            let made = try NativeHistogram(sent.message)
            let buckets =
                (made.negative.map { "-\($0.index):\($0.rawCount)" }.reversed())
                + made.positive.map { "\($0.index):\($0.rawCount)" }
            out.append(
                "\(labels) schema \(made.schema) count \(made.rawCount) sum \(PromNumber.format(made.sum)) zero "
                    + "\(made.rawZeroCount)/\(made.zeroThreshold) \(buckets.joined(separator: " ")) bounds "
                    + "\(made.customBounds) @\(sent.timestamp - hour) since \(sent.start - hour)"
            )
        }
        for index in exemplar..<Int(series.exemplarEnd) {
            let sent = request.exemplars[index]
            out.append("  # \(try request.labels(of: sent)) \(sent.value) @\(sent.timestamp - hour)")
        }
        (sample, histogram) = (Int(series.sampleEnd), Int(series.histogramEnd))
        exemplar = Int(series.exemplarEnd)
    }
    return out
}

private func read(
    _ message: [UInt8],
    isJSON: Bool = false,
    _ change: (inout OTLPOptions) -> Void = { _ in }
) throws -> (lines: [String], reader: OTLPReader, request: RemoteWriteRequest) {
    var options = OTLPOptions()
    change(&options)
    var reader = OTLPReader(options)
    var request = RemoteWriteRequest()
    request.begin()
    if isJSON {
        try reader.read(json: message.span, into: &request, limit: 1 << 20)
    } else {
        try reader.read(message.span, into: &request)
    }
    #expect(reader.pointOf.count == request.series.count)
    return (try lines(request), reader, request)
}

private func protobuf(_ base64: String) throws -> [UInt8] { try #require(Base64.decode(base64)) }

struct OTLPReaderTests {
    @Test func everyInstrumentOfTheSDK() throws {
        let (lines, reader, request) = try read(protobuf(OTLPMessages.sdkProtobuf))
        let expected: [String] = [
            #"parts_made_total{http_method="GET", instance="a1", job="plant/press", line="a"} 5 "#
                + #"@0 since -60000"#,
            #"queue_length{instance="a1", job="plant/press", line="b"} -3 @0"#,
            #"cycle_time_seconds_sum{instance="a1", job="plant/press", ok="true"} 0.7 @0 since "#
                + #"-60000"#,
            #"cycle_time_seconds_count{instance="a1", job="plant/press", ok="true"} 1 @0 since "#
                + #"-60000"#,
            #"cycle_time_seconds_bucket{instance="a1", job="plant/press", le="0.5", ok="true"} 0 "#
                + #"@0 since -60000"#,
            #"cycle_time_seconds_bucket{instance="a1", job="plant/press", le="1", ok="true"} 1 @0 "#
                + #"since -60000"#,
            #"cycle_time_seconds_bucket{instance="a1", job="plant/press", le="5", ok="true"} 1 @0 "#
                + #"since -60000"#,
            #"cycle_time_seconds_bucket{instance="a1", job="plant/press", le="+Inf", ok="true"} 1 "#
                + #"@0 since -60000"#,
            #"exp_milliseconds{instance="a1", job="plant/press"} schema 6 count 4 sum 11 zero "#
                + #"0/1e-128 0:1 64:1 128:2 bounds [] @0 since -60000"#,
            #"load_ratio{instance="a1", job="plant/press"} 0.25 @0"#,
            #"temperature_celsius{instance="a1", job="plant/press", room="1"} 21.5 @0"#,
            #"energy_joules_total{instance="a1", job="plant/press"} 7 @0 since -60000"#,
            #"target_info{deployment_environment="test", host_cores="4", instance="a1", "#
                + #"job="plant/press"} 1 @0"#,
        ]
        #expect(lines == expected)
        #expect(reader.points == 7 && reader.rejected == 0)
        #expect(Set(reader.pointOf) == [-1, 0, 1, 2, 3, 4, 5, 6])
        #expect(
            request.metadata.map { "\($0.family) \($0.kind) \($0.unit) \($0.help)" } == [
                "parts_made_total counter  Parts", "queue_length gauge  ",
                "cycle_time_seconds histogram seconds ", "exp_milliseconds histogram milliseconds ",
                "load_ratio gauge  ", "temperature_celsius gauge celsius ",
                "energy_joules_total counter joules ", "target_info gauge  Target metadata",
            ]
        )
    }

    @Test func pointsNoSDKSends() throws {
        let (lines, reader, _) = try read(protobuf(OTLPMessages.handProtobuf))
        let expected: [String] = [
            #"g{a_b="1;2", job="hand", key_9x="true", key_u="1e-7", l="[1,\"q\\\"\",null]", "#
                + #"m="{\"b\":1.5,\"z\":\"Af8=\"}"} -7 @0"#,
            #"gone{job="hand"} stale @0"#,
            #"rt_seconds_sum{job="hand"} 2.5 @0 since -60000"#,
            #"rt_seconds_count{job="hand"} 4 @0 since -60000"#,
            #"rt_seconds{job="hand", quantile="0.5"} 0.1 @0 since -60000"#,
            #"rt_seconds{job="hand", quantile="1"} 9 @0 since -60000"#,
            #"h_sum{job="hand"} 10 @0 since -60000"#,
            #"h_count{job="hand"} 6 @0 since -60000"#,
            #"h_bucket{job="hand", le="0.1"} 1 @0 since -60000"#,
            #"  # {span_id="0001020304050607", trace_id="000102030405060708090a0b0c0d0e0f", "#
                + #"u="x"} 0.05 @0"#,
            #"h_bucket{job="hand", le="5"} 3 @0 since -60000"#,
            #"  # {span_id="0001020304050607", trace_id="000102030405060708090a0b0c0d0e0f", "#
                + #"u="x"} 3.0 @0"#,
            #"h_bucket{job="hand", le="+Inf"} 6 @0 since -60000"#,
            #"  # {span_id="0001020304050607", trace_id="000102030405060708090a0b0c0d0e0f", "#
                + #"u="x"} 7.0 @0"#,
            #"e{job="hand"} schema 8 count 11 sum 3 zero 1/1e-128 -1:3 0:3 1:4 bounds [] @0 since "#
                + #"-60000"#,
            #"target_info{job="hand", zone="z"} 1 @0"#,
        ]
        #expect(lines == expected)
        #expect(reader.points == 13 && reader.rejected == 8)
        #expect(
            reader.reasons == [
                "invalid temporality and type combination for metric \"delta\": only cumulative temporality is stored",
                "a data point of h has 2 bucket counts for 2 bounds",
                "a data point of e has scale -5, below -4", "a data point of notime has no time",
                "a data point of novalue has no value", "no metric name is left of \"…\"",
            ]
        )
    }

    @Test func nothingTranslatedAndAllPromoted() throws {
        let (lines, _, _) = try read(protobuf(OTLPMessages.handProtobuf)) {
            ($0.strategy, $0.promotesScope, $0.promotesAll, $0.convertsToCustomBounds) = (
                .none, true, true, true
            )
        }
        let expected: [String] = [
            #"g{"9x"="true", _u="1e-7", "a.b"="1", a_b="2", job="hand", l="[1,\"q\\\"\",null]", "#
                + #"m="{\"b\":1.5,\"z\":\"Af8=\"}", "otel_scope_k.x"="1", otel_scope_name="lib", "#
                + #"otel_scope_version="1", "service.name"="hand", zone="z"} -7 @0"#,
            #"gone{job="hand", "otel_scope_k.x"="1", otel_scope_name="lib", "#
                + #"otel_scope_version="1", "service.name"="hand", zone="z"} stale @0"#,
            #"rt_sum{job="hand", "otel_scope_k.x"="1", otel_scope_name="lib", "#
                + #"otel_scope_version="1", "service.name"="hand", zone="z"} 2.5 @0 since -60000"#,
            #"rt_count{job="hand", "otel_scope_k.x"="1", otel_scope_name="lib", "#
                + #"otel_scope_version="1", "service.name"="hand", zone="z"} 4 @0 since -60000"#,
            #"rt{job="hand", "otel_scope_k.x"="1", otel_scope_name="lib", otel_scope_version="1", "#
                + #"quantile="0.5", "service.name"="hand", zone="z"} 0.1 @0 since -60000"#,
            #"rt{job="hand", "otel_scope_k.x"="1", otel_scope_name="lib", otel_scope_version="1", "#
                + #"quantile="1", "service.name"="hand", zone="z"} 9 @0 since -60000"#,
            #"h{job="hand", "otel_scope_k.x"="1", otel_scope_name="lib", otel_scope_version="1", "#
                + #""service.name"="hand", zone="z"} schema -53 count 6 sum 10 zero 0/0.0 0:1 1:2 2:3 "#
                + #"bounds [0.1, 5.0] @0 since -60000"#,
            #"  # {span_id="0001020304050607", trace_id="000102030405060708090a0b0c0d0e0f", "#
                + #"u="x"} 0.05 @0"#,
            #"  # {span_id="0001020304050607", trace_id="000102030405060708090a0b0c0d0e0f", "#
                + #"u="x"} 3.0 @0"#,
            #"  # {span_id="0001020304050607", trace_id="000102030405060708090a0b0c0d0e0f", "#
                + #"u="x"} 7.0 @0"#,
            #"e{job="hand", "otel_scope_k.x"="1", otel_scope_name="lib", otel_scope_version="1", "#
                + #""service.name"="hand", zone="z"} schema 8 count 11 sum 3 zero 1/1e-128 -1:3 0:3 1:4 "#
                + #"bounds [] @0 since -60000"#,
            #"{"…", job="hand", "otel_scope_k.x"="1", otel_scope_name="lib", "#
                + #"otel_scope_version="1", "service.name"="hand", zone="z"} 1 @0"#,
            #"target_info{job="hand", zone="z"} 1 @0"#,
        ]
        #expect(lines == expected)
    }

    @Test func jsonSaysTheSame() throws {
        for (binary, json) in [
            (OTLPMessages.sdkProtobuf, OTLPMessages.sdkJSON),
            (OTLPMessages.handProtobuf, OTLPMessages.handJSON),
        ] {
            let first = try read(protobuf(binary))
            let second = try read(Array(json.utf8), isJSON: true)
            #expect(first.lines == second.lines)
            #expect(first.reader.rejected == second.reader.rejected)
            #expect(first.reader.reasons == second.reader.reasons)
        }
    }

    @Test func aCutMessageIsMalformed() throws {
        let whole = try protobuf(OTLPMessages.handProtobuf)
        for count in 1..<whole.count {
            #expect(throws: RemoteWriteError.self) { try read(Array(whole[..<count])) }
        }
        let json = Array(OTLPMessages.handJSON.utf8)
        for count in stride(from: 0, to: json.count - 1, by: 7) {
            #expect(throws: RemoteWriteError.self) { try read(Array(json[..<count]), isJSON: true) }
        }
    }

    @Test(arguments: [
        #"{"resourceMetrics": 1}"#, #"{"resourceMetrics": [1]}"#, #"[]"#, #"{"resourceMetrics": [{}]} x"#,
        #"{"x": "# + String(repeating: "[", count: 10_000), #"{"a": tru}"#,
        #"{"resourceMetrics": [{"resource": {"attributes": [{"value": {"boolValue": 1}}]}}]}"#,
        #"{"resourceMetrics": [{"resource": {"attributes": [{"value": {"intValue": "1.5"}}]}}]}"#,
        #"{"resourceMetrics": [{"resource": {"attributes": [{"value": {"bytesValue": "*"}}]}}]}"#,
        #"{"resourceMetrics": [{"resource": {"attributes": [{"value": "# + nested(70) + "}]}}]}",
        #"{"resourceMetrics": [{"resource": {"attributes": [{"value": "# + nested(20) + "}]}}]}",
    ])
    func damagedJSON(_ text: String) {
        #expect { try read(Array(text.utf8), isJSON: true) } throws: {
            ($0 as? RemoteWriteError)?.kind == .malformed
        }
    }

    private static func nested(_ depth: Int) -> String {
        String(repeating: #"{"arrayValue": {"values": ["#, count: depth)
            + String(repeating: "]}}", count: depth)
    }

    @Test func unknownMembersArePassedOver() throws {
        let text = #"{"x": {"y": [1, "a", true, null, {}]}, "resourceMetrics": null, "resource_metrics": []}"#
        #expect(try read(Array(text.utf8), isJSON: true).lines == [])
    }
}

struct OTLPNamesTests {
    private func name(
        _ name: String,
        _ unit: String = "",
        _ kind: OTLPNames.Kind = .other,
        _ strategy: OTLPOptions.Strategy = .escapedWithSuffixes
    ) -> String? {
        var options = OTLPOptions()
        options.strategy = strategy
        return OTLPNames(options: options).metric(name, unit: unit, kind)
    }

    /// Mostly the examples in otlptranslator's own documentation and tests.
    @Test func metrics() {
        #expect(name("http.server.duration", "s") == "http_server_duration_seconds")
        #expect(name("requests.count", "1", .counter) == "requests_count_total")
        #expect(name("memory.usage", "By", .gauge) == "memory_usage_bytes")
        #expect(name("system.io", "By/s") == "system_io_bytes_per_second")
        #expect(name("total.errors.total", "", .counter) == "errors_total")
        #expect(name("cpu.ratio", "1", .gauge) == "cpu_ratio")
        #expect(name("queue", "{items}") == "queue")
        #expect(name("rate", "{req}/s") == "rate_per_second")
        #expect(name("speed", "m/m") == "speed_meters_per_minute")
        #expect(name("latency.seconds", "s") == "latency_seconds")
        #expect(name("a__b..c") == "a_b_c")
        #expect(name("2xx") == "_2xx")
        #expect(name("rule:x") == "rule:x")
        #expect(name("temp", "°F") == "temp_F")
        #expect(name("x", "foo/µ") == "x_foo")
        #expect(name("unknown", "widgets/fortnight") == "unknown_widgets_per_fortnight")
        #expect(name("…") == nil && name("") == nil && name("__", "", .other, .escaped) == "__")
        #expect(name("a.b__c", "s", .counter, .escaped) == "a_b__c")
        #expect(name("a.b", "s", .counter, .none) == "a.b")
        #expect(name("a.b", "By/s", .counter, .withSuffixes) == "a.b_bytes_per_second_total")
        #expect(name("a.total", "1", .counter, .withSuffixes) == "a_total")
        #expect(name("a.seconds", "s", .other, .withSuffixes) == "a.seconds")
    }

    @Test func labels() {
        var options = OTLPOptions()
        func label(_ name: String) -> String? { OTLPNames(options: options).label(name) }
        #expect(label("http.method") == "http_method" && label("a__b") == "a__b" && label("é") == "key_")
        #expect(label("123") == "key_123" && label("_x") == "key_x" && label("__x") == "__x")
        #expect(label("") == nil && label("_") == "key_" && label("__") == "__")
        options.sanitizesUnderscores = false
        #expect(label("_x") == "_x" && label(".x") == "_x")
        options.keepsUnderscores = false
        #expect(label("a__b..c") == "a_b_c" && label("__name__") == "__name__" && label("____") == "____")
        options.strategy = .none
        #expect(label("é.b") == "é.b")
    }

    @Test func units() {
        let names = OTLPNames(options: OTLPOptions())
        #expect(names.unit("s") == "seconds" && names.unit("By/s") == "bytes_per_second")
        #expect(names.unit("1") == "" && names.unit("{x}/s") == "per_second" && names.unit("") == "")
    }
}

struct Base64Tests {
    @Test func roundTrips() throws {
        for count in 0..<20 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 77 &+ 250) }
            let text = Base64.encode(bytes.span)
            #expect(Base64.decode(text) == bytes)
            let bare = text.filter { $0 != "=" }.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 }
            #expect(Base64.decode(String(bare)) == bytes)
        }
        #expect(Base64.encode(Array("any carnal pleas".utf8).span) == "YW55IGNhcm5hbCBwbGVhcw==")
        for wrong in ["A", "AA=", "A===", "AA==A", "A*AA", "====", "é"] {
            #expect(Base64.decode(wrong) == nil)
        }
    }
}
