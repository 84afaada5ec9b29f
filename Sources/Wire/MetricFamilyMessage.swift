// SPDX-License-Identifier: Apache-2.0
//
// io.prometheus.client.MetricFamily, the protobuf form of exposition (prometheus/client_model), each message behind its
// length:
//
//     MetricFamily  1: name   3: type   4: Metric*
//     Metric        1: LabelPair*   5: Untyped   6: time int64 ms   7: Histogram
//     LabelPair     1: name   2: value
//     Untyped       1: double
//     Histogram     1: count   2: sum double   3: Bucket*   4: count double   5: schema sint32   6: zero threshold double
//                   7: zero count   8: zero count double   9, 12: BucketSpan*   11, 14: counts double*
//     Bucket        2: upper bound double   4: cumulative count double
//     BucketSpan    1: offset sint32   2: length uint32

internal import Bytes
public import Samples

/// Builds one family after the other.
public struct MetricFamilyMessage: Sendable {
    /// Bytes from which on a family had better be sent in parts.
    private static let largeBytes = 64 << 10

    private var body: [UInt8] = []
    private var hasMetrics = false

    /// Creates an encoder without a family.
    public init() {}

    /// Whether the message has grown so large that it should be ended and begun anew.
    public var isLarge: Bool { body.count >= MetricFamilyMessage.largeBytes }

    /// Begins a family.
    public mutating func begin(_ name: String, kind: MetricMetadata.Kind) {
        body.removeAll(keepingCapacity: true)
        hasMetrics = false
        MetricFamilyMessage.append(1, name.utf8, to: &body)
        let type: UInt64 =
            switch kind {
            case .counter: 0
            case .gauge: 1
            case .summary: 2
            case .histogram: 4
            case .gaugehistogram: 5
            case .info, .stateset, .unknown: 3
            }
        body.append(3 << 3)
        body.append(varint: type)
    }

    /// Adds an untyped sample.
    public mutating func append(
        _ labels: [(name: String, value: String)],
        _ value: Double,
        at time: Timestamp
    ) {
        var untyped: [UInt8] = []
        MetricFamilyMessage.append(1, double: value, to: &untyped)
        append(labels, field: 5, untyped, time)
    }

    /// Adds a histogram; one with custom bounds as a classic one, which is what it was made of.
    public mutating func append(
        _ labels: [(name: String, value: String)],
        _ histogram: NativeHistogram,
        at time: Timestamp
    ) {
        let floating = histogram.floating()
        var encoded: [UInt8] = []
        MetricFamilyMessage.append(2, double: floating.sum, to: &encoded)
        if floating.hasCustomBounds {
            MetricFamilyMessage.appendClassic(floating, to: &encoded)
        } else {
            MetricFamilyMessage.appendNative(floating, to: &encoded)
        }
        append(labels, field: 7, encoded, time)
    }

    /// Appends the family to what is sent, unless it has no samples.
    public mutating func end(to out: inout [UInt8]) {
        defer { hasMetrics = false }
        guard hasMetrics else { return }
        out.append(prefixed: body)
    }

    private mutating func append(
        _ labels: [(name: String, value: String)],
        field: Int,
        _ value: [UInt8],
        _ time: Timestamp
    ) {
        var metric: [UInt8] = []
        for (name, value) in labels {
            var pair: [UInt8] = []
            MetricFamilyMessage.append(1, name.utf8, to: &pair)
            MetricFamilyMessage.append(2, value.utf8, to: &pair)
            MetricFamilyMessage.append(1, pair, to: &metric)
        }
        MetricFamilyMessage.append(field, value, to: &metric)
        metric.append(6 << 3)
        metric.append(varint: UInt64(bitPattern: time.milliseconds))
        MetricFamilyMessage.append(4, metric, to: &body)
        hasMetrics = true
    }

    private static func appendClassic(_ histogram: NativeHistogram, to out: inout [UInt8]) {
        append(4, double: histogram.count, to: &out)
        var counts = [Double](repeating: 0, count: histogram.customBounds.count)
        for bucket in histogram.positive where counts.indices.contains(Int(bucket.index)) {
            counts[Int(bucket.index)] = histogram.count(of: bucket.rawCount)
        }
        var cumulative = 0.0
        for (bound, count) in zip(histogram.customBounds, counts) {
            cumulative += count
            appendBucket(bound, cumulative, to: &out)
        }
        appendBucket(.infinity, histogram.count, to: &out)
    }

    private static func appendBucket(_ bound: Double, _ count: Double, to out: inout [UInt8]) {
        var bucket: [UInt8] = []
        append(2, double: bound, to: &bucket)
        append(4, double: count, to: &bucket)
        append(3, bucket, to: &out)
    }

    private static func appendNative(_ histogram: NativeHistogram, to out: inout [UInt8]) {
        let message = histogram.message
        append(4, double: message.floatCount, to: &out)
        out.append(5 << 3)
        out.append(zigzag: Int64(message.schema))
        append(6, double: message.zeroThreshold, to: &out)
        append(8, double: message.floatZeroCount, to: &out)
        for (field, side) in [(9, message.negative), (12, message.positive)] {
            for span in side.spans {
                var encoded: [UInt8] = [1 << 3]
                encoded.append(zigzag: Int64(span.offset))
                encoded.append(2 << 3)
                encoded.append(varint: UInt64(span.length))
                append(field, encoded, to: &out)
            }
            // proto2 writes each number with its tag.
            for count in side.counts { append(field + 2, double: count, to: &out) }
        }
    }

    private static func append(_ field: Int, _ bytes: some Collection<UInt8>, to out: inout [UInt8]) {
        out.append(UInt8(field << 3 | 2))
        out.append(prefixed: bytes)
    }

    private static func append(_ field: Int, double value: Double, to out: inout [UInt8]) {
        out.append(UInt8(field << 3 | 1))
        out.append(double: value)
    }
}
