// SPDX-License-Identifier: Apache-2.0
//
// Reading parts: each column like that of any series, then row by row into histograms. The pieces of all parts are
// looked up under one lock, so that a seal between them cannot tear a row.

internal import Logging
internal import Platform
internal import Samples
internal import Synchronization

extension Store {
    /// The parts of a series that have rows within the range, but for what is noted as left out.
    func readParts(
        of reference: SeriesReference,
        _ range: TimeRange,
        _ known: KnownSegments,
        _ leftOut: inout LeftOut,
        where isWanted: (SeriesPart) -> Bool = { $0 != .start }
    ) -> [(part: SeriesPart, columns: SampleColumns)] {
        let found = index.withLock { index -> [(part: SeriesPart, sources: SeriesSources)] in
            let parts = index.links.parts(of: reference)
            guard !parts.isEmpty else { return [] }
            return head.withLock { head in
                parts.compactMap { reference in
                    guard let part = SeriesPart(index.labels[Int(reference)]), isWanted(part) else {
                        return nil
                    }
                    return (part, head.sources(of: reference, range, known: known))
                }
            }
        }
        var result: [(part: SeriesPart, columns: SampleColumns)] = []
        for (part, sources) in found {
            var columns = SampleColumns()
            read(sources, range, into: &columns, &leftOut)
            if columns.count > 0 { result.append((part, columns)) }
        }
        return result
    }

    /// Counts and logs histograms that lack a part.
    func note(_ assembly: HistogramAssembly, of labels: Labels) {
        guard assembly.incomplete > 0 else { return }
        metrics.incompleteHistograms.add(assembly.incomplete)
        logger.warning(
            "histograms left out because a part of them is damaged or gone",
            metadata: ["series": "\(labels)", "histograms": "\(assembly.incomplete)"]
        )
    }
}

extension Selection {
    func readHistograms(
        _ index: Int,
        from: Timestamp,
        through: Timestamp,
        into columns: inout HistogramColumns
    ) throws(SourceError) {
        var leftOut = LeftOut()
        readHistograms(index, TimeRange(from, through), into: &columns, &leftOut)
        try leftOut.report()
    }

    func readHistograms(
        _ index: Int,
        _ asked: TimeRange,
        into columns: inout HistogramColumns,
        _ leftOut: inout LeftOut
    ) {
        guard let wanted = wantedParts(index, asked) else { return }
        let parts = store.readParts(of: series[index].reference, wanted.range, wanted.known, &leftOut)
        var assembly = HistogramAssembly()
        let found = assembly.histograms(parts)
        columns.timestamps += found.timestamps
        columns.histograms += found.histograms
        store.note(assembly, of: series[index].labels)
    }

    func readStartTimestamps(
        _ index: Int,
        from: Timestamp,
        through: Timestamp,
        into columns: inout StartColumns
    ) throws(SourceError) {
        var leftOut = LeftOut()
        readStartTimestamps(index, TimeRange(from, through), into: &columns, &leftOut)
        try leftOut.report()
    }

    func readStartTimestamps(
        _ index: Int,
        _ asked: TimeRange,
        into columns: inout StartColumns,
        _ leftOut: inout LeftOut
    ) {
        guard let wanted = wantedParts(index, asked) else { return }
        let parts = store.readParts(of: series[index].reference, wanted.range, wanted.known, &leftOut) {
            $0 == .start
        }
        for (_, samples) in parts { columns.append(samples) }
    }

    /// The range to read, nil when there is nothing to read.
    private func wantedParts(
        _ index: Int,
        _ asked: TimeRange
    ) -> (range: TimeRange, known: KnownSegments)? {
        let wanted = rows.sampleRange(asked)
        guard wanted.from <= wanted.through else { return nil }
        let place = series[index]
        // A forgotten series' reference may name another one by now.
        guard store.head.withLock({ $0.labels(of: place.reference) == place.labels }) else { return nil }
        let isWithin = range.from <= wanted.from && range.through >= wanted.through
        return (wanted, isWithin ? segments : KnownSegments())
    }
}

extension StartColumns {
    /// Appends the values of a start column.
    mutating func append(_ samples: SampleColumns) {
        for (time, value) in zip(samples.timestamps, samples.values) {
            if let start = Int64(exactly: value) { append(time, start: start) }
        }
    }
}
