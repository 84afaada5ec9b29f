// SPDX-License-Identifier: Apache-2.0
//
// prometheus.WriteRequest (Prometheus' prompb/remote.proto and types.proto):
//
//     WriteRequest    1: TimeSeries*   3: MetricMetadata*
//     TimeSeries      1: Label*   2: Sample*   3: Exemplar*   4: Histogram*
//     Label           1: name   2: value
//     Sample          1: double   2: int64 milliseconds
//     Exemplar        1: Label*   2: double   3: int64 milliseconds
//     MetricMetadata  1: enum   2: family   4: help   5: unit
//
// Senders write the labels of a series in one run before the rest; then the run is the key as it stands. When other
// fields come between, the label fields are copied one after the other.

internal import Samples

extension RemoteWriteRequest {
    mutating func decodeV1(_ message: Span<UInt8>, _ limits: Limits) throws(RemoteWriteError) {
        var cursor = ProtobufCursor(message)
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            switch tag >> 3 {
            case 1:
                try cursor.expect(ProtobufCursor.WireType.bytes, tag)
                let outer = cursor.enter(try cursor.length())
                try timeSeries(&cursor, limits)
                cursor.leave(outer)
            case 3:
                try cursor.expect(ProtobufCursor.WireType.bytes, tag)
                let outer = cursor.enter(try cursor.length())
                try metricMetadata(&cursor, limits)
                cursor.leave(outer)
            default: try cursor.skip(tag)
            }
        }
    }

    private mutating func timeSeries(
        _ cursor: inout ProtobufCursor,
        _ limits: Limits
    ) throws(RemoteWriteError) {
        // Field number << 3 | wire type, as a single byte.
        let labelTag: UInt8 = 1 << 3 | 2
        let sampleTag: UInt8 = 2 << 3 | 2
        var entry = Series(at: cursor.offset)
        while cursor.next == labelTag {
            cursor.move(to: cursor.offset + 1)
            _ = try cursor.range()
        }
        entry.keyEnd = UInt32(cursor.offset)
        while cursor.next == sampleTag {
            cursor.move(to: cursor.offset + 1)
            let outer = cursor.enter(try cursor.length())
            try sample(&cursor, limits)
            cursor.leave(outer)
        }
        if !cursor.isAtEnd { try rest(&cursor, &entry, limits) }
        if Int(entry.keyEnd - entry.keyStart) > limits.keyBytes { entry.fault = .tooLong }
        try finish(ending(entry), limits)
    }

    /// The fields of a series behind its first run of labels and samples, in any order.
    private mutating func rest(
        _ cursor: inout ProtobufCursor,
        _ entry: inout Series,
        _ limits: Limits
    ) throws(RemoteWriteError) {
        while !cursor.isAtEnd {
            let start = cursor.offset
            let tag = try cursor.tag()
            guard (1...4).contains(tag >> 3) else {
                try cursor.skip(tag)
                continue
            }
            try cursor.expect(ProtobufCursor.WireType.bytes, tag)
            let outer = cursor.enter(try cursor.length())
            switch tag >> 3 {
            case 1:
                cursor.leave(outer)
                try copyLabel(cursor.bytes, start..<cursor.offset, &entry, limits)
                continue
            case 2: try sample(&cursor, limits)
            case 3: try exemplarV1(&cursor, limits)
            default: try histogram(&cursor, limits)
            }
            cursor.leave(outer)
        }
    }

    /// Adds a label field to a key that is not one stretch of the message.
    private mutating func copyLabel(
        _ message: Span<UInt8>,
        _ field: Range<Int>,
        _ entry: inout Series,
        _ limits: Limits
    ) throws(RemoteWriteError) {
        let key = Int(entry.keyStart)..<Int(entry.keyEnd)
        if !entry.isCopied {
            entry.keyStart = UInt32(copied.count)
            entry.isCopied = true
            try copy(message, key, limits)
        } else if key.upperBound != copied.count {
            // An exemplar's labels came between.
            guard copied.count + key.count <= limits.copiedBytes else {
                throw .tooLarge(limits.copiedBytes, "bytes of labels")
            }
            entry.keyStart = UInt32(copied.count)
            copied.append(contentsOf: copied[key])
        }
        try copy(message, field, limits)
        entry.keyEnd = UInt32(copied.count)
    }

    /// Appends bytes of the message to the copied keys.
    @inline(__always)
    mutating func copy(
        _ message: Span<UInt8>,
        _ range: Range<Int>,
        _ limits: Limits
    ) throws(RemoteWriteError) {
        guard copied.count + range.count <= limits.copiedBytes else {
            throw .tooLarge(limits.copiedBytes, "bytes of labels")
        }
        // The bytes are appended before the span they come from can end.
        unsafe message.extracting(range).withUnsafeBufferPointer { unsafe copied.append(contentsOf: $0) }
    }

    /// The entry with the columns as they are now.
    @inline(__always)
    func ending(_ entry: Series) -> Series {
        var entry = entry
        entry.sampleEnd = UInt32(timestamps.count)
        entry.histogramEnd = UInt32(histograms.count)
        entry.exemplarEnd = UInt32(exemplars.count)
        return entry
    }

    /// A sample of either version.
    @inline(__always)
    mutating func sample(
        _ cursor: inout ProtobufCursor,
        _ limits: Limits
    ) throws(RemoteWriteError) {
        var timestamp: UInt64 = 0
        var value: UInt64 = 0
        var start: UInt64 = 0
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            switch tag {
            case 1 << 3 | 1: value = try cursor.fixed64()
            case 2 << 3 | 0: timestamp = try cursor.varint()
            case 3 << 3 | 0 where version == .v2: start = try cursor.varint()
            default:
                if tag >> 3 < 3 { throw .malformed("a sample", at: cursor.offset) }
                try cursor.skip(tag)
            }
        }
        guard timestamps.count < limits.samples else { throw .tooLarge(limits.samples, "samples") }
        if start != 0, starts.isEmpty { starts = [Int64](repeating: 0, count: timestamps.count) }
        if start != 0 || !starts.isEmpty { starts.append(Int64(bitPattern: start)) }
        timestamps.append(Int64(bitPattern: timestamp))
        values.append(Double(bitPattern: value))
    }

    private mutating func exemplarV1(
        _ cursor: inout ProtobufCursor,
        _ limits: Limits
    ) throws(RemoteWriteError) {
        let keyStart = UInt32(copied.count)
        var exemplar = Exemplar(labels: keyStart..<keyStart, isCopied: true)
        while !cursor.isAtEnd {
            let start = cursor.offset
            let tag = try cursor.tag()
            if tag == 1 << 3 | 2 {
                _ = try cursor.range()
                try copy(cursor.bytes, start..<cursor.offset, limits)
            } else {
                try exemplarField(tag, &cursor, &exemplar)
            }
        }
        exemplar.labels = keyStart..<UInt32(copied.count)
        try add(exemplar, limits)
    }

    /// A field of an exemplar that is not its labels, of either version.
    mutating func exemplarField(
        _ tag: UInt64,
        _ cursor: inout ProtobufCursor,
        _ exemplar: inout Exemplar
    ) throws(RemoteWriteError) {
        switch tag {
        case 2 << 3 | 1: exemplar.value = Double(bitPattern: try cursor.fixed64())
        case 3 << 3 | 0: exemplar.timestamp = Int64(bitPattern: try cursor.varint())
        default: try cursor.skip(tag)
        }
    }

    mutating func add(_ exemplar: Exemplar, _ limits: Limits) throws(RemoteWriteError) {
        guard exemplars.count < limits.histograms else { throw .tooLarge(limits.histograms, "exemplars") }
        var exemplar = exemplar
        if exemplar.labels.count > limits.keyBytes { exemplar.fault = .tooLong }
        exemplars.append(exemplar)
    }

    private mutating func metricMetadata(
        _ cursor: inout ProtobufCursor,
        _ limits: Limits
    ) throws(RemoteWriteError) {
        var type: UInt64 = 0
        var texts: (family: Range<Int>, help: Range<Int>, unit: Range<Int>) = (0..<0, 0..<0, 0..<0)
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            switch tag {
            case 1 << 3 | 0: type = try cursor.varint()
            case 2 << 3 | 2: texts.family = try cursor.range()
            case 4 << 3 | 2: texts.help = try cursor.range()
            case 5 << 3 | 2: texts.unit = try cursor.range()
            default: try cursor.skip(tag)
            }
        }
        guard metadata.count < limits.series else { throw .tooLarge(limits.series, "entries of metadata") }
        metadata.append(
            MetricMetadata(
                family: cursor.text(texts.family),
                kind: MetricMetadata.Kind(remoteWriteType: type),
                help: cursor.text(texts.help),
                unit: cursor.text(texts.unit)
            )
        )
    }
}

extension RemoteWriteRequest.Series {
    /// An entry whose key begins at an offset of the message.
    @inline(__always)
    init(at offset: Int) {
        self.init(
            keyStart: UInt32(offset),
            keyEnd: UInt32(offset),
            sampleEnd: 0,
            histogramEnd: 0,
            exemplarEnd: 0,
            isCopied: false
        )
    }
}

extension MetricMetadata.Kind {
    /// The type's number, the same in both versions.
    init(remoteWriteType number: UInt64) {
        let kinds = MetricMetadata.Kind.byRemoteWriteType
        self = number < UInt64(kinds.count) ? kinds[Int(number)] : .unknown
    }

    /// The type's number.
    var remoteWriteType: UInt64 {
        UInt64(MetricMetadata.Kind.byRemoteWriteType.firstIndex(of: self) ?? 0)
    }

    private static let byRemoteWriteType: [MetricMetadata.Kind] = [
        .unknown, .counter, .gauge, .histogram, .gaugehistogram, .summary, .info, .stateset,
    ]
}
