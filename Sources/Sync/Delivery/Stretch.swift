// SPDX-License-Identifier: Apache-2.0
//
// One read of the log, ready to be sent: filtered by age, and turned into request bodies part by part. A body is made
// once and kept until it is delivered, so that a retry repeats the same bytes.

internal import Bytes
internal import Samples
internal import Wire

struct Stretch: Sendable {
    /// The series to send.
    let series: [LogChunk.Series]
    /// Where the log goes on.
    let next: LogPosition
    /// Samples left out because of their age.
    let tooOld: Int

    /// Takes a chunk, without samples older than a time.
    init(_ chunk: LogChunk, oldest: Timestamp?) {
        next = chunk.next
        guard let oldest else {
            series = chunk.series
            tooOld = 0
            return
        }
        var kept: [LogChunk.Series] = []
        var dropped = 0
        for entry in chunk.series {
            // In time order: what is too old comes first.
            let first =
                entry.samples.timestamps.firstIndex { $0 >= oldest.milliseconds } ?? entry.samples.count
            dropped += first
            if first < entry.samples.count {
                kept.append(Self.slice(entry, first..<entry.samples.count))
            }
        }
        series = kept
        tooOld = dropped
    }

    /// The times of each series' samples.
    var timestamps: [[Int64]] { series.map(\.samples.timestamps) }
    /// The number of samples.
    var samples: Int { series.reduce(0) { $0 + $1.samples.count } }

    /// The request body of a part: a WriteRequest in a snappy block.
    func body(of part: Part, in parts: Parts, externalLabels: Labels) -> [UInt8] {
        // Lazily: one series' copy at a time.
        let chosen = part.series.clamped(to: series.indices).lazy.map { index in
            Self.slice(series[index], parts.samples(ofSeries: index, in: part.times))
        }
        return Snappy.compress(RemoteWriteV1.encode(chosen, externalLabels: externalLabels))
    }

    private static func slice(_ entry: LogChunk.Series, _ range: Range<Int>) -> LogChunk.Series {
        guard range != 0..<entry.samples.count else { return entry }
        var columns = SampleColumns()
        columns.timestamps = Array(entry.samples.timestamps[range])
        columns.values = Array(entry.samples.values[range])
        return LogChunk.Series(labels: entry.labels, samples: columns)
    }
}
