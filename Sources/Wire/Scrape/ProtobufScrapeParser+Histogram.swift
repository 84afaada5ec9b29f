// SPDX-License-Identifier: Apache-2.0
//
// Histograms of protobuf expositions: classic buckets, native parts, or both in one message, and what is made of which.
// A histogram is native when it has a span, a zero threshold or observations in the zero bucket; instrumentation adds
// an empty span to an empty native histogram, so that it is recognised.

internal import Samples

extension ProtobufScrapeParser.Metric {
    mutating func readHistogram(
        _ cursor: inout ProtobufCursor,
        _ kind: MetricMetadata.Kind,
        _ options: ProtobufScrapeParser.Options
    ) throws(RemoteWriteError) {
        pieces += [.init(kind: .count), .init(kind: .sum)]
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            switch tag >> 3 {
            case 3:
                try cursor.expect(ProtobufCursor.WireType.bytes, tag)
                try readBucket(&cursor)
            case 9...11: try readSide(tag, firstField: 9, &cursor, \.negative)
            case 12...14: try readSide(tag, firstField: 12, &cursor, \.positive)
            case 15:
                try cursor.expect(ProtobufCursor.WireType.bytes, tag)
                start = try Self.time(&cursor)
            case 16:
                try cursor.expect(ProtobufCursor.WireType.bytes, tag)
                try take()
                exemplars.append(try cursor.range())
            default: try readNumber(tag, &cursor)
            }
        }
        if kind == .gaugehistogram { message.resetHint = UInt32(CounterReset.gauge.rawValue) }
        choosePieces(kind, options)
    }

    private mutating func readNumber(_ tag: UInt64, _ cursor: inout ProtobufCursor) throws(RemoteWriteError) {
        switch tag {
        case 1 << 3 | 0: message.count = try cursor.varint()
        case 2 << 3 | 1: message.sum = Double(bitPattern: try cursor.fixed64())
        case 4 << 3 | 1: message.floatCount = Double(bitPattern: try cursor.fixed64())
        case 5 << 3 | 0: message.schema = Int32(truncatingIfNeeded: try cursor.zigzag())
        case 6 << 3 | 1: message.zeroThreshold = Double(bitPattern: try cursor.fixed64())
        case 7 << 3 | 0: message.zeroCount = try cursor.varint()
        case 8 << 3 | 1: message.floatZeroCount = Double(bitPattern: try cursor.fixed64())
        default: try cursor.skip(tag)
        }
    }

    private mutating func readBucket(_ cursor: inout ProtobufCursor) throws(RemoteWriteError) {
        try take()
        var piece = ProtobufScrapeParser.Piece(kind: .bucket)
        var count: UInt64 = 0
        let outer = cursor.enter(try cursor.length())
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            switch tag {
            case 1 << 3 | 0: count = try cursor.varint()
            case 2 << 3 | 1: piece.bound = Double(bitPattern: try cursor.fixed64())
            case 3 << 3 | 2: piece.exemplar = try cursor.range()
            case 4 << 3 | 1: piece.value = Double(bitPattern: try cursor.fixed64())
            default: try cursor.skip(tag)
            }
        }
        cursor.leave(outer)
        if piece.value == 0 { piece.value = Double(count) }
        pieces.append(piece)
        if !piece.exemplar.isEmpty { bucketExemplars.append(piece.exemplar) }
    }

    /// Spans, deltas and counts of one side, which follow each other from `firstField`.
    private mutating func readSide(
        _ tag: UInt64,
        firstField: UInt64,
        _ cursor: inout ProtobufCursor,
        _ side: WritableKeyPath<HistogramMessage, HistogramMessage.Side>
    ) throws(RemoteWriteError) {
        let isPacked = tag & 7 == ProtobufCursor.WireType.bytes
        let outer = isPacked ? cursor.enter(try cursor.length()) : cursor.end
        defer { if isPacked { cursor.leave(outer) } }
        if tag >> 3 == firstField {
            try cursor.expect(ProtobufCursor.WireType.bytes, tag)
            try take()
            message[keyPath: side].spans.append(try Self.span(&cursor))
            return
        }
        let isDelta = tag >> 3 == firstField + 1
        if !isPacked {
            try cursor.expect(
                isDelta ? ProtobufCursor.WireType.varint : ProtobufCursor.WireType.fixed64,
                tag
            )
        }
        repeat {
            if cursor.isAtEnd { break }
            try take()
            if isDelta {
                message[keyPath: side].deltas.append(try cursor.zigzag())
            } else {
                message[keyPath: side].counts.append(Double(bitPattern: try cursor.fixed64()))
            }
        } while isPacked
    }

    private static func span(_ cursor: inout ProtobufCursor) throws(RemoteWriteError) -> HistogramSpan {
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

    // MARK: - What is taken

    private var isNative: Bool {
        !message.positive.spans.isEmpty || !message.negative.spans.isEmpty || message.zeroThreshold > 0
            || message.zeroCount > 0 || message.floatZeroCount > 0
    }

    private mutating func choosePieces(
        _ kind: MetricMetadata.Kind,
        _ options: ProtobufScrapeParser.Options
    ) {
        let hasBuckets = pieces.count > 2
        let count = message.floatCount == 0 ? Double(message.count) : message.floatCount
        pieces[0].value = count
        pieces[1].value = message.sum
        endBuckets(count)
        if options.takesNative, isNative {
            message.isFloat = message.floatCount > 0 || message.floatZeroCount > 0
            if !options.keepsClassic || !hasBuckets { pieces.removeAll(keepingCapacity: true) }
            pieces.insert(.init(kind: .histogram), at: 0)
        } else if options.convertsClassic, kind == .histogram {
            var buckets = ClassicBuckets()
            for piece in pieces[2...] { buckets.set(piece.bound, piece.value) }
            buckets.count = count
            buckets.sum = message.sum
            converted = buckets.histogram()
            if !options.keepsClassic { pieces.removeAll(keepingCapacity: true) }
            if converted != nil { pieces.insert(.init(kind: .histogram), at: 0) }
        }
    }

    /// Nothing follows the bucket without a bound, which is added when it is missing.
    private mutating func endBuckets(_ count: Double) {
        if let end = pieces[2...].firstIndex(where: { $0.bound == .infinity }) {
            pieces.removeSubrange((end + 1)...)
        } else {
            pieces.append(.init(kind: .bucket, bound: .infinity, value: count))
        }
    }
}
