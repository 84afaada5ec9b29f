// SPDX-License-Identifier: Apache-2.0
//
// Messages byte by byte: RFC 1035's layout, and what hostile servers make of it.

import Bytes
import Testing

@testable import Wire

@Suite struct DNSMessageTests {
    private func query(_ type: DNSType = .a) throws -> DNSQuery {
        try #require(DNSQuery("a.example", type, id: 0x1234, saysSize: false))
    }

    /// An answer to `query` with these records' bytes.
    private func answer(_ query: DNSQuery, _ records: [[UInt8]], flags: [UInt8] = [0x81, 0x80]) -> [UInt8] {
        var bytes = query.bytes
        bytes.replaceSubrange(2..<4, with: flags)
        bytes[6] = UInt8(records.count >> 8)
        bytes[7] = UInt8(records.count & 0xff)
        return bytes + records.joined()
    }

    private func record(_ type: DNSType, _ data: [UInt8], family: UInt8 = 1) -> [UInt8] {
        [
            0xc0, 12, 0, UInt8(type.rawValue), 0, family, 0, 0, 0, 60, UInt8(data.count >> 8),
            UInt8(data.count & 0xff),
        ]
            + data
    }

    @Test func aQuestionOnTheWire() throws {
        let plain = try query()
        #expect(
            plain.bytes == [
                0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 97, 7, 101, 120, 97, 109, 112, 108, 101, 0, 0, 1,
                0, 1,
            ]
        )
        let sized = try #require(DNSQuery("a.example.", .srv, id: 1, saysSize: true))
        #expect(sized.bytes.suffix(15) == [0, 33, 0, 1, 0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0])
        #expect(DNSQuery("", .a, id: 1, saysSize: false) == nil)
        #expect(DNSQuery("a..b", .a, id: 1, saysSize: false) == nil)
        #expect(DNSQuery(String(repeating: "a", count: 64), .a, id: 1, saysSize: false) == nil)
        let long = Array(repeating: String(repeating: "a", count: 63), count: 4).joined(separator: ".")
        #expect(DNSQuery(long, .a, id: 1, saysSize: false) == nil)
        #expect(DNSQuery(String(long.dropFirst(2)), .a, id: 1, saysSize: false) != nil)
    }

    @Test func recordsOfTheTypeAskedFor() throws {
        let a = try query()
        let alias = record(.ns, [1, 98, 0xc0, 14])
        let bytes = answer(a, [alias, record(.a, [10, 0, 0, 1]), record(.a, [10, 0, 0, 2], family: 3)])
        #expect(try DNSAnswer(bytes, to: a)?.records == [.address("10.0.0.1")])
        let aaaa = try query(.aaaa)
        let six = [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [1]
        #expect(
            try DNSAnswer(answer(aaaa, [record(.aaaa, six)]), to: aaaa)?.records == [.address("2001:db8::1")]
        )
        let srv = try query(.srv)
        let service: [UInt8] = [0, 1, 0, 2, 0x23, 0x8c, 3, 111, 110, 101, 0xc0, 14]
        #expect(
            try DNSAnswer(answer(srv, [record(.srv, service)]), to: srv)?.records
                == [.service(target: "one.example.", port: 9100)]
        )
        let mx = try query(.mx)
        #expect(
            try DNSAnswer(answer(mx, [record(.mx, [0, 10, 0xc0, 12])]), to: mx)?.records == [
                .server("a.example.")
            ]
        )
    }

    @Test func othersAnswersAreNone() throws {
        let query = try query()
        var other = answer(query, [])
        other[1] ^= 1
        #expect(try DNSAnswer(other, to: query) == nil)
        other = answer(query, [])
        other[13] = UInt8(ascii: "b")
        #expect(try DNSAnswer(other, to: query) == nil)
        other[13] = UInt8(ascii: "A")
        #expect(try DNSAnswer(other, to: query)?.code == .success)
        #expect(try DNSAnswer(query.bytes, to: query) == nil)
        #expect(try DNSAnswer([], to: query) == nil)
        let cut = answer(query, [record(.a, [1, 2, 3, 4])], flags: [0x83, 0x80])
        #expect(try DNSAnswer(Array(cut.dropLast(3)), to: query)?.isTruncated == true)
        #expect(try DNSAnswer(answer(query, [], flags: [0x81, 0x83]), to: query)?.code == .noName)
        #expect(try DNSAnswer(answer(query, [], flags: [0x81, 0x85]), to: query)?.code == .failure(5))
    }

    @Test func brokenRecordsAreErrors() throws {
        let a = try query()
        let whole = answer(a, [record(.a, [1, 2, 3, 4])])
        for length in a.bytes.count..<whole.count {
            #expect(throws: CorruptionError.self) { try DNSAnswer(Array(whole[..<length]), to: a) }
        }
        #expect(throws: CorruptionError.self) { try DNSAnswer(answer(a, [record(.a, [1, 2, 3])]), to: a) }
        let ns = try query(.ns)
        // A pointer to itself, to another one, beyond the end; a reserved kind of label; a name that ends too early.
        let place = UInt8(ns.bytes.count + 12)
        for data: [UInt8] in [
            [0xc0, place], [0xc0, place + 2, 0xc0, place], [0xff, 0xff], [0x40, 0], [0, 0], [63],
        ] {
            #expect(throws: CorruptionError.self) { try DNSAnswer(answer(ns, [record(.ns, data)]), to: ns) }
        }
    }

    @Test func bytesOfNamesAreWrittenAsInZoneFiles() throws {
        var offset = 0
        #expect(try DNSName.decode([4, 0x2e, 0x5c, 0x20, 0xff, 0], &offset) == "\\.\\\\\\032\\255.")
        #expect(offset == 6)
        offset = 0
        #expect(try DNSName.decode([0], &offset) == ".")
        // 128 labels of one byte are one too many for 255 bytes.
        offset = 0
        let most = Array(repeating: [1, 97] as [UInt8], count: 127).joined() + [0]
        #expect(try DNSName.decode(Array(most), &offset).utf8.count == 254)
        offset = 0
        #expect(throws: CorruptionError.self) {
            try DNSName.decode(Array([1, 97] + most), &offset)
        }
    }

    @Test(
        arguments: [
            ([0, 0, 0, 0, 0, 0, 0, 0], "::"), ([0, 0, 0, 0, 0, 0, 0, 1], "::1"),
            ([1, 0, 0, 0, 0, 0, 0, 0], "1::"),
            ([1, 0, 2, 0, 0, 3, 0, 4], "1:0:2::3:0:4"), ([1, 0, 0, 2, 0, 0, 0, 3], "1:0:0:2::3"),
            ([1, 0, 0, 2, 3, 0, 0, 4], "1::2:3:0:0:4"), ([1, 2, 3, 4, 5, 6, 7, 0], "1:2:3:4:5:6:7:0"),
            ([0, 0, 0, 0, 0, 0xffff, 0xc000, 0x0207], "192.0.2.7"),
            ([0xfe80, 0, 0, 0, 0xab, 0xc, 1, 2], "fe80::ab:c:1:2"),
        ] as [([UInt16], String)]
    )
    func addressesInTheirShortestForm(groups: [UInt16], text: String) {
        #expect(IPv6Text.format(groups.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] }) == text)
    }
}
