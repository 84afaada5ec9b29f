// SPDX-License-Identifier: Apache-2.0
//
// The messages of opentelemetry-proto v1's metrics as far as they are read: member names of the JSON form, field numbers,
// types. Members not listed are passed over.

/// Which member of a JSON object is which field.
enum OTLPSchema {
    /// The messages.
    enum Message: CaseIterable {
        case request, resourceMetrics, resource, scopeMetrics, scope, metric, gauge, sum, histogram
        case exponentialHistogram, summary, number, histogramPoint, exponentialPoint, buckets, summaryPoint
        case quantile, exemplar, keyValue, anyValue, arrayValue, mapValue
    }

    /// What a field holds.
    enum FieldType {
        case text, hexadecimal, base64, bool, double, varint, unsigned, zigzag, fixed, signedFixed
        case enumeration([String: UInt64])
        case message(Message)
    }

    /// One field.
    struct Field {
        let number: UInt64
        let type: FieldType
        let isRepeated: Bool

        fileprivate static func one(_ number: UInt64, _ type: FieldType) -> Field {
            Field(number: number, type: type, isRepeated: false)
        }

        fileprivate static func many(_ number: UInt64, _ type: FieldType) -> Field {
            Field(number: number, type: type, isRepeated: true)
        }
    }

    /// The fields of a message, by either spelling of their names.
    static func fields(of message: Message) -> [String: Field] { tables[message] ?? [:] }

    /// Bytes from two digits each; nil for anything else.
    static func hexadecimal(_ text: String) -> [UInt8]? {
        var out: [UInt8] = []
        var high: UInt8?
        for byte in text.utf8 {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: return nil
            }
            if let first = high {
                out.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        return high == nil ? out : nil
    }

    private static let tables: [Message: [String: Field]] = {
        var result: [Message: [String: Field]] = [:]
        for message in Message.allCases {
            var fields = members(of: message)
            for (name, field) in fields { fields[snakeCase(name)] = field }
            result[message] = fields
        }
        return result
    }()

    private static func snakeCase(_ name: String) -> String {
        name.reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) }
    }

    private static let temporality: FieldType = .enumeration([
        "AGGREGATION_TEMPORALITY_UNSPECIFIED": 0, "AGGREGATION_TEMPORALITY_DELTA": 1,
        "AGGREGATION_TEMPORALITY_CUMULATIVE": 2,
    ])

    private static func members(of message: Message) -> [String: Field] {
        switch message {
        case .request: ["resourceMetrics": .many(1, .message(.resourceMetrics))]
        case .resourceMetrics:
            ["resource": .one(1, .message(.resource)), "scopeMetrics": .many(2, .message(.scopeMetrics))]
        case .resource: ["attributes": .many(1, .message(.keyValue))]
        case .scopeMetrics:
            [
                "scope": .one(1, .message(.scope)), "metrics": .many(2, .message(.metric)),
                "schemaUrl": .one(3, .text),
            ]
        case .scope:
            [
                "name": .one(1, .text), "version": .one(2, .text),
                "attributes": .many(3, .message(.keyValue)),
            ]
        case .metric:
            [
                "name": .one(1, .text), "description": .one(2, .text), "unit": .one(3, .text),
                "gauge": .one(5, .message(.gauge)), "sum": .one(7, .message(.sum)),
                "histogram": .one(9, .message(.histogram)),
                "exponentialHistogram": .one(10, .message(.exponentialHistogram)),
                "summary": .one(11, .message(.summary)),
            ]
        case .gauge: ["dataPoints": .many(1, .message(.number))]
        case .sum:
            [
                "dataPoints": .many(1, .message(.number)), "aggregationTemporality": .one(2, temporality),
                "isMonotonic": .one(3, .bool),
            ]
        case .histogram:
            [
                "dataPoints": .many(1, .message(.histogramPoint)),
                "aggregationTemporality": .one(2, temporality),
            ]
        case .exponentialHistogram:
            [
                "dataPoints": .many(1, .message(.exponentialPoint)),
                "aggregationTemporality": .one(2, temporality),
            ]
        case .summary: ["dataPoints": .many(1, .message(.summaryPoint))]
        default: pointMembers(of: message)
        }
    }

    private static func pointMembers(of message: Message) -> [String: Field] {
        let times: [String: Field] = ["startTimeUnixNano": .one(2, .fixed), "timeUnixNano": .one(3, .fixed)]
        let counted: [String: Field] = ["count": .one(4, .fixed), "sum": .one(5, .double)]
        switch message {
        case .number:
            return times.adding([
                "asDouble": .one(4, .double), "exemplars": .many(5, .message(.exemplar)),
                "asInt": .one(6, .signedFixed), "attributes": .many(7, .message(.keyValue)),
                "flags": .one(8, .unsigned),
            ])
        case .histogramPoint:
            return times.adding(counted).adding([
                "bucketCounts": .many(6, .fixed), "explicitBounds": .many(7, .double),
                "exemplars": .many(8, .message(.exemplar)), "attributes": .many(9, .message(.keyValue)),
                "flags": .one(10, .unsigned),
            ])
        case .exponentialPoint:
            return times.adding(counted).adding([
                "attributes": .many(1, .message(.keyValue)), "scale": .one(6, .zigzag),
                "zeroCount": .one(7, .fixed), "positive": .one(8, .message(.buckets)),
                "negative": .one(9, .message(.buckets)), "flags": .one(10, .unsigned),
                "exemplars": .many(11, .message(.exemplar)), "zeroThreshold": .one(14, .double),
            ])
        case .buckets: return ["offset": .one(1, .zigzag), "bucketCounts": .many(2, .unsigned)]
        case .summaryPoint:
            return times.adding(counted).adding([
                "quantileValues": .many(6, .message(.quantile)),
                "attributes": .many(7, .message(.keyValue)), "flags": .one(8, .unsigned),
            ])
        case .quantile: return ["quantile": .one(1, .double), "value": .one(2, .double)]
        case .exemplar:
            return [
                "timeUnixNano": .one(2, .fixed), "asDouble": .one(3, .double),
                "spanId": .one(4, .hexadecimal), "traceId": .one(5, .hexadecimal),
                "asInt": .one(6, .signedFixed), "filteredAttributes": .many(7, .message(.keyValue)),
            ]
        case .keyValue: return ["key": .one(1, .text), "value": .one(2, .message(.anyValue))]
        case .anyValue:
            return [
                "stringValue": .one(1, .text), "boolValue": .one(2, .bool), "intValue": .one(3, .varint),
                "doubleValue": .one(4, .double), "arrayValue": .one(5, .message(.arrayValue)),
                "kvlistValue": .one(6, .message(.mapValue)), "bytesValue": .one(7, .base64),
            ]
        case .arrayValue: return ["values": .many(1, .message(.anyValue))]
        case .mapValue: return ["values": .many(1, .message(.keyValue))]
        default: return [:]
        }
    }
}

extension [String: OTLPSchema.Field] {
    fileprivate func adding(_ more: Self) -> Self { merging(more) { _, new in new } }
}
