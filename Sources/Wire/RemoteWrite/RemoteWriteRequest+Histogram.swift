// SPDX-License-Identifier: Apache-2.0
//
// prometheus.Histogram, the same fields in both versions but for the last:
//
//     Histogram   1|2: count int|float   3: sum   4: sint32 schema   5: zero threshold   6|7: zero count int|float
//                 8: negative spans*   9: sint64 negative deltas*   10: double negative counts*
//                 11: positive spans*  12: sint64 positive deltas*  13: double positive counts*
//                 14: reset hint   15: int64 milliseconds   16: double custom bounds*   17: int64 start (2.0)
//     BucketSpan  1: sint32 offset   2: uint32 length
//
// Only what the bytes say; whether the spans fit the buckets and the buckets the count is for who stores it.

public import Samples

extension RemoteWriteRequest {
    /// A native histogram as it was sent, not checked.
    public struct Histogram: Sendable, Equatable {
        /// Its counts and buckets.
        public var message = HistogramMessage()
        /// Milliseconds since 1970.
        public var timestamp: Int64 = 0
        /// When counting began, milliseconds since 1970; 0 for unknown.
        public var start: Int64 = 0

        /// Creates an empty integer histogram.
        public init() {}
    }
}

extension RemoteWriteRequest {
    /// A histogram of either version.
    mutating func histogram(
        _ cursor: inout ProtobufCursor,
        _ limits: Limits
    ) throws(RemoteWriteError) {
        guard histograms.count < limits.histograms else { throw .tooLarge(limits.histograms, "histograms") }
        var histogram = Histogram()
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            switch tag >> 3 {
            case 8...10: try buckets(tag, fieldOffset: 8, &cursor, &histogram.message.negative, limits)
            case 11...13: try buckets(tag, fieldOffset: 11, &cursor, &histogram.message.positive, limits)
            case 16: try doubles(tag, &cursor, &histogram.message.customBounds, limits)
            default: try scalar(tag, &cursor, &histogram)
            }
        }
        histograms.append(histogram)
    }

    private func scalar(
        _ tag: UInt64,
        _ cursor: inout ProtobufCursor,
        _ histogram: inout Histogram
    ) throws(RemoteWriteError) {
        switch tag {
        case 1 << 3 | 0:
            histogram.message.isFloat = false
            histogram.message.count = try cursor.varint()
        case 2 << 3 | 1:
            histogram.message.isFloat = true
            histogram.message.floatCount = Double(bitPattern: try cursor.fixed64())
        case 3 << 3 | 1: histogram.message.sum = Double(bitPattern: try cursor.fixed64())
        case 4 << 3 | 0: histogram.message.schema = Int32(truncatingIfNeeded: try cursor.zigzag())
        case 5 << 3 | 1: histogram.message.zeroThreshold = Double(bitPattern: try cursor.fixed64())
        case 6 << 3 | 0: histogram.message.zeroCount = try cursor.varint()
        case 7 << 3 | 1: histogram.message.floatZeroCount = Double(bitPattern: try cursor.fixed64())
        case 14 << 3 | 0: histogram.message.resetHint = UInt32(clamping: try cursor.varint())
        case 15 << 3 | 0: histogram.timestamp = Int64(bitPattern: try cursor.varint())
        case 17 << 3 | 0: histogram.start = Int64(bitPattern: try cursor.varint())
        default:
            guard tag >> 3 > 17 else { throw .malformed("a histogram", at: cursor.offset) }
            try cursor.skip(tag)
        }
    }

    /// The three fields of one sign's buckets, which follow each other from `fieldOffset`.
    private mutating func buckets(
        _ tag: UInt64,
        fieldOffset: UInt64,
        _ cursor: inout ProtobufCursor,
        _ buckets: inout HistogramMessage.Side,
        _ limits: Limits
    ) throws(RemoteWriteError) {
        switch tag >> 3 - fieldOffset {
        case 0:
            try cursor.expect(ProtobufCursor.WireType.bytes, tag)
            let outer = cursor.enter(try cursor.length())
            try take(1, limits)
            buckets.spans.append(try RemoteWriteRequest.span(&cursor))
            cursor.leave(outer)
        case 1:
            guard tag & 7 == ProtobufCursor.WireType.bytes else {
                try cursor.expect(ProtobufCursor.WireType.varint, tag)
                try take(1, limits)
                buckets.deltas.append(try cursor.zigzag())
                return
            }
            let outer = cursor.enter(try cursor.length())
            while !cursor.isAtEnd {
                try take(1, limits)
                buckets.deltas.append(try cursor.zigzag())
            }
            cursor.leave(outer)
        default: try doubles(tag, &cursor, &buckets.counts, limits)
        }
    }

    private static func span(
        _ cursor: inout ProtobufCursor
    ) throws(RemoteWriteError) -> HistogramSpan {
        var span = HistogramSpan(offset: 0, length: 0)
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            switch tag {
            case 1 << 3 | 0: span.offset = Int32(truncatingIfNeeded: try cursor.zigzag())
            case 2 << 3 | 0: span.length = UInt32(truncatingIfNeeded: try cursor.varint())
            default: try cursor.skip(tag)
            }
        }
        return span
    }

    /// A field of doubles, packed or not.
    private mutating func doubles(
        _ tag: UInt64,
        _ cursor: inout ProtobufCursor,
        _ out: inout [Double],
        _ limits: Limits
    ) throws(RemoteWriteError) {
        guard tag & 7 == ProtobufCursor.WireType.bytes else {
            try cursor.expect(ProtobufCursor.WireType.fixed64, tag)
            try take(1, limits)
            out.append(Double(bitPattern: try cursor.fixed64()))
            return
        }
        let length = try cursor.length()
        try take(length / 8, limits)
        out.reserveCapacity(out.count + length / 8)
        let outer = cursor.enter(length)
        while !cursor.isAtEnd { out.append(Double(bitPattern: try cursor.fixed64())) }
        cursor.leave(outer)
    }

    /// Counts buckets, spans and bounds against what a message may have.
    private mutating func take(_ count: Int, _ limits: Limits) throws(RemoteWriteError) {
        guard bucketsLeft >= count else { throw .tooLarge(limits.buckets, "buckets") }
        bucketsLeft -= count
    }
}
