// SPDX-License-Identifier: Apache-2.0
//
// What one scrape leaves in the store: one batch of the target's group, holding the scraped values and histograms, the five
// series Prometheus adds to each scrape (eight with extra_scrape_metrics), and stale markers for series that were
// there last time and are gone. A scrape that fails leaves the added ones and a stale marker for everything.
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
    /// Samples of the exposition.
    var scraped = 0
    /// What relabeling left.
    var kept = 0
    /// Series that were not in the last scrape that succeeded.
    var added = 0
    /// Values left out because their series was in the scrape already.
    var duplicate = 0
    /// Values left out because the store's series limit is reached.
    var refused = 0
    /// Explicit timestamps too far ahead, or behind what the store takes.
    var outOfOrder = 0
    /// Exemplars too long, too many, or older than what is stored.
    var exemplarsDropped = 0
    /// Values left out because sampling does not keep their class.
    var notKept: [MetricClass: Int] = [:]
    /// Bytes of the body; -1 for one that was too large.
    var bodySize = 0
}

/// Turns the scrapes of one target into batches.
struct ScrapeStore {
    /// A value, or a histogram, with a time of its own.
    struct TimedSample {
        var place: Int32
        var time: Int64
        var value = 0.0
        var histogram: NativeHistogram?
        var start: Int64?
    }

    /// HELP and TYPE lines are read again after this many scrapes; new series have theirs read at once.
    private static let scrapesBetweenMetadata: UInt32 = 240

    let target: ScrapeTarget
    let sink: any SampleSink
    let features: ScrapeFeatures
    let targetPairs: [(name: String, value: String)]
    let honorsTimestamps: Bool
    let tracksTimestamps: Bool
    var cache = LineCache()
    var batch: SampleBatch?
    /// The series added to each scrape, whose values are the batch's first.
    var synthetic: [SeriesID] = []
    /// The cache entries behind the batch's other values.
    var places: [Int32] = []
    /// The cache entries behind the batch's histograms.
    var histogramPlaces: [Int32] = []
    var timed: [TimedSample] = []
    var exemplars: [ExemplarSample] = []
    var scrape: UInt32 = 0
    /// The last scrape that was stored and had a body.
    var lastStored: UInt32 = 0
    var mustCheckUniqueness = false
    private var wantsMetadata = true

    init(_ target: ScrapeTarget, sink: any SampleSink, features: ScrapeFeatures = []) {
        self.target = target
        self.sink = sink
        self.features = features
        targetPairs = target.labels.pairs
        honorsTimestamps = target.job.honorTimestamps
        tracksTimestamps = target.job.trackTimestampsStaleness
    }

    /// Series remembered, for tests of the bound.
    var rememberedLines: Int { cache.entries.count }

    // MARK: - A scrape

    /// Reads an exposition into the batch of a new scrape; `commit` or `fail` must follow.
    ///
    /// - Parameters:
    ///   - body: the exposition.
    ///   - format: its format.
    ///   - time: the scrape's time.
    ///   - classes: what sampling keeps.
    ///   - counts: counted up, also when an error ends the scrape.
    /// - Throws: `ScrapeFailure` when the exposition or a limit is violated, `SinkError` when the store takes
    ///   nothing.
    mutating func read(
        _ body: [UInt8],
        as format: ExpositionFormat = .text,
        at time: Timestamp,
        keeping classes: MetricClasses,
        counts: inout ScrapeCounts
    ) throws {
        try begin()
        counts.bodySize = body.count
        let describes = wantsMetadata || scrape % ScrapeStore.scrapesBetweenMetadata == 0
        let formats = target.formats
        let pass = ScrapePass(time: time, classes: classes, describes: describes)
        let readsStarts = features.contains(.startTimestamps)
        switch format {
        case .text:
            let parser = ExpositionParser(body, collectingMetadata: describes)
            if formats.convertsClassicHistograms {
                let keeps = formats.keepsClassicHistograms
                try take(CustomBucketsParser(parser, keepingClassic: keeps), pass, &counts)
            } else {
                try take(parser, pass, &counts)
            }
        case .openMetrics:
            let parser = OpenMetricsScrapeParser(
                body,
                collectingMetadata: describes,
                readingStarts: readsStarts
            )
            if formats.convertsClassicHistograms {
                let keeps = formats.keepsClassicHistograms
                try take(CustomBucketsParser(parser, keepingClassic: keeps), pass, &counts)
            } else {
                try take(parser, pass, &counts)
            }
        case .protobuf:
            var options = ProtobufScrapeParser.Options()
            options.takesNative = formats.nativeHistograms
            options.keepsClassic = formats.keepsClassicHistograms
            options.convertsClassic = formats.convertsClassicHistograms
            options.readsStarts = readsStarts
            try take(
                ProtobufScrapeParser(body, options: options, collectingMetadata: describes),
                pass,
                &counts
            )
        }
        let limit = target.job.limits.samples
        guard limit == 0 || counts.kept <= limit else { throw ScrapeFailure("sample limit exceeded") }
        wantsMetadata = !describes && counts.added > 0
    }

    /// Takes all samples of an exposition, and what it says of its families.
    private mutating func take<Parser: ScrapeParsing>(
        _ parser: consuming Parser,
        _ pass: ScrapePass,
        _ counts: inout ScrapeCounts
    ) throws {
        do {
            while let sample = try parser.next() {
                counts.scraped += 1
                do {
                    try take(sample, of: parser, pass, &counts)
                } catch let error as ExpositionError {
                    counts.scraped -= 1
                    throw error
                }
            }
        } catch let error as ExpositionError {
            throw ScrapeFailure(error.description)
        }
        if pass.describes { sink.describe(parser.metadata()) }
    }

    /// Stores the scrape just read.
    mutating func commit(
        at time: Timestamp,
        duration: Duration,
        counts: inout ScrapeCounts
    ) throws(SinkError) {
        endMissing(at: time)
        if mustCheckUniqueness { removeRepeated(&counts) }
        fillSynthetic(up: 1, duration, counts)
        try append(at: time)
        appendTimed(at: time, &counts)
        appendExemplars(&counts)
        // Prometheus forgets nothing after an empty body, which it takes for a failure.
        if counts.bodySize > 0 { lastStored = scrape }
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
        for place in cache.entries.indices { cache.update(place) { _ = $0.flags.remove(.live) } }
    }

    /// Ends all series of a target that is no longer scraped, the synthetic ones too, and gives them and their groups back
    /// to the store, also when that does not take the ends.
    ///
    /// - Parameters:
    ///   - time: the time of the stale markers.
    ///   - kept: series that go on.
    /// - Throws: `SinkError`.
    mutating func end(at time: Timestamp, but kept: Set<SeriesID> = []) throws(SinkError) {
        guard batch != nil else { return }
        defer { letGo() }
        try begin()
        endMissing(at: time)
        var ignored = ScrapeCounts()
        if mustCheckUniqueness { removeRepeated(&ignored) }
        for index in synthetic.indices { batch?.values[index] = StaleMarker.value }
        if !kept.isEmpty { batch?.keep { !kept.contains($0) } }
        timed.removeAll { kept.contains(cache.entries[Int($0.place)].id) }
        try append(at: time)
        appendTimed(at: time, &ignored)
    }

    /// The series that the last scrape wrote: a failed one only what is said of it.
    var liveSeries: Set<SeriesID> {
        guard batch != nil else { return [] }
        return Set(synthetic).union(cache.entries.lazy.filter(\.isLive).map(\.id))
    }

    private mutating func letGo() {
        guard let group = batch?.group else { return }
        release(cache.entries)
        sink.release(synthetic)
        sink.release(group)
        cache = LineCache()
        synthetic = []
        batch = nil
    }
}

/// What all samples of a scrape have in common.
struct ScrapePass {
    /// The scrape's time.
    let time: Timestamp
    /// What sampling keeps.
    let classes: MetricClasses
    /// Whether HELP, TYPE and UNIT are read.
    let describes: Bool
}

extension SampleBatch {
    /// Leaves out the values and histograms of series that are not to be kept.
    fileprivate mutating func keep(_ isKept: (SeriesID) -> Bool) {
        let kept = zip(series, values).filter { isKept($0.0) }
        series = kept.map(\.0)
        values = kept.map(\.1)
        histograms.removeAll { !isKept($0.series) }
        starts.removeAll { !isKept($0.series) }
    }
}
