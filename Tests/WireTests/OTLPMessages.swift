// SPDX-License-Identifier: Apache-2.0
//
// Requests made by others: `sdk` is what opentelemetry-sdk 1.45.2 exports of one instrument of each kind, `hand` what
// opentelemetry-proto 1.45.2 makes of points no SDK sends; times were set to 2023-11-14T22:13:20Z. The JSON is protobuf's own
// (google.protobuf.json_format) with hexadecimal ids.

/// Requests of OpenTelemetry's protocol.
enum OTLPMessages {
    static let sdkProtobuf = #"""
        CucGCogBChcKDHNlcnZpY2UubmFtZRIHCgVwcmVzcwocChFzZXJ2aWNlLm5hbWVzcGFjZRIHCgVwbGFudAobChNzZXJ2aWNl\#
        Lmluc3RhbmNlLmlkEgQKAmExCiAKFmRlcGxveW1lbnQuZW52aXJvbm1lbnQSBgoEdGVzdAoQCgpob3N0LmNvcmVzEgIYBBLZ\#
        BQoLCgRzaG9wEgMyLjESYQoKcGFydHMubWFkZRIFUGFydHMaBntwYXJ0fTpECj4RAKjiPfCclxcZAAAqNv6clxcxBQAAAAAA\#
        AAA6CwoEbGluZRIDCgFhOhQKC2h0dHAubWV0aG9kEgUKA0dFVBACGAESPwoMcXVldWUubGVuZ3RoGgExOiwKKBEAqOI98JyX\#
        FxkAACo2/pyXFzH9/////////zoLCgRsaW5lEgMKAWIQAhKSAQoKY3ljbGUudGltZRoBc0qAAQp8EQCo4j3wnJcXGQAAKjb+\#
        nJcXIQEAAAAAAAAAKWZmZmZmZuY/MiAAAAAAAAAAAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAADoYAAAAAAAA4D8AAAAAAADw\#
        PwAAAAAAABRASggKAm9rEgIQAVlmZmZmZmbmP2FmZmZmZmbmPxACEvYBCgNleHAaAm1zUuoBCuUBEQCo4j3wnJcXGQAAKjb+\#
        nJcXIQQAAAAAAAAAKQAAAAAAACZAMAxCpQEIARKgAQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\#
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\#
        AAAAAAAAAAAAAAAAAAAAAgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABKAxIBAGEAAAAAAADwP2kAAAAAAAAQQBAC\#
        EiUKCmxvYWQucmF0aW8aATEqFAoSGQAAKjb+nJcXIQAAAAAAANA/EjUKC3RlbXBlcmF0dXJlGgNDZWwqIQofGQAAKjb+nJcX\#
        IQAAAAAAgDVAOgsKBHJvb20SAwoBMRIuCgZlbmVyZ3kaAUo6IQobEQCo4j3wnJcXGQAAKjb+nJcXMQcAAAAAAAAAEAIYARoK\#
        aHR0cDovL3MvMQ==
        """#
    static let sdkJSON = #"""
        {"resourceMetrics": [{"resource": {"attributes": [{"key": "service.name",
        "value": {"stringValue": "press"}}, {"key": "service.namespace",
        "value": {"stringValue": "plant"}}, {"key": "service.instance.id",
        "value": {"stringValue": "a1"}}, {"key": "deployment.environment",
        "value": {"stringValue": "test"}}, {"key": "host.cores", "value": {"intValue": "4"}}]},
        "scopeMetrics": [{"scope": {"name": "shop", "version": "2.1"},
        "metrics": [{"name": "parts.made", "description": "Parts", "unit": "{part}",
        "sum": {"dataPoints": [{"startTimeUnixNano": "1699999940000000000",
        "timeUnixNano": "1700000000000000000", "asInt": "5", "attributes": [{"key": "line",
        "value": {"stringValue": "a"}}, {"key": "http.method", "value": {"stringValue": "GET"}}]}],
        "aggregationTemporality": "AGGREGATION_TEMPORALITY_CUMULATIVE", "isMonotonic": true}},
        {"name": "queue.length", "unit": "1",
        "sum": {"dataPoints": [{"startTimeUnixNano": "1699999940000000000",
        "timeUnixNano": "1700000000000000000", "asInt": "-3", "attributes": [{"key": "line",
        "value": {"stringValue": "b"}}]}],
        "aggregationTemporality": "AGGREGATION_TEMPORALITY_CUMULATIVE"}}, {"name": "cycle.time",
        "unit": "s", "histogram": {"dataPoints": [{"startTimeUnixNano": "1699999940000000000",
        "timeUnixNano": "1700000000000000000", "count": "1", "sum": 0.7, "bucketCounts": ["0", "1",
        "0", "0"], "explicitBounds": [0.5, 1.0, 5.0], "attributes": [{"key": "ok",
        "value": {"boolValue": true}}], "min": 0.7, "max": 0.7}],
        "aggregationTemporality": "AGGREGATION_TEMPORALITY_CUMULATIVE"}}, {"name": "exp",
        "unit": "ms",
        "exponentialHistogram": {"dataPoints": [{"startTimeUnixNano": "1699999940000000000",
        "timeUnixNano": "1700000000000000000", "count": "4", "sum": 11.0, "scale": 6,
        "positive": {"offset": -1, "bucketCounts": ["1", "0", "0", "0", "0", "0", "0", "0", "0", "0",
        "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0",
        "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0",
        "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0",
        "1", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0",
        "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0",
        "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0",
        "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "2", "0", "0", "0", "0", "0", "0", "0",
        "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0",
        "0", "0", "0", "0", "0", "0"]}, "negative": {"bucketCounts": ["0"]}, "min": 1.0,
        "max": 4.0}], "aggregationTemporality": "AGGREGATION_TEMPORALITY_CUMULATIVE"}},
        {"name": "load.ratio", "unit": "1",
        "gauge": {"dataPoints": [{"timeUnixNano": "1700000000000000000", "asDouble": 0.25}]}},
        {"name": "temperature", "unit": "Cel",
        "gauge": {"dataPoints": [{"timeUnixNano": "1700000000000000000", "asDouble": 21.5,
        "attributes": [{"key": "room", "value": {"stringValue": "1"}}]}]}}, {"name": "energy",
        "unit": "J", "sum": {"dataPoints": [{"startTimeUnixNano": "1699999940000000000",
        "timeUnixNano": "1700000000000000000", "asInt": "7"}],
        "aggregationTemporality": "AGGREGATION_TEMPORALITY_CUMULATIVE", "isMonotonic": true}}],
        "schemaUrl": "http://s/1"}]}]}
        """#
    static let handProtobuf = #"""
        CsgHCiUKFgoMc2VydmljZS5uYW1lEgYKBGhhbmQKCwoEem9uZRIDCgF6Ep4HChMKA2xpYhIBMRoJCgNrLngSAhgBEo8BCgFn\#
        EgdhYm91dCBnKoABCn4ZAAAqNv6clxcx+f////////86CgoDYS5iEgMKATE6CgoDYV9iEgMKATI6CAoCOXgSAhABOg8KAl91\#
        EgkhSK+8mvLXej46EwoBbBIOKgwKAhgBCgQKAnEiCgA6IgoBbRIdMhsKCQoBehIEOgIB/woOCgFiEgkhAAAAAAAA+D8SIQoE\#
        Z29uZRIKYWJvdXQgZ29uZSoNCgsZAAAqNv6clxdAARJWCgVkZWx0YRILYWJvdXQgZGVsdGE6QAoSGQAAKjb+nJcXMQAAAAAA\#
        AAAAChIZAAAqNv6clxcxAQAAAAAAAAAKEhkAACo2/pyXFzECAAAAAAAAABABGAESYQoCcnQSCGFib3V0IHJ0GgFzWk4KTBEA\#
        qOI98JyXFxkAACo2/pyXFyEEAAAAAAAAACkAAAAAAAAEQDISCQAAAAAAAOA/EZqZmZmZmbk/MhIJAAAAAAAA8D8RAAAAAAAA\#
        IkASwQIKAWgSB2Fib3V0IGhKsgIK/gERAKjiPfCclxcZAAAqNv6clxchBgAAAAAAAAApAAAAAAAAJEAyGAEAAAAAAAAAAgAA\#
        AAAAAAADAAAAAAAAADoQmpmZmZmZuT8AAAAAAAAUQEI4EQAAKjb+nJcXGZqZmZmZmak/IggAAQIDBAUGByoQAAECAwQFBgcI\#
        CQoLDA0ODzoICgF1EgMKAXhCOBEAACo2/pyXFxkAAAAAAAAIQCIIAAECAwQFBgcqEAABAgMEBQYHCAkKCwwNDg86CAoBdRID\#
        CgF4QjgRAAAqNv6clxcZAAAAAAAAHEAiCAABAgMEBQYHKhAAAQIDBAUGBwgJCgsMDQ4POggKAXUSAwoBeAotGQAAKjb+nJcX\#
        MhABAAAAAAAAAAIAAAAAAAAAOhAAAAAAAADwPwAAAAAAAABAEAISXwoBZRIHYWJvdXQgZVJRCkARAKjiPfCclxcZAAAqNv6c\#
        lxchCwAAAAAAAAApAAAAAAAACEAwFDkBAAAAAAAAAEIICAUSBAECAARKBQgEEgEDCgsZAAAqNv6clxcwCRACEiMKBm5vdGlt\#
        ZRIMYWJvdXQgbm90aW1lKgsKCTEBAAAAAAAAABIlCgdub3ZhbHVlEg1hYm91dCBub3ZhbHVlKgsKCRkAACo2/pyXFxImCgPi\#
        gKYSCWFib3V0IOKApioUChIZAAAqNv6clxcxAQAAAAAAAAA=
        """#
    static let handJSON = #"""
        {"resourceMetrics": [{"resource": {"attributes": [{"key": "service.name",
        "value": {"stringValue": "hand"}}, {"key": "zone", "value": {"stringValue": "z"}}]},
        "scopeMetrics": [{"scope": {"name": "lib", "version": "1", "attributes": [{"key": "k.x",
        "value": {"intValue": "1"}}]}, "metrics": [{"name": "g", "description": "about g",
        "gauge": {"dataPoints": [{"timeUnixNano": "1700000000000000000", "asInt": "-7",
        "attributes": [{"key": "a.b", "value": {"stringValue": "1"}}, {"key": "a_b",
        "value": {"stringValue": "2"}}, {"key": "9x", "value": {"boolValue": true}}, {"key": "_u",
        "value": {"doubleValue": 1e-07}}, {"key": "l",
        "value": {"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "q\""}, {}]}}},
        {"key": "m", "value": {"kvlistValue": {"values": [{"key": "z",
        "value": {"bytesValue": "Af8="}}, {"key": "b", "value": {"doubleValue": 1.5}}]}}}]}]}},
        {"name": "gone", "description": "about gone",
        "gauge": {"dataPoints": [{"timeUnixNano": "1700000000000000000", "flags": 1}]}},
        {"name": "delta", "description": "about delta",
        "sum": {"dataPoints": [{"timeUnixNano": "1700000000000000000", "asInt": "0"},
        {"timeUnixNano": "1700000000000000000", "asInt": "1"},
        {"timeUnixNano": "1700000000000000000", "asInt": "2"}],
        "aggregationTemporality": "AGGREGATION_TEMPORALITY_DELTA", "isMonotonic": true}},
        {"name": "rt", "description": "about rt", "unit": "s",
        "summary": {"dataPoints": [{"startTimeUnixNano": "1699999940000000000",
        "timeUnixNano": "1700000000000000000", "count": "4", "sum": 2.5,
        "quantileValues": [{"quantile": 0.5, "value": 0.1}, {"quantile": 1.0, "value": 9.0}]}]}},
        {"name": "h", "description": "about h",
        "histogram": {"dataPoints": [{"startTimeUnixNano": "1699999940000000000",
        "timeUnixNano": "1700000000000000000", "count": "6", "sum": 10.0, "bucketCounts": ["1", "2",
        "3"], "explicitBounds": [0.1, 5.0], "exemplars": [{"timeUnixNano": "1700000000000000000",
        "asDouble": 0.05, "spanId": "0001020304050607",
        "traceId": "000102030405060708090a0b0c0d0e0f", "filteredAttributes": [{"key": "u",
        "value": {"stringValue": "x"}}]}, {"timeUnixNano": "1700000000000000000", "asDouble": 3.0,
        "spanId": "0001020304050607", "traceId": "000102030405060708090a0b0c0d0e0f",
        "filteredAttributes": [{"key": "u", "value": {"stringValue": "x"}}]},
        {"timeUnixNano": "1700000000000000000", "asDouble": 7.0, "spanId": "0001020304050607",
        "traceId": "000102030405060708090a0b0c0d0e0f", "filteredAttributes": [{"key": "u",
        "value": {"stringValue": "x"}}]}]}, {"timeUnixNano": "1700000000000000000",
        "bucketCounts": ["1", "2"], "explicitBounds": [1.0, 2.0]}],
        "aggregationTemporality": "AGGREGATION_TEMPORALITY_CUMULATIVE"}}, {"name": "e",
        "description": "about e",
        "exponentialHistogram": {"dataPoints": [{"startTimeUnixNano": "1699999940000000000",
        "timeUnixNano": "1700000000000000000", "count": "11", "sum": 3.0, "scale": 10,
        "zeroCount": "1", "positive": {"offset": -3, "bucketCounts": ["1", "2", "0", "4"]},
        "negative": {"offset": 2, "bucketCounts": ["3"]}}, {"timeUnixNano": "1700000000000000000",
        "scale": -5}], "aggregationTemporality": "AGGREGATION_TEMPORALITY_CUMULATIVE"}},
        {"name": "notime", "description": "about notime", "gauge": {"dataPoints": [{"asInt": "1"}]}},
        {"name": "novalue", "description": "about novalue",
        "gauge": {"dataPoints": [{"timeUnixNano": "1700000000000000000"}]}}, {"name": "\u2026",
        "description": "about \u2026",
        "gauge": {"dataPoints": [{"timeUnixNano": "1700000000000000000", "asInt": "1"}]}}]}]}]}
        """#
}

/// Requests made here, of one resource with one metric.
struct OTLPMessage {
    var resource: [(String, String)] = []
    var points: [[(String, String)]] = []
    var name = "m"

    /// A field that holds bytes.
    static func field(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
        var out = [UInt8(number << 3 | 2)]
        var length = bytes.count
        while length >= 0x80 {
            out.append(UInt8(length & 0x7f | 0x80))
            length >>= 7
        }
        return out + [UInt8(length)] + bytes
    }

    private static func attributes(_ number: Int, _ pairs: [(String, String)]) -> [UInt8] {
        var out: [UInt8] = []
        for (key, value) in pairs {
            out += field(number, field(1, Array(key.utf8)) + field(2, field(1, Array(value.utf8))))
        }
        return out
    }

    /// A gauge's data point of 2023-11-14T22:13:20Z with the value 1.
    private static func point(_ attributes: [(String, String)]) -> [UInt8] {
        let time = (0..<8).map { UInt8(truncatingIfNeeded: UInt64(1_700_000_000_000_000_000) >> ($0 * 8)) }
        let one: [UInt8] = [0, 0, 0, 0, 0, 0, 0xf0, 0x3f]
        return [3 << 3 | 1] + time + [4 << 3 | 1] + one + OTLPMessage.attributes(7, attributes)
    }

    var bytes: [UInt8] {
        typealias Message = OTLPMessage
        let gauge = points.flatMap { Message.field(1, Message.point($0)) }
        let metric = Message.field(1, Array(name.utf8)) + Message.field(5, gauge)
        let scope = Message.field(2, Message.field(2, metric))
        return Message.field(1, Message.field(1, Message.attributes(1, resource)) + scope)
    }
}
