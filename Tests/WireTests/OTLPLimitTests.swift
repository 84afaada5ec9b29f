// SPDX-License-Identifier: Apache-2.0
//
// Requests of a few kilobytes of gzip that are a great deal of work for who does it naively: attributes by the hundred
// thousand, in whatever order, of the point or of the resource.

import Samples
import Testing

@testable import Wire

private func read(
    _ message: OTLPMessage,
    _ change: (inout OTLPOptions) -> Void = { _ in }
) throws -> (labels: [String], reader: OTLPReader) {
    var options = OTLPOptions()
    change(&options)
    var reader = OTLPReader(options)
    var request = RemoteWriteRequest()
    request.begin()
    try reader.read(message.bytes.span, into: &request)
    let none: [UInt8] = []
    return (
        request.series.map { (try? request.labels(of: $0, in: none.span)).map { "\($0)" } ?? "too long" },
        reader
    )
}

struct OTLPLimitTests {
    @Test func aPointMayHaveAsManyAttributesAsASeriesLabels() throws {
        let three = [("c", "3"), ("b", "2"), ("a", "1")]
        let message = OTLPMessage(points: [three, three + [("d", "4")], [("a", "1"), ("b", "2")]])
        let (labels, reader) = try read(message) { $0.attributeLimit = 3 }
        #expect(labels == [#"m{a="1", b="2", c="3"}"#, #"m{a="1", b="2"}"#])
        #expect(reader.points == 3 && reader.rejected == 1)
        #expect(reader.reasons == ["a data point of m has more than 3 attributes (push.label_limit)"])
        // Without the limit there is none.
        #expect(try read(message).labels.count == 3)
    }

    @Test func attributesAreBoundedInBytes() throws {
        // Key and value, each with its length.
        let most = [("k", String(repeating: "v", count: 65_536 - 3))]
        let message = OTLPMessage(points: [most, most + [("", "")], [("l", "1")]])
        let (labels, reader) = try read(message)
        // With the metric's name it is more than a series may have, which is the request's matter.
        #expect(labels == ["too long", #"m{l="1"}"#])
        #expect(reader.reasons == ["a data point of m has attributes of more than 65536 bytes"])
        #expect(reader.rejected == 1)

        let named = [("service.name", "s")]
        let point = [("a", "1")]
        let (fine, _) = try read(OTLPMessage(resource: named + [("k", "v")], points: [point]))
        #expect(fine == [#"m{a="1", job="s"}"#, #"target_info{job="s", k="v"}"#])
        let (none, refused) = try read(OTLPMessage(resource: named + most, points: [point, point]))
        #expect(none == [])
        #expect(refused.points == 2 && refused.rejected == 2)
        #expect(
            refused.reasons == ["the resource or scope of m has attributes of more than 65536 bytes"]
        )
    }

    /// Each of these took the better part of a minute, or would have.
    @Test func theWorkIsThatOfTheBytes() throws {
        let same = [(String, String)](repeating: ("a", "x"), count: 100_000)
        let descending = (0..<30_000).reversed().map { ("k\(1_000_000 + $0)", "x") }
        for attributes in [same, descending] {
            for limit in [0, 100] {
                let (labels, reader) = try read(OTLPMessage(points: [attributes])) {
                    $0.attributeLimit = limit
                }
                #expect(labels == [] && reader.rejected == 1)
            }
            let (labels, reader) = try read(OTLPMessage(resource: attributes, points: [[]])) {
                $0.promotesAll = true
            }
            #expect(labels == [] && reader.rejected == 1)
        }
        // As many as there may be.
        let joined = [(String, String)](repeating: ("a", "x"), count: 16_384)
        let (one, _) = try read(OTLPMessage(points: [joined]))
        #expect(one == ["m{a=\"" + [String](repeating: "x", count: 16_384).joined(separator: ";") + "\"}"])
        let (promoted, _) = try read(
            OTLPMessage(resource: Array(descending.prefix(5000)), points: [[("k1029999", "own")]])
        ) { $0.promotesAll = true }
        let pairs = descending.prefix(5000).reversed().map { $0.0 == "k1029999" ? ($0.0, "own") : $0 }
        #expect(promoted == ["m{" + pairs.map { #"\#($0.0)="\#($0.1)""# }.joined(separator: ", ") + "}"])
    }

    @Test func reasonsShowAPartOfALongName() throws {
        let message = OTLPMessage(
            points: [[("", "x")]],
            name: String(repeating: "n", count: 100_000)
        )
        let reader = try read(message).reader
        let name = String(repeating: "n", count: 100)
        #expect(reader.reasons == ["no label name is left of attribute \"\" of \(name)"])
    }

    @Test func bucketsAreBounded() throws {
        // An exponential histogram with one byte for each bucket, and one with few.
        func message(_ count: Int) -> [UInt8] {
            typealias Message = OTLPMessage
            let buckets = Message.field(8, Message.field(2, [UInt8](repeating: 1, count: count)))
            let histogram = Message.field(10, Message.field(1, buckets) + [2 << 3, 2])
            let metric = Message.field(1, [0x68]) + histogram
            return Message.field(1, Message.field(2, Message.field(2, metric)))
        }
        func rejected(_ count: Int) throws -> Int {
            var reader = OTLPReader(OTLPOptions())
            var request = RemoteWriteRequest()
            request.begin()
            try reader.read(message(count).span, into: &request)
            return reader.rejected
        }
        // It has no time.
        #expect(try rejected(OTLPReader.bucketLimit) == 1)
        #expect(throws: RemoteWriteError(.tooLarge, "the request has more than 3000000 buckets")) {
            try rejected(OTLPReader.bucketLimit + 1)
        }
    }
}
