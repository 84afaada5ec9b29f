// SPDX-License-Identifier: Apache-2.0
//
// OTLP's JSON (OpenTelemetry protocol, "JSON Protobuf Encoding") rewritten as the protobuf message it stands for, so that
// there is one reader of both. One pass, nothing kept but the output: a message's length is written behind its content, into
// five bytes left for it (a varint may be longer than it must).
//
// As protobuf's JSON has it: members in lowerCamelCase or as in the schema, unknown ones are passed over, null is a missing
// member, 64-bit numbers are numbers or strings, enumerations numbers or names. Unlike there, trace and span ids are
// hexadecimal.
//
// Recursion is bounded: by the schema, whose only cycle is a value within a value, and by `depthLimit`.

internal import Bytes
internal import Samples

/// Rewrites JSON as protobuf.
struct OTLPJSON {
    /// Messages within messages: the schema's eight, and the attributes' values in between.
    private static let depthLimit = 64

    private var cursor: JSONCursor
    private var out: [UInt8] = []
    private let limit: Int

    /// Rewrites a request.
    ///
    /// - Parameters:
    ///   - document: the JSON.
    ///   - limit: bytes the message may have.
    /// - Returns: the message.
    /// - Throws: `RemoteWriteError` when it is no such request.
    static func message(_ document: Span<UInt8>, limit: Int) throws(RemoteWriteError) -> [UInt8] {
        var writer = OTLPJSON(cursor: JSONCursor(bytes: document.copy()), limit: limit)
        do throws(CorruptionError) {
            writer.cursor.skipBlanks()
            try writer.object(.request, depth: depthLimit)
            writer.cursor.skipBlanks()
            guard writer.cursor.current == nil else {
                throw writer.cursor.error("the end of the document")
            }
        } catch {
            guard writer.out.count <= limit else {
                throw RemoteWriteError(.tooLarge, "the request is a message of more than \(limit) bytes")
            }
            throw RemoteWriteError(.malformed, "corrupt JSON: \(error)")
        }
        return writer.out
    }

    private init(cursor: JSONCursor, limit: Int) {
        self.cursor = cursor
        self.limit = limit
    }

    // MARK: - Objects

    private mutating func object(_ message: OTLPSchema.Message, depth: Int) throws(CorruptionError) {
        guard depth > 0 else { throw cursor.error("fewer nested values") }
        guard out.count <= limit else { throw cursor.error("a smaller message") }
        guard cursor.take("{") else { throw cursor.error("an object") }
        let fields = OTLPSchema.fields(of: message)
        cursor.skipBlanks()
        if cursor.take("}") { return }
        repeat {
            cursor.skipBlanks()
            guard cursor.current == UInt8(ascii: "\"") else { throw cursor.error("a member name in quotes") }
            let name = try cursor.string()
            cursor.skipBlanks()
            guard cursor.take(":") else { throw cursor.error("a colon") }
            cursor.skipBlanks()
            if let field = fields[name], cursor.current != UInt8(ascii: "n") {
                try value(field, depth: depth)
            } else {
                try skip(depth: depth)
            }
            cursor.skipBlanks()
        } while cursor.take(",")
        guard cursor.take("}") else { throw cursor.error("a comma or a closing brace") }
    }

    private mutating func value(_ field: OTLPSchema.Field, depth: Int) throws(CorruptionError) {
        guard field.isRepeated else { return try element(field, depth: depth) }
        guard cursor.take("[") else { throw cursor.error("an array") }
        cursor.skipBlanks()
        if cursor.take("]") { return }
        repeat {
            cursor.skipBlanks()
            try element(field, depth: depth)
            cursor.skipBlanks()
        } while cursor.take(",")
        guard cursor.take("]") else { throw cursor.error("a comma or a closing bracket") }
    }

    /// A value nobody asked for.
    private mutating func skip(depth: Int) throws(CorruptionError) {
        guard depth > 0 else { throw cursor.error("fewer nested values") }
        cursor.skipBlanks()
        let isObject = cursor.current == UInt8(ascii: "{")
        guard isObject || cursor.current == UInt8(ascii: "[") else {
            switch cursor.current {
            case UInt8(ascii: "\""): _ = try cursor.string()
            case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"): _ = try cursor.value(depth: 1)
            default: _ = try cursor.numberText()
            }
            return
        }
        let end: Unicode.Scalar = isObject ? "}" : "]"
        _ = cursor.take("{") || cursor.take("[")
        cursor.skipBlanks()
        if cursor.take(end) { return }
        repeat {
            cursor.skipBlanks()
            if isObject {
                guard cursor.current == UInt8(ascii: "\"") else {
                    throw cursor.error("a member name in quotes")
                }
                _ = try cursor.string()
                cursor.skipBlanks()
                guard cursor.take(":") else { throw cursor.error("a colon") }
            }
            try skip(depth: depth - 1)
            cursor.skipBlanks()
        } while cursor.take(",")
        guard cursor.take(end) else { throw cursor.error("a comma or the closing \(end)") }
    }

    // MARK: - Values

    private mutating func element(_ field: OTLPSchema.Field, depth: Int) throws(CorruptionError) {
        switch field.type {
        case .message(let inner):
            tag(field, 2)
            let mark = out.count
            out += [0, 0, 0, 0, 0]
            try object(inner, depth: depth - 1)
            var length = out.count - mark - 5
            for place in mark..<(mark + 4) {
                out[place] = UInt8(truncatingIfNeeded: length & 0x7f) | 0x80
                length >>= 7
            }
            out[mark + 4] = UInt8(truncatingIfNeeded: length & 0x7f)
        case .text: bytes(Array(try quoted().utf8), of: field)
        case .hexadecimal:
            guard let content = OTLPSchema.hexadecimal(try quoted()) else {
                throw cursor.error("hexadecimal digits")
            }
            bytes(content, of: field)
        case .base64:
            guard let content = Base64.decode(try quoted()) else { throw cursor.error("base64") }
            bytes(content, of: field)
        case .bool:
            tag(field, 0)
            let isTrue = cursor.current == UInt8(ascii: "t")
            _ = try cursor.word(isTrue ? "true" : "false", .null)
            out.append(isTrue ? 1 : 0)
        case .double:
            tag(field, 1)
            fixed(try double().bitPattern)
        case .varint:
            tag(field, 0)
            varint(UInt64(bitPattern: try signed()))
        case .unsigned:
            tag(field, 0)
            varint(try unsigned())
        case .zigzag:
            tag(field, 0)
            let number = try signed()
            varint(UInt64(bitPattern: number << 1 ^ number >> 63))
        case .fixed:
            tag(field, 1)
            fixed(try unsigned())
        case .signedFixed:
            tag(field, 1)
            fixed(UInt64(bitPattern: try signed()))
        case .enumeration(let names):
            tag(field, 0)
            if cursor.current == UInt8(ascii: "\"") {
                let name = try cursor.string()
                guard let number = names[name] ?? UInt64(name) else { throw cursor.error("a known name") }
                varint(number)
            } else {
                varint(try unsigned())
            }
        }
    }

    private mutating func quoted() throws(CorruptionError) -> String {
        guard cursor.current == UInt8(ascii: "\"") else { throw cursor.error("a string") }
        return try cursor.string()
    }

    /// A number's text, be it in quotes or not.
    private mutating func numeral() throws(CorruptionError) -> String {
        if cursor.current == UInt8(ascii: "\"") { return try cursor.string() }
        return String(decoding: cursor.bytes[try cursor.numberText()], as: UTF8.self)
    }

    private mutating func double() throws(CorruptionError) -> Double {
        let text = try numeral()
        switch text {
        case "NaN": return PromNumber.normalNaN
        case "Infinity": return .infinity
        case "-Infinity": return -.infinity
        default:
            guard let number = PromNumber.parse(text) else { throw cursor.error("a number") }
            return number
        }
    }

    private mutating func signed() throws(CorruptionError) -> Int64 {
        let text = try numeral()
        // `1e3` and `5.0` are whole numbers, too.
        guard let number = Int64(text) ?? PromNumber.parse(text).flatMap({ Int64(exactly: $0) }) else {
            throw cursor.error("a whole number of 64 bits")
        }
        return number
    }

    private mutating func unsigned() throws(CorruptionError) -> UInt64 {
        let text = try numeral()
        guard let number = UInt64(text) ?? PromNumber.parse(text).flatMap({ UInt64(exactly: $0) }) else {
            throw cursor.error("a whole number of 64 bits that is not negative")
        }
        return number
    }

    // MARK: - Output

    private mutating func tag(_ field: OTLPSchema.Field, _ wireType: UInt64) {
        varint(field.number << 3 | wireType)
    }

    private mutating func varint(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            out.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        out.append(UInt8(rest))
    }

    private mutating func fixed(_ number: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            out.append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }

    private mutating func bytes(_ content: [UInt8], of field: OTLPSchema.Field) {
        tag(field, 2)
        varint(UInt64(content.count))
        out += content
    }
}
