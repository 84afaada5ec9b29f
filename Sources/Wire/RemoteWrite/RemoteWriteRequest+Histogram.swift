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

/// A native histogram as it was sent.
public struct RemoteWriteHistogram: Sendable, Equatable {
    /// Consecutive buckets.
    public struct Span: Sendable, Equatable {
        /// Buckets left out before it; for the first span, the first bucket's index.
        public var offset: Int32 = 0
        /// Its number of buckets.
        public var length: UInt32 = 0
    }

    /// A count of observations.
    public enum Count: Sendable, Equatable {
        /// Of an integer histogram.
        case integer(UInt64)
        /// Of a float histogram.
        case float(Double)
    }

    /// The buckets of one sign.
    public struct Buckets: Sendable, Equatable {
        /// Which indexes the buckets have.
        public var spans: [Span] = []
        /// Of an integer histogram: each bucket's count minus that of the bucket before.
        public var deltas: [Int64] = []
        /// Of a float histogram: each bucket's count.
        public var counts: [Double] = []
    }

    /// All observations; its kind says whether the histogram has integers or floats.
    public var count = Count.integer(0)
    /// The sum of all observations; the stale marker ends the series.
    public var sum = 0.0
    /// The resolution, or -53 for custom bounds.
    public var schema: Int32 = 0
    /// The width of the zero bucket.
    public var zeroThreshold = 0.0
    /// Observations in the zero bucket.
    public var zeroCount = Count.integer(0)
    /// Buckets below zero.
    public var negative = Buckets()
    /// Buckets above zero.
    public var positive = Buckets()
    /// 0 unknown, 1 reset, 2 no reset, 3 gauge.
    public var resetHint: UInt64 = 0
    /// Milliseconds since 1970.
    public var timestamp: Int64 = 0
    /// Upper bounds of custom buckets, without +Inf.
    public var customBounds: [Double] = []
    /// When counting began, milliseconds since 1970; 0 for unknown.
    public var start: Int64 = 0

    /// Creates an empty integer histogram.
    public init() {}
}

extension RemoteWriteRequest {
    /// A histogram of either version.
    mutating func histogram(
        _ cursor: inout ProtobufCursor,
        _ limits: Limits
    ) throws(RemoteWriteError) {
        guard histograms.count < limits.histograms else { throw .tooLarge(limits.histograms, "histograms") }
        var histogram = RemoteWriteHistogram()
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            switch tag >> 3 {
            case 8...10: try buckets(tag, fieldOffset: 8, &cursor, &histogram.negative, limits)
            case 11...13: try buckets(tag, fieldOffset: 11, &cursor, &histogram.positive, limits)
            case 16: try doubles(tag, &cursor, &histogram.customBounds, limits)
            default: try scalar(tag, &cursor, &histogram)
            }
        }
        histograms.append(histogram)
    }

    private func scalar(
        _ tag: UInt64,
        _ cursor: inout ProtobufCursor,
        _ histogram: inout RemoteWriteHistogram
    ) throws(RemoteWriteError) {
        switch tag {
        case 1 << 3 | 0: histogram.count = .integer(try cursor.varint())
        case 2 << 3 | 1: histogram.count = .float(Double(bitPattern: try cursor.fixed64()))
        case 3 << 3 | 1: histogram.sum = Double(bitPattern: try cursor.fixed64())
        case 4 << 3 | 0: histogram.schema = Int32(truncatingIfNeeded: try cursor.zigzag())
        case 5 << 3 | 1: histogram.zeroThreshold = Double(bitPattern: try cursor.fixed64())
        case 6 << 3 | 0: histogram.zeroCount = .integer(try cursor.varint())
        case 7 << 3 | 1: histogram.zeroCount = .float(Double(bitPattern: try cursor.fixed64()))
        case 14 << 3 | 0: histogram.resetHint = try cursor.varint()
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
        _ buckets: inout RemoteWriteHistogram.Buckets,
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
    ) throws(RemoteWriteError) -> RemoteWriteHistogram.Span {
        var span = RemoteWriteHistogram.Span()
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
