// SPDX-License-Identifier: Apache-2.0
//
// Distributions:
//
//     Histogram    2: start   3: time   4: count   5: sum   6: bucket counts*   7: bounds*   8: Exemplar*   9: KeyValue*
//                  10: flags
//     Exponential  1: KeyValue*   2: start   3: time   4: count   5: sum   6: sint32 scale   7: zero count
//                  8: positive   9: negative   10: flags   11: Exemplar*   14: zero threshold
//     Buckets      1: sint32 offset   2: uint64 count*
//
// Explicit bounds become a classic histogram, or a native one with custom bounds. Exponential buckets are Prometheus' native
// ones with other numbers: bucket i of scale s covers (2^(i·2^-s), 2^((i+1)·2^-s)], which Prometheus numbers i + 1. Above
// scale 8 neighbours are merged, two for each step.

internal import Samples

extension OTLPReader {
    /// Prometheus' width of a zero bucket that has none.
    private static let standardZeroThreshold = 1e-128

    // MARK: - Explicit bounds

    private struct Explicit {
        var count: UInt64 = 0
        var sum: Double?
        var counts: [UInt64] = []
        var bounds: [Double] = []

        /// What is wrong with it, nil when nothing is.
        var fault: String? {
            if !counts.isEmpty, counts.count != bounds.count + 1 {
                return "has \(counts.count) bucket counts for \(bounds.count) bounds"
            }
            let isOrdered = bounds.indices.dropFirst().allSatisfy { bounds[$0 - 1] < bounds[$0] }
            return isOrdered && bounds.first?.isNaN != true ? nil : "has bounds that do not ascend"
        }
    }

    mutating func histogram(
        _ bytes: Span<UInt8>,
        _ metric: Metric,
        _ request: inout RemoteWriteRequest
    ) throws(RemoteWriteError) {
        var point = Point()
        var content = Explicit()
        var cursor = ProtobufCursor(bytes)
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            switch tag {
            case 4 << 3 | 1: content.count = try cursor.fixed64()
            case 5 << 3 | 1: content.sum = Double(bitPattern: try cursor.fixed64())
            case 6 << 3 | 1: content.counts.append(try cursor.fixed64())
            case 7 << 3 | 1: content.bounds.append(Double(bitPattern: try cursor.fixed64()))
            case 6 << 3 | 2: try cursor.packed { content.counts.append($0) }
            case 7 << 3 | 2: try cursor.packed { content.bounds.append(Double(bitPattern: $0)) }
            case 8 << 3 | 2: point.exemplars.append(try cursor.range())
            case 9 << 3 | 2: try take(attribute: bytes.extracting(try cursor.range()))
            default: try shared(tag, flags: 10, &cursor, &point)
            }
        }
        try take(buckets: content.counts.count + content.bounds.count)
        if let fault = content.fault { return reject("a data point of \(metric.shown) \(fault)") }
        guard let labels = seriesLabels(point, metric) else { return }
        var exemplars: [Sighting] = []
        for range in point.exemplars {
            if let exemplar = try exemplar(bytes.extracting(range)) { exemplars.append(exemplar) }
        }
        if content.bounds.last == .infinity {
            // It is implied.
            content.bounds.removeLast()
            if content.counts.count > 1 {
                let last = content.counts.removeLast()
                content.counts[content.counts.count - 1] &+= last
            }
        }
        if options.convertsToCustomBounds {
            try addCustom(content, point, exemplars, labels, metric, &request)
        } else {
            try addClassic(content, point, exemplars, labels, metric, &request)
        }
    }

    private mutating func addClassic(
        _ content: Explicit,
        _ point: Point,
        _ exemplars: [Sighting],
        _ labels: LabelsBuilder,
        _ metric: Metric,
        _ request: inout RemoteWriteRequest
    ) throws(RemoteWriteError) {
        var labels = labels
        let (time, start, number) = (point.time, point.usableStart, points - 1)
        func stored(_ value: Double) -> Double { point.isStale ? StaleMarker.value : value }
        if let sum = content.sum {
            labels.set(Labels.metricNameLabel, metric.name + "_sum")
            try add(labels.labels(), time, stored(sum), start: start, point: number, &request)
        }
        labels.set(Labels.metricNameLabel, metric.name + "_count")
        try add(labels.labels(), time, stored(Double(content.count)), start: start, point: number, &request)
        labels.set(Labels.metricNameLabel, metric.name + "_bucket")
        var exemplars = exemplars.sorted { $0.value < $1.value }[...]
        var total: UInt64 = 0
        for (bound, count) in zip(content.bounds, content.counts) {
            // A sum beyond 64 bits is nonsense, and wraps as Prometheus' does.
            total &+= count
            labels.set("le", PromNumber.plain(bound))
            try add(labels.labels(), time, stored(Double(total)), start: start, point: number, &request)
            while let exemplar = exemplars.first, exemplar.value <= bound {
                try add(exemplar, &request)
                exemplars.removeFirst()
            }
        }
        labels.set("le", "+Inf")
        try add(labels.labels(), time, stored(Double(content.count)), start: start, point: number, &request)
        for exemplar in exemplars { try add(exemplar, &request) }
    }

    private mutating func addCustom(
        _ content: Explicit,
        _ point: Point,
        _ exemplars: [Sighting],
        _ labels: LabelsBuilder,
        _ metric: Metric,
        _ request: inout RemoteWriteRequest
    ) throws(RemoteWriteError) {
        var message = HistogramMessage()
        message.schema = NativeHistogram.customSchema
        message.count = content.count
        message.sum = content.sum ?? 0
        message.customBounds = content.bounds
        message.positive.take(content.counts, from: 0)
        try add(message, point, exemplars, labels, metric, &request)
    }

    // MARK: - Exponential buckets

    private struct Buckets {
        var offset: Int64 = 0
        var counts: [UInt64] = []

        /// The buckets with Prometheus' numbers, `shift` steps coarser.
        func side(mergedBy shift: Int64) -> HistogramMessage.Side? {
            var side = HistogramMessage.Side()
            guard !counts.isEmpty else { return side }
            var merged = counts
            let first = offset >> shift
            if shift > 0 {
                let last = (offset + Int64(counts.count) - 1) >> shift
                merged = [UInt64](repeating: 0, count: Int(last - first) + 1)
                for (place, count) in counts.enumerated() {
                    merged[Int((offset + Int64(place)) >> shift - first)] &+= count
                }
            }
            guard let start = Int32(exactly: first + 1),
                Int64(start) + Int64(merged.count) <= Int64(Int32.max)
            else { return nil }
            side.take(merged, from: start)
            return side
        }
    }

    mutating func exponential(
        _ bytes: Span<UInt8>,
        _ metric: Metric,
        _ request: inout RemoteWriteRequest
    ) throws(RemoteWriteError) {
        var point = Point()
        var message = HistogramMessage()
        var scale: Int64 = 0
        var positive = Buckets()
        var negative = Buckets()
        var cursor = ProtobufCursor(bytes)
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            switch tag {
            case 1 << 3 | 2: try take(attribute: bytes.extracting(try cursor.range()))
            case 4 << 3 | 1: message.count = try cursor.fixed64()
            case 5 << 3 | 1: message.sum = Double(bitPattern: try cursor.fixed64())
            case 6 << 3 | 0: scale = Int64(Int32(truncatingIfNeeded: try cursor.zigzag()))
            case 7 << 3 | 1: message.zeroCount = try cursor.fixed64()
            case 8 << 3 | 2: positive = try buckets(bytes.extracting(try cursor.range()))
            case 9 << 3 | 2: negative = try buckets(bytes.extracting(try cursor.range()))
            case 11 << 3 | 2: point.exemplars.append(try cursor.range())
            case 14 << 3 | 1: message.zeroThreshold = Double(bitPattern: try cursor.fixed64())
            default: try shared(tag, flags: 10, &cursor, &point)
            }
        }
        let scales = NativeHistogram.exponentialSchemas
        guard scale >= Int64(scales.lowerBound) else {
            return reject("a data point of \(metric.shown) has scale \(scale), below \(scales.lowerBound)")
        }
        // Beyond 32 steps all positive indices are one bucket, and all negative ones another.
        let shift = min(32, max(0, scale - Int64(scales.upperBound)))
        guard let above = positive.side(mergedBy: shift), let below = negative.side(mergedBy: shift) else {
            return reject("a data point of \(metric.shown) has a bucket beyond all numbers")
        }
        guard let labels = seriesLabels(point, metric) else { return }
        message.schema = Int32(min(scale, Int64(scales.upperBound)))
        message.positive = above
        message.negative = below
        if message.zeroThreshold == 0 { message.zeroThreshold = OTLPReader.standardZeroThreshold }
        var exemplars: [Sighting] = []
        for range in point.exemplars {
            if let exemplar = try exemplar(bytes.extracting(range)) { exemplars.append(exemplar) }
        }
        try add(message, point, exemplars, labels, metric, &request)
    }

    private mutating func buckets(_ bytes: Span<UInt8>) throws(RemoteWriteError) -> Buckets {
        var result = Buckets()
        var cursor = ProtobufCursor(bytes)
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            switch tag {
            case 1 << 3 | 0: result.offset = Int64(Int32(truncatingIfNeeded: try cursor.zigzag()))
            case 2 << 3 | 0:
                try take(buckets: 1)
                result.counts.append(try cursor.varint())
            case 2 << 3 | 2:
                let outer = cursor.enter(try cursor.length())
                while !cursor.isAtEnd {
                    try take(buckets: 1)
                    result.counts.append(try cursor.varint())
                }
                cursor.leave(outer)
            default: try cursor.skip(tag)
            }
        }
        return result
    }

    /// Counts buckets and bounds against what a message may have: one byte of it may be a bucket, which is eight bytes
    /// three times over until it is stored.
    private mutating func take(buckets count: Int) throws(RemoteWriteError) {
        bucketsLeft -= count
        guard bucketsLeft >= 0 else {
            throw RemoteWriteError(.tooLarge, "the request has more than \(OTLPReader.bucketLimit) buckets")
        }
    }

    // MARK: - Native histograms

    private mutating func add(
        _ message: HistogramMessage,
        _ point: Point,
        _ exemplars: [Sighting],
        _ labels: LabelsBuilder,
        _ metric: Metric,
        _ request: inout RemoteWriteRequest
    ) throws(RemoteWriteError) {
        var labels = labels
        labels.set(Labels.metricNameLabel, metric.name)
        try request.add(
            labels.labels(),
            point.time,
            point.isStale ? NativeHistogram.staleMarker.message : message,
            start: point.usableStart,
            limits: .translated
        )
        pointOf.append(Int32(clamping: points - 1))
        for exemplar in exemplars { try add(exemplar, &request) }
    }
}

extension HistogramMessage.Side {
    /// Takes counts of consecutive buckets.
    fileprivate mutating func take(_ counts: [UInt64], from index: Int32) {
        guard !counts.isEmpty else { return }
        spans = [HistogramSpan(offset: index, length: UInt32(clamping: counts.count))]
        var previous: UInt64 = 0
        deltas = counts.map { count in
            defer { previous = count }
            return Int64(bitPattern: count &- previous)
        }
    }
}

extension ProtobufCursor {
    /// Reads a packed field of eight-byte numbers.
    @_lifetime(self: copy self)
    fileprivate mutating func packed(_ take: (UInt64) -> Void) throws(RemoteWriteError) {
        let outer = enter(try length())
        while !isAtEnd { take(try fixed64()) }
        leave(outer)
    }
}
