// SPDX-License-Identifier: Apache-2.0
//
// The reading seam: matchers are answered by the index, restricted to series that may have samples in the range,
// and sorted by labels. Each series is then read when the query comes to it.

internal import Bytes
internal import Platform
public import Samples
internal import Synchronization

extension Store: SeriesSource {
    /// The series satisfying all matchers that may have samples in the range.
    public func select(
        _ matchers: [LabelMatcher],
        from: Timestamp,
        through: Timestamp
    ) throws(SourceError) -> any SeriesSelection {
        selection(matchers, from, through)
    }

    func selection(_ matchers: [LabelMatcher], _ from: Timestamp, _ through: Timestamp) -> Selection {
        let rows = coarseRows()
        let range = rows.sampleRange(TimeRange(from, through))
        return Selection(
            store: self,
            range: range,
            segments: head.withLock { $0.knownSegments(range) },
            rows: rows,
            stretches: rows.plan.stretches(TimeRange(from, through)),
            series: find(matchers, TimeRange(from, through), rows).sortedByLabels()
        )
    }

    /// Sorted label names of the series that satisfy all matchers.
    public func labelNames(
        _ matchers: [LabelMatcher],
        from: Timestamp,
        through: Timestamp
    ) throws(SourceError) -> [String] {
        var names: Set<LabelText> = []
        for series in find(matchers, TimeRange(from, through), coarseRows()) {
            for pair in series.labels.pairs { names.insert(LabelText(pair.name)) }
        }
        return names.map(\.text).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Sorted values of one label over those series.
    public func labelValues(
        _ name: String,
        _ matchers: [LabelMatcher],
        from: Timestamp,
        through: Timestamp
    ) throws(SourceError) -> [String] {
        var values: Set<LabelText> = []
        for series in find(matchers, TimeRange(from, through), coarseRows()) {
            if let value = series.labels[name] { values.insert(LabelText(value)) }
        }
        return values.map(\.text).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    private func find(_ matchers: [LabelMatcher], _ wanted: TimeRange, _ rows: CoarseRows) -> [FoundSeries] {
        let range = rows.sampleRange(wanted)
        return index.withLock { index in
            let references = index.select(matchers)
            guard !references.isEmpty else { return [] }
            return head.withLock { head in
                var stored = head.storedSeries(in: range, places: index.labels.count)
                rows.markSeries(in: wanted, &stored)
                func isThere(_ reference: SeriesReference) -> Bool {
                    stored[Int(reference)] || head.hasSamples(reference, in: range)
                }
                return references.compactMap { reference in
                    guard isThere(reference) || index.links.parts(of: reference).contains(where: isThere)
                    else {
                        return nil
                    }
                    return FoundSeries(
                        reference: reference,
                        labels: index.labels[Int(reference)],
                        hasParts: !index.links.parts(of: reference).isEmpty
                    )
                }
            }
        }
    }

    /// The rows that answer for the time before the samples, and where the samples begin.
    ///
    /// Retention by time hides and destroys nothing: the bytes go when the ring comes round, and a clock that jumps
    /// ahead and back leaves everything as it was.
    func coarseRows() -> CoarseRows {
        let wall = clock.wallMilliseconds()
        let retention = options.retention?.milliseconds
        return head.withLock { head in
            let plan = CoarsePlan(head, retention: retention, wall: wall)
            return CoarseRows(plan: plan, segments: plan.pieces.map { head.tiers[$0.tier].segments })
        }
    }

    /// Appends the samples of one series to the columns, in time order, but for those it notes as left out.
    func read(
        _ sources: SeriesSources,
        _ range: TimeRange,
        into columns: inout SampleColumns,
        _ leftOut: inout LeftOut
    ) {
        for stored in sources.stored {
            reader.samples(
                stored.segment,
                bundle: stored.bundle,
                stored.place,
                range,
                into: &columns,
                &leftOut
            )
        }
        for column in sources.columns {
            var piece = SampleColumns()
            do throws(CorruptionError) {
                try column.read(range, into: &piece)
            } catch {
                leftOut.note(.unreadable("samples in memory: \(error)"), range.from, range.through)
            }
            columns.merge(piece)
        }
    }
}

/// A series that satisfied the matchers.
struct FoundSeries: Sendable {
    let reference: SeriesReference
    let labels: Labels
    /// Whether it has histograms or start timestamps, as far as the index knows.
    let hasParts: Bool
}

extension [FoundSeries] {
    func sortedByLabels() -> [FoundSeries] {
        sorted { $0.labels < $1.labels }
    }
}

extension Head {
    /// For each reference whether a segment within the range has it.
    fileprivate func storedSeries(in range: TimeRange, places: Int) -> [Bool] {
        var stored = [Bool](repeating: false, count: places)
        // Bundles of one group mostly share one set of columns.
        var previous: ColumnSet?
        for segment in segments where range.overlaps(segment.minTime, segment.maxTime) {
            for bundle in segment.bundles
            where range.overlaps(bundle.bounds.minTime, bundle.bounds.maxTime) {
                if bundle.columns === previous { continue }
                previous = bundle.columns
                for reference in bundle.columns.references where Int(reference) < places {
                    stored[Int(reference)] = true
                }
            }
        }
        return stored
    }
}

/// The series a selector found.
struct Selection: SeriesSelection {
    let store: Store
    let range: TimeRange
    let segments: KnownSegments
    let rows: CoarseRows
    let stretches: [CoarseStretch]
    let series: [FoundSeries]

    var count: Int { series.count }

    func labels(_ index: Int) -> Labels { series[index].labels }

    func hasParts(_ index: Int) -> Bool { series[index].hasParts }

    func read(
        _ index: Int,
        from: Timestamp,
        through: Timestamp,
        into columns: inout SampleColumns
    ) throws(SourceError) {
        var leftOut = LeftOut()
        read(index, TimeRange(from, through), into: &columns, &leftOut)
        try leftOut.report()
    }

    func read(
        _ index: Int,
        _ asked: TimeRange,
        into columns: inout SampleColumns,
        _ leftOut: inout LeftOut
    ) {
        if !rows.plan.pieces.isEmpty { readCoarse(index, asked, into: &columns, &leftOut) }
        let wantedRange = rows.sampleRange(asked)
        guard wantedRange.from <= wantedRange.through else { return }
        // A caller may ask for more than it selected; then the ring is looked through again.
        let known = range.from <= wantedRange.from && range.through >= wantedRange.through ? segments : nil
        let wanted = series[index]
        let sources = store.head.withLock { head in
            // A forgotten series' reference may name another one by now.
            head.labels(of: wanted.reference) == wanted.labels
                ? head.sources(of: wanted.reference, wantedRange, known: known ?? KnownSegments())
                : SeriesSources()
        }
        store.read(sources, wantedRange, into: &columns, &leftOut)
    }
}
