// SPDX-License-Identifier: Apache-2.0
//
// What a sender of OTLP is told, in the form it spoke: ExportMetricsServiceResponse or google.rpc.Status.
//
//     Response  1: {1: int64 rejected data points   2: message}          Status  1: int32 code   2: message

/// Answers to OpenTelemetry's senders.
public enum OTLPAnswer {
    /// google.rpc.Code, the ones used.
    public enum Code: UInt64, Sendable {
        /// What came will never be taken.
        case invalidArgument = 3
        /// There is too much of it.
        case resourceExhausted = 8
        /// The same may be taken later.
        case unavailable = 14
    }

    /// The request was read; an empty message when all of it is stored.
    ///
    /// - Parameters:
    ///   - rejected: data points not stored.
    ///   - message: why; may be empty.
    ///   - isJSON: whether the sender speaks JSON.
    /// - Returns: the body.
    public static func response(rejected: Int, message: String, isJSON: Bool) -> [UInt8] {
        let isWhole = rejected == 0 && message.isEmpty
        guard isJSON else { return isWhole ? [] : field(1, number(1, UInt64(rejected)) + text(2, message)) }
        var writer = JSONWriter()
        writer.beginObject()
        if !isWhole {
            writer.key("partialSuccess")
            writer.beginObject()
            // 64-bit numbers are strings in protobuf's JSON.
            writer.key("rejectedDataPoints")
            writer.string(String(rejected))
            writer.key("errorMessage")
            writer.string(message)
            writer.endObject()
        }
        writer.endObject()
        return writer.bytes
    }

    /// The request was not taken at all.
    ///
    /// - Parameters:
    ///   - code: the kind of failure.
    ///   - message: why.
    ///   - isJSON: whether the sender speaks JSON.
    /// - Returns: the body.
    public static func status(_ code: Code, _ message: String, isJSON: Bool) -> [UInt8] {
        guard isJSON else { return number(1, code.rawValue) + text(2, message) }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("code")
        writer.number(code.rawValue)
        writer.key("message")
        writer.string(message)
        writer.endObject()
        return writer.bytes
    }

    private static func varint(_ number: UInt64) -> [UInt8] {
        var out: [UInt8] = []
        var rest = number
        while rest >= 0x80 {
            out.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return out + [UInt8(rest)]
    }

    private static func number(_ field: UInt64, _ value: UInt64) -> [UInt8] {
        value == 0 ? [] : varint(field << 3) + varint(value)
    }

    private static func text(_ number: UInt64, _ text: String) -> [UInt8] {
        text.isEmpty ? [] : field(number, Array(text.utf8))
    }

    private static func field(_ number: UInt64, _ content: [UInt8]) -> [UInt8] {
        varint(number << 3 | 2) + varint(UInt64(content.count)) + content
    }
}
