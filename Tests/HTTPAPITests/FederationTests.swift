// SPDX-License-Identifier: Apache-2.0
//
// /federate byte for byte in each of its forms.

import Samples
import Testing

@testable import HTTPAPI

struct FederationTests {
    private let now: Int64 = 1_700_000_060_000

    private func services(_ change: (inout MemorySource) -> Void = { _ in }) -> APIServices {
        var source = MemorySource()
        source.add([("__name__", "b"), ("job", "x")], [(now - 30_000, 1), (now - 15_000, 2.5)])
        source.add([("__name__", "a"), ("instance", "i:1"), ("job", "y")], [(now - 999, 1e9)])
        source.add([("__name__", "a"), ("instance", "i:2"), ("job", "x"), ("site", "s")], [(now, .infinity)])
        source.add(
            [("__name__", "ended"), ("job", "x")],
            [(now - 60_000, 1), (now - 20_000, StaleMarker.value)]
        )
        source.add([("__name__", "old"), ("job", "x")], [(now - 300_001, 1)])
        source.add([("__name__", "edge"), ("job", "z")], [(now - 300_000, 1)])
        change(&source)
        return sampleServices(source)
    }

    private let everything = "match%5B%5D=%7Bjob%3D~%22.%2B%22%7D"

    @Test func text() async throws {
        try await withServer(services()) { (client: RawClient) async throws in
            let answer = try await client.get("/federate?\(everything)")
            #expect(answer.status == 200)
            #expect(
                answer.headers["content-type"]
                    == "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
            )
            #expect(
                answer.text == """
                    # TYPE a untyped
                    a{instance="i:1",job="y"} 1000000000 1700000059001
                    a{instance="i:2",job="x",site="s"} +Inf 1700000060000
                    # TYPE b untyped
                    b{job="x",instance=""} 2.5 1700000045000
                    # TYPE edge untyped
                    edge{job="z",instance=""} 1 1699999760000

                    """
            )
        }
    }

    @Test func withoutMatchersNothing() async throws {
        try await withServer(services()) { (client: RawClient) async throws in
            let nothing = try await client.get("/federate?match%5B%5D=%7B%7D")
            #expect(nothing.status == 200 && nothing.text == "")
            let both = try await client.get("/federate?match%5B%5D=%7B%7D&match%5B%5D=b")
            #expect(both.text == "# TYPE b untyped\nb{job=\"x\",instance=\"\"} 2.5 1700000045000\n")
            let all = try await client.get("/federate?match%5B%5D=%7Bnosuch%3D%22%22%7D")
            #expect(all.text == (try await client.get("/federate?\(everything)")).text)
        }
    }

    @Test func externalLabels() async throws {
        var services = services()
        services.externalLabels = { pairs([("instance", "gw"), ("site", "north")]) }
        try await withServer(services) { (client: RawClient) async throws in
            let answer = try await client.get("/federate?match%5B%5D=a&match%5B%5D=b&match%5B%5D=a")
            #expect(
                answer.text == """
                    # TYPE a untyped
                    a{instance="i:1",job="y",site="north"} 1000000000 1700000059001
                    a{instance="i:2",job="x",site="s"} +Inf 1700000060000
                    # TYPE b untyped
                    b{job="x",instance="gw",site="north"} 2.5 1700000045000

                    """
            )
        }
    }

    @Test func openMetrics() async throws {
        try await withServer(services()) { (client: RawClient) async throws in
            let answer = try await client.get(
                "/federate?match%5B%5D=a&match%5B%5D=b",
                headers: ["Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"]
            )
            #expect(
                answer.headers["content-type"]
                    == "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"
            )
            #expect(
                answer.text == """
                    # TYPE a unknown
                    a{instance="i:1",job="y"} 1000000000.0 1700000059.001
                    a{instance="i:2",job="x",site="s"} +Inf 1700000060
                    # TYPE b unknown
                    b{job="x",instance=""} 2.5 1700000045
                    # EOF

                    """
            )
            let none = try await client.get(
                "/federate",
                headers: ["Accept: application/openmetrics-text; version=1.0.0"]
            )
            #expect(none.text == "# EOF\n")
            let empty = try await client.get("/federate")
            #expect(empty.status == 200 && empty.body.isEmpty)
        }
    }

    @Test func protobuf() async throws {
        let type =
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
        try await withServer(services()) { (client: RawClient) async throws in
            let answer = try await client.get("/federate?match%5B%5D=b", headers: ["Accept: " + type])
            #expect(
                answer.headers["content-type"]
                    == "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
                    + "encoding=delimited; escaping=underscores"
            )
            let labels: [UInt8] =
                [10, 8, 10, 3] + Array("job".utf8) + [18, 1] + Array("x".utf8)
                + [10, 12, 10, 8] + Array("instance".utf8) + [18, 0]
            // 2.5 and the time as a varint.
            let value: [UInt8] = [42, 9, 9, 0, 0, 0, 0, 0, 0, 4, 64]
            let time: [UInt8] = [48, 0xc8, 0xaf, 0x98, 0xff, 0xbc, 0x31]
            let metric = labels + value + time
            let family: [UInt8] = [10, 1, 98, 24, 3, 34, UInt8(metric.count)] + metric
            #expect(answer.body == [UInt8(family.count)] + family)
        }
    }

    @Test func namesBeyondTheOldOnes() async throws {
        let odd = services { source in
            source.add([("__name__", "temp.ü"), ("3.d", "v")], [(1_700_000_060_000, 1)])
            // Comes before the name in the order of labels, and not in that of names.
            source.add([("A", "1"), ("__name__", "z")], [(1_700_000_060_000, 2)])
        }
        try await withServer(odd) { (client: RawClient) async throws in
            let target = "/federate?match%5B%5D=%7B__name__%3D~%22temp.%2B%7Cz%22%7D"
            #expect(
                try await client.get(target).text == """
                    # TYPE temp__ untyped
                    temp__{__d="v",instance=""} 1 1700000060000
                    # TYPE z untyped
                    z{A="1",instance=""} 2 1700000060000

                    """
            )
            let quoted = try await client.get(target, headers: ["Accept: text/plain;escaping=allow-utf-8"])
            #expect(
                quoted.text == """
                    # TYPE "temp.ü" untyped
                    {"temp.ü","3.d"="v",instance=""} 1 1700000060000
                    # TYPE z untyped
                    z{A="1",instance=""} 2 1700000060000

                    """
            )
        }
    }

    @Test func mistakes() async throws {
        try await withServer(services()) { (client: RawClient) async throws in
            let answer = try await client.get("/federate?match%5B%5D=a%7B")
            #expect(answer.status == 400)
            #expect(answer.headers["content-type"] == "text/plain; charset=utf-8")
            #expect(answer.text.hasPrefix("1:3: parse error: "))
            #expect(try await client.send("POST", "/federate").status == 405)
        }
    }

    @Test(arguments: [
        ("", FederationFormat.Kind.text), ("*/*", .text), ("text/plain;version=0.0.4;q=0.5", .text),
        ("application/openmetrics-text", .openMetrics("0.0.1")),
        ("application/openmetrics-text;version=2.0.0", .text),
        (
            "text/plain;version=0.0.4;q=0.5,application/openmetrics-text;version=0.0.1;q=0.75",
            .openMetrics("0.0.1")
        ),
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"
                + "application/openmetrics-text;version=1.0.0;q=0.8", .protobuf
        ),
        ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text", .text),
    ])
    func negotiation(accept: String, expected: FederationFormat.Kind) {
        #expect(FederationFormat(accept: accept).kind == expected)
    }
}
