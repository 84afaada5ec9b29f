// SPDX-License-Identifier: Apache-2.0
//
// Range selectors that reach back to where the source has summaries of windows instead of samples.

internal import Samples

extension Evaluator {
    /// What a row is counted as against the sample limit: it takes the memory of about so many samples.
    private static let samplesPerRow = 6

    /// Hands over each series with summaries up to a time and samples after it.
    func readSummaries(
        _ found: any SeriesSelection,
        _ windows: WindowGrid,
        through seam: Int64,
        _ body: (SeriesHeader, borrowing SampleWindows) throws(QueryError) -> Void
    ) throws(QueryError) {
        let span = windows.span
        let last = min(span.through, Timestamp(milliseconds: seam))
        let next = Timestamp(milliseconds: seam).advanced(byMilliseconds: 1)
        var rows: [CoarseRow] = []
        for index in 0..<found.count {
            try checkTime()
            rows.removeAll(keepingCapacity: true)
            var samples = SampleColumns()
            reading { () throws(SourceError) in
                try found.readRows(index, from: span.from, through: last, into: &rows)
            }
            if next <= span.through {
                reading { () throws(SourceError) in
                    try found.read(index, from: next, through: span.through, into: &samples)
                }
            }
            var parts = SeriesSamples()
            if found.hasParts(index) {
                parts.readParts(found, index, span, needsStarts: false) { error in
                    reading { () throws(SourceError) in throw error }
                }
            }
            parts.removeStaleMarkers()
            var series = SampleWindows(rows, samples, windows)
            series.histogramTimes = parts.histograms.timestamps
            series.histograms = parts.histograms.histograms
            guard !series.isEmpty else { continue }
            let count = series.count * Self.samplesPerRow + parts.weight
            tally?.read += count
            tally?.count(series)
            try hold(count)
            try body(SeriesHeader(labels: found.labels(index)), series)
            release(count)
        }
    }
}

extension SampleWindows {
    /// Windows over rows and the samples that follow them; of a row the last sample stands for it.
    fileprivate init(_ rows: [CoarseRow], _ samples: SampleColumns, _ windows: WindowGrid) {
        var summaries = rows.compactMap(\.summary)
        for index in 0..<samples.count where !samples.values[index].isStale {
            summaries.append(SampleSummary(time: samples.timestamps[index], value: samples.values[index]))
        }
        self.init(summaries, windows)
    }
}

// MARK: - Samples that were joined

extension Evaluator {
    /// Shorter windows rarely hold all of what a source has joined.
    private static let joinedWindow: Int64 = 3_600_000

    /// Whether a function is to ask the source what the samples of its windows come to.
    func asksForJoined(_ function: Function, _ windows: WindowGrid) -> Bool {
        switch function {
        case .sumOverTime, .avgOverTime, .minOverTime, .maxOverTime, .countOverTime:
            windows.grid.count == 1 && windows.length >= Self.joinedWindow && windows.edges == nil
                && windows.seam == nil && tally == nil
        default: false
        }
    }

    /// What the samples of a series' one window come to, when the source knows without looking at each.
    func readJoined(
        _ found: any SeriesSelection,
        _ index: Int,
        _ windows: WindowGrid
    ) throws(QueryError) -> [SampleSummary]? {
        try checkTime()
        let span = windows.span
        // Who reads the samples will hear of what cannot be read.
        guard !found.hasParts(index),
            let joined = try? found.readJoined(index, from: span.from, through: span.through)
        else { return nil }
        // A mean is found another way when the sum overflows.
        guard joined.allSatisfy(\.sum.isFinite), joined.reduce(0, { $0 + $1.sum }).isFinite else {
            return nil
        }
        return joined
    }
}

extension SampleWindows {
    /// Windows over what samples come to; of each piece the last sample stands for it.
    init(_ summaries: [SampleSummary], _ windows: WindowGrid) {
        self.init(
            timestamps: summaries.map(\.lastTime),
            values: summaries.map(\.last),
            windows: windows,
            summaries: summaries
        )
    }
}
