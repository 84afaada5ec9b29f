// SPDX-License-Identifier: Apache-2.0
//
// Which answers are compressed and how.

import Bytes
import Foundation
import Samples
import Testing

@testable import HTTPAPI

struct CompressionTests {
    @Test(arguments: [
        (nil, nil), ("", nil), ("identity", nil), ("br", nil), ("gzip", ContentEncoding.gzip),
        ("gzip, deflate, br, zstd", .zstd), ("gzip;q=1.0, zstd;q=0.5", .gzip), ("deflate", .deflate),
        ("*", .zstd), ("*;q=0", nil), ("zstd;q=0, *", .gzip), ("GZIP ; q=0.2", .gzip), ("x-gzip", .gzip),
        ("gzip;q=0", nil), ("gzip;q=nonsense", nil), ("deflate;q=0.9,gzip;q=0.8", .deflate),
    ])
    func negotiation(header: String?, expected: ContentEncoding?) {
        #expect(ContentEncoding(accepted: header) == expected)
    }

    /// Enough series for a body in several pieces.
    private var manySeries: APIServices {
        var source = MemorySource()
        for index in 0..<2000 {
            var samples = SampleColumns()
            samples.append(1_700_000_000_000, Double(index))
            let name = "a series of some length, number \(index)"
            source.series.append((pairs([("__name__", "many"), ("series", name)]), samples))
        }
        // Once, not with each as `add` does.
        source.series.sort { $0.labels < $1.labels }
        return sampleServices(source)
    }

    @Test func streamedAnswers() async throws {
        try await withServer(manySeries) { (client: RawClient) async throws in
            let target = "/api/v1/query?query=many%5B1h%5D&time=1700000001"
            let plain = try await client.get(target)
            #expect(plain.headers["content-encoding"] == nil)
            #expect(plain.headers["vary"] == "Accept-Encoding")
            #expect(plain.body.count > 2 * MatrixBody.chunkBytes)
            let zstd = try await client.get(target, headers: ["Accept-Encoding: zstd"])
            #expect(zstd.headers["content-encoding"] == "zstd")
            #expect(zstd.headers["transfer-encoding"] == "chunked")
            #expect(zstd.body.count < plain.body.count / 8)
            #expect(try Zstd.decompressFile(zstd.body, limit: 1 << 20) == plain.body)
            let gzip = try await client.get(target, headers: ["Accept-Encoding: gzip"])
            #expect(gzip.headers["content-encoding"] == "gzip")
            #expect(gzip.body.starts(with: [0x1f, 0x8b]))
        }
    }

    @Test func manySeriesComeInPieces() async throws {
        try await withServer(manySeries) { (client: RawClient) async throws in
            func labelSets(
                _ target: String
            ) async throws -> (headers: [String: String], sets: [[String: String]]) {
                let answer = try await client.get(target)
                let object = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any]
                return (answer.headers, object?["data"] as? [[String: String]] ?? [])
            }
            let all = try await labelSets("/api/v1/series?match%5B%5D=many")
            #expect(all.headers["transfer-encoding"] == "chunked")
            #expect(Set(all.sets.compactMap { $0["series"] }).count == 2000 && all.sets.count == 2000)
            // The union of two selectors is in the same order, each series once.
            let union = try await labelSets(
                "/api/v1/series?match%5B%5D=many&match%5B%5D=many%7Bseries%3D~%22.*7%22%7D"
            )
            #expect(union.sets == all.sets)
            let some = try await client.get("/api/v1/series?match%5B%5D=many&limit=1")
            #expect(
                some.text.hasSuffix(#""}],"warnings":["results truncated due to limit"]}"#)
                    && some.text.hasPrefix(#"{"status":"success","data":[{"__name__":"many","series":""#)
            )
        }
    }

    @Test func wholeAnswers() async throws {
        try await withServer(manySeries) { (client: RawClient) async throws in
            let header = ["Accept-Encoding: zstd"]
            let target = "/api/v1/label/series/values"
            let plain = try await client.get(target)
            let zstd = try await client.get(target, headers: header)
            #expect(zstd.headers["content-length"] == String(zstd.body.count))
            #expect(try Zstd.decompressFile(zstd.body, limit: 1 << 20) == plain.body)
            let short = try await client.get("/api/v1/query?query=1", headers: header)
            #expect(short.headers["content-encoding"] == nil)
            #expect(short.text.hasPrefix(#"{"status":"success""#))
            let asset = try await client.get("/assets/app.js", headers: header)
            #expect(asset.status != 200 || asset.headers["content-encoding"] == nil)
        }
    }

    @Test func placesForStreamsAreLimited() {
        var taken = 0
        while taken < 100, ContentEncoding.beginStream() { taken += 1 }
        #expect(taken <= ContentEncoding.streamLimit)
        for _ in 0..<taken { ContentEncoding.endStream() }
    }
}
