// SPDX-License-Identifier: Apache-2.0
//
// One pass of one source, gathered value by value and handed to the store as one batch.
//
// A series is known by the bytes of its family's name and label values (`SeriesKey`); the first pass asks the store for its
// number, later passes find it in `SeriesCache` without allocating.
//
// Invariants: a series is in a batch at most once; a series that was in the last stored pass and is not in this
// one (gone, or its class is not kept) gets one stale marker, so a gap always has a beginning in the data.

public import Samples

/// Collects one pass of one source and hands it to the store as one batch.
///
/// Use: `begin()`, any number of `add`, `finish(at:)`; again and again on the same value. A pass without any
/// `add` ends all series, which is what a source that is shut down or unreachable does.
public struct PassBuffer {
    /// What became of one pass, beside what the store says of the batch.
    public struct Statistics: Sendable, Equatable {
        /// Values handed to the store, stale markers not counted.
        public var values = 0
        /// Stale markers handed to the store.
        public var ended = 0
        /// Values left out because their class is not kept.
        public var notKept = 0
        /// The same by class; empty while every class is kept.
        public var notKeptByClass: [MetricClass: Int] = [:]
        /// Values left out because the store's series limit is reached.
        public var refused = 0
        /// Values left out because their series was already in the pass.
        public var duplicate = 0
    }

    /// The classes that are stored; others are counted in `statistics.notKept`.
    ///
    /// Change it between passes. A series whose class is no longer kept ends with a stale marker.
    public var metricClassFilter: MetricClasses = .all
    /// The pass under way, or the last one finished.
    public private(set) var statistics = Statistics()

    private let identity: Labels
    private let identityPairs: [(name: String, value: String)]
    private let sink: any SampleSink
    private var cache = SeriesCache()
    private var key = SeriesKey()
    private var batch: SampleBatch?
    private var pass: UInt64 = 0
    private var failure: SinkError?
    private var described: Set<String> = []
    private var news: [MetricMetadata] = []

    /// Prepares for passes of one source.
    ///
    /// - Parameters:
    ///   - identity: the group's labels, for example job and instance; every series of the source carries
    ///     them.
    ///   - sink: the store.
    public init(group identity: Labels, sink: any SampleSink) {
        self.identity = identity
        identityPairs = identity.pairs
        self.sink = sink
    }

    /// Starts a pass, forgetting an unfinished one.
    public mutating func begin() {
        pass += 1
        statistics = Statistics()
        failure = nil
        batch?.series.removeAll(keepingCapacity: true)
        batch?.values.removeAll(keepingCapacity: true)
    }

    /// Whether a value of the family would be kept, for sources that can spare themselves the reading.
    ///
    /// A value that is not kept is counted, as if it had been added.
    public mutating func wants(_ family: Family) -> Bool {
        if metricClassFilter.contains(family.metricClass) { return true }
        statistics.notKept += 1
        statistics.notKeptByClass[family.metricClass, default: 0] += 1
        return false
    }

    /// Adds a value of a family without labels.
    public mutating func add(_ family: Family, _ value: Double) {
        guard start(family) else { return }
        commit(family, value)
    }

    /// Adds a value of a family with one label.
    public mutating func add(_ family: Family, _ value: Double, _ first: some LabelValue) {
        guard start(family) else { return }
        key.append(first)
        commit(family, value)
    }

    /// Adds a value of a family with two labels.
    public mutating func add(
        _ family: Family,
        _ value: Double,
        _ first: some LabelValue,
        _ second: some LabelValue
    ) {
        guard start(family) else { return }
        key.append(first)
        key.append(second)
        commit(family, value)
    }

    /// Adds a value of a family with any number of labels.
    ///
    /// - Parameters:
    ///   - family: the family.
    ///   - value: the value.
    ///   - labels: the values of the family's labels, in its order; an empty one means the label is missing.
    public mutating func add(_ family: Family, _ value: Double, labels: [String]) {
        guard start(family) else { return }
        for label in labels { key.append(label) }
        commit(family, value)
    }

    /// Adds a value of a family with any number of labels, whose values are written one after the other.
    ///
    /// - Parameters:
    ///   - family: the family.
    ///   - value: the value.
    ///   - write: appends the values of the family's labels, in its order; an empty one means the label is missing.
    mutating func add(_ family: Family, _ value: Double, write: (inout SeriesKey) -> Void) {
        guard start(family) else { return }
        write(&key)
        commit(family, value)
    }

    /// Hands a family's metadata to the store with this pass, unless it has been handed over before.
    public mutating func describe(_ metadata: MetricMetadata) {
        if described.insert(metadata.family).inserted { news.append(metadata) }
    }

    /// Ends the pass and stores it as one batch, stale markers for vanished series included.
    ///
    /// - Parameter time: the time of every value.
    /// - Returns: what the store says of the batch.
    /// - Throws: `SinkError` when the store took nothing; the next pass still ends what vanished meanwhile.
    public mutating func finish(at time: Timestamp) throws(SinkError) -> AppendResult {
        if let failure { throw failure }
        if !news.isEmpty {
            sink.describe(news)
            news = []
        }
        for entry in cache.entries where entry.isLive && entry.seen != pass {
            batch?.append(entry.id, StaleMarker.value)
            statistics.ended += 1
        }
        guard batch != nil, batch?.series.isEmpty == false else { return AppendResult() }
        batch?.timestamp = time
        guard let full = batch else { return AppendResult() }
        let result = try sink.append(full)
        let gone = cache.settle(pass: pass)
        if !gone.isEmpty { sink.release(gone) }
        return result
    }

    /// Ends all series of a source that is gone and gives them and their group back to the store.
    ///
    /// - Parameter time: when the series end.
    /// - Throws: `SinkError` when the store did not take the ends; the series are given back all the same.
    public mutating func end(at time: Timestamp) throws(SinkError) {
        defer {
            if let group = batch?.group {
                sink.release(cache.entries.map { $0.id })
                sink.release(group)
            }
            cache = SeriesCache()
            batch = nil
        }
        begin()
        _ = try finish(at: time)
    }

    /// The series kept in the cache, for tests of its bound.
    var rememberedSeries: Int { cache.entries.count }

    // MARK: - One value

    private mutating func start(_ family: Family) -> Bool {
        guard wants(family) else { return false }
        key.begin(family)
        return true
    }

    private mutating func commit(_ family: Family, _ value: Double) {
        if let place = cache.find(key.bytes) {
            guard cache.markSeen(place, pass: pass) else {
                statistics.duplicate += 1
                return
            }
            take(cache.entries[place].id, value)
            return
        }
        guard failure == nil else { return }
        do {
            let group = try currentGroup()
            let (labels, isClean) = labelsOfKey(family)
            let id = try sink.series(labels, in: group)
            // Two keys with different broken UTF-8 can mean one series: both read as U+FFFD.
            guard isClean || !cache.holds(id) else {
                sink.release([id])
                statistics.duplicate += 1
                return
            }
            _ = cache.insert(key.bytes, id, seen: pass)
            if family.describesItself { describe(family.metadata) }
            take(id, value)
        } catch .seriesLimit {
            statistics.refused += 1
        } catch {
            failure = error
        }
    }

    private mutating func take(_ id: SeriesID, _ value: Double) {
        batch?.append(id, value)
        statistics.values += 1
    }

    private mutating func currentGroup() throws(SinkError) -> GroupID {
        if let batch { return batch.group }
        let group = try sink.group(identity)
        batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: 0))
        return group
    }

    /// The labels the key stands for, and whether all its bytes were valid UTF-8.
    ///
    /// A family's label that the source's identity also has is renamed `exported_…`, as in a scrape.
    private func labelsOfKey(_ family: Family) -> (Labels, isClean: Bool) {
        var builder = LabelsBuilder()
        var isClean = true
        var values = key.labelValues(of: family)
        for name in family.labelNames {
            guard let bytes = values.next() else { break }
            let text = String(decoding: bytes, as: UTF8.self)
            if !text.utf8.elementsEqual(bytes) { isClean = false }
            let isTaken = identityPairs.contains { $0.name == name }
            builder.set(isTaken ? "exported_\(name)" : name, text)
        }
        for pair in identityPairs { builder.set(pair.name, pair.value) }
        builder.set(Labels.metricNameLabel, family.name)
        return (builder.labels(), isClean)
    }
}
