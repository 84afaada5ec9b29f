// SPDX-License-Identifier: Apache-2.0
//
// io.prometheus.write.v2.Request on its way out, field by field as RemoteWriteRequest+V2.swift draws it. It has what 1.0
// has no place for: exemplars as Prometheus sends them, and since when counters count. Values go bit for bit.

internal import Bytes
public import Samples

/// The message of remote write 2.0.
public enum RemoteWriteV2 {
    /// One series of a message.
    public struct Series: Sendable {
        /// Its labels, samples, histograms and start timestamps.
        public var content: LogChunk.Series
        /// Its exemplars, by time.
        public var exemplars: [Exemplar]

        /// Creates the entry of a series.
        public init(_ content: LogChunk.Series, exemplars: [Exemplar] = []) {
            self.content = content
            self.exemplars = exemplars
        }
    }

    /// Encodes series as one message, without compression.
    ///
    /// - Parameter series: the series; those without samples and histograms are left out, as the protocol demands.
    /// - Returns: the message.
    public static func encode(_ series: some Sequence<Series>) -> [UInt8] {
        var out: [UInt8] = []
        append(series, to: &out)
        return out
    }

    /// Appends series as one message, without compression, to a buffer that is used again.
    ///
    /// - Parameters:
    ///   - series: the series; those without samples and histograms are left out, as the protocol demands.
    ///   - externalLabels: added to each series that does not have a label of that name.
    ///   - metadata: what is known of a series' family; asked once for each series.
    ///   - out: gets the message.
    public static func append(
        _ series: some Sequence<Series>,
        externalLabels: Labels = Labels(),
        metadata: (Labels) -> MetricMetadata? = { _ in nil },
        to out: inout [UInt8]
    ) {
        var symbols = Symbols()
        var all: [UInt8] = []
        var body: [UInt8] = []
        for entry in series where entry.content.samples.count + entry.content.histograms.count > 0 {
            body.removeAll(keepingCapacity: true)
            append(merged(entry.content.labels, externalLabels), to: &body, &symbols)
            append(entry.content, to: &body)
            for exemplar in entry.exemplars {
                var out: [UInt8] = []
                append(exemplar.labels, to: &out, &symbols)
                out.append(2 << 3 | 1)
                out.append(double: exemplar.value)
                out.append(3 << 3 | 0)
                out.append(varint: UInt64(bitPattern: exemplar.timestamp.milliseconds))
                body.append(4 << 3 | 2)
                body.append(prefixed: out)
            }
            if let known = metadata(entry.content.labels) { append(known, to: &body, &symbols) }
            all.append(5 << 3 | 2)
            all.append(prefixed: body)
        }
        out.append(contentsOf: symbols.bytes)
        out.append(contentsOf: all)
    }

    /// A series' labels with those added that it does not have.
    private static func merged(_ labels: Labels, _ external: Labels) -> Labels {
        guard !external.isEmpty else { return labels }
        var merged = LabelsBuilder(external)
        for (name, value) in labels.pairs { merged.set(name, value) }
        return merged.labels()
    }

    private static func append(_ metadata: MetricMetadata, to out: inout [UInt8], _ symbols: inout Symbols) {
        var body: [UInt8] = [1 << 3 | 0]
        body.append(varint: metadata.kind.remoteWriteType)
        for (field, text) in [(3, metadata.help), (4, metadata.unit)] where !text.isEmpty {
            body.append(UInt8(field << 3 | 0))
            body.append(varint: symbols.reference(ArraySlice(text.utf8)))
        }
        out.append(5 << 3 | 2)
        out.append(prefixed: body)
    }

    private static func append(_ labels: Labels, to out: inout [UInt8], _ symbols: inout Symbols) {
        guard !labels.isEmpty else { return }
        var references: [UInt8] = []
        labels.forEachRange { name, value in
            references.append(varint: symbols.reference(labels.bytes[name]))
            references.append(varint: symbols.reference(labels.bytes[value]))
        }
        out.append(1 << 3 | 2)
        out.append(prefixed: references)
    }

    private static func append(_ content: LogChunk.Series, to out: inout [UInt8]) {
        var starts = Starts(content.starts)
        var sample: [UInt8] = []
        for (time, value) in zip(content.samples.timestamps, content.samples.values) {
            sample.removeAll(keepingCapacity: true)
            sample.append(1 << 3 | 1)
            sample.append(double: value)
            sample.append(2 << 3 | 0)
            sample.append(varint: UInt64(bitPattern: time))
            let start = starts.start(at: time)
            if start != 0 {
                sample.append(3 << 3 | 0)
                sample.append(varint: UInt64(bitPattern: start))
            }
            out.append(2 << 3 | 2)
            out.append(prefixed: sample)
        }
        starts = Starts(content.starts)
        for (time, histogram) in zip(content.histograms.timestamps, content.histograms.histograms) {
            RemoteWriteV1.append(
                histogram.message,
                at: time,
                start: starts.start(at: time),
                tag: 3 << 3 | 2,
                to: &out
            )
        }
    }

    /// Start timestamps, asked for by ascending time.
    private struct Starts {
        private let columns: StartColumns
        private var place = 0

        init(_ columns: StartColumns) {
            self.columns = columns
        }

        mutating func start(at time: Int64) -> Int64 {
            while place < columns.count, columns.timestamps[place] < time { place += 1 }
            return place < columns.count && columns.timestamps[place] == time ? columns.starts[place] : 0
        }
    }

    /// The texts of a message, each once; the first is empty by the protocol.
    private struct Symbols {
        private(set) var bytes: [UInt8] = [4 << 3 | 2, 0]
        private var references: [ArraySlice<UInt8>: UInt64] = [[]: 0]

        mutating func reference(_ text: ArraySlice<UInt8>) -> UInt64 {
            if let known = references[text] { return known }
            let reference = UInt64(references.count)
            references[text] = reference
            bytes.append(4 << 3 | 2)
            bytes.append(prefixed: text)
            return reference
        }
    }
}
