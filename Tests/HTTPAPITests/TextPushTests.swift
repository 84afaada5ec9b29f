// SPDX-License-Identifier: Apache-2.0
//
// POST /api/v1/import/prometheus and /metrics/job/…: which requests reach the receiver, and what its reports become.

import Synchronization
import Testing
import Wire

@testable import HTTPAPI

private final class ScriptedReceiver: PushReceiving {
    struct State {
        var imports: [ImportOptions] = []
        var asked: [GatewayRequest] = []
        var encodings: [PushEncoding] = []
        var imported = ImportReport()
        var answer = GatewayReport(status: 200, message: "")
    }

    let state = Mutex(State())

    func receive(_: Span<UInt8>, _: RemoteWriteEncoding, _: RemoteWriteVersion) -> RemoteWriteReport {
        RemoteWriteReport()
    }

    func otlp(_: Span<UInt8>, _: PushEncoding, isJSON: Bool) -> OTLPReport { OTLPReport() }

    func importText(_: Span<UInt8>, _ encoding: PushEncoding, _ options: ImportOptions) -> ImportReport {
        state.withLock { state in
            state.imports.append(options)
            state.encodings.append(encoding)
            return state.imported
        }
    }

    func gateway(_ request: GatewayRequest, _: Span<UInt8>, _ encoding: PushEncoding) -> GatewayReport {
        state.withLock { state in
            state.asked.append(request)
            state.encodings.append(encoding)
            return state.answer
        }
    }
}

private let text = "Content-Type: text/plain; version=0.0.4"

struct TextPushTests {
    private func exchange(
        _ receiver: ScriptedReceiver?,
        _ method: String,
        _ target: String,
        _ headers: [String] = [text]
    ) async throws -> RawResponse {
        var services = sampleServices()
        services.textImport = receiver
        services.pushGateway = receiver
        var response: RawResponse?
        try await withServer(services) { (client: RawClient) async throws in
            let lines = ["\(method) \(target) HTTP/1.1", "Host: h", "Connection: close", "Content-Length: 2"]
            response = try await client.exchange((lines + headers).joined(separator: "\r\n") + "\r\n\r\na1")
        }
        return try #require(response)
    }

    @Test func importsTakeLabelsAndATime() async throws {
        let receiver = ScriptedReceiver()
        let plain = try await exchange(
            receiver,
            "POST",
            "/api/v1/import/prometheus",
            ["Content-Encoding: gzip"]
        )
        #expect(plain.status == 204 && plain.body.isEmpty)
        let path =
            "/api/v1/import/prometheus/metrics/job/a%2Fb/x/1?extra_label=y=2%3D&timestamp=5&extra_label=z="
        #expect(try await exchange(receiver, "POST", path).status == 204)
        let (imports, encodings) = receiver.state.withLock { ($0.imports, $0.encodings) }
        #expect(imports.first == ImportOptions() && encodings == [.gzip, .identity])
        #expect(imports.last?.timestamp == 5)
        #expect(
            imports.last?.labels.map { "\($0.name)=\($0.value)" } == ["job=a/b", "x=1", "y=2=", "z="]
        )
        for query in ["extra_label=x", "extra_label==1", "timestamp=now"] {
            #expect(try await exchange(receiver, "POST", "/api/v1/import/prometheus?\(query)").status == 400)
        }
        #expect(receiver.state.withLock { $0.imports.count } == 2)
    }

    @Test func importsSayWhatIsMissing() async throws {
        let receiver = ScriptedReceiver()
        receiver.state.withLock {
            ($0.imported.samples, $0.imported.badLines, $0.imported.reasons) = (7, 1, ["line 3: what"])
        }
        let partial = try await exchange(receiver, "POST", "/api/v1/import/prometheus")
        #expect(partial.status == 400)
        #expect(
            partial.text == "7 samples stored, 1 lines not read, 0 samples or series refused\nline 3: what\n"
        )
        receiver.state.withLock { $0.imported.verdict = .unavailable("full") }
        let later = try await exchange(receiver, "POST", "/api/v1/import/prometheus")
        #expect(later.status == 503 && later.headers["retry-after"] == "5")
    }

    @Test func methodsAndPathsOfTheGateway() async throws {
        let receiver = ScriptedReceiver()
        #expect(try await exchange(receiver, "PUT", "/metrics/job/a/instance/b%20c/").status == 200)
        let type = "Content-Type: application/vnd.google.protobuf; encoding=delimited"
        #expect(try await exchange(receiver, "POST", "/metrics/job@base64/L3g", [type]).status == 200)
        #expect(try await exchange(receiver, "PUT", "/metrics/job/a/x@base64/").status == 200)
        receiver.state.withLock { $0.answer = GatewayReport(status: 202, message: "") }
        #expect(try await exchange(receiver, "DELETE", "/metrics/job/a", []).status == 202)
        let asked = receiver.state.withLock { $0.asked }
        #expect(
            try asked == [
                GatewayRequest(
                    key: GroupingKey(["job", "a", "instance", "b c"]),
                    change: .replaceAll,
                    format: .text
                ),
                GatewayRequest(key: GroupingKey(["job", "/x"]), change: .replaceNamed, format: .protobuf),
                GatewayRequest(key: GroupingKey(["job", "a", "x", ""]), change: .replaceAll, format: .text),
                GatewayRequest(key: GroupingKey(["job", "a"]), change: .delete, format: .text),
            ]
        )
        for path in [
            "/metrics/job", "/metrics/job/", "/metrics/job/a/b", "/metrics/job/%zz", "/metrics/job/a/1/b",
        ] {
            #expect(try await exchange(receiver, "PUT", path).status == 400, "\(path)")
        }
        let get = try await exchange(receiver, "GET", "/metrics/job/a")
        #expect(get.status == 405 && get.headers["allow"] == "PUT, POST, DELETE")
        #expect(receiver.state.withLock { $0.asked.count } == 4)
    }

    @Test func refusalsOfTheGateway() async throws {
        let receiver = ScriptedReceiver()
        receiver.state.withLock { $0.answer = GatewayReport(status: 400, message: "why") }
        let refused = try await exchange(receiver, "PUT", "/metrics/job/a")
        #expect(refused.status == 400 && refused.text == "why\n")
        receiver.state.withLock { $0.answer = GatewayReport(status: 503, message: "full") }
        let full = try await exchange(receiver, "PUT", "/metrics/job/a")
        #expect(full.status == 503 && full.headers["retry-after"] == "5")
        let encoding = try await exchange(receiver, "PUT", "/metrics/job/a", ["Content-Encoding: br"])
        #expect(encoding.status == 415)
    }

    @Test func switchedOff() async throws {
        for (path, flag) in [
            ("/api/v1/import/prometheus", "--web.enable-import-receiver"),
            ("/metrics/job/a", "--web.enable-push-gateway"),
        ] {
            let answer = try await exchange(nil, "POST", path)
            #expect(answer.status == 404 && answer.text.contains(flag))
        }
    }
}
