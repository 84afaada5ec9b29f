// SPDX-License-Identifier: Apache-2.0
//
// prometheus.Histogram, the fourth field of a series in remote write 1.0 as Prometheus sends it:
//
//     Histogram  1: count uint64 | 2: count double   3: sum double      4: schema sint32   5: zero threshold double
//                6: zero uint64 | 7: zero double     8: negative spans  9: negative deltas sint64*  10: counts double*
//                11: positive spans  12: positive deltas sint64*  13: counts double*  14: reset hint  15: int64 time
//                16: custom bounds double*   17: start int64 (2.0 only)
//     Span       1: offset sint32   2: length uint32
//
// Source: Prometheus' prompb/types.proto. Members of a `oneof` are written also when they are 0.

internal import Bytes
internal import Samples

extension RemoteWriteV1 {
    /// Appends a histogram, its tag and length included; the tag and a start are those of 2.0 where they are given.
    static func append(
        _ histogram: HistogramMessage,
        at time: Int64,
        start: Int64 = 0,
        tag: UInt8 = 4 << 3 | 2,
        to out: inout [UInt8]
    ) {
        var body: [UInt8] = []
        if histogram.isFloat {
            append(2, double: histogram.floatCount, to: &body)
        } else {
            append(1, varint: histogram.count, to: &body)
        }
        append(3, double: histogram.sum, to: &body)
        append(4, varint: zigzag(Int64(histogram.schema)), to: &body)
        append(5, double: histogram.zeroThreshold, to: &body)
        if histogram.isFloat {
            append(7, double: histogram.floatZeroCount, to: &body)
        } else {
            append(6, varint: histogram.zeroCount, to: &body)
        }
        append(histogram.negative, spans: 8, to: &body)
        append(histogram.positive, spans: 11, to: &body)
        append(14, varint: UInt64(histogram.resetHint), to: &body)
        append(15, varint: UInt64(bitPattern: time), to: &body)
        append(16, doubles: histogram.customBounds, to: &body)
        if start != 0 { append(17, varint: UInt64(bitPattern: start), to: &body) }
        out.append(tag)
        out.append(prefixed: body)
    }

    /// Spans, then differences, then counts, in fields that follow each other.
    private static func append(_ side: HistogramMessage.Side, spans field: Int, to out: inout [UInt8]) {
        for span in side.spans {
            var body: [UInt8] = []
            append(1, varint: zigzag(Int64(span.offset)), to: &body)
            append(2, varint: UInt64(span.length), to: &body)
            out.append(varint: UInt64(field << 3 | 2))
            out.append(prefixed: body)
        }
        if !side.deltas.isEmpty {
            var body: [UInt8] = []
            for delta in side.deltas { body.append(varint: zigzag(delta)) }
            out.append(varint: UInt64((field + 1) << 3 | 2))
            out.append(prefixed: body)
        }
        append(field + 2, doubles: side.counts, to: &out)
    }

    private static func append(_ field: Int, varint value: UInt64, to out: inout [UInt8]) {
        out.append(varint: UInt64(field << 3))
        out.append(varint: value)
    }

    private static func append(_ field: Int, double value: Double, to out: inout [UInt8]) {
        out.append(varint: UInt64(field << 3 | 1))
        out.append(double: value)
    }

    private static func append(_ field: Int, doubles values: [Double], to out: inout [UInt8]) {
        guard !values.isEmpty else { return }
        out.append(varint: UInt64(field << 3 | 2))
        out.append(varint: UInt64(values.count * 8))
        for value in values { out.append(double: value) }
    }

    private static func zigzag(_ value: Int64) -> UInt64 {
        UInt64(bitPattern: (value << 1) ^ (value >> 63))
    }
}
