// SPDX-License-Identifier: Apache-2.0
//
// Parts of a batch: some series within a span of time, in a request of their own.

internal import Samples

extension Batch {
    /// Its series' times, by which it is divided.
    var parts: Parts {
        Parts(
            timestamps: series.map { $0.samples.count > 0 ? $0.samples.timestamps : $0.histograms.timestamps }
        )
    }

    /// A part with a body of its own.
    func part(_ part: Part, in parts: Parts, for peer: any Peer) -> Batch {
        let chosen = series(of: part, in: parts)
        var body: [UInt8] = []
        peer.encode(chosen, recipe.message, recipe.encoding, into: &body)
        return Batch(recipe: recipe, series: chosen, body: body, samples: parts.samples(in: part))
    }

    /// The samples of a part.
    private func series(of part: Part, in parts: Parts) -> [LogChunk.Series] {
        part.series.clamped(to: series.indices).compactMap { index -> LogChunk.Series? in
            let range = parts.samples(ofSeries: index, in: part.times)
            guard !range.isEmpty else { return nil }
            let entry = series[index]
            return entry.samples.count > 0
                ? LogChunk.Series(labels: entry.labels, samples: entry.samples.slice(range))
                : LogChunk.Series(
                    labels: entry.labels,
                    samples: SampleColumns(),
                    histograms: entry.histograms.slice(range)
                )
        }
    }
}

extension SampleColumns {
    /// Some of the samples; all of them share their memory.
    func slice(_ range: Range<Int>) -> SampleColumns {
        guard range != 0..<count else { return self }
        var columns = SampleColumns()
        columns.timestamps = Array(timestamps[range])
        columns.values = Array(values[range])
        return columns
    }
}

extension HistogramColumns {
    /// Some of the histograms.
    fileprivate func slice(_ range: Range<Int>) -> HistogramColumns {
        var columns = HistogramColumns()
        columns.timestamps = Array(timestamps[range])
        columns.histograms = Array(histograms[range])
        return columns
    }
}
