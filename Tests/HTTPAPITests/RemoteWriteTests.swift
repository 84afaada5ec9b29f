// SPDX-License-Identifier: Apache-2.0
//
// POST /api/v1/write: which requests reach the receiver, and what its reports become on the wire.

import Synchronization
import Testing
import Wire

@testable import HTTPAPI

/// A receiver that notes what it gets and says what it is told to.
private final class ScriptedReceiver: RemoteWriteReceiver {
    struct State {
        var requests: [(body: [UInt8], encoding: RemoteWriteEncoding, version: RemoteWriteVersion)] = []
        var report = RemoteWriteReport()
    }

    let state = Mutex(State())

    init(_ report: RemoteWriteReport = RemoteWriteReport()) {
        state.withLock { $0.report = report }
    }

    func receive(
        _ body: Span<UInt8>,
        _ encoding: RemoteWriteEncoding,
        _ version: RemoteWriteVersion
    ) -> RemoteWriteReport {
        let bytes = body.withUnsafeBufferPointer { Array($0) }
        return state.withLock { state in
            state.requests.append((bytes, encoding, version))
            return state.report
        }
    }
}

private func services(_ receiver: ScriptedReceiver?) -> APIServices {
    var services = sampleServices()
    services.remoteWrite = receiver
    return services
}

private let v1 = "Content-Type: application/x-protobuf"
private let v2 = "Content-Type: application/x-protobuf;proto=io.prometheus.write.v2.Request"
private let snappy = "Content-Encoding: snappy"

struct RemoteWriteTests {
    @Test(arguments: [
        ([], RemoteWriteVersion.v1, RemoteWriteEncoding.snappy),
        ([v1, snappy], .v1, .snappy),
        (["Content-Type: application/x-protobuf; proto=prometheus.WriteRequest", snappy], .v1, .snappy),
        (["Content-Type: Application/X-Protobuf ; charset=x", "Content-Encoding: SNAPPY"], .v1, .snappy),
        ([v2, snappy], .v2, .snappy),
        (["Content-Type: application/x-protobuf; proto=\"io.prometheus.write.v2.Request\""], .v2, .snappy),
        ([v1, "Content-Encoding: zstd", "X-VictoriaMetrics-Remote-Write-Version: 1"], .v1, .zstd),
        // The version header decides nothing.
        ([v1, snappy, "X-Prometheus-Remote-Write-Version: 2.0.0"], .v1, .snappy),
    ])
    func theContentTypeDecides(
        _ headers: [String],
        _ version: RemoteWriteVersion,
        _ encoding: RemoteWriteEncoding
    ) async throws {
        let receiver = ScriptedReceiver()
        let body = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        try await withServer(services(receiver)) { (client: RawClient) async throws in
            let response = try await client.post("/api/v1/write", bytes: body, headers: headers)
            #expect(response.status == 204 && response.body.isEmpty)
            #expect(
                (response.headers["x-prometheus-remote-write-samples-written"] != nil) == (version == .v2)
            )
        }
        let requests = receiver.state.withLock { $0.requests }
        #expect(requests.count == 1)
        #expect(requests.first?.body == body)
        #expect(requests.first?.version == version && requests.first?.encoding == encoding)
    }

    @Test(arguments: [
        ["Content-Type: application/json"], ["Content-Type: image/png", snappy],
        ["Content-Type: application/x-protobuf;proto=prometheus.WriteRequestV3", snappy],
        [v1, "Content-Encoding: gzip"], [v2, "Content-Encoding: deflate"],
        [v1, "Content-Encoding: snappy, gzip"],
    ])
    func otherTypesAndEncodingsAre415(_ headers: [String]) async throws {
        let receiver = ScriptedReceiver()
        try await withServer(services(receiver)) { (client: RawClient) async throws in
            let response = try await client.post("/api/v1/write", bytes: [0], headers: headers)
            #expect(response.status == 415)
            #expect(response.text.hasSuffix("\n") && response.text.count > 20)
        }
        #expect(receiver.state.withLock { $0.requests.isEmpty })
    }

    @Test func switchedOffAndWrongMethods() async throws {
        try await withServer(services(nil)) { (client: RawClient) async throws in
            let response = try await client.post("/api/v1/write", bytes: [0], headers: [v1])
            #expect(response.status == 404)
            #expect(
                response.text
                    == "remote write receiver needs to be enabled with --web.enable-remote-write-receiver\n"
            )
            let get = try await client.get("/api/v1/write")
            #expect(get.status == 405 && get.headers["allow"] == "POST")
        }
    }

    @Test func largeBodiesAre413() async throws {
        let receiver = ScriptedReceiver()
        try await withServer(services(receiver)) { (client: RawClient) async throws in
            let declared = try await client.exchange(
                "POST /api/v1/write HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\(v1)\r\n"
                    + "Content-Length: 16777217\r\n\r\n"
            )
            #expect(declared.status == 413)
            #expect(declared.text == "request body is larger than 16777216 bytes\n")
        }
        #expect(receiver.state.withLock { $0.requests.isEmpty })
    }

    private func answer(_ report: RemoteWriteReport, _ headers: [String]) async throws -> RawResponse {
        var response: RawResponse?
        try await withServer(services(ScriptedReceiver(report))) { (client: RawClient) async throws in
            response = try await client.post("/api/v1/write", bytes: [0], headers: headers)
        }
        return try #require(response)
    }

    @Test func partialWrites() async throws {
        var report = RemoteWriteReport()
        (report.samples, report.histograms, report.exemplars, report.refused) = (7, 2, 3, 1)
        report.note("out of order sample")
        report.note("out of bounds")
        for headers in [[v1], [v2]] {
            let response = try await answer(report, headers)
            #expect(response.status == 400)
            #expect(response.text == "out of order sample\nout of bounds\n")
            let written = ["samples", "histograms", "exemplars"].map {
                response.headers["x-prometheus-remote-write-\($0)-written"]
            }
            #expect(written == (headers == [v2] ? ["7", "2", "3"] : [nil, nil, nil]))
        }
    }

    @Test func unusableLabelsAreSaidIn2Only() async throws {
        var report = RemoteWriteReport()
        report.samples = 1
        report.invalidSeries = 1
        report.note("invalid metric name or labels, got {}")
        #expect(try await answer(report, [v1]).status == 204)
        let response = try await answer(report, [v2])
        #expect(response.status == 400)
        #expect(response.text == "invalid metric name or labels, got {}\n")
        #expect(response.headers["x-prometheus-remote-write-samples-written"] == "1")
    }

    @Test func wholeRefusals() async throws {
        let cases: [(RemoteWriteReport.Verdict, Int, String?)] = [
            (.malformed("no"), 400, nil), (.tooLarge("no"), 413, nil), (.unavailable("no"), 503, "5"),
        ]
        for (verdict, status, pause) in cases {
            var report = RemoteWriteReport()
            report.verdict = verdict
            let response = try await answer(report, [v2])
            #expect(response.status == status && response.text == "no\n")
            #expect(response.headers["retry-after"] == pause)
            #expect(response.headers["x-prometheus-remote-write-samples-written"] == "0")
        }
    }
}

struct IngestGateTests {
    @Test func roomIsBoundedAndComesBack() {
        let gate = IngestGate()
        let small = IngestGate.smallBody
        // In KiB: room for 1024, of which large bodies have 768; one address 768, of which large bodies have 640.
        func hold(_ count: Int, _ client: String, behind before: Int = 0) -> Bool {
            gate.hold(count << 10, behind: before << 10, of: client, room: 1 << 20)
        }
        func release(_ count: Int, _ client: String) { gate.release(count << 10, of: client) }
        #expect(small == 256 << 10)
        #expect(hold(256, "a") && hold(256, "a", behind: 256) && hold(128, "a", behind: 512))
        #expect(!hold(1, "a", behind: 640))
        // The same client's small body has room, and another's large one.
        #expect(hold(128, "a") && !hold(1, "a"))
        release(128, "a")
        #expect(hold(128, "b", behind: 640) && !hold(1, "b", behind: 768))
        #expect(hold(256, "c") && !hold(1, "d"))
        #expect(gate.heldBytes == 1 << 20)
        release(256, "c")
        #expect(hold(256, "d") && !hold(1, "d"))
        release(256, "d")
        release(640, "a")
        release(128, "b")
        #expect(gate.heldBytes == 0)
        #expect(hold(768, "a", behind: 0) == false && hold(640, "a", behind: 0))
    }

    private final class Meeting: Sendable {
        let arrived = Atomic<Int>(0)
    }

    @Test func workOfTwoRunsSideBySide() async throws {
        let gate = IngestGate()
        let meeting = Meeting()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    // Each waits for the other, which ends only when both run at once.
                    try await gate.run {
                        meeting.arrived.add(1, ordering: .sequentiallyConsistent)
                        while meeting.arrived.load(ordering: .sequentiallyConsistent) < 2 {}
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(meeting.arrived.load(ordering: .relaxed) == 2)
    }
}
