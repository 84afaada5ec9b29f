// SPDX-License-Identifier: Apache-2.0
//
// Batches with histograms or start timestamps: each becomes values of hidden part series, and the batch goes the way of
// all batches. A row is one batch, so the parts of a histogram are logged, kept and lost together.
//
// Late histograms are the exception that must be thought of: dropping only the parts a series already has at that time
// would mix two histograms. What is there is therefore compared first, one such batch at a time.

internal import Platform
internal import Samples
internal import Synchronization

/// The handles of parts by their series; as long-lived as handles are.
struct PartTable: Sendable {
    struct Key: Hashable, Sendable {
        let series: SeriesID
        let part: SeriesPart
    }

    var handles: [Key: SeriesID] = [:]
}

extension Store {
    /// Stores a batch that has histograms or starts.
    func appendWithParts(_ batch: SampleBatch) throws(SinkError) -> (result: AppendResult, isDue: Bool) {
        let (known, strangers) = withoutStrangers(batch)
        var (result, isDue) = try appendKnown(known)
        result.refused += strangers
        return (result, isDue)
    }

    private func appendKnown(_ batch: SampleBatch) throws(SinkError) -> (result: AppendResult, isDue: Bool) {
        let row = try row(of: batch)
        guard !row.batch.series.isEmpty else { return (noted(row), false) }
        let outcome: Head.Outcome = try head.withLock { head throws(SinkError) in
            try Store.checkOpen(head)
            // A series whose values are in another lane may have one at this time.
            let time = batch.timestamp.milliseconds
            let areNew = batch.histograms.allSatisfy { head.newestTime(of: head.handles[$0.series]) < time }
            return areNew ? head.append(row.batch) : .divided
        }
        switch outcome {
        case .stored(let count, let isDue):
            var result = noted(row)
            result.appended = count - row.parts + row.series.count
            return (result, isDue)
        case .divided:
            return try lateParts.withLock { _ throws(SinkError) in try appendLateWithParts(batch) }
        }
    }

    /// A batch as values only.
    private struct Row {
        var batch: SampleBatch
        /// Values that are parts.
        var parts = 0
        /// Series with a histogram.
        var series: [SeriesID] = []
        /// Histograms of a series that the batch has twice.
        var duplicates = 0
        /// Histograms that no schema makes small enough, and those that a coarser one did.
        var tooLarge = 0
        var reduced = 0
        /// Histograms and starts for which there are too many series.
        var beyondLimit = 0
        var refused = 0
    }

    /// Counts what became of histograms before they reached a row.
    private func noted(_ row: Row) -> AppendResult {
        metrics.refusedHistograms.add(row.tooLarge)
        metrics.reducedHistograms.add(row.reduced)
        metrics.seriesLimit.add(row.beyondLimit)
        return AppendResult(duplicate: row.duplicates, refused: row.refused)
    }

    private func row(of batch: SampleBatch) throws(SinkError) -> Row {
        var row = Row(batch: batch)
        row.batch.histograms = []
        row.batch.starts = []
        var seen = batch.histograms.isEmpty ? [] : Set(batch.series)
        for sample in batch.histograms {
            guard seen.insert(sample.series).inserted else {
                row.duplicates += 1
                continue
            }
            guard let histogram = sample.histogram.storable() else {
                row.tooLarge += 1
                row.refused += 1
                continue
            }
            let count = row.batch.series.count
            do throws(SinkError) {
                try checkRoom(for: histogram, sample.series, in: batch.group)
                try histogram.forEachPart { part, bits throws(SinkError) in
                    let id = try handle(of: part, sample.series, in: batch.group)
                    row.batch.append(id, Double(bitPattern: bits))
                }
            } catch .seriesLimit {
                // Without one of its parts it would be another histogram.
                row.batch.series.removeLast(row.batch.series.count - count)
                row.batch.values.removeLast(row.batch.values.count - count)
                row.beyondLimit += 1
                row.refused += 1
                continue
            }
            row.parts += row.batch.series.count - count
            row.series.append(sample.series)
            if histogram.schema != sample.histogram.schema { row.reduced += 1 }
        }
        try addStarts(of: batch, to: &row)
        return row
    }

    private func addStarts(of batch: SampleBatch, to row: inout Row) throws(SinkError) {
        guard !batch.starts.isEmpty else { return }
        var seen: Set<SeriesID> = []
        for sample in batch.starts {
            // Whole milliseconds of any sane year are exact.
            guard let value = Double(exactly: sample.start.milliseconds), seen.insert(sample.series).inserted
            else { continue }
            do throws(SinkError) {
                row.batch.append(try handle(of: .start, sample.series, in: batch.group), value)
                row.parts += 1
            } catch .seriesLimit {
                // The sample is worth more than when its counting began.
                row.beyondLimit += 1
            }
        }
    }

    /// The batch without histograms and starts of series that are not of its group, because their source released it.
    private func withoutStrangers(_ batch: SampleBatch) -> (batch: SampleBatch, refused: Int) {
        head.withLock { head in
            func isKnown(_ id: SeriesID) -> Bool {
                head.handles.contains(id) && head.handles[id].group == batch.group.rawValue
            }
            let known = batch.histograms.filter { isKnown($0.series) }
            var rest = batch
            rest.histograms = known
            rest.starts = batch.starts.filter { isKnown($0.series) }
            return (rest, batch.histograms.count - known.count)
        }
    }

    /// The handle of a part in the series' group, created when new.
    private func handle(
        of part: SeriesPart,
        _ series: SeriesID,
        in group: GroupID
    ) throws(SinkError) -> SeriesID {
        let key = PartTable.Key(series: series, part: part)
        return try parts.withLock { parts throws(SinkError) in
            if let known = parts.handles[key] { return known }
            let parent = head.withLock { $0.labels(of: $0.handles[series].reference) }
            let id = try findOrAdd(PartLabel.labels(part.name, of: parent), in: group)
            parts.handles[key] = id
            return id
        }
    }

    /// Refuses a histogram for whose parts there are too many series before any of them is created: those would count
    /// against the limit and never have a value.
    private func checkRoom(
        for histogram: NativeHistogram,
        _ series: SeriesID,
        in group: GroupID
    ) throws(SinkError) {
        var missing: [SeriesPart] = []
        parts.withLock { parts in
            histogram.forEachPart { part, _ in
                if parts.handles[PartTable.Key(series: series, part: part)] == nil { missing.append(part) }
            }
        }
        if missing.isEmpty || hasRoom(for: missing.count) { return }
        // After a start there are parts that the table has not met yet.
        let parent = head.withLock { $0.labels(of: $0.handles[series].reference) }
        let new = index.withLock { index in
            missing.count { part in
                guard let known = index.reference(PartLabel.labels(part.name, of: parent)) else {
                    return true
                }
                return head.withLock { $0.handles.find(known, group: group.rawValue) } == nil
            }
        }
        guard new == 0 || hasRoom(for: new) else { throw .seriesLimit(options.maxSeries) }
    }

    private func hasRoom(for count: Int) -> Bool {
        let limit = options.maxSeries
        return head.withLock {
            $0.handles.active + count <= limit && $0.handles.count + count <= limit * Store.handlesPerSeries
        }
    }

    // MARK: - Late

    private func appendLateWithParts(
        _ batch: SampleBatch
    ) throws(SinkError) -> (result: AppendResult, isDue: Bool) {
        var duplicates = 0
        let row = try row(of: missing(of: batch, &duplicates))
        var result = noted(row)
        result.duplicate += duplicates
        guard !row.batch.series.isEmpty else { return (result, false) }
        let late = try appendDivided(row.batch)
        result.duplicate += late.result.duplicate
        result.outOfOrder = late.result.outOfOrder
        result.appended = late.result.appended
        // Parts are new, all of them, because what was there is not in the row; and they are stored or refused together.
        if late.arePartsRefused {
            result.outOfOrder += row.series.count - row.parts
        } else {
            result.appended += row.series.count - row.parts
        }
        return (result, late.isDue)
    }

    /// The histograms and starts of a batch whose series have nothing at its time, and all its values.
    private func missing(of batch: SampleBatch, _ duplicates: inout Int) -> SampleBatch {
        var rest = batch
        rest.histograms.removeAll()
        rest.starts.removeAll()
        let range = TimeRange(batch.timestamp, batch.timestamp)
        let known = head.withLock { $0.knownSegments(range) }
        var present: Set<SeriesID> = []
        for sample in batch.histograms {
            let there = stored(sample.series, range, known)
            if there.isEmpty {
                rest.histograms.append(sample)
                continue
            }
            present.insert(sample.series)
            if there.histogram != sample.histogram.storable() { duplicates += 1 }
        }
        for sample in batch.starts where !present.contains(sample.series) {
            if stored(sample.series, range, known).isEmpty { rest.starts.append(sample) }
        }
        return rest
    }

    /// What a series has at a time.
    private struct StoredSample {
        var hasValue = false
        var hasLayout = false
        var histogram: NativeHistogram?
        var isEmpty: Bool { !hasValue && !hasLayout }
    }

    private func stored(_ series: SeriesID, _ range: TimeRange, _ known: KnownSegments) -> StoredSample {
        let reference = head.withLock { $0.handles[series].reference }
        var result = StoredSample()
        var columns = SampleColumns()
        let sources = head.withLock { $0.sources(of: reference, range, known: known) }
        // What cannot be read cannot be compared; the sample is kept.
        var leftOut = LeftOut()
        read(sources, range, into: &columns, &leftOut)
        result.hasValue = columns.count > 0
        let parts = readParts(of: reference, range, known, &leftOut)
        result.hasLayout = leftOut.error == nil && parts.contains { $0.part == .layout }
        var assembly = HistogramAssembly()
        result.histogram = assembly.histograms(parts).histograms.first
        return result
    }

    /// Whether a series has a histogram at a time, so that a value would be a second sample there.
    func hasHistogram(_ reference: SeriesReference, _ range: TimeRange, _ known: KnownSegments) -> Bool {
        let layout = index.withLock { index in
            index.links.parts(of: reference).first { SeriesPart(index.labels[Int($0)]) == .layout }
        }
        guard let layout else { return false }
        var columns = SampleColumns()
        let sources = head.withLock { $0.sources(of: layout, range, known: known) }
        var leftOut = LeftOut()
        read(sources, range, into: &columns, &leftOut)
        return columns.count > 0
    }
}
