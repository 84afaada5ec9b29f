// SPDX-License-Identifier: Apache-2.0
//
// Which answers are compressed and how.

import Bytes
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
            source.add(
                [("__name__", "many"), ("series", "a series of some length, number \(index)")],
                [(1_700_000_000_000, Double(index))]
            )
        }
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
