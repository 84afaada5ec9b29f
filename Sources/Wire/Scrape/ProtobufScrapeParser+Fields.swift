// SPDX-License-Identifier: Apache-2.0
//
// The fields of a metric (prometheus/client_model, metrics.proto):
//
//     MetricFamily  1 name   2 help   3 type   4 metric*   5 unit
//     Metric        1 label*   2 gauge   3 counter   4 summary   5 untyped   6 timestamp ms int64   7 histogram
//     LabelPair     1 name   2 value
//     Gauge         1 double
//     Counter       1 double   2 exemplar   3 created
//     Untyped       1 double
//     Summary       1 count   2 sum double   3 quantile* {1 quantile double, 2 value double}   4 created
//     Histogram     1 count   2 sum double   3 bucket*   4 count double   5 schema sint32   6 zero threshold double
//                   7 zero count   8 zero count double   9, 12 span*   10, 13 delta sint64*   11, 14 count double*
//                   15 created   16 exemplar*               9–11 are the negative side, 12–14 the positive
//     Bucket        1 count   2 upper bound double   3 exemplar   4 count double      (cumulative)
//     BucketSpan    1 offset sint32   2 length uint32
//     Exemplar      1 label*   2 double   3 timestamp
//     Timestamp     1 seconds int64   2 nanos int32
//
// Repeated numbers come one by one or packed.

internal import Samples

extension ProtobufScrapeParser {
    /// One metric as read; its buffers are used again for the next.
    struct Metric: Sendable {
        /// The messages of its labels.
        var labels: [Range<Int>] = []
        /// Milliseconds since 1970; 0 means none was sent.
        var timestamp: Int64 = 0
        /// When counting began.
        var start: Int64?
        /// What samples are made of it.
        var pieces: [Piece] = []
        /// The native histogram, when one of the pieces is one.
        var message = HistogramMessage()
        /// The histogram converted from classic buckets, when one of the pieces is one.
        var converted: NativeHistogram?
        /// The messages of a histogram's exemplars that belong to no bucket.
        var exemplars: [Range<Int>] = []
        /// The messages of the buckets' exemplars.
        var bucketExemplars: [Range<Int>] = []
        private var items = 0

        /// Whether the native histogram may have exemplars.
        var hasExemplars: Bool { !exemplars.isEmpty || !bucketExemplars.isEmpty }

        mutating func removeAll() {
            labels.removeAll(keepingCapacity: true)
            pieces.removeAll(keepingCapacity: true)
            exemplars.removeAll(keepingCapacity: true)
            bucketExemplars.removeAll(keepingCapacity: true)
            message.removeAll()
            converted = nil
            (timestamp, start, items) = (0, nil, 0)
        }

        /// Counts what costs memory.
        mutating func take(_ count: Int = 1) throws(RemoteWriteError) {
            guard count <= ProtobufScrapeParser.itemLimit - items else {
                throw .tooLarge(ProtobufScrapeParser.itemLimit, "labels, buckets and exemplars in one metric")
            }
            items += count
        }

        /// Reads a metric of a family of some kind.
        mutating func read(
            _ cursor: inout ProtobufCursor,
            _ kind: MetricMetadata.Kind,
            _ options: Options
        ) throws(RemoteWriteError) {
            let wanted: UInt64 =
                switch kind {
                case .counter: 3
                case .summary: 4
                case .histogram, .gaugehistogram: 7
                case .unknown: 5
                case .gauge, .info, .stateset: 2
                }
            // The value's message may come before the labels, and is read when they are known.
            var value = cursor.offset..<cursor.offset
            while !cursor.isAtEnd {
                let tag = try cursor.tag()
                switch tag {
                case 1 << 3 | 2:
                    try take()
                    labels.append(try cursor.range())
                case 6 << 3 | 0: timestamp = Int64(bitPattern: try cursor.varint())
                case wanted << 3 | 2: value = try cursor.range()
                default: try cursor.skip(tag)
                }
            }
            cursor.move(to: value.lowerBound)
            let outer = cursor.enter(value.count)
            switch kind {
            case .summary: try readSummary(&cursor)
            case .histogram, .gaugehistogram: try readHistogram(&cursor, kind, options)
            default: try readValue(&cursor, hasExemplar: kind == .counter)
            }
            cursor.leave(outer)
            if !options.readsStarts || start == 0 { start = nil }
        }

        /// A gauge, an untyped value or a counter.
        private mutating func readValue(
            _ cursor: inout ProtobufCursor,
            hasExemplar: Bool
        ) throws(RemoteWriteError) {
            var piece = Piece(kind: .value)
            while !cursor.isAtEnd {
                let tag = try cursor.tag()
                switch tag {
                case 1 << 3 | 1: piece.value = Double(bitPattern: try cursor.fixed64())
                case 2 << 3 | 2 where hasExemplar: piece.exemplar = try cursor.range()
                case 3 << 3 | 2 where hasExemplar: start = try Metric.time(&cursor)
                default: try cursor.skip(tag)
                }
            }
            pieces.append(piece)
        }

        private mutating func readSummary(_ cursor: inout ProtobufCursor) throws(RemoteWriteError) {
            pieces += [Piece(kind: .count), Piece(kind: .sum)]
            while !cursor.isAtEnd {
                let tag = try cursor.tag()
                switch tag {
                case 1 << 3 | 0: pieces[0].value = Double(try cursor.varint())
                case 2 << 3 | 1: pieces[1].value = Double(bitPattern: try cursor.fixed64())
                case 3 << 3 | 2:
                    try take()
                    pieces.append(try Metric.quantile(&cursor))
                case 4 << 3 | 2: start = try Metric.time(&cursor)
                default: try cursor.skip(tag)
                }
            }
        }

        private static func quantile(_ cursor: inout ProtobufCursor) throws(RemoteWriteError) -> Piece {
            var piece = Piece(kind: .quantile)
            let outer = cursor.enter(try cursor.length())
            while !cursor.isAtEnd {
                let tag = try cursor.tag()
                switch tag {
                case 1 << 3 | 1: piece.bound = Double(bitPattern: try cursor.fixed64())
                case 2 << 3 | 1: piece.value = Double(bitPattern: try cursor.fixed64())
                default: try cursor.skip(tag)
                }
            }
            cursor.leave(outer)
            return piece
        }

        /// A timestamp in milliseconds, what is left cut off; nil where it is out of range.
        static func time(_ cursor: inout ProtobufCursor) throws(RemoteWriteError) -> Int64? {
            var seconds: Int64 = 0
            var nanoseconds: Int64 = 0
            let outer = cursor.enter(try cursor.length())
            while !cursor.isAtEnd {
                let tag = try cursor.tag()
                switch tag {
                case 1 << 3 | 0: seconds = Int64(bitPattern: try cursor.varint())
                case 2 << 3 | 0: nanoseconds = Int64(bitPattern: try cursor.varint())
                default: try cursor.skip(tag)
                }
            }
            cursor.leave(outer)
            let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
            let (sum, carry) = product.addingReportingOverflow(nanoseconds / 1_000_000)
            return overflow || carry ? nil : sum
        }
    }
}
