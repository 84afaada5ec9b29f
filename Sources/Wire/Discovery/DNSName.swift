// SPDX-License-Identifier: Apache-2.0
//
// Domain names on the wire (RFC 1035, 3.1 and 4.1.4): labels of up to 63 bytes with their length before them, ended by
// an empty one; the rest of a name may be a pointer to an earlier place in the message.

internal import Bytes

/// Reads and writes domain names.
enum DNSName {
    /// Bytes of a name on the wire, the empty label included.
    static let sizeLimit = 255
    /// Pointers followed in one name; a name of 255 bytes has no more labels than this.
    static let jumpLimit = 128

    /// The bytes of a name, written with a dot at its end or not; nil when it is none.
    static func encode(_ text: String) -> [UInt8]? {
        var rest = Array(text.utf8)
        if rest.last == UInt8(ascii: ".") { rest.removeLast() }
        if rest.isEmpty { return text.isEmpty ? nil : [0] }
        var bytes: [UInt8] = []
        for label in rest.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            guard (1...63).contains(label.count) else { return nil }
            bytes.append(UInt8(label.count))
            bytes += label
        }
        bytes.append(0)
        return bytes.count <= sizeLimit ? bytes : nil
    }

    /// The name at an offset, with a dot at its end; the offset moves behind it.
    ///
    /// Bytes that are not printable, dots and backslashes within a label are written as `\DDD` and `\.`, as zone files
    /// do (RFC 1035, 5.1).
    static func decode(_ message: [UInt8], _ offset: inout Int) throws(CorruptionError) -> String {
        var text: [UInt8] = []
        var place = offset
        var size = 0
        var jumps = 0
        var end: Int?
        while true {
            guard place < message.count else { throw CorruptionError("a domain name", at: place) }
            let length = Int(message[place])
            switch length {
            case 0:
                offset = end ?? place + 1
                if text.isEmpty { text.append(UInt8(ascii: ".")) }
                return String(decoding: text, as: UTF8.self)
            case 1...63:
                size += length + 1
                guard size < sizeLimit, place + length < message.count else {
                    throw CorruptionError("a domain name of at most \(sizeLimit) bytes", at: place)
                }
                for byte in message[(place + 1)...(place + length)] { append(byte, to: &text) }
                text.append(UInt8(ascii: "."))
                place += length + 1
            case 0xc0...0xff:
                guard place + 1 < message.count, jumps < jumpLimit else {
                    throw CorruptionError("a domain name without a circle", at: place)
                }
                jumps += 1
                end = end ?? place + 2
                place = (length & 0x3f) << 8 | Int(message[place + 1])
            default: throw CorruptionError("a label or a pointer", at: place)
            }
        }
    }

    private static func append(_ byte: UInt8, to text: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "."), UInt8(ascii: "\\"): text += [UInt8(ascii: "\\"), byte]
        case 0x21...0x7e: text.append(byte)
        default:
            let digits = "\(byte)".utf8
            text.append(UInt8(ascii: "\\"))
            text += Array(repeating: UInt8(ascii: "0"), count: 3 - digits.count) + digits
        }
    }
}
