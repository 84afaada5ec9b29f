// SPDX-License-Identifier: Apache-2.0
//
// Attributes and exemplars:
//
//     KeyValue  1: key   2: AnyValue
//     AnyValue  1: string   2: bool   3: int64   4: double   5: list {1: AnyValue*}   6: map {1: KeyValue*}   7: bytes
//     Exemplar  2: nanoseconds   3: double   4: span id   5: trace id   6: sfixed64   7: KeyValue*
//
// A label is text: lists and maps are written as JSON, bytes as base64, as OpenTelemetry's own exporters do.

internal import Samples

extension OTLPReader {
    /// Lists and maps nest at most this deep; the reader recurses, and labels are no documents.
    private static let depthLimit = 8

    /// An exemplar before it has a series.
    struct Sighting {
        var labels = Labels()
        var timestamp: Int64 = 0
        var value = 0.0
    }

    /// Why the labels of a data point cannot be made.
    enum LabelFault: Error {
        case name(String)
        case text
    }

    // MARK: - Labels

    /// The labels of the data point whose attributes were read, without the metric's name.
    mutating func labels() throws(LabelFault) -> LabelsBuilder {
        defer { hasBadText = false }
        if hasBadText { throw .text }
        attributes.sort()
        var named: [(key: String, value: String)] = []
        named.reserveCapacity(attributes.pairs.count)
        for (key, value) in attributes.pairs {
            guard let name = names.label(key) else { throw .name(key) }
            named.append((name, value))
        }
        OTLPAttributes.sort(&named)
        // The last of a name wins.
        var pairs = origin.promoted
        for (name, value) in named where !value.isEmpty {
            if pairs.count > origin.promoted.count, pairs[pairs.count - 1].name.utf8.elementsEqual(name.utf8)
            {
                // Two keys that differ only in what labels cannot have.
                pairs[pairs.count - 1].value += ";" + value
            } else {
                pairs.append((name, value))
            }
        }
        return LabelsBuilder(pairs + origin.fixed)
    }

    /// Adds the attributes in a field of a message.
    mutating func read(
        attributesOf bytes: Span<UInt8>,
        field: UInt64,
        into out: inout OTLPAttributes
    ) throws(RemoteWriteError) {
        var cursor = ProtobufCursor(bytes)
        while out.excess == nil, let range = try cursor.nextMessage(field) {
            out.append(try attribute(bytes.extracting(range)))
        }
    }

    /// Adds an attribute to those of the data point being read.
    mutating func take(attribute bytes: Span<UInt8>) throws(RemoteWriteError) {
        guard attributes.excess == nil else { return }
        attributes.append(try attribute(bytes), limit: options.attributeLimit)
    }

    /// One attribute.
    mutating func attribute(_ bytes: Span<UInt8>) throws(RemoteWriteError) -> (key: String, value: String) {
        var key = ""
        var value = ""
        var cursor = ProtobufCursor(bytes)
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            switch tag {
            case 1 << 3 | 2: key = text(bytes.extracting(try cursor.range()))
            case 2 << 3 | 2: value = try self.value(bytes.extracting(try cursor.range()))
            default: try cursor.skip(tag)
            }
        }
        return (key, value)
    }

    private mutating func text(_ bytes: Span<UInt8>) -> String {
        if let text = unsafe bytes.withUnsafeBufferPointer({ unsafe String(validating: $0, as: UTF8.self) }) {
            return text
        }
        hasBadText = true
        return ""
    }

    // MARK: - Values

    /// A value as a label has it.
    private mutating func value(_ bytes: Span<UInt8>) throws(RemoteWriteError) -> String {
        var result = ""
        var cursor = ProtobufCursor(bytes)
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            switch tag {
            case 1 << 3 | 2: result = text(bytes.extracting(try cursor.range()))
            case 7 << 3 | 2: result = Base64.encode(bytes.extracting(try cursor.range()))
            case 2 << 3 | 0, 3 << 3 | 0, 4 << 3 | 1: result = try OTLPReader.scalar(tag, &cursor)
            case 5 << 3 | 2, 6 << 3 | 2:
                var json = ""
                let inner = bytes.extracting(try cursor.range())
                try append(inner, isMap: tag >> 3 == 6, to: &json, depth: 1)
                result = json
            default: try cursor.skip(tag)
            }
        }
        return result
    }

    private static func scalar(
        _ tag: UInt64,
        _ cursor: inout ProtobufCursor
    ) throws(RemoteWriteError) -> String {
        switch tag >> 3 {
        case 2: return try cursor.varint() != 0 ? "true" : "false"
        case 3: return String(Int64(bitPattern: try cursor.varint()))
        default:
            let text = PromNumber.format(Double(bitPattern: try cursor.fixed64()))
            // As in ECMAScript, without the zero of a short exponent.
            guard text.utf8.count > 3, text.dropLast().hasSuffix("e-0"), let digit = text.last else {
                return text
            }
            return "\(text.dropLast(2))\(digit)"
        }
    }

    /// A list or map as JSON; maps by key.
    private mutating func append(
        _ bytes: Span<UInt8>,
        isMap: Bool,
        to out: inout String,
        depth: Int
    ) throws(RemoteWriteError) {
        guard depth <= OTLPReader.depthLimit else {
            throw RemoteWriteError(.malformed, "attributes may nest at most \(OTLPReader.depthLimit) deep")
        }
        var members: [(key: String, json: String)] = []
        var cursor = ProtobufCursor(bytes)
        while let range = try cursor.nextMessage(1) {
            let element = bytes.extracting(range)
            guard isMap else {
                members.append(("", try json(element, depth: depth)))
                continue
            }
            var key = ""
            var json = "null"
            var inner = ProtobufCursor(element)
            while !inner.isAtEnd {
                let tag = try inner.tag()
                switch tag {
                case 1 << 3 | 2: key = text(element.extracting(try inner.range()))
                case 2 << 3 | 2: json = try self.json(element.extracting(try inner.range()), depth: depth)
                default: try inner.skip(tag)
                }
            }
            members.append((key, json))
        }
        if isMap { members.sort { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) } }
        let body = members.map { isMap ? "\(OTLPReader.quoted($0.key)):\($0.json)" : $0.json }
        out += (isMap ? "{" : "[") + body.joined(separator: ",") + (isMap ? "}" : "]")
    }

    /// One value within a list or map.
    private mutating func json(_ bytes: Span<UInt8>, depth: Int) throws(RemoteWriteError) -> String {
        var result = "null"
        var cursor = ProtobufCursor(bytes)
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            switch tag {
            case 1 << 3 | 2: result = OTLPReader.quoted(text(bytes.extracting(try cursor.range())))
            case 7 << 3 | 2:
                result = OTLPReader.quoted(Base64.encode(bytes.extracting(try cursor.range())))
            case 2 << 3 | 0, 3 << 3 | 0, 4 << 3 | 1: result = try OTLPReader.scalar(tag, &cursor)
            case 5 << 3 | 2, 6 << 3 | 2:
                result = ""
                let inner = bytes.extracting(try cursor.range())
                try append(inner, isMap: tag >> 3 == 6, to: &result, depth: depth + 1)
            default: try cursor.skip(tag)
            }
        }
        return result
    }

    private static func quoted(_ text: String) -> String {
        var writer = JSONWriter()
        writer.string(text, escapingHTML: false)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    // MARK: - Exemplars

    /// One exemplar; nil when it has no value or its text cannot be used.
    mutating func exemplar(_ bytes: Span<UInt8>) throws(RemoteWriteError) -> Sighting? {
        var result = Sighting()
        var value: Double?
        var ids: [(name: String, value: String)] = []
        var own: [(key: String, value: String)] = []
        var cursor = ProtobufCursor(bytes)
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            switch tag {
            case 2 << 3 | 1: result.timestamp = OTLPReader.milliseconds(try cursor.fixed64())
            case 3 << 3 | 1: value = Double(bitPattern: try cursor.fixed64())
            case 6 << 3 | 1: value = Double(Int64(bitPattern: try cursor.fixed64()))
            case 4 << 3 | 2:
                ids.append(("span_id", OTLPReader.hexadecimal(bytes.extracting(try cursor.range()))))
            case 5 << 3 | 2:
                ids.append(("trace_id", OTLPReader.hexadecimal(bytes.extracting(try cursor.range()))))
            case 7 << 3 | 2: own.append(try attribute(bytes.extracting(try cursor.range())))
            default: try cursor.skip(tag)
            }
        }
        let isText = !hasBadText
        hasBadText = false
        guard let value, isText else { return nil }
        result.value = value
        let characters = (ids + own.map { ($0.key, $0.value) }).reduce(0) {
            $0 + $1.0.unicodeScalars.count + $1.1.unicodeScalars.count
        }
        // What would make an exemplar too long to keep is left out before the trace is.
        if characters <= Exemplar.labelLimit { ids += own.map { (name: $0.key, value: $0.value) } }
        result.labels = Labels(ids)
        return result
    }

    private static func hexadecimal(_ bytes: Span<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var out: [UInt8] = []
        for index in bytes.indices.prefix(Exemplar.labelLimit) {
            out.append(digits[Int(bytes[index] >> 4)])
            out.append(digits[Int(bytes[index] & 15)])
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// Nanoseconds since 1970 as milliseconds.
    static func milliseconds(_ nanoseconds: UInt64) -> Int64 { Int64(nanoseconds / 1_000_000) }
}
