// SPDX-License-Identifier: Apache-2.0
//
// The store as queries see it: without what was deleted. As long as nothing is deleted of the times asked for, the store
// itself answers.

internal import Samples
internal import Synchronization

/// A source that leaves out what tombstones hide.
final class TombstonedSource: SeriesSource {
    private let base: any SeriesSource
    private let tombstones: Mutex<[Tombstone]>

    init(_ base: any SeriesSource, _ tombstones: [Tombstone] = []) {
        self.base = base
        self.tombstones = Mutex(tombstones)
    }

    /// Changes what is hidden.
    func set(_ tombstones: [Tombstone]) {
        self.tombstones.withLock { $0 = tombstones }
    }

    /// What is hidden.
    var all: [Tombstone] { tombstones.withLock { $0 } }

    private func overlapping(_ from: Timestamp, _ through: Timestamp) -> [Tombstone] {
        tombstones.withLock { tombstones in
            tombstones.filter { $0.from <= through.milliseconds && $0.through >= from.milliseconds }
        }
    }

    func select(
        _ matchers: [LabelMatcher],
        from: Timestamp,
        through: Timestamp
    ) throws(SourceError) -> any SeriesSelection {
        let selection = try base.select(matchers, from: from, through: through)
        let hiding = overlapping(from, through)
        guard !hiding.isEmpty else { return selection }
        return VisibleSelection(selection, hiding, from: from, through: through)
    }

    func selectUnordered(
        _ matchers: [LabelMatcher],
        from: Timestamp,
        through: Timestamp
    ) throws(SourceError) -> any SeriesSelection {
        let selection = try base.selectUnordered(matchers, from: from, through: through)
        let hiding = overlapping(from, through)
        guard !hiding.isEmpty else { return selection }
        return VisibleSelection(selection, hiding, from: from, through: through)
    }

    func fewSeries(_ matchers: [LabelMatcher]) -> Int? { base.fewSeries(matchers) }

    func labelNames(
        _ matchers: [LabelMatcher],
        from: Timestamp,
        through: Timestamp
    ) throws(SourceError) -> [String] {
        guard !overlapping(from, through).isEmpty else {
            return try base.labelNames(matchers, from: from, through: through)
        }
        let selection = try select(matchers, from: from, through: through)
        var names: Set<String> = []
        for index in 0..<selection.count {
            for (name, _) in selection.labels(index).pairs { names.insert(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    func labelValues(
        _ name: String,
        _ matchers: [LabelMatcher],
        from: Timestamp,
        through: Timestamp
    ) throws(SourceError) -> [String] {
        guard !overlapping(from, through).isEmpty else {
            return try base.labelValues(name, matchers, from: from, through: through)
        }
        let selection = try select(matchers, from: from, through: through)
        var values: Set<String> = []
        for index in 0..<selection.count {
            if let value = selection.labels(index)[name] { values.insert(value) }
        }
        return values.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    func metadata() -> [String: MetricMetadata] { base.metadata() }
}

/// The visible part of a selection.
private struct VisibleSelection: SeriesSelection {
    private struct Entry {
        let index: Int
        /// What is hidden of the series.
        let hidden: [ClosedRange<Int64>]

        func shows(_ time: Int64) -> Bool { !hidden.contains { $0.contains(time) } }
    }

    private let base: any SeriesSelection
    private var entries: [Entry] = []

    /// Finds the series of which something can be seen within the range.
    init(_ base: any SeriesSelection, _ tombstones: [Tombstone], from: Timestamp, through: Timestamp) {
        self.base = base
        entries.reserveCapacity(base.count)
        for index in 0..<base.count {
            let labels = base.labels(index)
            let hidden = tombstones.filter { $0.matches(labels) }.map { $0.from...$0.through }
            let entry = Entry(index: index, hidden: hidden)
            if hidden.isEmpty || showsAny(entry, from, through) { entries.append(entry) }
        }
    }

    /// Whether a series of which something is hidden has something else.
    private func showsAny(_ entry: Entry, _ from: Timestamp, _ through: Timestamp) -> Bool {
        guard
            !entry.hidden.contains(where: {
                $0.contains(from.milliseconds) && $0.contains(through.milliseconds)
            })
        else { return false }
        var samples = SampleColumns()
        try? base.read(entry.index, from: from, through: through, into: &samples)
        if samples.timestamps.contains(where: entry.shows) { return true }
        guard base.hasParts(entry.index) else { return false }
        var histograms = HistogramColumns()
        try? base.readHistograms(entry.index, from: from, through: through, into: &histograms)
        return histograms.timestamps.contains(where: entry.shows)
    }

    var count: Int { entries.count }

    func labels(_ index: Int) -> Labels { base.labels(entries[index].index) }

    func hasParts(_ index: Int) -> Bool { base.hasParts(entries[index].index) }

    var coarse: [CoarseStretch] { base.coarse }

    func read(
        _ index: Int,
        from: Timestamp,
        through: Timestamp,
        into columns: inout SampleColumns
    ) throws(SourceError) {
        let entry = entries[index]
        guard !entry.hidden.isEmpty else {
            return try base.read(entry.index, from: from, through: through, into: &columns)
        }
        var found = SampleColumns()
        // What could be read is kept when a part could not.
        defer {
            for (time, value) in zip(found.timestamps, found.values) where entry.shows(time) {
                columns.append(time, value)
            }
        }
        try base.read(entry.index, from: from, through: through, into: &found)
    }

    func readHistograms(
        _ index: Int,
        from: Timestamp,
        through: Timestamp,
        into columns: inout HistogramColumns
    ) throws(SourceError) {
        let entry = entries[index]
        var found = HistogramColumns()
        defer {
            for (time, histogram) in zip(found.timestamps, found.histograms) where entry.shows(time) {
                columns.append(time, histogram)
            }
        }
        try base.readHistograms(entry.index, from: from, through: through, into: &found)
    }

    func readStartTimestamps(
        _ index: Int,
        from: Timestamp,
        through: Timestamp,
        into columns: inout StartColumns
    ) throws(SourceError) {
        let entry = entries[index]
        var found = StartColumns()
        defer {
            for (time, start) in zip(found.timestamps, found.starts) where entry.shows(time) {
                columns.append(time, start: start)
            }
        }
        try base.readStartTimestamps(entry.index, from: from, through: through, into: &found)
    }

    func readRows(
        _ index: Int,
        from: Timestamp,
        through: Timestamp,
        into rows: inout [CoarseRow]
    ) throws(SourceError) {
        let entry = entries[index]
        var found: [CoarseRow] = []
        defer { rows += found.filter { shows($0, entry) } }
        try base.readRows(entry.index, from: from, through: through, into: &found)
    }

    /// A row goes with any sample that it sums up.
    private func shows(_ row: CoarseRow, _ entry: Entry) -> Bool {
        let resolution = base.coarse.first { row.end <= $0.through }?.resolution ?? 0
        return !entry.hidden.contains { $0.overlaps((row.end - max(0, resolution - 1))...row.end) }
    }
}
