// SPDX-License-Identifier: Apache-2.0
//
// One sample of a scrape: the series it means, found by the bytes that name it or, the first time, by its labels; and
// whether its value is kept. Renaming and limits are Prometheus' (scrape/scrape.go, mutateSampleLabels,
// verifyLabelLimits).

internal import Config
internal import Samples
internal import Wire

extension ScrapeStore {
    /// What becomes of a sample whose series is known.
    private enum Verdict {
        case dropped
        case notKept(MetricClass)
        case repeated
        case stored(SeriesID, hasGroup: Bool, isShared: Bool, isNew: Bool)
    }

    @inline(__always)
    mutating func take<Parser: ScrapeParsing>(
        _ sample: ScrapedSample,
        of parser: Parser,
        _ pass: ScrapePass,
        _ counts: inout ScrapeCounts
    ) throws {
        let explicit = honorsTimestamps ? sample.timestamp : nil
        let known = cache.find(parser.key(of: sample), sample.series)
        guard let place = try known ?? learn(sample, of: parser, isTimed: explicit != nil, &counts) else {
            return
        }
        let scrape = self.scrape
        let isTracked = explicit == nil || tracksTimestamps
        let lastStored = self.lastStored
        let verdict = cache.update(place) { entry -> Verdict in
            let isNew = entry.seen < lastStored
            entry.seen = scrape
            if entry.isDropped { return .dropped }
            guard pass.classes.contains(entry.metricClass) else { return .notKept(entry.metricClass) }
            if entry.stored == scrape, explicit == nil { return .repeated }
            entry.stored = scrape
            if isTracked { entry.flags.remove(.untracked) } else { entry.flags.insert(.untracked) }
            return .stored(
                entry.id,
                hasGroup: entry.ownGroup != nil,
                isShared: entry.flags.contains(.shared),
                isNew: isNew
            )
        }
        if case .dropped = verdict { return }
        counts.kept += 1
        switch verdict {
        case .dropped: break
        case .notKept(let metricClass): counts.notKept[metricClass, default: 0] += 1
        case .repeated: counts.duplicate += 1
        case .stored(let id, let hasGroup, let isShared, let isNew):
            if isNew { counts.added += 1 }
            if sample.isHistogram || sample.hasExemplars || sample.start != nil || hasGroup || explicit != nil
            {
                try add(
                    sample,
                    of: parser,
                    id,
                    at: place,
                    hasGroup ? explicit ?? pass.time.milliseconds : explicit,
                    pass
                )
                let time = explicit ?? pass.time.milliseconds
                if sample.hasExemplars { try takeExemplars(sample, of: parser, id, at: time, &counts) }
            } else {
                batch?.append(id, sample.value)
                places.append(Int32(truncatingIfNeeded: place))
            }
            if isShared { mustCheckUniqueness = true }
        }
    }

    /// Adds a sample that is more than a value at the scrape's time; `time` is its own, nil for the scrape's.
    private mutating func add<Parser: ScrapeParsing>(
        _ sample: ScrapedSample,
        of parser: Parser,
        _ id: SeriesID,
        at place: Int,
        _ time: Int64?,
        _ pass: ScrapePass
    ) throws {
        let histogram = sample.isHistogram ? try limited(parser.histogram(of: sample)) : nil
        // A start after the sample is a clock gone wrong.
        let start = sample.start.flatMap { $0 <= time ?? pass.time.milliseconds ? $0 : nil }
        if let time {
            timed.append(
                TimedSample(
                    place: Int32(place),
                    time: time,
                    value: sample.value,
                    histogram: histogram,
                    start: start
                )
            )
            return
        }
        if let histogram {
            batch?.append(id, histogram)
            histogramPlaces.append(Int32(place))
        } else {
            batch?.append(id, sample.value)
            places.append(Int32(place))
        }
        if let start { batch?.append(id, start: Timestamp(milliseconds: start)) }
    }

    /// Names a series seen for the first time; nil when the store has no room for it.
    private mutating func learn<Parser: ScrapeParsing>(
        _ sample: ScrapedSample,
        of parser: Parser,
        isTimed: Bool,
        _ counts: inout ScrapeCounts
    ) throws -> Int? {
        let key = parser.key(of: sample)
        guard let labels = try finalLabels(try parser.pairs(of: sample)) else {
            return cache.insert(
                key,
                sample.series,
                LineCache.Entry(id: SeriesID(rawValue: 0), flags: .dropped, seen: scrape)
            )
        }
        guard let group = batch?.group else { return nil }
        let limit = target.job.limits.samples
        guard limit == 0 || counts.kept < limit else {
            // The scrape has failed; what it went on to name is only counted.
            counts.kept += 1
            return nil
        }
        guard var entry = try entry(labels, in: group, isTimed: isTimed) else {
            counts.refused += 1
            counts.kept += 1
            return nil
        }
        if sample.isHistogram { entry.flags.insert(.histogram) }
        guard let place = cache.insert(key, sample.series, entry) else {
            release([entry])
            counts.refused += 1
            counts.kept += 1
            return nil
        }
        mustCheckUniqueness = true
        counts.added += 1
        return place
    }

    /// Asks the store for a series; nil when it has no room.
    private func entry(
        _ labels: Labels,
        in group: GroupID,
        isTimed: Bool
    ) throws(SinkError) -> LineCache.Entry? {
        do throws(SinkError) {
            return try resolve(labels, in: group, isTimed: isTimed)
        } catch {
            guard case .seriesLimit = error else { throw error }
            return nil
        }
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
            throw ScrapeFailure("missing metric name (\(Labels.metricNameLabel) label)")
        }
        if target.formats.nameScheme == .legacy {
            let areLegacy = builder.sortedPairs.allSatisfy { Labels.isLegacyLabelName($0.name) }
            guard areLegacy, Labels.isLegacyMetricName(name) else {
                throw ScrapeFailure("invalid metric name or label names: \(builder.labels())")
            }
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
