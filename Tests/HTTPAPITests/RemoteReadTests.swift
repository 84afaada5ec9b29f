// SPDX-License-Identifier: Apache-2.0
//
// POST /api/v1/read, the messages written by hand.

import Bytes
import Samples
import Testing

@testable import HTTPAPI

struct RemoteReadTests {
    private func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
        [number << 3 | 2, UInt8(bytes.count)] + bytes
    }

    private func varint(_ value: Int64) -> [UInt8] {
        var out: [UInt8] = []
        out.append(varint: UInt64(bitPattern: value))
        return out
    }

    private func matcher(_ type: UInt8, _ name: String, _ value: String) -> [UInt8] {
        field(3, [1 << 3, type] + field(2, Array(name.utf8)) + field(3, Array(value.utf8)))
    }

    private func query(_ matchers: [UInt8], from: Int64 = 0, through: Int64) -> [UInt8] {
        field(1, [1 << 3] + varint(from) + [2 << 3] + varint(through) + matchers)
    }

    private func post(
        _ message: [UInt8],
        _ services: APIServices = sampleServices()
    ) async throws
        -> RawResponse
    {
        var response: RawResponse?
        try await withServer(services) { (client: RawClient) async throws in
            let headers = ["Content-Type: application/x-protobuf", "Content-Encoding: snappy"]
            response = try await client.post(
                "/api/v1/read",
                bytes: Snappy.compress(message),
                headers: headers
            )
        }
        return try #require(response)
    }

    private let start: Int64 = 1_700_000_000_000

    private func label(_ name: String, _ value: String) -> [UInt8] {
        field(1, field(1, Array(name.utf8)) + field(2, Array(value.utf8)))
    }

    @Test func samples() async throws {
        let wanted = query(matcher(0, "__name__", "load"), from: start, through: start + 30_000)
        let none = query(matcher(2, "__name__", "x.*"), through: start)
        let response = try await post(wanted + none)
        #expect(response.status == 200)
        #expect(response.headers["content-type"] == "application/x-protobuf")
        #expect(response.headers["content-encoding"] == "snappy")
        let sample: [UInt8] = [9, 0, 0, 0, 0, 0, 0, 0xd0, 0x3f, 16] + varint(start + 30_000)
        let series =
            label("__name__", "load") + label("note", "a \"b\" <c> & d\n") + field(2, sample)
        let expected = field(1, field(1, series)) + [1 << 3 | 2, 0]
        #expect(try Snappy.decompress(response.body, limit: 1 << 20) == expected)
    }

    @Test func externalLabels() async throws {
        var services = sampleServices()
        services.externalLabels = { pairs([("note", "gone"), ("site", "north")]) }
        // The matcher asks for what every series will have.
        let matchers = matcher(0, "__name__", "load") + matcher(0, "site", "north")
        let response = try await post(query(matchers, through: start + 60_000), services)
        let sample: [UInt8] = [9, 0, 0, 0, 0, 0, 0, 0xd0, 0x3f, 16] + varint(start + 30_000)
        let series =
            label("__name__", "load") + label("note", "a \"b\" <c> & d\n") + label("site", "north")
            + field(2, sample)
        #expect(try Snappy.decompress(response.body, limit: 1 << 20) == field(1, field(1, series)))
        let other = matcher(0, "__name__", "load") + matcher(0, "site", "south")
        let nothing = try await post(query(other, through: start + 60_000), services)
        #expect(try Snappy.decompress(nothing.body, limit: 1 << 20) == [1 << 3 | 2, 0])
    }

    @Test func withoutMatchersNothing() async throws {
        let plain = try await post(query([], through: start + 60_000))
        #expect(plain.status == 200)
        #expect(try Snappy.decompress(plain.body, limit: 1 << 20) == [1 << 3 | 2, 0])
        let streamed = try await post(query([], through: start + 60_000) + [2 << 3 | 2, 1, 1])
        #expect(streamed.status == 200 && streamed.body.isEmpty)
        // A matcher that lets every series pass is one.
        let all = try await post(query(matcher(0, "nosuch", ""), through: start + 60_000))
        #expect(try Snappy.decompress(all.body, limit: 1 << 20).count > 200)
    }

    @Test func streamed() async throws {
        let none = query(matcher(0, "__name__", "nosuch"), through: start)
        let wanted = query(matcher(0, "__name__", "load"), through: start + 60_000)
        let response = try await post(none + wanted + [2 << 3 | 2, 2, 1, 0])
        #expect(
            response.headers["content-type"]
                == "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"
        )
        #expect(response.headers["content-encoding"] == nil)
        // One sample: the count, the time as Go's varint, the value.
        var data: [UInt8] = [0, 1]
        data.append(zigzag: start + 30_000)
        data += [0x3f, 0xd0, 0, 0, 0, 0, 0, 0]
        let times = [1 << 3] + varint(start + 30_000) + [2 << 3] + varint(start + 30_000)
        let chunk = field(2, times + [3 << 3, 1] + field(4, data))
        let labels = label("__name__", "load") + label("note", "a \"b\" <c> & d\n")
        let message = field(1, labels + chunk) + [2 << 3, 1]
        let checksum = CRC32C.checksum(message.span.bytes)
        let frame =
            [UInt8(message.count)] + (0..<4).map { UInt8(truncatingIfNeeded: checksum >> (24 - 8 * $0)) }
        #expect(response.body == frame + message)
    }

    @Test func refusals() async throws {
        var small = sampleServices()
        small.readSampleLimit = 4
        let all = query(matcher(1, "__name__", ""), through: start + 60_000)
        let tooMany = try await post(all, small)
        #expect(tooMany.status == 400 && tooMany.text == "exceeded sample limit (4)\n")
        let unknown = try await post(all + [2 << 3, 7])
        #expect(unknown.status == 400)
        #expect(unknown.text.hasPrefix("server does not support any of the requested response types: [7]"))
        let pattern = try await post(query(matcher(2, "a", "("), through: 1))
        #expect(pattern.status == 400 && pattern.text.contains("expected a regular expression"))
        let cut = try await post([1 << 3 | 2, 9, 1])
        #expect(cut.status == 400 && cut.text.hasPrefix("corrupt message at byte"))
        let many = try await post(Array((0..<65).map { _ in field(1, []) }.joined()))
        #expect(many.status == 400 && many.text.contains("expected at most 64 queries"))
        try await withServer { (client: RawClient) async throws in
            let plain = try await client.post("/api/v1/read", bytes: [255, 255, 255])
            #expect(plain.status == 400 && plain.text.hasPrefix("the body is no snappy block"))
            let large = try await client.post(
                "/api/v1/read",
                bytes: [UInt8](repeating: 0, count: (1 << 20) + 1)
            )
            #expect(large.status == 413)
            #expect(try await client.get("/api/v1/read").status == 405)
        }
    }
}
