// SPDX-License-Identifier: Apache-2.0
//
// POST /api/v1/otlp/v1/metrics: which requests reach the receiver, and what its reports become on the wire.

import Synchronization
import Testing
import Wire

@testable import HTTPAPI

/// A receiver that notes what it gets and says what it is told to.
private final class ScriptedReceiver: PushReceiving {
    struct State {
        var requests: [(body: [UInt8], encoding: PushEncoding, isJSON: Bool)] = []
        var charged: [Int] = []
        var report = OTLPReport()
        var pause: Int?
    }

    let state = Mutex(State())

    init(_ report: OTLPReport = OTLPReport(), pause: Int? = nil) {
        state.withLock { ($0.report, $0.pause) = (report, pause) }
    }

    var bodyLimit: Int { 1000 }

    func pause(for client: String) -> Int? {
        #expect(client == "127.0.0.1")
        return state.withLock { $0.pause }
    }

    func charge(_ samples: Int, to client: String) { state.withLock { $0.charged.append(samples) } }

    func receive(_: Span<UInt8>, _: RemoteWriteEncoding, _: RemoteWriteVersion) -> RemoteWriteReport {
        RemoteWriteReport()
    }

    func importText(_: Span<UInt8>, _: PushEncoding, _: ImportOptions) -> ImportReport { ImportReport() }

    func gateway(_: GatewayRequest, _: Span<UInt8>, _: PushEncoding) -> GatewayReport {
        GatewayReport(status: 500, message: "")
    }

    func otlp(_ body: Span<UInt8>, _ encoding: PushEncoding, isJSON: Bool) -> OTLPReport {
        let bytes = body.withUnsafeBufferPointer { Array($0) }
        return state.withLock { state in
            state.requests.append((bytes, encoding, isJSON))
            return state.report
        }
    }
}

private let path = "/api/v1/otlp/v1/metrics"
private let protobuf = "Content-Type: application/x-protobuf"
private let json = "Content-Type: application/json; charset=utf-8"

struct OTLPTests {
    private func answer(
        _ receiver: ScriptedReceiver?,
        _ headers: [String],
        bytes: [UInt8] = [1, 2]
    ) async throws -> RawResponse {
        var services = sampleServices()
        services.otlp = receiver
        var response: RawResponse?
        try await withServer(services) { (client: RawClient) async throws in
            response = try await client.post(path, bytes: bytes, headers: headers)
        }
        return try #require(response)
    }

    @Test func headersDecide() async throws {
        for (headers, encoding, isJSON) in [
            ([protobuf], PushEncoding.identity, false), ([json, "Content-Encoding: gzip"], .gzip, true),
            ([protobuf, "Content-Encoding: zstd"], .zstd, false),
        ] {
            var report = OTLPReport()
            report.elements = 7
            let receiver = ScriptedReceiver(report)
            let response = try await answer(receiver, headers)
            #expect(response.status == 200 && response.text == (isJSON ? "{}" : ""))
            #expect(
                response.headers["content-type"] == (isJSON ? "application/json" : "application/x-protobuf")
            )
            let (requests, charged) = receiver.state.withLock { ($0.requests, $0.charged) }
            #expect(requests.count == 1 && requests.first?.body == [1, 2] && charged == [7])
            #expect(requests.first?.encoding == encoding && requests.first?.isJSON == isJSON)
        }
    }

    @Test func rejectionsAreAPartialSuccess() async throws {
        var report = OTLPReport()
        (report.points, report.rejected, report.reasons) = (5, 3, ["one \"reason\"", "another"])
        let text = try await answer(ScriptedReceiver(report), [json])
        #expect(text.status == 200)
        #expect(
            text.text
                == #"{"partialSuccess":{"rejectedDataPoints":"3","errorMessage":"one \"reason\"\nanother"}}"#
        )
        let binary = try await answer(ScriptedReceiver(report), [protobuf])
        #expect(binary.status == 200)
        #expect(binary.body == [0x0a, 0x18, 0x08, 3, 0x12, 20] + Array("one \"reason\"\nanother".utf8))
    }

    @Test func failuresAreAStatus() async throws {
        var report = OTLPReport()
        report.verdict = .malformed("corrupt message")
        let malformed = try await answer(ScriptedReceiver(report), [protobuf])
        #expect(malformed.status == 400)
        #expect(malformed.body == [8, 3, 0x12, 15] + Array("corrupt message".utf8))
        report.verdict = .tooLarge("much")
        let large = try await answer(ScriptedReceiver(report), [json])
        #expect(large.status == 413 && large.text == #"{"code":8,"message":"much"}"#)
        report.verdict = .unavailable("later")
        let later = try await answer(ScriptedReceiver(report), [json])
        #expect(later.status == 503 && later.headers["retry-after"] == "5")
        #expect(later.text == #"{"code":14,"message":"later"}"#)
        let throttled = try await answer(ScriptedReceiver(pause: 9), [json])
        #expect(throttled.status == 429 && throttled.headers["retry-after"] == "9")
        let body = try await answer(ScriptedReceiver(), [json], bytes: [UInt8](repeating: 0, count: 1001))
        #expect(body.status == 413)
        #expect(body.text == #"{"code":8,"message":"request body is larger than 1000 bytes"}"#)
    }

    @Test func whatIsNotTaken() async throws {
        #expect(try await answer(nil, [protobuf]).status == 404)
        for headers in [[], ["Content-Type: text/plain"], [json, "Content-Encoding: br"]] {
            let receiver = ScriptedReceiver()
            let response = try await answer(receiver, headers)
            #expect(response.status == 400 && receiver.state.withLock { $0.requests.isEmpty })
        }
    }
}
