// SPDX-License-Identifier: Apache-2.0
//
// From the series of a request to the store's numbers: known keys under one short lock, new ones after it, because the
// store may take its time over a new series.

internal import Config
internal import Platform
internal import Samples
internal import Synchronization
internal import Wire

extension PushReceiver {
    /// Finds or creates every series of the request.
    ///
    /// - Throws: `SinkError` when the store takes nothing at the moment; a series beyond the limit is only refused.
    func resolve(
        _ message: Span<UInt8>,
        _ scratch: inout PushScratch,
        _ report: inout RemoteWriteReport
    ) throws(SinkError) {
        scratch.beginSeries()
        findKnown(message, &scratch)
        let emptySeries = scratch.request.emptySeries
        if emptySeries > 0 {
            metrics.emptySeries.add(emptySeries)
            if scratch.request.version == .v2 {
                report.invalidSeries += emptySeries
                report.note("TimeSeries must contain at least one sample or histogram")
            }
        }
        if !scratch.misses.isEmpty { try addNew(message, &scratch, &report) }
        describe(message, scratch)
    }

    private func findKnown(_ message: Span<UInt8>, _ scratch: inout PushScratch) {
        let version: UInt8 = scratch.request.version == .v2 ? 2 : 1
        var lastDescription: (index: Int32, fingerprint: UInt32) = (-1, 0)
        // A copy, because reading a part of what is written to would copy all of it for each series.
        let request = scratch.request
        cache.withLock { cache in
            scratch.number = cache.begin()
            for index in request.series.indices {
                let series = request.series[index]
                guard series.fault == .none,
                    let place = cache.find(request.key(of: series, in: message), version: version)
                else {
                    scratch.misses.append(index)
                    scratch.ids.append(SeriesID(rawValue: 0))
                    scratch.groups.append(PushScratch.refused)
                    continue
                }
                let entry = cache.entries[place]
                scratch.ids.append(entry.id)
                scratch.groups.append(entry.group)
                if !cache.markSeen(place) { scratch.hasRepeats = true }
                guard series.description >= 0 else { continue }
                if series.description != lastDescription.index {
                    let description = request.descriptions[Int(series.description)]
                    lastDescription = (
                        series.description, request.fingerprint(of: description, in: message)
                    )
                }
                if entry.description != lastDescription.fingerprint {
                    cache.describe(place, lastDescription.fingerprint)
                    scratch.described.append(index)
                }
            }
        }
    }

    /// Parses the labels of keys the cache does not have, and remembers what the store says to them.
    private func addNew(
        _ message: Span<UInt8>,
        _ scratch: inout PushScratch,
        _ report: inout RemoteWriteReport
    ) throws(SinkError) {
        let version: UInt8 = scratch.request.version == .v2 ? 2 : 1
        metrics.newSeries.add(scratch.misses.count)
        let limits = limits.withLock { $0 }
        for index in scratch.misses {
            let series = scratch.request.series[index]
            let labels: Labels
            do throws(RemoteWriteLabelError) {
                labels = try scratch.request.labels(of: series, in: message)
            } catch {
                report.invalidSeries += 1
                metrics.refuse(.invalidLabels, scratch.request.elements(of: index))
                report.note(error.description)
                scratch.refuse(index)
                continue
            }
            if let reason = limits.refusal(of: labels) {
                report.refused += scratch.request.elements(of: index)
                metrics.refuse(.labelLimit, scratch.request.elements(of: index))
                report.note(reason)
                scratch.refuse(index)
                continue
            }
            guard series.fault == .none else {
                report.invalidSeries += 1
                metrics.emptySeries.add()
                report.note(
                    "TimeSeries must contain at least one sample or histogram for series \(labels)"
                )
                continue
            }
            guard let (id, group) = try register(labels, scratch.request.elements(of: index), &report) else {
                scratch.refuse(index)
                continue
            }
            scratch.ids[index] = id
            scratch.groups[index] = group
            // Another of them, or of those known, may be the same series.
            scratch.hasRepeats = true
            if series.description >= 0 { scratch.described.append(index) }
            let isNew = cache.withLock { cache in
                cache.insert(
                    scratch.request.key(of: series, in: message),
                    version: version,
                    id,
                    group,
                    description: series.description < 0
                        ? 0
                        : scratch.request.fingerprint(
                            of: scratch.request.descriptions[Int(series.description)],
                            in: message
                        )
                )
            }
            // Another request was faster, and the cache has the use it asked for.
            if !isNew { release([PushCache.Use(id: id, group: group)]) }
        }
    }

    /// Gives back to the store what it was asked for.
    func release(_ uses: [PushCache.Use]) {
        guard !uses.isEmpty else { return }
        sink.release(uses.map { $0.id })
        for use in uses {
            groups.withLock { $0.giveBack(use.group) }
            sink.release(use.group)
        }
    }

    /// The store's numbers for labels; nil when it does not take the series.
    private func register(
        _ labels: Labels,
        _ samples: Int,
        _ report: inout RemoteWriteReport
    ) throws(SinkError) -> (SeriesID, GroupID)? {
        do throws(SinkError) {
            let own = groupIdentity(labels)
            let identity = groups.withLock { $0.identity(own) }
            let group = try sink.group(identity)
            do throws(SinkError) {
                let id = try sink.series(labels, in: group)
                groups.withLock { $0.take(group, identity) }
                return (id, group)
            } catch {
                sink.release(group)
                throw error
            }
        } catch {
            switch error {
            case .seriesLimit:
                report.refused += samples
                metrics.refuse(.seriesLimit, samples)
            case .reservedLabel:
                report.invalidSeries += 1
                metrics.refuse(.invalidLabels, samples)
            case .closed, .unavailable: throw error
            }
            report.note(error.description)
            return nil
        }
    }

    /// The identity of the group a series is stored in.
    func groupIdentity(_ labels: Labels) -> Labels {
        let identity = labels.keeping(options.groupLabels)
        return identity.isEmpty ? labels.keeping([Labels.metricNameLabel]) : identity
    }

    /// Tells the store what the request says of families.
    private func describe(_ message: Span<UInt8>, _ scratch: PushScratch) {
        var metadata = scratch.request.metadata.filter { !$0.family.isEmpty }
        for index in scratch.described {
            let series = scratch.request.series[index]
            guard let name = (try? scratch.request.labels(of: series, in: message))?.metricName,
                let entry = scratch.request.metadata(
                    scratch.request.descriptions[Int(series.description)],
                    family: name,
                    in: message
                )
            else { continue }
            metadata.append(entry.kind.hasParts ? entry.renamed(PushReceiver.family(ofPart: name)) : entry)
        }
        if !metadata.isEmpty { sink.describe(metadata) }
    }

    /// The family of a classic histogram's or summary's series.
    static func family(ofPart name: String) -> String {
        for suffix in ["_bucket", "_count", "_sum"] where name.hasSuffix(suffix) {
            return String(name.dropLast(suffix.count))
        }
        return name
    }
}

extension MetricMetadata.Kind {
    /// Whether a family of this type is several series with suffixes.
    fileprivate var hasParts: Bool {
        switch self {
        case .histogram, .gaugehistogram, .summary: true
        default: false
        }
    }
}

extension MetricMetadata {
    fileprivate func renamed(_ family: String) -> MetricMetadata {
        MetricMetadata(family: family, kind: kind, help: help, unit: unit)
    }
}
