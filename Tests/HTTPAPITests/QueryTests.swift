// SPDX-License-Identifier: Apache-2.0
//
// Queries through the server and the real engine. Expected numbers are worked out by hand from the fixture: the
// counters grow by 9.5, 0.5 and 8 a second for one minute.

import Foundation
import PromQL
import Samples
import Synchronization
import Testing

@testable import HTTPAPI

struct QueryTests {
    private func encoded(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }

    private func vector(_ result: String) -> String {
        "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[\(result)]}}"
    }

    @Test func grafanasFirstQuestion() async throws {
        try await withServer { (client: RawClient) async throws in
            let get = try await client.get("/api/v1/query?query=1%2B1&time=4")
            #expect(get.text == #"{"status":"success","data":{"resultType":"scalar","result":[4,"2"]}}"#)
            #expect(get.headers["content-type"] == "application/json")
            let post = try await client.post("/api/v1/query", form: "query=1%2B1&time=4")
            #expect(post.body == get.body)
        }
    }

    @Test func instant() async throws {
        try await withServer { (client: RawClient) async throws in
            let query = encoded("sum by (mode) (cpu_seconds_total)")
            let answer = try await client.get("/api/v1/query?query=\(query)&time=1700000060")
            #expect(
                answer.text
                    == vector(
                        #"{"metric":{"mode":"idle"},"value":[1700000060,"1050"]},"#
                            + #"{"metric":{"mode":"user"},"value":[1700000060,"30"]}"#
                    )
            )
            // Without a time it is the clock's, one minute after the fixture's start.
            let now = try await client.get("/api/v1/query?query=load")
            #expect(
                now.text
                    == vector(
                        #"{"metric":{"__name__":"load","note":"a \"b\" <c> & d\n"},"value":[1700000060,"0.25"]}"#
                    )
            )
            #expect(try await client.get("/api/v1/query?query=nosuch").text == vector(""))
            #expect(try await client.get("/api/v1/query?query=load&lookback_delta=10").text == vector(""))
            let limited = try await client.get("/api/v1/query?query=cpu_seconds_total&limit=1")
            #expect(
                limited.text
                    == #"{"status":"success","data":{"resultType":"vector","result":["#
                    + #"{"metric":{"__name__":"cpu_seconds_total","cpu":"0","mode":"idle"},"#
                    + #""value":[1700000060,"570"]}]},"warnings":["results truncated due to limit"]}"#
            )
        }
    }

    @Test func rangeVectorAsInstantQuery() async throws {
        try await withServer { (client: RawClient) async throws in
            let query = encoded(#"cpu_seconds_total{cpu="1"}[30s]"#)
            #expect(
                try await client.get("/api/v1/query?query=\(query)&time=1700000060").text
                    == #"{"status":"success","data":{"resultType":"matrix","result":["#
                    + #"{"metric":{"__name__":"cpu_seconds_total","cpu":"1","mode":"idle"},"#
                    + #""values":[[1700000045,"360"],[1700000060,"480"]]}]}}"#
            )
        }
    }

    @Test func range() async throws {
        try await withServer { (client: RawClient) async throws in
            let form = "query=sum(cpu_seconds_total)&start=1700000000&end=1700000059.5&step=30s&nocache=1"
            let expected =
                #"{"status":"success","data":{"resultType":"matrix","result":["#
                + #"{"metric":{},"values":[[1700000000,"0"],[1700000030,"540"]]}]}}"#
            #expect(try await client.post("/api/v1/query_range", form: form).text == expected)
            #expect(try await client.get("/api/v1/query_range?\(form)").text == expected)
            // vmalert: everything in the URL of a POST without a body.
            #expect(try await client.send("POST", "/api/v1/query_range?\(form)").text == expected)
        }
    }

    @Test func longestRange() async throws {
        try await withServer { (client: RawClient) async throws in
            let answer = try await client.get("/api/v1/query_range?query=vector(1)&start=0&end=11000&step=1")
            let values = (0...11_000).map { "[\($0),\"1\"]" }.joined(separator: ",")
            #expect(
                answer.text
                    == #"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":["#
                    + values + "]}]}}"
            )
        }
    }

    @Test func manySeriesAreStreamed() async throws {
        var source = MemorySource()
        for index in 0..<400 {
            source.add(
                [("__name__", "many"), ("n", String(1000 + index))],
                [(1_700_000_000_000, Double(index))]
            )
        }
        try await withServer(sampleServices(source)) { (client: RawClient) async throws in
            let answer = try await client.get(
                "/api/v1/query_range?query=many&start=1700000000&end=1700000099&step=1"
            )
            #expect(answer.headers["transfer-encoding"] == "chunked")
            let object = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any]
            let data = try #require(object?["data"] as? [String: Any])
            let result = try #require(data["result"] as? [[String: Any]])
            #expect(result.count == 400)
            let last = try #require(result.last?["values"] as? [[Any]])
            #expect(last.count == 100)
            #expect(last.last?.last as? String == "399")
        }
    }

    @Test func executionErrors() async throws {
        try await withServer { (client: RawClient) async throws in
            let query = encoded("cpu_seconds_total + on(mode) cpu_seconds_total")
            let answer = try await client.get("/api/v1/query?query=\(query)")
            #expect(answer.status == 422)
            #expect(
                answer.text.hasPrefix(
                    #"{"status":"error","errorType":"execution","error":"found duplicate series"#
                )
            )
        }
    }

    @Test func formatting() async throws {
        try await withServer { (client: RawClient) async throws in
            let answer = try await client.post("/api/v1/format_query", form: "query=sum(up)by(job)")
            #expect(answer.text == #"{"status":"success","data":"sum by (job) (up)"}"#)
        }
    }

    @Test func clientThatGoesAwayCancelsItsQuery() async throws {
        let (begins, begun) = AsyncStream<Void>.makeStream()
        let (ends, ended) = AsyncStream<Bool>.makeStream()
        let source = StallingSource(begun: { begun.finish() }, ended: { ended.yield($0) })
        var services = sampleServices()
        services.engine = QueryEngine(source: source)
        try await withServer(services) { (client: RawClient) async throws in
            // A client that goes before the server has read its request has no query to cancel.
            try await client.abandon("GET /api/v1/query?query=up HTTP/1.1\r\nHost: x\r\n\r\n") {
                for await _ in begins {}
            }
            var iterator = ends.makeAsyncIterator()
            #expect(await iterator.next() == true)
        }
    }
}

/// A source whose look-up ends only when its task is cancelled, or after ten seconds.
private struct StallingSource: SeriesSource {
    /// Told that the look-up has begun.
    let begun: @Sendable () -> Void
    /// Told whether the look-up was cancelled.
    let ended: @Sendable (Bool) -> Void

    func select(_ matchers: [LabelMatcher], from: Timestamp, through: Timestamp) -> any SeriesSelection {
        begun()
        for _ in 0..<10_000 where !Task.isCancelled { usleep(1000) }
        ended(Task.isCancelled)
        return MemorySource.Selection(series: [])
    }

    func labelNames(_ matchers: [LabelMatcher], from: Timestamp, through: Timestamp) -> [String] { [] }

    func labelValues(
        _ name: String,
        _ matchers: [LabelMatcher],
        from: Timestamp,
        through: Timestamp
    ) -> [String] { [] }

    func metadata() -> [String: MetricMetadata] { [:] }
}
