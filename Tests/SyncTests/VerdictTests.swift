// SPDX-License-Identifier: Apache-2.0

import Config
import HTTPClient
import Platform
import Samples
import Testing

@testable import Sync

@Suite struct VerdictTests {
    private let way = MessageWay(message: .v1, encoding: .snappy)

    private func verdict(
        _ status: Int,
        _ body: String = "",
        _ headers: [(name: String, value: String)] = []
    ) -> Verdict {
        let response = HTTPClientResponse(
            status: status,
            headers: headers,
            body: Array(body.utf8),
            statistics: TransferStatistics()
        )
        return Verdict(response, nowMilliseconds: 784_111_777_000, retriesTooManyRequests: true)
    }

    @Test func statusesMeanWhatTheSpecificationSays() {
        for status in [200, 202, 204, 299] { #expect(verdict(status) == .accepted) }
        for status in [408, 429, 500, 502, 503, 504, 529, 599] {
            #expect(verdict(status) == .busy(retryAfter: nil, reason: "status \(status)"))
        }
        for status in [401, 403, 404, 405, 407, 410, 415] {
            #expect(verdict(status) == .refused(reason: "status \(status)"))
        }
        for status in [400, 409, 412, 418, 422, 431] {
            #expect(verdict(status) == .rejected(reason: "status \(status)", isOrder: false))
        }
        #expect(verdict(413) == .tooLarge(reason: "status 413"))
        #expect(
            verdict(301, "", [("location", "https://x/")])
                == .refused(reason: "status 301, redirects to https://x/")
        )
    }

    @Test func theServersWordsAreKeptShortAndClean() {
        #expect(
            verdict(400, "out of order sample\n")
                == .rejected(reason: "status 400: out of order sample", isOrder: true)
        )
        #expect(
            verdict(400, "a\u{1b}[31m\u{0}b") == .rejected(reason: "status 400: a [31m b", isOrder: false)
        )
        let long = verdict(500, String(repeating: "x", count: 5000))
        #expect(long.reason == "status 500: " + String(repeating: "x", count: ServerWords.limit))
        #expect(ServerWords.clean([0xff, 0xfe, 0x41]) == "\u{fffd}\u{fffd}A")
    }

    @Test func tooManyRequestsMayBeConfiguredToBeFinal() {
        let response = HTTPClientResponse(
            status: 429,
            headers: [],
            body: [],
            statistics: TransferStatistics()
        )
        #expect(
            Verdict(response, nowMilliseconds: 0, retriesTooManyRequests: false)
                == .rejected(reason: "status 429", isOrder: false)
        )
    }

    @Test func errorsWithoutResponse() {
        #expect(Verdict(HTTPClientError(.timeout, "t")) == .unreachable(reason: "t", isTimeout: true))
        #expect(Verdict(HTTPClientError(.connect, "c")) == .unreachable(reason: "c", isTimeout: false))
        #expect(Verdict(HTTPClientError(.tls, "s")) == .refused(reason: "s"))
        #expect(Verdict(HTTPClientError(.cancelled, "x")) == nil)
    }

    @Test(
        arguments: [
            ("10", 10_000), ("0", nil), ("-5", nil), ("1000000000000", 300_000),
            ("99999999999999999999999", 300_000),
            ("", nil), ("soon", nil), ("1.5", nil), ("-", nil),
            // RFC 9110's own date is 784111777 s, which is now in these tests.
            ("Sun, 06 Nov 1994 08:49:37 GMT", nil), ("Sun, 06 Nov 1994 08:49:47 GMT", 10_000),
            ("Sun, 06 Nov 1994 08:49:27 GMT", nil), ("Mon, 07 Nov 1994 08:49:37 GMT", 300_000),
            ("Sun, 06 Nov 1994 25:49:37 GMT", nil), ("Sunday, 06-Nov-94 08:49:47 GMT", nil),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 300_000), ("Sun, 99 Nov 1994 08:49:47 GMT", nil),
        ] as [(String, Int64?)]
    )
    func retryAfter(text: String, milliseconds: Int64?) {
        #expect(RetryAfter.parse(text, nowMilliseconds: 784_111_777_000)?.milliseconds == milliseconds)
        #expect(verdict(503, "", [("retry-after", text)]).retryAfterMilliseconds == milliseconds)
    }

    @Test(arguments: [
        ("http://user:pass@host:1/a?token=x#y", "http://host:1/a"),
        ("https://host/api/v1/write", "https://host/api/v1/write"),
        ("http://a@b@c/", "http://c/"), ("http://h?x=@", "http://h"), ("nonsense", "nonsense"),
    ])
    func urlsAreShownWithoutSecrets(url: String, shown: String) {
        #expect(Endpoint.redacted(url) == shown)
    }

    @Test func requestsCarryTheProtocolsFieldsAndTheUsersCannotReplaceThem() throws {
        var config = RemoteWriteConfig(name: "d", url: "http://h/w")
        config.http.headers = [
            .init(name: "X-Scope-OrgID", value: Secret("t1")),
            .init(name: "content-type", value: Secret("text/html")),
        ]
        var authorization = AuthorizationConfig()
        authorization.credentials = Secret("tok")
        config.http.authorization = authorization
        let request = try Endpoint(config: config).request([1, 2], way, attempt: 3)
        #expect(
            request.headers.map { "\($0.0): \($0.1)" } == [
                "Content-Encoding: snappy", "Content-Type: application/x-protobuf",
                "X-Prometheus-Remote-Write-Version: 0.1.0", "Retry-Attempt: 3", "X-Scope-OrgID: t1",
                "Authorization: Bearer tok",
            ]
        )
        #expect(request.method == "POST")
        #expect(request.body == [1, 2])
        #expect(!request.followRedirects)
        authorization.credentialsFile = "/nonexistent/token"
        config.http.authorization = authorization
        #expect(throws: FileError.self) { try Endpoint(config: config).request([], way, attempt: 0) }
    }

    @Test func cursorRecordsSurviveAndDamageIsNoticed() {
        let record = CursorRecord(
            position: LogPosition(sequence: 0x0102_0304_0506_0708),
            lastSuccess: Timestamp(milliseconds: -5)
        )
        #expect(record.bytes.count == 17)
        #expect(CursorRecord(record.bytes) == record)
        let never = CursorRecord(position: LogPosition(sequence: .max), lastSuccess: nil)
        #expect(CursorRecord(never.bytes) == never)
        for length in 0..<17 { #expect(CursorRecord(Array(record.bytes.prefix(length))) == nil) }
        #expect(CursorRecord(record.bytes + [0]) == nil)
        #expect(CursorRecord([2] + record.bytes.dropFirst()) == nil)
    }

    @Test func pacerWaitsForAFullRequestOrTheDeadline() {
        var pacer = Pacer(samplesPerRequest: 100, deadline: .seconds(5))
        func due(_ rows: UInt64, _ seconds: UInt64) -> Bool {
            pacer.isDue(rows: rows, now: seconds * 1_000_000_000)
        }
        #expect(!due(0, 0))
        #expect(!due(3, 10))
        #expect(!due(4, 14))
        #expect(due(4, 15))
        pacer.didRead(rows: 4, samples: 200)
        #expect(!due(1, 16))
        #expect(due(2, 16))
        #expect(pacer.estimatedSamples(rows: .max) > 0)
        // A receiver that takes less at once is not made to wait for more.
        let isDueForLess = pacer.isDue(rows: 1, readLimit: 50, now: 16_000_000_000)
        #expect(isDueForLess)
        pacer = Pacer(samplesPerRequest: 100, deadline: .zero)
        #expect(due(1, 0))
    }
}

extension Verdict {
    fileprivate var retryAfterMilliseconds: Int64? {
        if case .busy(let asked, _) = self { asked?.milliseconds } else { nil }
    }
}
