// SPDX-License-Identifier: Apache-2.0
//
// The two answers of `/api/v1/read` (Prometheus' prompb/remote.proto):
//
//     ReadResponse         1: QueryResult*                   one message in a snappy block
//     QueryResult          1: TimeSeries*                    as in remote write 1.0
//
//     ChunkedReadResponse  1: ChunkedSeries   2: query index  one frame each, as they are read
//     ChunkedSeries        1: Label*   2: Chunk*
//     Chunk                1: from ms   2: through ms   3: encoding   4: bytes
//
// A frame is the message's length as a varint, its CRC-32C in four bytes, the highest first, and the message.

internal import Bytes
public import Samples

/// Encodes answers to remote readers.
public enum RemoteReadResponse {
    /// The field of a query's result, in front of its encoded series.
    ///
    /// - Parameter byteCount: the bytes of all its series as `RemoteWriteV1.encode` gives them.
    /// - Returns: the bytes that go in front of them.
    public static func resultHeader(byteCount: Int) -> [UInt8] {
        var out: [UInt8] = [1 << 3 | 2]
        out.append(varint: UInt64(byteCount))
        return out
    }

    /// Bytes of a frame's chunks, about; Prometheus' `--storage.remote.read-max-bytes-in-frame`.
    public static let frameBytes = 1 << 20

    /// The frames of one series.
    ///
    /// - Parameters:
    ///   - series: the series; without samples it has no frame.
    ///   - externalLabels: added unless the series has a label of that name.
    ///   - query: the number of the query it answers.
    /// - Returns: the frames, one after the other.
    public static func frames(
        _ series: LogChunk.Series,
        externalLabels: Labels = Labels(),
        query: Int
    ) -> [UInt8] {
        var out: [UInt8] = []
        var labels = LabelsBuilder(externalLabels)
        for (name, value) in series.labels.pairs { labels.set(name, value) }
        var head: [UInt8] = []
        for (name, value) in labels.sortedPairs {
            var label: [UInt8] = []
            append(1, name.utf8, to: &label)
            append(2, value.utf8, to: &label)
            append(1, label, to: &head)
        }
        var body = head
        func end() {
            guard body.count > head.count else { return }
            var message: [UInt8] = []
            append(1, body, to: &message)
            if query != 0 {
                message.append(2 << 3)
                message.append(varint: UInt64(query))
            }
            appendFrame(message, to: &out)
            body = head
        }
        forEachChunk(series) { chunk in
            append(2, encoded(chunk), to: &body)
            if body.count >= frameBytes { end() }
        }
        end()
        return out
    }

    /// Calls `body` with the chunks of a series by time.
    private static func forEachChunk(_ series: LogChunk.Series, _ body: (SeriesChunk) -> Void) {
        let (samples, histograms) = (series.samples, series.histograms)
        var place = 0
        var histogram = 0
        while place < samples.count || histogram < histograms.count {
            let nextHistogram = histogram < histograms.count ? histograms.timestamps[histogram] : .max
            guard place < samples.count, samples.timestamps[place] <= nextHistogram else {
                body(SeriesChunk(histograms.histograms[histogram], at: nextHistogram))
                histogram += 1
                continue
            }
            // A chunk of numbers ends before a histogram, so that chunks do not overlap.
            var end = place + 1
            while end < samples.count, end - place < SeriesChunk.sampleLimit,
                samples.timestamps[end] <= nextHistogram
            { end += 1 }
            body(SeriesChunk(samples, place..<end))
            place = end
        }
    }

    private static func encoded(_ chunk: SeriesChunk) -> [UInt8] {
        var out: [UInt8] = []
        for (field, value) in [(1, chunk.from), (2, chunk.through)] where value != 0 {
            out.append(UInt8(field << 3))
            out.append(varint: UInt64(bitPattern: value))
        }
        out.append(3 << 3)
        out.append(varint: chunk.encoding.rawValue)
        append(4, chunk.bytes, to: &out)
        return out
    }

    private static func append(_ field: Int, _ bytes: some Collection<UInt8>, to out: inout [UInt8]) {
        out.append(UInt8(field << 3 | 2))
        out.append(prefixed: bytes)
    }

    private static func appendFrame(_ message: [UInt8], to out: inout [UInt8]) {
        out.append(varint: UInt64(message.count))
        let checksum = unsafe CRC32C.checksum(message.span.bytes)
        for shift in [24, 16, 8, 0] { out.append(UInt8(truncatingIfNeeded: checksum >> UInt32(shift))) }
        out.append(contentsOf: message)
    }
}
