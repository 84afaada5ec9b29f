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

    private let target: ScrapeTarget
    private let sink: any SampleSink
    private let targetPairs: [(name: String, value: String)]
    private var cache = LineCache()
    private var batch: SampleBatch?
    private var synthetic: [SeriesID] = []
    /// The cache entries behind the batch's values, from the sixth on; the first five are synthetic.
    private var places: [Int32] = []
    private var timed: [(place: Int32, time: Int64, value: Double)] = []
    private var scrape: UInt64 = 0
    private var mustCheckUniqueness = false
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
    /// - body: the exposition.
    /// - time: the scrape's time.
    /// - classes: what sampling keeps.
    /// - counts: counted up, also when an error ends the scrape.
    /// - Throws: `ScrapeFailure` when the exposition or a limit is violated, `SinkError` when the store takes nothing.
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
        cache.settle(scrape: scrape)
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

    /// Ends all series of a target that is no longer scraped, the synthetic ones too.
    mutating func end(at time: Timestamp) throws(SinkError) {
        guard !synthetic.isEmpty else { return }
        try begin()
        endMissing(at: time)
        var ignored = ScrapeCounts()
        if mustCheckUniqueness { removeRepeated(&ignored) }
        for index in synthetic.indices { batch?.values[index] = StaleMarker.value }
        try append(at: time)
        appendTimed(at: time, &ignored)
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
        if batch == nil {
            let group = try sink.group(target.labels)
            for name in ScrapeStore.syntheticNames {
                synthetic.append(
                    try sink.series(target.labels.setting(Labels.metricNameLabel, name), in: group)
                )
            }
            batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: 0))
        }
        batch?.series.removeAll(keepingCapacity: true)
        batch?.values.removeAll(keepingCapacity: true)
        for id in synthetic { batch?.append(id, 0) }
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

    private mutating func add(_ value: Double, of place: Int, at time: Timestamp) {
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

// MARK: - Lines

extension ScrapeStore {
    private mutating func take(
        _ sample: ExpositionParser.Sample,
        of parser: ExpositionParser,
        body: [UInt8],
        at time: Timestamp,
        keeping classes: MetricClasses,
        counts: inout ScrapeCounts
    ) throws {
        let explicit = target.job.honorTimestamps ? sample.timestamp : nil
        let place: Int
        if let known = cache.find(body, sample.series) {
            place = known
        } else if let new = try learn(
            sample,
            of: parser,
            body: body,
            isTimed: explicit != nil,
            counts: &counts
        ) {
            place = new
        } else {
            return
        }
        var entry = cache.entries[place]
        let isRepeated = entry.stored == scrape
        entry.seen = scrape
        defer { cache.entries[place] = entry }
        guard !entry.isDropped else { return }
        counts.kept += 1
        guard classes.contains(entry.metricClass) else {
            counts.notKept[entry.metricClass, default: 0] += 1
            return
        }
        if isRepeated, explicit == nil {
            counts.duplicate += 1
            return
        }
        entry.stored = scrape
        entry.isTracked = explicit == nil || target.job.trackTimestampsStaleness
        if let explicit {
            timed.append((Int32(place), explicit, sample.value))
        } else {
            add(sample.value, of: place, at: time)
        }
    }

    /// Names a series seen for the first time; nil when the store has no room for it.
    private mutating func learn(
        _ sample: ExpositionParser.Sample,
        of parser: ExpositionParser,
        body: [UInt8],
        isTimed: Bool,
        counts: inout ScrapeCounts
    ) throws -> Int? {
        guard let labels = try finalLabels(try parser.pairs(of: sample)) else {
            let entry = LineCache.Entry(id: SeriesID(rawValue: 0), isDropped: true, seen: scrape)
            return cache.insert(body, sample.series, entry)
        }
        guard let group = batch?.group else { return nil }
        let entry: LineCache.Entry
        do {
            entry = try resolve(labels, in: group, isTimed: isTimed)
        } catch SinkError.seriesLimit {
            counts.refused += 1
            counts.kept += 1
            return nil
        }
        mustCheckUniqueness = true
        counts.added += 1
        return cache.insert(body, sample.series, entry)
    }

    private func resolve(
        _ labels: Labels,
        in group: GroupID,
        isTimed: Bool
    ) throws(SinkError) -> LineCache.Entry {
        var ownGroup: GroupID?
        if isTimed { ownGroup = try sink.group(labels) }
        let id = try sink.series(labels, in: ownGroup ?? group)
        let metricClass = labels["metric_class"].flatMap(MetricClass.init(rawValue:)) ?? .standard
        return LineCache.Entry(id: id, ownGroup: ownGroup, metricClass: metricClass, seen: scrape)
    }

    /// The labels a scraped series is stored under; nil when relabeling drops it.
    private func finalLabels(_ scraped: [(name: String, value: String)]) throws(ScrapeFailure) -> Labels? {
        var builder = target.job.honorLabels ? honouring(scraped) : renaming(scraped)
        guard target.job.metricRelabelConfigs.apply(to: &builder), !builder.sortedPairs.isEmpty else {
            return nil
        }
        guard let name = builder[Labels.metricNameLabel] else {
            throw ScrapeFailure("metric name label missing")
        }
        try check(builder, name)
        return builder.labels()
    }

    /// Scraped labels win; also one that is there but empty, which removes the target's.
    private func honouring(_ scraped: [(name: String, value: String)]) -> LabelsBuilder {
        var builder = LabelsBuilder(target.labels)
        for (name, value) in scraped { builder.set(name, value) }
        return builder
    }

    /// The target's labels win; scraped ones of the same name are kept as `exported_…`.
    private func renaming(_ scraped: [(name: String, value: String)]) -> LabelsBuilder {
        var builder = LabelsBuilder()
        for (name, value) in scraped { builder.set(name, value) }
        var conflicts: [(name: String, value: String)] = []
        for (name, value) in targetPairs {
            if let theirs = builder[name] { conflicts.append((name, theirs)) }
            builder.set(name, value)
        }
        // Shorter names first, as Prometheus does: `exported_a` may itself be taken.
        conflicts.sort { $0.name.utf8.count < $1.name.utf8.count }
        for (name, value) in conflicts {
            var renamed = "exported_" + name
            while builder[renamed] != nil { renamed = "exported_" + renamed }
            builder.set(renamed, value)
        }
        return builder
    }

    private func check(_ labels: LabelsBuilder, _ metric: String) throws(ScrapeFailure) {
        let limits = target.job.limits
        let pairs = labels.sortedPairs
        if limits.labels > 0, pairs.count > limits.labels {
            throw ScrapeFailure(
                "label_limit exceeded (metric: \(metric.prefix(50)), number of labels: \(pairs.count), "
                    + "limit: \(limits.labels))"
            )
        }
        guard limits.labelNameLength > 0 || limits.labelValueLength > 0 else { return }
        for (name, value) in pairs {
            if limits.labelNameLength > 0, name.utf8.count > limits.labelNameLength {
                throw ScrapeFailure(
                    "label_name_length_limit exceeded (metric: \(metric.prefix(50)), label name: "
                        + "\(name.prefix(50)), length: \(name.utf8.count), limit: \(limits.labelNameLength))"
                )
            }
            if limits.labelValueLength > 0, value.utf8.count > limits.labelValueLength {
                throw ScrapeFailure(
                    "label_value_length_limit exceeded (metric: \(metric.prefix(50)), label name: "
                        + "\(name.prefix(50)), length: \(value.utf8.count), limit: \(limits.labelValueLength))"
                )
            }
        }
    }
}
