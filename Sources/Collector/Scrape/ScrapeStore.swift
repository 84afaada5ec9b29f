// SPDX-License-Identifier: Apache-2.0
//
// What one scrape leaves in the store: one batch of the target's group, holding the scraped values, the five series
// Prometheus adds to each scrape, and stale markers for series that were there last time and are gone. A scrape
// that fails leaves the five and a stale marker for everything.
//
// Series with explicit timestamps do not share the target's time, so each is a group of its own; they get no stale
// markers unless the job tracks them (Prometheus' track_timestamps_staleness).
//
// Invariants: a series is in a batch at most once, the first line of several wins; what fails changes nothing in the
// cache but the knowledge of new lines.

internal import Config
internal import Samples
internal import Wire

/// Counts of one scrape.
struct ScrapeCounts: Equatable {
    /// Lines with a value.
    var scraped = 0
    /// What relabeling left.
    var kept = 0
    /// Series not seen before.
    var added = 0
    /// Values left out because their series was in the scrape already.
    var duplicate = 0
    /// Values left out because the store's series limit is reached.
    var refused = 0
    /// Explicit timestamps too far ahead, or behind what the store takes.
    var outOfOrder = 0
    /// Values left out because sampling does not keep their class.
    var notKept: [MetricClass: Int] = [:]
}

/// Turns the scrapes of one target into batches.
struct ScrapeStore {
    /// Explicit timestamps further ahead are refused, as in Prometheus: a target with a wrong clock must not block its
    /// own series for years.
    private static let farthestAhead: Int64 = 600_000
    /// HELP and TYPE lines are read again after this many scrapes; new series have theirs read at once.
    private static let scrapesBetweenMetadata: UInt64 = 240

    let target: ScrapeTarget
    let sink: any SampleSink
    let targetPairs: [(name: String, value: String)]
    var cache = LineCache()
    var batch: SampleBatch?
    private var synthetic: [SeriesID] = []
    /// The cache entries behind the batch's values, from the sixth on; the first five are synthetic.
    private var places: [Int32] = []
    var timed: [(place: Int32, time: Int64, value: Double)] = []
    var scrape: UInt64 = 0
    var mustCheckUniqueness = false
    private var wantsMetadata = true

    init(_ target: ScrapeTarget, sink: any SampleSink) {
        self.target = target
        self.sink = sink
        targetPairs = target.labels.pairs
    }

    /// Lines remembered, for tests of the bound.
    var rememberedLines: Int { cache.entries.count }

    // MARK: - A scrape

    /// Reads an exposition into the batch of a new scrape; `commit` or `fail` must follow.
    ///
    /// - Parameters:
    ///   - body: the exposition.
    ///   - time: the scrape's time.
    ///   - classes: what sampling keeps.
    ///   - counts: counted up, also when an error ends the scrape.
    /// - Throws: `ScrapeFailure` when the exposition or a limit is violated, `SinkError` when the store takes
    ///   nothing.
    mutating func read(
        _ body: [UInt8],
        at time: Timestamp,
        keeping classes: MetricClasses,
        counts: inout ScrapeCounts
    ) throws {
        try begin()
        let readsMetadata = wantsMetadata || scrape % ScrapeStore.scrapesBetweenMetadata == 0
        var parser = ExpositionParser(body, collectingMetadata: readsMetadata)
        do {
            while let sample = try parser.next() {
                counts.scraped += 1
                try take(sample, of: parser, body: body, at: time, keeping: classes, counts: &counts)
            }
        } catch let error as ExpositionError {
            throw ScrapeFailure(error.description)
        }
        let limit = target.job.limits.samples
        guard limit == 0 || counts.kept <= limit else { throw ScrapeFailure("sample limit exceeded") }
        if readsMetadata {
            sink.describe(parser.metadata())
            wantsMetadata = false
        } else if counts.added > 0 {
            wantsMetadata = true
        }
    }

    /// Stores the scrape just read.
    mutating func commit(at time: Timestamp, duration: Duration, counts: inout ScrapeCounts) throws(SinkError)
    {
        endMissing(at: time)
        if mustCheckUniqueness { removeRepeated(&counts) }
        fillSynthetic(up: 1, duration, counts)
        try append(at: time)
        appendTimed(at: time, &counts)
        release(cache.settle(scrape: scrape))
    }

    /// Stores that the scrape failed: every series ends.
    mutating func fail(at time: Timestamp, duration: Duration, counts: ScrapeCounts) throws(SinkError) {
        try begin()
        endMissing(at: time)
        var ignored = ScrapeCounts()
        if mustCheckUniqueness { removeRepeated(&ignored) }
        fillSynthetic(up: 0, duration, counts)
        try append(at: time)
        appendTimed(at: time, &ignored)
        // The lines stay known: the target is likely to come back with the same ones.
        for place in cache.entries.indices { cache.entries[place].isLive = false }
    }

    /// Ends all series of a target that is no longer scraped, the synthetic ones too, and gives them and their groups back
    /// to the store, also when that does not take the ends.
    mutating func end(at time: Timestamp) throws(SinkError) {
        guard batch != nil else { return }
        defer { abandon() }
        try begin()
        endMissing(at: time)
        var ignored = ScrapeCounts()
        if mustCheckUniqueness { removeRepeated(&ignored) }
        for index in synthetic.indices { batch?.values[index] = StaleMarker.value }
        try append(at: time)
        appendTimed(at: time, &ignored)
    }

    /// Lets go of the series without ending them.
    mutating func abandon() {
        guard let group = batch?.group else { return }
        release(cache.entries)
        sink.release(synthetic)
        sink.release(group)
        cache = LineCache()
        synthetic = []
        batch = nil
    }

    // MARK: - Batches

    private static let syntheticNames = [
        "up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
        "scrape_series_added",
    ]

    private mutating func begin() throws(SinkError) {
        scrape += 1
        cache.rewind()
        places.removeAll(keepingCapacity: true)
        timed.removeAll(keepingCapacity: true)
        if batch == nil { try open() }
        batch?.series.removeAll(keepingCapacity: true)
        batch?.values.removeAll(keepingCapacity: true)
        for id in synthetic { batch?.append(id, 0) }
    }

    private mutating func open() throws(SinkError) {
        let group = try sink.group(target.labels)
        var series: [SeriesID] = []
        do throws(SinkError) {
            for name in ScrapeStore.syntheticNames {
                series.append(
                    try sink.series(target.labels.setting(Labels.metricNameLabel, name), in: group)
                )
            }
        } catch {
            sink.release(series)
            sink.release(group)
            throw error
        }
        synthetic = series
        batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: 0))
    }

    /// Gives back what lines that are no longer remembered had asked for.
    private func release(_ lines: [LineCache.Entry]) {
        let series = lines.compactMap { $0.isDropped ? nil : $0.id }
        if !series.isEmpty { sink.release(series) }
        for line in lines { line.ownGroup.map { sink.release($0) } }
    }

    private mutating func fillSynthetic(up: Double, _ duration: Duration, _ counts: ScrapeCounts) {
        let values = [
            up, duration.inSeconds, Double(counts.scraped), Double(counts.kept), Double(counts.added),
        ]
        for (index, value) in values.enumerated() { batch?.values[index] = value }
    }

    private mutating func append(at time: Timestamp) throws(SinkError) {
        batch?.timestamp = time
        if let batch { _ = try sink.append(batch) }
    }

    /// Stores the values with their own timestamps.
    ///
    /// Errors of single ones are counted: the scrape itself is stored already.
    private mutating func appendTimed(at time: Timestamp, _ counts: inout ScrapeCounts) {
        for (place, timestamp, value) in timed {
            let entry = cache.entries[Int(place)]
            guard let group = entry.ownGroup ?? batch?.group else { continue }
            guard timestamp <= time.advanced(byMilliseconds: ScrapeStore.farthestAhead).milliseconds else {
                counts.outOfOrder += 1
                continue
            }
            var single = SampleBatch(group: group, timestamp: Timestamp(milliseconds: timestamp), capacity: 1)
            single.append(entry.id, value)
            do throws(SinkError) {
                counts.outOfOrder += try sink.append(single).outOfOrder
            } catch {
                counts.refused += 1
            }
        }
    }

    private mutating func endMissing(at time: Timestamp) {
        for place in cache.entries.indices {
            let entry = cache.entries[place]
            guard entry.isLive, entry.stored != scrape else { continue }
            add(StaleMarker.value, of: place, at: time)
        }
    }

    mutating func add(_ value: Double, of place: Int, at time: Timestamp) {
        let entry = cache.entries[place]
        if entry.ownGroup != nil {
            timed.append((Int32(place), time.milliseconds, value))
            return
        }
        batch?.append(entry.id, value)
        places.append(Int32(place))
        if entry.isShared { mustCheckUniqueness = true }
    }

    /// Keeps the first value of each series, and remembers which lines share one.
    private mutating func removeRepeated(_ counts: inout ScrapeCounts) {
        mustCheckUniqueness = false
        guard var full = batch else { return }
        var owner: [SeriesID: Int32] = [:]
        owner.reserveCapacity(full.series.count)
        for id in synthetic { owner[id] = -1 }
        var keptSeries = Array(full.series[..<synthetic.count])
        var keptValues = Array(full.values[..<synthetic.count])
        for index in places.indices {
            let id = full.series[synthetic.count + index]
            let value = full.values[synthetic.count + index]
            guard let first = owner[id] else {
                owner[id] = places[index]
                keptSeries.append(id)
                keptValues.append(value)
                continue
            }
            if first >= 0 { cache.entries[Int(first)].isShared = true }
            cache.entries[Int(places[index])].isShared = true
            if !value.isStale { counts.duplicate += 1 }
        }
        full.series = keptSeries
        full.values = keptValues
        batch = full
    }
}
