// SPDX-License-Identifier: Apache-2.0
//
// From the samples of a scrape to what the store is given: the batch with the target's time, one batch for each sample
// with its own, stale markers, and each series once.

internal import Config
internal import Samples

extension ScrapeStore {
    /// Explicit timestamps further ahead are refused, as in Prometheus.
    ///
    /// A target with a wrong clock must not block its own series for years. Refused too are those before 1970 and at its
    /// very beginning: a time that was not set.
    private static let farthestAhead: Int64 = 600_000

    private static let syntheticNames = [
        "up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
        "scrape_series_added",
    ]
    private static let extraNames = [
        "scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes",
    ]
    /// The names of what is said of a scrape, and not by the target.
    static let ownNames = Set(syntheticNames + extraNames)

    private var hasExtraMetrics: Bool {
        target.formats.extraMetrics || features.contains(.extraMetrics)
    }

    mutating func begin() throws(SinkError) {
        scrape &+= 1
        cache.rewind()
        places.removeAll(keepingCapacity: true)
        histogramPlaces.removeAll(keepingCapacity: true)
        timed.removeAll(keepingCapacity: true)
        exemplars.removeAll(keepingCapacity: true)
        if batch == nil { try open() }
        batch?.series.removeAll(keepingCapacity: true)
        batch?.values.removeAll(keepingCapacity: true)
        batch?.histograms.removeAll(keepingCapacity: true)
        batch?.starts.removeAll(keepingCapacity: true)
        for id in synthetic { batch?.append(id, 0) }
    }

    private mutating func open() throws(SinkError) {
        let group = try sink.group(target.labels)
        var series: [SeriesID] = []
        do throws(SinkError) {
            for name in ScrapeStore.syntheticNames + (hasExtraMetrics ? ScrapeStore.extraNames : []) {
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
    func release(_ lines: [LineCache.Entry]) {
        let series = lines.compactMap { $0.isDropped ? nil : $0.id }
        if !series.isEmpty { sink.release(series) }
        for line in lines { line.ownGroup.map { sink.release($0) } }
    }

    mutating func fillSynthetic(up: Double, _ duration: Duration, _ counts: ScrapeCounts) {
        let values = [
            up, duration.inSeconds, Double(counts.scraped), Double(counts.kept), Double(counts.added),
            target.timeout.inSeconds, Double(target.job.limits.samples), Double(counts.bodySize),
        ]
        for index in synthetic.indices { batch?.values[index] = values[index] }
    }

    mutating func append(at time: Timestamp) throws(SinkError) {
        batch?.timestamp = time
        if let batch, batch.count > 0 { _ = try sink.append(batch) }
    }

    /// Stores the samples with their own timestamps.
    ///
    /// Errors of single ones are counted: the scrape itself is stored already.
    mutating func appendTimed(at time: Timestamp, _ counts: inout ScrapeCounts) {
        for sample in timed {
            let entry = cache.entries[Int(sample.place)]
            guard let group = entry.ownGroup ?? batch?.group else { continue }
            let latest = time.advanced(byMilliseconds: ScrapeStore.farthestAhead).milliseconds
            guard sample.time > 0, sample.time <= latest else {
                counts.outOfOrder += 1
                continue
            }
            var single = SampleBatch(
                group: group,
                timestamp: Timestamp(milliseconds: sample.time),
                capacity: 1
            )
            if let histogram = sample.histogram {
                single.append(entry.id, histogram)
            } else {
                single.append(entry.id, sample.value)
            }
            if let start = sample.start {
                single.append(entry.id, start: Timestamp(milliseconds: start))
            }
            do throws(SinkError) {
                counts.outOfOrder += try sink.append(single).outOfOrder
            } catch {
                counts.refused += 1
            }
        }
    }

    mutating func endMissing(at time: Timestamp) {
        for place in cache.entries.indices {
            let entry = cache.entries[place]
            guard entry.isLive, entry.stored != scrape else { continue }
            let isHistogram = entry.flags.contains(.histogram)
            guard entry.ownGroup == nil else {
                timed.append(
                    TimedSample(
                        place: Int32(place),
                        time: time.milliseconds,
                        value: StaleMarker.value,
                        histogram: isHistogram ? .staleMarker : nil
                    )
                )
                continue
            }
            if isHistogram {
                batch?.append(entry.id, .staleMarker)
                histogramPlaces.append(Int32(place))
            } else {
                batch?.append(entry.id, StaleMarker.value)
                places.append(Int32(place))
            }
            if entry.flags.contains(.shared) { mustCheckUniqueness = true }
        }
    }

    // MARK: - Each series once

    /// Keeps the first value of each series, and remembers which lines share one.
    ///
    /// Values come before the stale markers of lines that are gone, so that a series that only changed its line, or
    /// became a histogram, does not end.
    mutating func removeRepeated(_ counts: inout ScrapeCounts) {
        mustCheckUniqueness = false
        guard let full = batch else { return }
        var owner: [SeriesID: Int32] = [:]
        owner.reserveCapacity(full.series.count + full.histograms.count)
        for id in synthetic { owner[id] = -1 }
        let scraped = synthetic.count..<full.series.count
        var values = [Bool](repeating: true, count: full.series.count)
        var histograms = [Bool](repeating: true, count: full.histograms.count)
        for isStale in [false, true] {
            for index in scraped where full.values[index].isStale == isStale {
                values[index] = take(full.series[index], places[index - synthetic.count], &owner)
                if !values[index], !isStale { counts.duplicate += 1 }
            }
            for (index, sample) in full.histograms.enumerated() where sample.histogram.isStale == isStale {
                histograms[index] = take(sample.series, histogramPlaces[index], &owner)
                if !histograms[index], !isStale { counts.duplicate += 1 }
            }
        }
        keep(values, histograms, of: full)
    }

    /// Whether a series is here for the first time; otherwise both its lines are shared from now on.
    private mutating func take(_ id: SeriesID, _ place: Int32, _ owner: inout [SeriesID: Int32]) -> Bool {
        guard let first = owner[id] else {
            owner[id] = place
            return true
        }
        for line in [first, place] where line >= 0 {
            cache.update(Int(line)) { _ = $0.flags.insert(.shared) }
        }
        return false
    }

    private mutating func keep(_ values: [Bool], _ histograms: [Bool], of full: SampleBatch) {
        guard values.contains(false) || histograms.contains(false) else { return }
        batch?.series = zip(full.series, values).filter(\.1).map(\.0)
        batch?.values = zip(full.values, values).filter(\.1).map(\.0)
        batch?.histograms = zip(full.histograms, histograms).filter(\.1).map(\.0)
        var seen: Set<SeriesID> = []
        batch?.starts = full.starts.filter { seen.insert($0.series).inserted }
    }
}
