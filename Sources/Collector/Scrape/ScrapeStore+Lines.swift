// SPDX-License-Identifier: Apache-2.0
//
// One line of a scrape: the series it means, found by its text or, the first time, by its labels; and whether its value
// is kept. Renaming and limits are Prometheus' (scrape/scrape.go, mutateSampleLabels, verifyLabelLimits).

internal import Config
internal import Samples
internal import Wire

extension ScrapeStore {
    mutating func take(
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
        let id: SeriesID
        do throws(SinkError) {
            id = try sink.series(labels, in: ownGroup ?? group)
        } catch {
            if let ownGroup { sink.release(ownGroup) }
            throw error
        }
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
