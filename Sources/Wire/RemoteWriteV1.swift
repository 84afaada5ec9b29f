// SPDX-License-Identifier: Apache-2.0
//
// prometheus.WriteRequest, the message of remote write 1.0, coded by hand because it is the hot path of shipping:
//
//     WriteRequest  1: TimeSeries*   3: MetricMetadata*
//     TimeSeries    1: Label*   2: Sample*   4: Histogram*
//     Label         1: name     2: value
//     Sample        1: double   2: int64 milliseconds
//     MetricMetadata  1: enum   2: family   4: help   5: unit
//
// Values go bit for bit, zero is written out, stale markers survive. Source: Prometheus' prompb/types.proto and the
// remote write 1.0 specification. The snappy block around it is the caller's (`Bytes.Snappy`).

internal import Bytes
public import Samples

/// The message of remote write 1.0.
public enum RemoteWriteV1 {
    /// Encodes series as one message, without compression.
    ///
    /// - Parameters:
    ///   - series: the series; those without samples and histograms are left out.
    ///   - externalLabels: added to each series that does not have a label of that name.
    /// - Returns: the message.
    public static func encode(
        _ series: some Sequence<LogChunk.Series>,
        externalLabels: Labels = Labels()
    ) -> [UInt8] {
        var out: [UInt8] = []
        append(series, externalLabels: externalLabels, to: &out)
        return out
    }

    /// Appends series as one message, without compression, to a buffer that is used again.
    ///
    /// - Parameters:
    ///   - series: the series; those without samples and histograms are left out.
    ///   - externalLabels: added to each series that does not have a label of that name.
    ///   - out: gets the message.
    public static func append(
        _ series: some Sequence<LogChunk.Series>,
        externalLabels: Labels = Labels(),
        to out: inout [UInt8]
    ) {
        var labels: [UInt8] = []
        var histograms: [UInt8] = []
        for entry in series where entry.samples.count + entry.histograms.count > 0 {
            labels.removeAll(keepingCapacity: true)
            appendLabels(of: entry.labels, adding: externalLabels, to: &labels)
            histograms.removeAll(keepingCapacity: true)
            for (time, histogram) in zip(entry.histograms.timestamps, entry.histograms.histograms) {
                append(histogram.message, at: time, to: &histograms)
            }
            let samplesSize = samplesSize(entry.samples.timestamps)
            out.append(timeSeriesTag)
            out.append(varint: UInt64(labels.count + samplesSize + histograms.count))
            out.append(contentsOf: labels)
            appendSamples(entry.samples, to: &out)
            out.append(contentsOf: histograms)
        }
    }

    /// Encodes what is known of families as one message, without compression.
    ///
    /// - Parameter metadata: the families.
    /// - Returns: a message without samples.
    public static func encode(metadata: some Sequence<MetricMetadata>) -> [UInt8] {
        var out: [UInt8] = []
        for entry in metadata {
            var body: [UInt8] = [1 << 3 | 0]
            body.append(varint: entry.kind.remoteWriteType)
            for (field, text) in [(2, entry.family), (4, entry.help), (5, entry.unit)] where !text.isEmpty {
                body.append(UInt8(field << 3 | 2))
                body.append(prefixed: text.utf8)
            }
            out.append(3 << 3 | 2)
            out.append(prefixed: body)
        }
        return out
    }

    // Field number << 3 | wire type.
    private static let timeSeriesTag: UInt8 = 1 << 3 | 2
    private static let labelTag: UInt8 = 1 << 3 | 2
    private static let sampleTag: UInt8 = 2 << 3 | 2
    private static let nameTag: UInt8 = 1 << 3 | 2
    private static let valueTag: UInt8 = 2 << 3 | 2
    private static let doubleTag: UInt8 = 1 << 3 | 1
    private static let timestampTag: UInt8 = 2 << 3 | 0

    private static func appendLabels(of labels: Labels, adding external: Labels, to out: inout [UInt8]) {
        guard !external.isEmpty else {
            labels.forEachRange { name, value in
                appendLabel(labels.bytes[name], labels.bytes[value], to: &out)
            }
            return
        }
        var merged = LabelsBuilder(external)
        for (name, value) in labels.pairs { merged.set(name, value) }
        for (name, value) in merged.sortedPairs { appendLabel(name.utf8, value.utf8, to: &out) }
    }

    private static func appendLabel(
        _ name: some Collection<UInt8>,
        _ value: some Collection<UInt8>,
        to out: inout [UInt8]
    ) {
        let size =
            2 + varintSize(UInt64(name.count)) + name.count + varintSize(UInt64(value.count)) + value.count
        out.append(labelTag)
        out.append(varint: UInt64(size))
        out.append(nameTag)
        out.append(prefixed: name)
        out.append(valueTag)
        out.append(prefixed: value)
    }

    private static func appendSamples(_ samples: SampleColumns, to out: inout [UInt8]) {
        for index in 0..<samples.count {
            let timestamp = UInt64(bitPattern: samples.timestamps[index])
            out.append(sampleTag)
            // Two tags, the double and at most ten bytes of time: the length is always one byte.
            out.append(UInt8(10 + varintSize(timestamp)))
            out.append(doubleTag)
            out.append(double: samples.values[index])
            out.append(timestampTag)
            out.append(varint: timestamp)
        }
    }

    private static func samplesSize(_ timestamps: [Int64]) -> Int {
        var size = 0
        for timestamp in timestamps { size += 12 + varintSize(UInt64(bitPattern: timestamp)) }
        return size
    }

    private static func varintSize(_ value: UInt64) -> Int {
        (64 - (value | 1).leadingZeroBitCount + 6) / 7
    }
}
