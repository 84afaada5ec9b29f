// SPDX-License-Identifier: Apache-2.0
//
// Questions to a name server and its answers (RFC 1035, 4; SRV: RFC 2782; AAAA: RFC 3596; EDNS0: RFC 6891). Only what
// finding targets needs: one question of one type, and the records of the answer section.
//
//     id 2 | flags 2 | questions 2 | answers 2 | authority 2 | additional 2
//     question: name, type 2, class 2        record: name, type 2, class 2, ttl 4, length 2, data

public import Bytes

/// A record of the types that can be targets.
public enum DNSRecord: Sendable, Equatable {
    /// An address in text.
    case address(String)
    /// A host and its port.
    case service(target: String, port: Int)
    /// A mail or name server.
    case server(String)
}

/// A type of record.
public enum DNSType: UInt16, Sendable, CaseIterable {
    case a = 1
    case ns = 2
    case mx = 15
    case aaaa = 28
    case srv = 33
}

/// One question.
public struct DNSQuery: Sendable, Equatable {
    /// The largest answer asked for by UDP: fits every network without fragments (DNS flag day 2020).
    public static let datagramSize = 1232

    /// The message as it goes out.
    public let bytes: [UInt8]
    /// The question's part of it.
    let question: [UInt8]
    let type: DNSType

    /// Creates a question; nil when the name is none.
    ///
    /// - Parameters:
    ///   - name: with a dot at the end or not; no search list is applied.
    ///   - type: the records wanted.
    ///   - id: a random number that the answer repeats.
    ///   - saysSize: whether EDNS0 says how large an answer may be.
    public init?(_ name: String, _ type: DNSType, id: UInt16, saysSize: Bool) {
        guard let name = DNSName.encode(name) else { return nil }
        self.type = type
        question = name + [UInt8(type.rawValue >> 8), UInt8(type.rawValue & 0xff), 0, 1]
        let count: UInt8 = saysSize ? 1 : 0
        // Recursion desired; one question.
        var bytes: [UInt8] = [UInt8(id >> 8), UInt8(id & 0xff), 1, 0, 0, 1, 0, 0, 0, 0, 0, count]
        bytes += question
        if saysSize {
            let size = UInt16(DNSQuery.datagramSize)
            bytes += [0, 0, 41, UInt8(size >> 8), UInt8(size & 0xff), 0, 0, 0, 0, 0, 0]
        }
        self.bytes = bytes
    }
}

/// What a server answered.
public struct DNSAnswer: Sendable, Equatable {
    /// What became of the question.
    public enum Code: Sendable, Equatable {
        case success
        /// There is no such name.
        case noName
        /// The server does not understand the message; one without EDNS0 may be.
        case formatError
        /// Another code: the server fails or refuses.
        case failure(Int)
    }

    /// Records taken of one answer.
    public static let recordLimit = 4096

    /// What became of the question.
    public let code: Code
    /// Whether the rest did not fit; the same by TCP is whole.
    public let isTruncated: Bool
    /// The records of the type asked for, in their order.
    public private(set) var records: [DNSRecord] = []

    /// Reads an answer; nil when it is one to another question.
    ///
    /// - Parameters:
    ///   - bytes: the message.
    ///   - query: the question; the answer has the same number and repeats it, in any case of letters.
    /// - Throws: `CorruptionError` when it answers the question and is broken. What is truncated may break off anywhere.
    public init?(_ bytes: [UInt8], to query: DNSQuery) throws(CorruptionError) {
        guard bytes.count >= 12, bytes[0] == query.bytes[0], bytes[1] == query.bytes[1], bytes[2] & 0x80 != 0
        else { return nil }
        let count = Int(bytes[4]) << 8 | Int(bytes[5])
        switch bytes[3] & 0x0f {
        case 0: code = .success
        case 1: code = .formatError
        case 3: code = .noName
        default: code = .failure(Int(bytes[3] & 0x0f))
        }
        isTruncated = bytes[2] & 0x02 != 0
        let end = 12 + query.question.count
        // A server that did not understand the message may leave the question out.
        if count == 0, code == .formatError { return }
        guard count == 1, bytes.count >= end, DNSAnswer.isSame(bytes[12..<end], query.question) else {
            return nil
        }
        guard code == .success, !isTruncated else { return }
        try read(bytes, from: end, count: Int(bytes[6]) << 8 | Int(bytes[7]), type: query.type)
    }

    /// Whether two questions differ at most in the case of letters.
    private static func isSame(_ left: ArraySlice<UInt8>, _ right: [UInt8]) -> Bool {
        func lower(_ byte: UInt8) -> UInt8 { (65...90).contains(byte) ? byte | 0x20 : byte }
        return left.elementsEqual(right) { lower($0) == lower($1) }
    }

    private mutating func read(
        _ bytes: [UInt8],
        from start: Int,
        count: Int,
        type: DNSType
    ) throws(CorruptionError) {
        var offset = start
        for _ in 0..<min(count, DNSAnswer.recordLimit) {
            _ = try DNSName.decode(bytes, &offset)
            guard bytes.count - offset >= 10 else { throw CorruptionError("a record", at: offset) }
            let kind = UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])
            let family = UInt16(bytes[offset + 2]) << 8 | UInt16(bytes[offset + 3])
            let length = Int(bytes[offset + 8]) << 8 | Int(bytes[offset + 9])
            offset += 10
            guard bytes.count - offset >= length else { throw CorruptionError("a record's data", at: offset) }
            // Aliases on the way to the name are passed over.
            if kind == type.rawValue, family == 1 {
                records.append(try DNSAnswer.record(bytes, offset..<(offset + length), type))
            }
            offset += length
        }
    }

    private static func record(
        _ bytes: [UInt8],
        _ range: Range<Int>,
        _ type: DNSType
    ) throws(CorruptionError) -> DNSRecord {
        let data = bytes[range]
        func name(at offset: Int) throws(CorruptionError) -> String {
            var offset = offset
            let name = try DNSName.decode(bytes, &offset)
            guard offset == range.upperBound else { throw CorruptionError("the end of a record", at: offset) }
            return name
        }
        switch type {
        case .a:
            guard data.count == 4 else {
                throw CorruptionError("four bytes of address", at: range.lowerBound)
            }
            return .address(data.map { "\($0)" }.joined(separator: "."))
        case .aaaa:
            guard data.count == 16 else {
                throw CorruptionError("sixteen bytes of address", at: range.lowerBound)
            }
            return .address(IPv6Text.format(Array(data)))
        case .srv:
            guard data.count >= 7 else { throw CorruptionError("a service", at: range.lowerBound) }
            let port = Int(bytes[range.lowerBound + 4]) << 8 | Int(bytes[range.lowerBound + 5])
            return .service(target: try name(at: range.lowerBound + 6), port: port)
        case .mx:
            guard data.count >= 3 else { throw CorruptionError("a mail server", at: range.lowerBound) }
            return .server(try name(at: range.lowerBound + 2))
        case .ns: return .server(try name(at: range.lowerBound))
        }
    }
}

/// IPv6 addresses in text.
public enum IPv6Text {
    /// The shortest form (RFC 5952) of sixteen bytes; of anything else an empty text.
    ///
    /// The longest run of two or more zero groups becomes `::`; an embedded IPv4 address stands alone, as Go's net.IP has
    /// it.
    public static func format(_ bytes: [UInt8]) -> String {
        guard bytes.count == 16 else { return "" }
        if bytes[..<10].allSatisfy({ $0 == 0 }), bytes[10] == 0xff, bytes[11] == 0xff {
            return bytes[12...].map { "\($0)" }.joined(separator: ".")
        }
        let groups = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        var best = 0..<0
        var start: Int?
        for index in 0...8 {
            if index < 8, groups[index] == 0 {
                start = start ?? index
            } else if let first = start {
                if index - first > max(1, best.count) { best = first..<index }
                start = nil
            }
        }
        func text(_ range: Range<Int>) -> String {
            groups[range].map { String($0, radix: 16) }.joined(separator: ":")
        }
        return best.isEmpty ? text(0..<8) : "\(text(0..<best.lowerBound))::\(text(best.upperBound..<8))"
    }
}
