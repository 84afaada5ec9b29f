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

    /// The same in the order in which the index got to know them, which keeps groups together.
    public func selectUnordered(
        _ matchers: [LabelMatcher],
        from: Timestamp,
        through: Timestamp
    ) throws(SourceError) -> any SeriesSelection {
        selection(matchers, from, through, isOrdered: false)
    }

    func selection(
        _ matchers: [LabelMatcher],
        _ from: Timestamp,
        _ through: Timestamp,
        isOrdered: Bool = true
    ) -> Selection {
        let rows = coarseRows()
        let range = rows.sampleRange(TimeRange(from, through))
        let found = find(matchers, TimeRange(from, through), rows)
        return Selection(
            store: self,
            range: range,
            segments: head.withLock { $0.knownSegments(range) },
            rows: rows,
            stretches: rows.plan.stretches(TimeRange(from, through)),
            series: isOrdered ? found.sortedByLabels() : found
        )
    }

    /// The number of series that satisfy all matchers, where these name few series by their values and nobody holds the
    /// index.
    public func fewSeries(_ matchers: [LabelMatcher]) -> Int? {
        index.withLockIfAvailable { $0.postings.fewSeries(matchers) } ?? nil
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
        return names.sorted().map(\.text)
    }

    /// Sorted values of one label over those series.
    public func labelValues(
        _ name: String,
        _ matchers: [LabelMatcher],
        from: Timestamp,
        through: Timestamp
    ) throws(SourceError) -> [String] {
        let wanted = TimeRange(from, through)
        let rows = coarseRows()
        if matchers.isEmpty { return values(of: name, wanted, rows) }
        let values = Set(find(matchers, wanted, rows).compactMap { $0.labels[name].map(LabelText.init) })
        return values.sorted().map(\.text)
    }

    /// The sorted values of a label that any series has which may have samples in the range.
    private func values(of name: String, _ wanted: TimeRange, _ rows: CoarseRows) -> [String] {
        let range = rows.sampleRange(wanted)
        return index.withLock { index in
            index.order(name)
            return head.withLock { head in
                let presence = Presence(index, head, wanted, range, rows)
                return index.postings.values(of: name) { presence.holds($0, index, head) }
            }
        }
    }

    private func find(_ matchers: [LabelMatcher], _ wanted: TimeRange, _ rows: CoarseRows) -> [FoundSeries] {
        let range = rows.sampleRange(wanted)
        return index.withLock { index in
            let references = index.select(matchers)
            guard !references.isEmpty else { return [] }
            return head.withLock { head in
                let presence = Presence(index, head, wanted, range, rows)
                return references.compactMap { reference in
                    guard presence.holds(reference, index, head) else { return nil }
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
        reader.reading { memo in
            for stored in sources.stored { read(stored, range, using: &memo, into: &columns, &leftOut) }
            for column in sources.columns { read(column, range, using: &memo, into: &columns, &leftOut) }
        }
    }

    /// The same for several series.
    ///
    /// Their pieces are read in step: those of one group are in the same bundles.
    func read(
        _ sources: [SeriesSources],
        _ range: TimeRange,
        into columns: inout [SampleColumns],
        _ leftOut: inout LeftOut
    ) {
        let longest = sources.reduce((0, 0)) { (max($0.0, $1.stored.count), max($0.1, $1.columns.count)) }
        reader.reading { memo in
            for piece in 0..<longest.0 {
                for place in sources.indices where piece < sources[place].stored.count {
                    read(sources[place].stored[piece], range, using: &memo, into: &columns[place], &leftOut)
                }
            }
            for piece in 0..<longest.1 {
                for place in sources.indices where piece < sources[place].columns.count {
                    read(sources[place].columns[piece], range, using: &memo, into: &columns[place], &leftOut)
                }
            }
        }
    }

    /// What the samples of one series come to, a piece for each place they are in; nil when places overlap in time.
    func readJoined(
        _ sources: SeriesSources,
        _ range: TimeRange,
        _ leftOut: inout LeftOut
    ) -> [SampleSummary]? {
        var joined: [SampleSummary] = []
        var columns = SampleColumns()
        var isApart = true
        func append(_ summary: SampleSummary?) {
            guard let summary else { return }
            if let last = joined.last, last.lastTime >= summary.firstTime { isApart = false }
            joined.append(summary)
        }
        reader.reading { memo in
            for stored in sources.stored where isApart {
                append(reader.joined(stored, range, using: &memo, &columns, &leftOut))
            }
            for column in sources.columns where isApart {
                columns.removeAll()
                read(column, range, using: &memo, into: &columns, &leftOut)
                append(SampleSummary(joining: columns))
            }
        }
        return isApart ? joined : nil
    }

    private func read(
        _ stored: SeriesSources.Stored,
        _ range: TimeRange,
        using memo: inout ReadMemo,
        into columns: inout SampleColumns,
        _ leftOut: inout LeftOut
    ) {
        reader.samples(
            stored.segment,
            bundle: stored.bundle,
            stored.place,
            range,
            using: &memo,
            into: &columns,
            &leftOut
        )
    }

    private func read(
        _ column: HeadColumn,
        _ range: TimeRange,
        using memo: inout ReadMemo,
        into columns: inout SampleColumns,
        _ leftOut: inout LeftOut
    ) {
        var piece = SampleColumns()
        do throws(CorruptionError) {
            try column.read(range, using: &memo, into: &piece)
        } catch {
            leftOut.note(.unreadable("samples in memory: \(error)"), range.from, range.through)
        }
        columns.merge(piece)
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

/// Which series may have samples or rows in a range.
private struct Presence {
    private var stored: [Bool]
    private let range: TimeRange

    init(
        _ index: borrowing SeriesIndex,
        _ head: borrowing Head,
        _ wanted: TimeRange,
        _ range: TimeRange,
        _ rows: CoarseRows
    ) {
        self.range = range
        stored = head.storedSeries(in: range, places: index.labels.count)
        rows.markSeries(in: wanted, &stored)
    }

    /// Whether the series, or a part of it, may have any.
    func holds(_ reference: SeriesReference, _ index: borrowing SeriesIndex, _ head: borrowing Head) -> Bool {
        if stored[Int(reference)] || head.hasSamples(reference, in: range) { return true }
        for part in index.links.parts(of: reference)
        where stored[Int(part)] || head.hasSamples(part, in: range) { return true }
        return false
    }
}

extension Head {
    /// For each reference whether a segment within the range has it.
    fileprivate func storedSeries(in range: TimeRange, places: Int) -> [Bool] {
        var stored = [Bool](repeating: false, count: places)
        // Bundles of one group mostly share one set of columns.
        var seen: Set<ObjectIdentifier> = []
        for segment in segments where range.overlaps(segment.minTime, segment.maxTime) {
            for bundle in segment.bundles
            where range.overlaps(bundle.bounds.minTime, bundle.bounds.maxTime) {
                guard seen.insert(ObjectIdentifier(bundle.columns)).inserted else { continue }
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
        store.read(sources(of: index, wantedRange), wantedRange, into: &columns, &leftOut)
    }

    func readJoined(
        _ index: Int,
        from: Timestamp,
        through: Timestamp
    ) throws(SourceError) -> [SampleSummary]? {
        let wanted = rows.sampleRange(TimeRange(from, through))
        guard rows.plan.pieces.isEmpty, wanted.from <= wanted.through else { return nil }
        var leftOut = LeftOut()
        let joined = store.readJoined(sources(of: index, wanted), wanted, &leftOut)
        try leftOut.report()
        return joined
    }

    /// Where the samples of a series are.
    private func sources(of index: Int, _ wantedRange: TimeRange) -> SeriesSources {
        // A caller may ask for more than it selected; then the ring is looked through again.
        let known = range.from <= wantedRange.from && range.through >= wantedRange.through ? segments : nil
        let wanted = series[index]
        return store.head.withLock { head in
            // A forgotten series' reference may name another one by now.
            head.labels(of: wanted.reference) == wanted.labels
                ? head.sources(of: wanted.reference, wantedRange, known: known ?? KnownSegments())
                : SeriesSources()
        }
    }

    func read(
        _ indices: Range<Int>,
        from: Timestamp,
        through: Timestamp,
        into columns: inout [SampleColumns]
    ) throws(SourceError) {
        try read(indices, TimeRange(from, through), newestOnly: false, into: &columns)
    }

    func readNewest(
        _ indices: Range<Int>,
        from: Timestamp,
        through: Timestamp,
        into columns: inout [SampleColumns]
    ) throws(SourceError) {
        try read(indices, TimeRange(from, through), newestOnly: true, into: &columns)
    }

    private func read(
        _ indices: Range<Int>,
        _ asked: TimeRange,
        newestOnly: Bool,
        into columns: inout [SampleColumns]
    ) throws(SourceError) {
        var leftOut = LeftOut()
        if !rows.plan.pieces.isEmpty {
            for (place, index) in indices.enumerated() {
                read(index, asked, into: &columns[place], &leftOut)
            }
            return try leftOut.report()
        }
        let wantedRange = rows.sampleRange(asked)
        guard wantedRange.from <= wantedRange.through else { return }
        let known = range.from <= wantedRange.from && range.through >= wantedRange.through ? segments : nil
        let sources = store.head.withLock { head in
            indices.map { index -> SeriesSources in
                let reference = series[index].reference
                // A forgotten series' reference may name another one by now.
                guard head.labels(of: reference) == series[index].labels else { return SeriesSources() }
                if newestOnly, let newest = head.newest(of: reference, in: wantedRange) {
                    let value = Double(bitPattern: newest.bits)
                    columns[index - indices.lowerBound].append(newest.time, value)
                    return SeriesSources()
                }
                return head.sources(of: reference, wantedRange, known: known ?? KnownSegments())
            }
        }
        guard sources.contains(where: { !$0.isEmpty }) else { return }
        store.read(sources, wantedRange, into: &columns, &leftOut)
        try leftOut.report()
    }
}
